// How long a manifest takes from bytes to the picked entry: decoded, verified and selected from, in
// a fresh process each time. For several sizes, to show that it is linear, and against the time
// that openssl takes for the signature alone.

import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { parsePublicKey } from "../src/core/keys.ts";
import { decodeManifest } from "../src/core/manifest.ts";
import { parsePattern } from "../src/core/pattern.ts";
import { newestMatch } from "../src/core/select.ts";
import "../src/shell/native-hash.ts";
import { median, run } from "./measure.ts";

/** Numbers of entries; the last gives nearly 64 MiB. */
const SIZES = [1_000, 10_000, 100_000, 700_000];

/** A table, line by line. */
export async function compareManifests(runs: number): Promise<readonly string[]> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const key = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
  writeFileSync("public.pem", publicKey.export({ format: "pem", type: "spki" }));

  const command = `${process.execPath} --smol ${import.meta.path} manifest ${key}`;
  const theirs =
    "openssl pkeyutl -verify -pubin -inkey public.pem -rawin -in body -sigfile signature";
  const lines = [`manifest: bytes to picked entry (median of ${runs}); ${theirs}`];
  for (const entries of SIZES) {
    const bytes = writeManifest(entries, privateKey);
    const ours: number[] = [];
    const ratios: number[] = [];
    for (let count = 0; count < runs; count++) {
      const milliseconds = Number(Bun.spawnSync(["sh", "-c", command]).stdout.toString());
      const openssl = await run({ command: theirs });
      ours.push(milliseconds);
      ratios.push(milliseconds / openssl.milliseconds);
    }
    const time = median(ours);
    lines.push(
      `${String(entries).padStart(9)} entries ${(bytes / 2 ** 20).toFixed(1).padStart(5)} MiB ` +
        `${time.toFixed(1).padStart(7)} ms ${((time / entries) * 1000).toFixed(2).padStart(6)} us each, ` +
        `${median(ratios).toFixed(2)} of openssl`,
    );
  }
  return lines;
}

/** Writes `manifest`, and its parts `body` and `signature` for openssl. Made without Tako's encoder. */
function writeManifest(entries: number, privateKey: KeyObject): number {
  const digest = "0123456789abcdef".repeat(4);
  const line = (_: unknown, index: number) =>
    `1.${index}.${(index * 7919) % 1000} ${index} ${digest}\n`;
  const body = Buffer.from(
    `Tako Manifest 1\n\n${Array.from({ length: entries }, line).join("")}\n`,
  );
  const signature = sign(null, body, privateKey);
  writeFileSync("body", body);
  writeFileSync("signature", signature);
  const manifest = Buffer.concat([body, Buffer.from(`${signature.toString("base64")}\n`)]);
  writeFileSync("manifest", manifest);
  return manifest.length;
}

if (import.meta.main) {
  const [file = "", key = ""] = process.argv.slice(2);
  const bytes = readFileSync(file);
  const start = performance.now();
  const manifest = decodeManifest(bytes, [parsePublicKey(key)]);
  const picked = newestMatch(manifest, parsePattern("1.0 <= v < 2.0"));
  console.log(picked === undefined ? Number.NaN : performance.now() - start);
}
