// Runs the real program against one scenario of the hostile origin, on a host that is new and on one
// that has 1.0.0 in use, and compares all that can be seen: exit status, messages, what was asked,
// and every file of the destination with its content and mode.
//
// On every run, whatever the scenario: nothing that is shown has control characters, secrets or a
// stack trace, and credentials go to nobody but the origin. The origin has a password for that.

import { expect, test } from "bun:test";
import {
  type HostileOptions,
  type HostileScenario,
  startHostileOrigin,
} from "../../conformance/hostile/origin.ts";
import { etagOf } from "../../conformance/hostile/wire.ts";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { type Program, programs, sizeOf, withFasterClock } from "../support/program.ts";
import { bigImage, image, manifestOf, sha256sum } from "../support/publishing.ts";

/** In use on a host that is not new. */
export const one = image("1.0.0");
/** Offered by the origin; 100,000 bytes. */
export const two = bigImage("1.1.0", 100_000);
export const offered = manifestOf([one, two]);

const credentials = "alice:open-sesame";
// printf alice:open-sesame | base64
const secrets = /alice|sesame|YWxpY2U6b3Blbi1zZXNhbWU/i;

export type Start = "new" | "in use";

/** What a scenario may know about where it happens. */
export interface Place {
  /** URLs of the origin, and of another server. */
  readonly here: string;
  readonly elsewhere: string;
}

export interface Row {
  /** Requirements, and what the origin does. */
  readonly title: string;
  readonly scenario: HostileScenario | ((place: Place) => HostileScenario);
  /** What the origin has instead of its manifest and its image. */
  readonly manifest?: string;
  readonly image?: string;
  /** What it has later, in scenarios that swap. */
  readonly later?: { readonly manifest?: string; readonly image?: string };
  readonly tls?: HostileOptions["tls"] & { readonly root: string };

  /** Both unless given; only "in use" where all stays as before. */
  readonly starts?: readonly Start[];
  /** The ETag that a host in use has from an earlier run; null for none. */
  readonly etag?: string | null;
  /** How many bytes of the image an earlier run left as a partial. */
  readonly partial?: number;

  readonly status: number;
  /** Which request fails. */
  readonly about?: "manifest" | "image";
  /** The error, after the URL. */
  readonly says?: string | ((place: Place) => string);
  /** The line of the manifest that the error is about. */
  readonly line?: number;
  /** How often that file was asked for; once unless given. */
  readonly tries?: number;
  /** How many of these are told as further tries, and why; each but the first, for the same reason. */
  readonly retries?: number;
  readonly meanwhile?: string;
  /** How often the other server was asked; never unless given. */
  readonly elsewhere?: number;
  readonly leaves: Leaves;
}

/** What is on disk after the run. */
type Leaves =
  /** Not one byte, inode or time stamp is another. */
  | "all as before"
  /** The manifest was accepted; of the image there is nothing. */
  | "manifest"
  /** So it was, and so many bytes of the image are there for the next run. */
  | { readonly partial: number; readonly orMore?: true; readonly content?: string }
  | Updated;

interface Updated {
  readonly updated: true;
  /** The ETag that is kept: the honest one unless given. */
  readonly etag?: string | null;
}

export const updated: Updated = { updated: true };

/** Longer than any run may take: a time-out of 30 s, on a busy machine. */
const TIMEOUT_MS = 120_000;

const shortWaits = withFasterClock({ waits: 100, limits: 1 });
const binary = programs.filter(({ name }) => name === "binary");

/**
 * A test for each row: the sources on a new host, and the binary on one in use. Where one start is
 * enough, sources and binary take turns. The sources wait less between two tries, and do what takes long.
 */
export function judgeAll(rows: readonly Row[]): void {
  const titled = rows.map((row, index) => [row.title, row, index] as const);
  test.each(titled)("%s", async (_, row, index) => {
    const { starts = startsOf(row), tries = 1 } = row;
    const turns = [shortWaits, ...(tries < 3 ? binary : [])];
    await Promise.all(
      starts.map((start, at) => {
        const turn = (starts.length > 1 ? at : index) % turns.length;
        return judge(turns[turn] ?? shortWaits, row, start);
      }),
    );
  });
}

/** What is refused before anything is written does not depend on what is there. */
function startsOf({ leaves }: Row): readonly Start[] {
  return leaves === "all as before" ? ["in use"] : ["new", "in use"];
}

