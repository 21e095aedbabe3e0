// Compares what the command said and asked for with what a step expects: exit status, outputs, requests.
// What it left in files is judge-files.ts's.

import type { HostileRequest } from "../hostile/origin.ts";
import type { Expected } from "./fixture.ts";
import type { RunEnd } from "./guarded-run.ts";
import type { World } from "./world.ts";

export function status({ status, trouble }: RunEnd, expect: Expected, strict: boolean): string[] {
  if (trouble !== undefined) return [trouble];
  if (strict && expect.strict !== undefined) {
    return differs("exit status", expect.strict, status);
  }
  if (expect.status === "zero") return differs("exit status", 0, status);
  if (expect.status === "nonzero" && status === 0) {
    return ["expected an exit status that is not 0, got 0"];
  }
  return [];
}

export function output(world: World, expect: Expected, outcome: RunEnd | undefined): string[] {
  const { stdout = "", stderr = "" } = outcome ?? {};
  const all = `${stdout}\n${stderr}`;
  const wanted = expect.output_has.map((text) => world.fill(text));
  const unwanted = expect.output_lacks.map((text) => world.fill(text));
  return [
    ...(expect.stdout === undefined
      ? []
      : differs("standard output", world.fill(expect.stdout), stdout)),
    ...wanted
      .filter((text) => !all.includes(text))
      .map((text) => `expected ${JSON.stringify(text)} in the output, got none`),
    ...unwanted
      .filter((text) => all.includes(text))
      .map((text) => `expected no ${JSON.stringify(text)} in the output, got one`),
    ...jsonLines(world, expect.json, stdout),
    ...warnings(world, expect.warns, all),
  ];
}

/** PCK-59: as many lines with the word as are expected, if the command uses the word; what each has to name, it names. */
function warnings(world: World, expected: Expected["warns"], output: string): string[] {
  if (expected === undefined) return [];
  const lines = output.split("\n").filter((line) => /warning/i.test(line));
  const missing = expected
    .map((text) => world.fill(text))
    .filter((text) => !output.includes(text))
    .map((text) => `expected a warning with ${JSON.stringify(text)}, got none`);
  const isMore = lines.length > expected.length;
  return isMore ? [...missing, ...differs("warnings", expected.length, lines.length)] : missing;
}

/** Each expected object is met, in order, by a line that has at least its fields. */
function jsonLines(world: World, expected: Expected["json"], stdout: string): string[] {
  if (expected === undefined) return [];
  const lines = stdout.split("\n").slice(0, -1);
  const objects: Readonly<Record<string, unknown>>[] = [];
  for (const line of lines) {
    const object = parseObject(line);
    if (object === undefined) {
      return [`expected one JSON object a line, got ${JSON.stringify(line)}`];
    }
    objects.push(object);
  }
  let next = 0;
  for (const fields of expected) {
    const wanted = Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === "string" ? world.fill(value) : value,
    ]);
    const found = objects.findIndex(
      (object, index) =>
        index >= next && wanted.every(([key, value]) => object[String(key)] === value),
    );
    if (found < 0) {
      return [`expected a JSON line with ${JSON.stringify(Object.fromEntries(wanted))}, got none`];
    }
    next = found + 1;
  }
  return [];
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

export function requests(
  world: World,
  expect: Expected,
  asked: readonly HostileRequest[],
): string[] {
  const problems: string[] = [];
  if (expect.requests !== undefined) {
    const wanted = expect.requests.map((text) => world.fill(text));
    // Whoever looks for the mark of a missing image, or whether it is there, has asked for no image (FET-111, PCK-47).
    const got = asked
      .filter(({ file, method }) => !file.endsWith(".gone") && method !== "HEAD")
      .map((request) => requestText(world, request));
    const isSame =
      wanted.length === got.length && wanted.every((text, index) => isMet(text, got[index] ?? ""));
    if (!isSame) problems.push(...differs("requests", wanted.join(", "), got.join(", ") || "none"));
  }
  for (const [name, start] of Object.entries(expect.headers)) {
    const wrong = asked.find(({ headers }) => headers[name]?.startsWith(start) !== true);
    if (wrong !== undefined)
      problems.push(`expected the header ${name}: ${start}..., got ${wrong.headers[name]}`);
  }
  const most = Math.max(0, ...asked.map(({ sent }) => sent()));
  if (most > (expect.sent_at_most ?? most))
    problems.push(`expected at most ${expect.sent_at_most} bytes to be taken, got ${most}`);
  return problems;
}

/** Whether a request is conditional counts only where it is said. */
function isMet(wanted: string, got: string): boolean {
  if (wanted.endsWith(" unconditional")) return got === wanted.slice(0, -" unconditional".length);
  // Where a cut download goes on depends on what had come.
  if (wanted.endsWith(" from +")) return got.startsWith(wanted.slice(0, -1));
  return got === wanted || got === `${wanted} conditional`;
}

/** `manifest`, `image 1.1.0 from 5`, `manifest conditional`. */
export function requestText(world: World, { file, headers }: HostileRequest): string {
  const range = /^bytes=(\d+)-$/.exec(headers["range"] ?? "");
  return [
    fileText(world, file),
    range === null ? headers["range"] : `from ${range[1]}`,
    headers["if-none-match"] === undefined ? undefined : "conditional",
    headers["authorization"] === undefined ? undefined : "with credentials",
  ]
    .filter((word) => word !== undefined)
    .join(" ");
}

/** `image 1.1.0`, `list 1.1.0`, `zst 1.1.0`, `patch 1.0.0 to 1.1.0`; any other file by its name. */
function fileText(world: World, file: string): string {
  const [, digest = "", old = "", kind = ""] =
    /^store\/([0-9a-f]{64})(?:\.from-([0-9a-f]{64}))?(|\.packed|\.zst|\.patch)$/.exec(file) ?? [];
  const [version, from] = [world.versionOf(digest), world.versionOf(old)];
  if (version === undefined || (old !== "" && from === undefined)) return file;
  const words = { "": "image", ".packed": "list", ".zst": "zst" }[kind] ?? `patch ${from} to`;
  return `${words} ${version}`;
}

/** One line for two values that should be the same. */
export function differs(what: string, expected: unknown, got: unknown): string[] {
  return expected === got
    ? []
    : [`expected ${what} ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`];
}
