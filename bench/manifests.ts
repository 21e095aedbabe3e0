// How long a manifest takes from bytes to the picked entry: decoded, verified and selected from, in
// a fresh process each time. For several sizes, to show that time grows with the size only; for shapes
// that a hostile publisher could sign or a stranger send; and the same for configs. Against the time
// that openssl takes for the signature alone.

import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { MAX_CONFIG_BYTES, parseConfig } from "../src/core/config.ts";
import { asTakoError } from "../src/core/error.ts";
import { parsePublicKey } from "../src/core/keys.ts";
import { decodeManifest, MAX_MANIFEST_BYTES } from "../src/core/manifest.ts";
import { parsePattern } from "../src/core/pattern.ts";
import { newestMatch } from "../src/core/select.ts";
import { platformVerify } from "../src/shell/platform-crypto.ts";
import { median, run } from "./measure.ts";

const MIB = 1024 * 1024;
/** Header, blank lines and signature are less. */
const REST = 200;
const upTo = (mib: number) => ({ name: `${mib} MiB`, size: mib * MIB - REST, count: Infinity });
const MANIFESTS = [
  ...[1, 4, 16, 64].map(upTo),
  { name: "100,000 entries", size: Infinity, count: 100_000 },
];

const digest = "0123456789abcdef".repeat(4);
const number = (index: number) => `${index}`.padStart(7, "0");

/** Lines of entries, by what is special in them. The index makes each version newer than the last. */
const ENTRIES: Readonly<Record<string, (index: number) => string>> = {
  "versions of 255 bytes, 125 numbers": (i) => `${number(i)}${".1".repeat(124)} 0 ${digest}\n`,
  "versions of 255 bytes, 83 words": (i) => `${number(i)}${".ab".repeat(82)} 0 ${digest}\n`,
  "versions of 255 digits": (i) => `1${number(i)}${"9".repeat(247)} 0 ${digest}\n`,
  "the shortest entries": (i) => `${i} 0 ${digest}\n`,
};

/** Bodies that are signed and refused all the same. */
const BODIES: Readonly<Record<string, (size: number) => string>> = {
  "one line": (size) => `Tako Manifest 1\n\n${"x".repeat(size)}\n\n`,
  "one line of digits": (size) => `Tako Manifest 1\n\n1 ${"9".repeat(size)}\n\n`,
  "line feeds": (size) => `Tako Manifest 1\n${"\n".repeat(size)}`,
  spaces: (size) => `Tako Manifest 1\n\n${" ".repeat(size)}\n\n`,
};

/** Configs of one size that is refused or read; the size is what `repeat` gives it. */
const CONFIGS: Readonly<Record<string, (size: number) => string>> = {
  "one line": (size) => `Version=${"x".repeat(size)}`,
  "line feeds": (size) => "\n".repeat(size),
  "joined lines": (size) => "\\\n".repeat(size / 2),
  "white space in a line": (size) => `Origin=a${" \t".repeat(size / 2)}b`,
  "unknown keys": (size) => "Orign=x\n".repeat(size / 8),
  units: (size) => `Restart=${"a.service ".repeat(size / 10)}`,
  "one pattern of digits": (size) => `Version=${"9".repeat(size)}.*`,
};

interface Measured {
  readonly milliseconds: number;
  /** What the processors worked for it, so that a busy machine makes no shape look slow. */
  readonly cpuMilliseconds: number;
  readonly peakBytes: number;
  /** What came of it: a rule that is broken, or a version. */
  readonly result: string;
}