/** @throws when anything is not as the row says */
export async function judge(program: Program, row: Row, start: Start): Promise<void> {
  await using host = createHost();
  await using stack = new AsyncDisposableStack();
  const serve = async (options: HostileOptions) => {
    const server = await startHostileOrigin(filesOf(row.manifest, row.image), options);
    stack.defer(server.stop);
    return server;
  };
  const elsewhere = await serve({});
  const server = await serve({
    later: filesOf(row.later?.manifest ?? row.manifest, row.later?.image ?? row.image),
    taken: (file, bytes) => taken(host, file, bytes),
    ...(row.tls === undefined ? {} : { tls: row.tls }),
  });
  const place = { here: server.url, elsewhere: elsewhere.url };
  const scenario = typeof row.scenario === "string" ? row.scenario : row.scenario(place);
  const url = server.origin(scenario);
  prepare(host, row, start, url);

  const before = host.snapshot();
  const { status, stdout, stderr } = await program.run(["fetch", host.file], {
    env: row.tls === undefined ? {} : { SSL_CERT_FILE: row.tls.root },
    timeout: TIMEOUT_MS,
  });

  const says = typeof row.says === "function" ? row.says(place) : row.says;
  const { about = "manifest", tries = 1, retries = tries - 1, meanwhile = says } = row;
  const file = about === "manifest" ? "manifest" : `store/${two.digest}`;
  const shown = `tako: ${host.file}: ${url.replace("//", "//***@")}/${file}`;
  const at = row.line === undefined ? "" : `, line ${row.line}`;
  const told = stderr.split("\n").filter((line) => line.startsWith(`tako: ${host.file}: http`));
  const [retried, errors] = [told.slice(0, retries), told.slice(retries)];
  const run = { program: program.name, start };
  expect({ ...run, status, errors }).toEqual({
    ...run,
    status: row.status,
    errors: says === undefined ? [] : [`${shown}${at}: ${says}`],
  });
  const unsized = (line = "") => line.replace(/: \d+ of/, ": N of");
  expect(retried.map((line) => unsized(line).replace(/[\d.]+ s$/, "N s"))).toEqual(
    Array.from({ length: retries }, () => `${shown}: ${unsized(meanwhile)}; trying again in N s`),
  );
  expect(stdout).toBe(status === 0 ? resultOf(host, row) : "");
  expect(`${stdout}${stderr}`).not.toMatch(/[^\n\x20-\x7e]/);
  expect(`${stdout}${stderr}`).not.toMatch(secrets);
  expect(`${stdout}${stderr}`).not.toMatch(/^\s+at |internal error/m);
  expect(stderr.length).toBeLessThan(4000);

  const asked = server.requests.filter((each) => each.scenario === scenario);
  expect(asked.filter((each) => each.file === file)).toHaveLength(tries);
  if (about === "manifest" && status !== 0) expect(asked).toHaveLength(tries);
  expect(elsewhere.requests).toHaveLength(row.elsewhere ?? 0);
  for (const { headers } of elsewhere.requests) expect(headers).not.toHaveProperty("authorization");

  if (row.leaves === "all as before") expect(host.snapshot()).toEqual(before);
  else expect(host.state()).toEqual(stateAfter(host, row, start, `${url}/manifest`));
}

function filesOf(manifest = offered, content = two.content): Record<string, Uint8Array> {
  return {
    manifest: Buffer.from(manifest, "latin1"),
    [`store/${one.digest}`]: Buffer.from(one.content, "latin1"),
    [`store/${two.digest}`]: Buffer.from(content, "latin1"),
  };
}

function prepare(host: Host, row: Row, start: Start, url: string): void {
  host.configure({ Origin: url.replace("//", `//${credentials}@`) });
  const { partial, etag = '"earlier"' } = row;
  const manifest = manifestOf([one]);
  const files = {
    ...(partial === undefined ? {} : partialOf(partial)),
    ...(start === "new" || etag === null ? {} : etagFile(`${url}/manifest`, etag, manifest)),
  };
  host.install(start === "new" ? { files } : { published: [one], latest: one, files });
}

function resultOf(host: Host, { leaves }: Row): string {
  const isUpdated = typeof leaves === "object" && "updated" in leaves;
  return `${host.file}: ${isUpdated ? "updated to 1.1.0" : "1.0.0 is current"}\n`;
}

function stateAfter(
  host: Host,
  { leaves }: Row,
  start: Start,
  url: string,
): Record<string, string> {
  const isUpdated = typeof leaves === "object" && "updated" in leaves;
  const manifest = Buffer.from(offered, "latin1");
  const etag = isUpdated && leaves.etag !== undefined ? leaves.etag : etagOf(manifest);
  const inUse = start === "new" ? [] : [one];
  return stateOf({
    published: [one, two],
    store: isUpdated ? [...inUse, two] : inUse,
    ...(isUpdated ? { latest: two } : start === "new" ? {} : { latest: one }),
    files: {
      ...(etag === null ? {} : etagFile(url, etag, offered)),
      ...(typeof leaves === "object" && "partial" in leaves ? partialLeft(host, leaves) : {}),
    },
  });
}

function partialLeft(
  host: Host,
  { partial, orMore, content }: Extract<Leaves, { readonly partial: number }>,
): Record<string, string> {
  if (content !== undefined) return { [`store/${two.digest}.partial`]: content };
  const size = partialSize(host);
  return partialOf(orMore === true ? Math.max(size, partial) : partial);
}

function partialSize(host: Host): number {
  return sizeOf(host.path(`store/${two.digest}.partial`));
}

function partialOf(size: number): Record<string, string> {
  return { [`store/${two.digest}.partial`]: two.content.slice(0, size) };
}

/** As DST-50 has it. */
function etagFile(url: string, etag: string, manifest: string): Record<string, string> {
  return { ".etag": `${url}\n${etag}\n${sha256sum(manifest)}\n` };
}

/** Settles when the host has as much of an image on disk. Of a manifest nothing is there to be seen. */
async function taken(host: Host, file: string, bytes: number): Promise<void> {
  if (file === "manifest") return Bun.sleep(100);
  for (let waits = 0; waits < 2000 && partialSize(host) < bytes; waits++) await Bun.sleep(10);
}
