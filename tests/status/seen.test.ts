// `tako list`, `tako status` and `tako prune` on a host, in this very process (spec/status.md, spec/prune.md): what they find
// without an origin, and every error with all that is shown of it.

import { expect, test } from "bun:test";
import { mkdirSync, rmSync, utimesSync } from "node:fs";
import { type ListOptions, list } from "../../src/commands/list.ts";
import { type PruneResult, prune } from "../../src/commands/prune/prune.ts";
import { type StatusResult, statusOf } from "../../src/commands/status/status.ts";
import { parsePublicKey } from "../../src/core/keys.ts";
import { parsePattern } from "../../src/core/pattern.ts";
import { Bench } from "../fetch/bench.ts";
import { image, key, manifestOf, secondKey, write } from "../support/publishing.ts";
import { failureOf, seen, warningsOf } from "../support/told.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("2.0.0")];
const SIZE = one.content.length;

/** A host with 1.0.0 in use, and a part of 1.1.0. */
class Seen extends Bench {
  constructor(lines = {}) {
    super(lines);
    const files = { [`store/${two.digest}.partial`]: "half" };
    this.host.install({ published: [one, two, three], store: [one], latest: one, files });
  }

  list(what: string, options: Partial<ListOptions> = {}) {
    const all = { what, matching: undefined, keys: [], all: false, ...options };
    return list(all, this.effects);
  }

  async status(...paths: readonly string[]) {
    const results: StatusResult[] = [];
    for await (const each of statusOf({ paths, verify: false }, this.effects)) results.push(each);
    return results;
  }

  async prune(keep: number | undefined, dryRun: boolean, ...paths: readonly string[]) {
    const results: PruneResult[] = [];
    await prune({ paths, keep, dryRun }, this.effects, (result) => void results.push(result));
    return results;
  }
}

const missing = (path: string) => ({
  ...{ kind: "storage", message: "there is no such directory", source: path },
  hint: "Tako does not make it: mkdir it with the owner and mode that it should have.",
});
const noManifest = (source: string) => ({
  ...{ kind: "storage", message: "there is no manifest", source },
  hint: "tako fetch brings one to a host, tako store makes one for an origin.",
});

test("STS-30 to STS-37: the versions of a config, a destination and an origin", async () => {
  using bench = new Seen({ Version: "1.*" });
  const { host } = bench;
  const found = await bench.list(host.file);
  expect(found).toMatchObject({
    ...{ config: host.file, source: host.file, pattern: "1.*", leftOut: 0 },
    signedBy: key.public,
  });
  expect(found.rows.map(({ entry, here }) => [entry.version.text, here])).toEqual([
    ["1.0.0", "present"],
    ["1.1.0", "partial"],
    ["2.0.0", "absent"],
  ]);
  expect((await bench.list(host.file, { matching: parsePattern("2.*") })).pattern).toBe("2.*");
  expect(bench.events).toEqual([]);
  const directory = await bench.list(host.destination);
  expect(directory).toMatchObject({ config: undefined, source: host.destination, pattern: "*" });
  const keys = [parsePublicKey(secondKey.public)];
  const message = "the manifest is not signed by any of the given public keys";
  expect(await failureOf(() => bench.list(host.destination, { keys }))).toEqual({
    ...{ kind: "signature", message, source: host.path("manifest") },
  });
  host.publish(one, two);
  await using server = Bun.serve({
    port: 0,
    fetch: ({ url }) => new Response(Bun.file(host.originDirectory + new URL(url).pathname)),
  });
  const url = `http://127.0.0.1:${server.port}`;
  expect(await failureOf(() => bench.list(url, { keys }))).toMatchObject({
    ...{ kind: "signature", source: `${url}/manifest` },
  });
  const remote = await bench.list(url, { keys: [parsePublicKey(key.public)] });
  expect(remote).toMatchObject({ config: undefined, source: url, signedBy: key.public });
  expect(remote.rows.map(({ here }) => here)).toEqual(["absent", "absent"]);
  expect(warningsOf(bench.events)).toEqual([
    "the signature of the manifest is not checked without --public-key",
  ]);
});