/** Tables, line by line. */
export async function compareManifests(runs: number): Promise<readonly string[]> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  writeFileSync("public.pem", publicKey.export({ format: "pem", type: "spki" }));
  const other = generateKeyPairSync("ed25519").publicKey;
  const otherKey = other.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");

  const theirs =
    "openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in body -sigfile signature";
  const lines = [`manifest: bytes to picked entry (median of ${runs}); ${theirs}`];
  let first = 0;
  for (const { name, size, count } of MANIFESTS) {
    const entry = (i: number) => `1.${i}.${(i * 7919) % 1000} ${i} ${digest}\n`;
    const bytes = writeManifest(bodyOf(entry, size, count), privateKey);
    const ours = measure(runs, "manifest", key);
    const openssl = median(
      await repeated(runs, async () => (await run({ command: theirs })).milliseconds),
    );
    if (first === 0) first = ours.cpuMilliseconds / bytes;
    lines.push(
      row(name, bytes, ours, first),
      `${"".padEnd(36)}${(ours.milliseconds / openssl).toFixed(2)} of openssl`,
    );
  }
  lines.push("manifest of 64 MiB, signed: the same; the ratio is per byte, to the 1 MiB above");
  for (const [name, entry] of Object.entries(ENTRIES)) {
    const bytes = writeManifest(bodyOf(entry, MAX_MANIFEST_BYTES - REST), privateKey);
    lines.push(row(name, bytes, measure(1, "manifest", key), first));
  }
  for (const [name, body] of Object.entries(BODIES)) {
    const bytes = writeManifest(body(MAX_MANIFEST_BYTES - REST), privateKey);
    lines.push(row(name, bytes, measure(1, "manifest", key), first));
  }
  lines.push(
    "manifest of 64 MiB that another key signed: refused before its entries are looked at",
  );
  for (const [name, body] of Object.entries(BODIES)) {
    const bytes = writeManifest(body(MAX_MANIFEST_BYTES - REST), privateKey);
    lines.push(row(name, bytes, measure(1, "manifest", otherKey), first));
  }
  lines.push("config: bytes to problems, at 1/16 of its limit and at the limit");
  for (const [name, text] of Object.entries(CONFIGS)) {
    let smaller: number | undefined;
    for (const size of [MAX_CONFIG_BYTES / 16, MAX_CONFIG_BYTES - 64]) {
      writeFileSync("config", text(size));
      const ours = measure(runs, "config", "");
      smaller ??= ours.cpuMilliseconds / size;
      lines.push(row(name, size, ours, smaller));
    }
  }
  return lines;
}

function row(name: string, bytes: number, ours: Measured, perByte: number): string {
  const { milliseconds, cpuMilliseconds, peakBytes, result } = ours;
  return [
    name.padEnd(36),
    `${milliseconds.toFixed(1)} ms`.padStart(11),
    `${cpuMilliseconds.toFixed(1)} ms CPU`.padStart(15),
    `${((cpuMilliseconds / bytes) * 1e6).toFixed(1)} ns/byte`.padStart(15),
    `${(cpuMilliseconds / bytes / perByte).toFixed(2)} of the first`.padStart(18),
    `${(peakBytes / MIB).toFixed(0)} MiB`.padStart(9),
    `  ${result}`,
  ].join("");
}

function measure(runs: number, file: string, key: string): Measured {
  const all = Array.from({ length: runs }, () => {
    const words = [process.execPath, "--smol", import.meta.path, file, key];
    return JSON.parse(Bun.spawnSync(words).stdout.toString()) as Measured;
  });
  return {
    milliseconds: median(all.map(({ milliseconds }) => milliseconds)),
    cpuMilliseconds: median(all.map(({ cpuMilliseconds }) => cpuMilliseconds)),
    peakBytes: Math.max(...all.map(({ peakBytes }) => peakBytes)),
    result: all[0]?.result ?? "",
  };
}

async function repeated<T>(count: number, ask: () => Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (let index = 0; index < count; index++) answers.push(await ask());
  return answers;
}

function bodyOf(entry: (index: number) => string, size: number, count = Infinity): string {
  const lines: string[] = [];
  for (let index = 0, length = 0; ; index++) {
    const line = entry(index);
    length += line.length;
    if (length > size || index === count) return `Tako Manifest 1\n\n${lines.join("")}\n`;
    lines.push(line);
  }
}

/** Writes `manifest`, and its parts `body` and `signature` for openssl. Made without Tako's encoder. */
function writeManifest(text: string, privateKey: KeyObject): number {
  const body = Buffer.from(text);
  const signature = sign(null, body, privateKey);
  writeFileSync("body", body);
  writeFileSync("signature", signature);
  const manifest = Buffer.concat([body, Buffer.from(`${signature.toString("base64")}\n`)]);
  writeFileSync("manifest", manifest);
  return manifest.length;
}

/** What is measured: the work of a fetch on these bytes. */
function decode(file: string, bytes: Uint8Array, key: string): string {
  try {
    if (file === "config") return parseConfig(bytes, file).pattern.text;
    const manifest = decodeManifest(bytes, [parsePublicKey(key)], platformVerify);
    return newestMatch(manifest, parsePattern("*"))?.version.text.slice(0, 12) ?? "empty";
  } catch (error) {
    const { rule, problems } = asTakoError(error);
    return rule ?? `${problems.length} problems, ${problems[0]?.rule}`;
  }
}

if (import.meta.main) {
  const [file = "", key = ""] = process.argv.slice(2);
  // What the process that started this one had in memory counts as its peak, too, unless it is reset.
  writeFileSync("/proc/self/clear_refs", "5");
  const bytes = readFileSync(file);
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  const result = decode(file, bytes, key);
  const milliseconds = performance.now() - start;
  const { user, system } = process.cpuUsage(cpuStart);
  const cpuMilliseconds = (user + system) / 1000;
  const peakBytes =
    Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
  console.log(JSON.stringify({ milliseconds, cpuMilliseconds, peakBytes, result }));
}
