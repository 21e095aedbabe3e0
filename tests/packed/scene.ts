// A host and an origin with packed files, and what a run of tako fetch did there, by the server's log and its own words.

import { afterAll, beforeAll, expect } from "bun:test";
import { chmodSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Site, type SiteOrigin } from "../fetch/site.ts";
import { type ConfigLines, type Contents, createHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { type Program, sources } from "../support/program.ts";
import { type Image, sha256sumOfFile } from "../support/publishing.ts";
import { PackedOrigin, versionsOf } from "./origin.ts";

export const MIB = 1024 * 1024;
export const needed = needs("nginx", "zstd", "openssl");
export const program = sources();
export const all = versionsOf(["1.0.0", "1.1.0", "1.2.0", "1.3.0"], 2 * MIB);
export const [one, two, three, four] = all as [Image, Image, Image, Image];
/** As the server's log has them. */
export const list = `store/${four.digest}.packed`;
export const plain = `store/${four.digest}`;

/** A server for all tests of a file. @returns what makes a scene of it */
export function scenes() {
  let site: Site;
  beforeAll(async () => {
    if (!needed.missing) site = await Site.start();
  });
  afterAll(async () => {
    if (!needed.missing) await site.stop();
  });
  return (contents?: Contents, lines?: ConfigLines) => sceneOn(site, contents, lines);
}

/** An origin with all versions, and a host that is somewhere on the way. */
async function sceneOn(site: Site, contents: Contents = {}, lines: ConfigLines = {}) {
  const origin = site.origin(...all);
  const packed = new PackedOrigin(origin.directory);
  const host = createHost();
  host.configure({ Origin: origin.url, ...lines });
  host.install(contents.published === undefined ? { store: null } : contents);
  return { origin, packed, host };
}

interface Told {
  readonly event: string;
  readonly [field: string]: unknown;
}

export type Run = Awaited<ReturnType<typeof fetched>>;

/** A run, and what it told. */
export async function fetched(host: Host, origin: SiteOrigin, by: Program = program) {
  await origin.requests();
  const { status, stdout, stderr } = await by.run(["fetch", "--json", host.file]);
  const told: Told[] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const of = (event: string) => told.filter((each) => each.event === event);
  const asked = await origin.requests();
  const travelled = asked.filter(({ uri }) => uri.startsWith("store/"));
  return { status, stderr, of, travelled };
}

/** What was asked for, with the bytes that the server's log has. */
export function log({ travelled }: Pick<Run, "travelled">): readonly string[] {
  return travelled.map(({ uri, status, bytes, range }) =>
    [uri, status, ...(status < 300 ? [bytes] : []), ...(range === "" ? [] : [range])].join(" "),
  );
}

/** The image is in use, whole, and nothing else is left of it. */
export function expectDone(host: Host, { status }: Pick<Run, "status">): void {
  expect(status).toBe(0);
  expect(host.state()["latest"]).toBe(`-> store/${four.digest}`);
  expect(sha256sumOfFile(join(host.destination, "store", four.digest))).toBe(four.digest);
  expect(names(host).filter((name) => name.length > 64)).toEqual([]);
}

/** Changes a byte of an image of the host. @returns its path, and what is there now */
export function damage(host: Host, { digest, content }: Image) {
  const path = join(host.destination, "store", digest);
  const damaged = content.replace(/^./, "?");
  chmodSync(path, 0o644);
  writeFileSync(path, damaged, "latin1");
  return { path, damaged };
}

/** A file in the store that an earlier run left. */
export function leave(host: Host, name: string, content: string | Uint8Array = "left"): void {
  const bytes = typeof content === "string" ? Buffer.from(content, "latin1") : content;
  writeFileSync(join(host.destination, "store", name), bytes, { mode: 0o600 });
}

/** What is in the store. */
export function names(host: Host): readonly string[] {
  return readdirSync(join(host.destination, "store")).sort();
}