test("STS-37, DST-5: without a manifest, a destination or a config", async () => {
  using bench = new Seen();
  const { host } = bench;
  rmSync(host.path("manifest"));
  for (const what of [host.file, host.destination]) {
    expect(await failureOf(() => bench.list(what))).toEqual(noManifest(host.path("manifest")));
  }
  expect(await failureOf(() => bench.list(host.folder))).toMatchObject({
    hint: "It has configs: tako list takes one of them, tako status shows all.",
  });
  rmSync(host.destination, { recursive: true });
  expect(await failureOf(() => bench.list(host.file))).toEqual(missing(host.destination));
  expect(await failureOf(() => bench.list(host.at("gone.tako")))).toMatchObject({
    ...{ kind: "config", source: host.at("gone.tako") },
  });
});

test("STS-1, STS-5, STS-22: how a host stands, and what cannot be looked at", async () => {
  using bench = new Seen({ Version: "1.*" });
  const { host } = bench;
  utimesSync(host.path("manifest"), 1_699_999_000.7, 1_699_999_000.7);
  const b = host.at(host.config("b"));
  rmSync(host.at("b"), { recursive: true });
  const [status, unseen] = await bench.status(host.file, b);
  expect(status).toMatchObject({
    ...{ config: host.file, name: host.file, pattern: "1.*", allowed: "1.1.0", newest: "2.0.0" },
    ...{ inUse: { version: "1.0.0", sha256: one.digest }, versions: 3, images: 1 },
    ...{ bytes: SIZE + "half".length, changed: 1_699_999_000, now: 1_700_000_000 },
  });
  expect(unseen).toMatchObject({ config: b, name: b, severity: "unknown" });
  expect(unseen && "error" in unseen ? seen(unseen.error) : unseen).toEqual(missing(host.at("b")));
  // An image that two versions share is one of each, and counted once.
  write(host.path("manifest"), manifestOf([one, image("1.0.1", one.content)]), 0o444);
  expect(await bench.status(host.file)).toMatchObject([
    { versions: 2, images: 2, bytes: SIZE + "half".length },
  ]);
});

test("STS-4: by its size an image counts that a rollback leads to, and an older one only with --verify", async () => {
  for (const [cut, states] of [
    [two, ["damaged", "current"]],
    [one, ["current"]],
  ] as const) {
    using bench = new Bench();
    bench.host.install({ published: [one, two, three], latest: three });
    write(bench.host.path(`store/${cut.digest}`), "cut");
    const results: StatusResult[] = [];
    const options = { paths: [bench.host.file], verify: false };
    for await (const each of statusOf(options, bench.effects)) results.push(each);
    const found = results.flatMap((each) => ("error" in each ? [] : each.states));
    expect(found.map(({ state }) => state)).toEqual([...states]);
  }
});

test("PRU-1, PRU-6, PRU-9: what goes on a host, and what is wrong with one stops no other", async () => {
  using bench = new Seen({ Keep: "0", Version: "1.0.*" });
  const { host } = bench;
  write(host.path(`store/${three.digest}`), three.content, 0o444);
  const b = host.at(host.config("b"));
  rmSync(host.at("b"), { recursive: true });
  for (const dryRun of [true, false]) {
    const [failed, pruned] = await bench.prune(undefined, dryRun, b, host.file);
    expect(failed).toMatchObject({ config: b, outcome: "failed" });
    expect(failed?.outcome === "failed" && failed.errors.map(seen)).toEqual([
      missing(host.at("b")),
    ]);
    expect(pruned).toMatchObject({
      ...{ config: host.file, outcome: dryRun ? "planned" : "pruned", limit: 0 },
      ...{ remove: [{ digest: three.digest, size: SIZE }], partials: [{ digest: two.digest }] },
    });
  }
  expect(bench.events).toMatchObject([
    { event: "removed", config: host.file, what: "partial", version: "1.1.0", size: 4 },
    { event: "removed", config: host.file, what: "image", version: "2.0.0", size: SIZE },
  ]);
  for (const dryRun of [true, false]) {
    expect(await bench.prune(3, dryRun, host.file)).toMatchObject([
      { config: host.file, outcome: "nothing", limit: 3 },
    ]);
  }
  const gone = await bench.prune(0, false, host.at("gone.tako"));
  expect(gone).toMatchObject([
    { config: host.at("gone.tako"), outcome: "failed", errors: [{ kind: "config" }] },
  ]);
  rmSync(host.path("latest"));
  mkdirSync(host.path("latest"));
  const odd = await bench.prune(0, false, host.file);
  expect(odd).toMatchObject([{ outcome: "failed", errors: [{ source: host.path("latest") }] }]);
});
