// What `tako inspect` finds, in this very process (spec/inspect.md): all that is told, and every error with its hint. The
// same by the program is in inspect.test.ts.

import { describe, expect, test } from "bun:test";
import { readdirSync, rmSync, utimesSync } from "node:fs";
import {
  type Inspected,
  type InspectOptions,
  inspect,
} from "../../src/commands/inspect/inspect.ts";
import { list } from "../../src/commands/list.ts";
import { parsePublicKey } from "../../src/core/keys.ts";
import { Bench } from "../fetch/bench.ts";
import { image, key, manifestOf, secondKey, sha256sum } from "../support/publishing.ts";
import { failureOf, seen } from "../support/told.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("2.0.0")];
const SIZE = one.content.length;

/** A host with an origin of three versions. */
class Inspection extends Bench {
  constructor(lines = {}) {
    super(lines);
    this.host.publish(one, two, three);
  }

  get origin(): string {
    return this.host.originDirectory;
  }

  run(what: string, options: Partial<InspectOptions> = {}) {
    return inspect({ what, publicKeys: [], images: 100, isDeep: false, ...options }, this.effects);
  }

  async seen(what: string, options: Partial<InspectOptions> = {}) {
    const result = (await this.run(what, options)) as Inspected;
    return { ...result, errors: result.errors.map(seen) };
  }
}

/** Serves an origin: what `answer` does not answer is a file of the directory, or 404. */
function serve(
  directory: string,
  answer: (request: Request, path: string) => Response | undefined,
) {
  return Bun.serve({
    port: 0,
    async fetch(request) {
      const path = new URL(request.url).pathname;
      const own = answer(request, path);
      if (own !== undefined) return own;
      const file = Bun.file(directory + path);
      return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 });
    },
  });
}

test("INS-4, INS-5, INS-6, INS-7: what a directory is, as sha256sum and stat have it", async () => {
  using bench = new Inspection();
  const manifest = manifestOf([one, two, three]);
  // The clock of the bench stands at 1,700,000,000 s.
  utimesSync(`${bench.origin}/manifest`, 1_699_999_909.5, 1_699_999_909.5);
  const result = await bench.seen(bench.origin);
  expect(result).toMatchObject({
    ...{ what: "origin", source: `file://${bench.origin}/manifest`, versions: 3 },
    ...{ sha256: sha256sum(manifest), bytes: manifest.length, signer: "unchecked" },
    ...{ changed: 1_699_999_909, age: 90, isDeep: false, errors: [] },
    images: { whole: 3, gone: [], wrong: [], unasked: 0 },
  });
  expect([result.oldest?.version.text, result.newest?.version.text]).toEqual(["1.0.0", "2.0.0"]);
  expect([result.continues, result.takes]).toEqual([undefined, undefined]);
  expect(bench.events).toEqual([]);
  // A clock may be behind the file.
  utimesSync(`${bench.origin}/manifest`, 1_700_000_100, 1_700_000_100);
  expect((await bench.seen(bench.origin)).age).toBe(0);
  expect((await bench.seen(bench.origin, { images: 1 })).images?.whole).toBe(1);
  const file = await bench.seen(`${bench.origin}/manifest`);
  expect(file).toMatchObject({ what: "manifest", source: `${bench.origin}/manifest`, versions: 3 });
  expect([file.images, file.changed, file.age]).toEqual([undefined, 1_700_000_100, 0]);
});

test("INS-1, INS-3, INS-12: a config is its origin, its keys and its pattern; keys that are given count in place of its own", async () => {
  using bench = new Inspection({ Version: "1.*" });
  const own = await bench.seen(bench.host.file);
  expect(own.signer).toMatchObject({ text: key.public });
  expect([own.takes?.pattern.text, own.takes?.entry?.version.text]).toEqual(["1.*", "1.1.0"]);
  const given = await bench.seen(bench.host.file, {
    publicKeys: [parsePublicKey(secondKey.public)],
  });
  expect(given.signer).toBe("nobody");
});

test("INS-3, INS-14: who did not sign, what was changed, and what is none", async () => {
  using bench = new Inspection();
  const source = `file://${bench.origin}/manifest`;
  const publicKeys = [secondKey.public, secondKey.public].map(parsePublicKey);
  const foreign = await bench.seen(bench.origin, { publicKeys });
  expect(foreign.errors).toMatchObject([
    { kind: "signature", source, hint: `Tried ${secondKey.public} ${secondKey.public}.` },
  ]);
  const wrong = bench.host.write("wrong", manifestOf([two, one]));
  for (const publicKeys of [[], [parsePublicKey(key.public)]]) {
    expect(await failureOf(() => bench.run(wrong, { publicKeys }))).toMatchObject({
      ...{ kind: "manifest", source: wrong, line: 4 },
    });
  }
  expect(await failureOf(() => bench.run("gopher://user:secret@example.com"))).toEqual({
    ...{ kind: "usage", message: expect.not.stringContaining("secret") },
  });
  const absent = bench.host.at("absent");
  const cannot = { message: "cannot read it: no such file or directory", source: absent };
  expect(await failureOf(() => bench.run(absent))).toEqual({
    ...{ kind: "storage", ...cannot, message: "there is no such file" },
    hint: `Looked for ${absent}.`,
  });
  expect(await failureOf(() => bench.run("absent"))).toMatchObject({
    hint: `Looked for ${process.cwd()}/absent and /etc/tako/absent.tako.`,
  });
  expect(await failureOf(() => bench.run(bench.origin, { continues: absent }))).toEqual({
    ...{ kind: "storage", ...cannot },
  });
  const long = bench.host.write("long", `${"# none\n".repeat(200_000)}`);
  expect(await failureOf(() => bench.run(long))).toEqual({
    ...{ kind: "config", message: "it is no manifest, no key and no config", source: long },
  });
});

test("INS-1, INS-13: keys, and what looks like one", async () => {
  using bench = new Inspection();
  for (const [text, isSecret] of [
    [key.public, false],
    [key.secret, true],
  ] as const) {
    const result = await bench.run(bench.host.write("key", `${text}\n`));
    expect(result).toMatchObject({ what: "key", isSecret, publicKey: { text: key.public } });
  }
  for (const text of [key.secret.slice(0, -4), `${"A".repeat(42)}B=`]) {
    const source = bench.host.write("key", text);
    expect(await failureOf(() => bench.run(source))).toMatchObject({ kind: "key", source });
  }
});

test("INS-11: whether hosts go on, and why not", async () => {
  using bench = new Inspection();
  const old = bench.host.at("old");
  const continues = async (...images: (typeof one)[]) => {
    bench.host.write("old", manifestOf(images));
    return await bench.seen(bench.origin, { continues: old });
  };
  expect((await continues(one)).continues).toEqual({ old, added: 2 });
  // A directory is that of its manifest, as for WHAT.
  const own = await bench.seen(bench.origin, { continues: bench.origin });
  expect(own.continues).toEqual({ old: `${bench.origin}/manifest`, added: 0 });
  const source = `file://${bench.origin}/manifest`;
  const line = (image: typeof one) => `"${image.version} ${image.content.length} ${image.digest}"`;
  const other = image("1.0.0", "other bytes");
  const more = image("3.0.0");
  for (const [images, kind, message, hint] of [
    [
      [other],
      "history",
      `it does not continue ${old}: ${line(other)} became ${line(one)}`,
      "Hosts that hold it refuse this one. Store into the manifest that is published.",
    ],
    [
      [one, two, three, more],
      "stale",
      `it is older than ${old}: ${line(more)} is not in it`,
      "Hosts that hold it take this for a cache that lags behind, and stay.",
    ],
  ] as const) {
    const result = await continues(...images);
    expect(result.continues).toBeUndefined();
    expect(result.errors).toEqual([{ kind, message, hint, source }]);
  }
  const wrong = bench.host.write("old", manifestOf([two, one]));
  const refused = await failureOf(() => bench.run(bench.origin, { continues: wrong }));
  expect(refused).toMatchObject({ kind: "manifest", source: wrong, line: 4 });
});

describe("images", () => {
  test("INS-8, INS-14: each that is missing or cut is told by its version", async () => {
    using bench = new Inspection();
    rmSync(`${bench.origin}/store/${one.digest}`);
    bench.host.write(`origin/store/${two.digest}`, "cut");
    rmSync(`${bench.origin}/store/${three.digest}`);
    bench.host.write(`origin/store/${three.digest}.gone`, `${three.digest}\n`);
    const { images, errors } = await bench.seen(bench.origin);
    expect(images).toMatchObject({ whole: 0, unasked: 0 });
    expect(images?.gone.map(({ version }) => version.text)).toEqual(["2.0.0"]);
    const of = ({ digest }: typeof one) => `file://${bench.origin}/store/${digest}`;
    expect(errors).toEqual([
      {
        ...{ kind: "origin", source: of(two) },
        message: `version 1.1.0: the file has 3 bytes, and the image ${SIZE}`,
      },
      { kind: "origin", source: of(one), message: "version 1.0.0: there is no such file" },
    ]);
  });

  test("INS-10: with --deep the bytes are read, one image after another", async () => {
    using bench = new Inspection();
    const wrong = one.content.replace("i", "j");
    bench.host.write(`origin/store/${one.digest}`, wrong);
    bench.host.write(`origin/store/${two.digest}`, `${two.content}more`);
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    const { images, errors, isDeep } = await bench.seen(bench.origin, { isDeep: true });
    expect(open()).toBe(before);
    expect([isDeep, images?.whole]).toEqual([true, 1]);
    const of = ({ digest }: typeof one) => `file://${bench.origin}/store/${digest}`;
    expect(errors).toEqual([
      {
        ...{ kind: "digest", source: of(two) },
        message: `version 1.1.0: the image has a wrong size: expected ${SIZE} bytes, received more`,
      },
      {
        ...{ kind: "digest", source: of(one) },
        message: `version 1.0.0: the image has a wrong SHA-256: expected ${one.digest}, received ${sha256sum(wrong)}`,
      },
    ]);
    const told = bench.events.filter((event) => "version" in event && event.version === "2.0.0");
    expect(told).toEqual([
      { event: "reading", version: "2.0.0", size: SIZE },
      { event: "progress", version: "2.0.0", size: SIZE, done: SIZE },
    ]);
    const order = bench.events.map((each) => "version" in each && each.version);
    expect([...order]).toEqual(order.toSorted().toReversed());
  });

  test("INS-10, ORG-35: an answer that ends early is asked for again, and its second half is not hashed onto the first", async () => {
    using bench = new Inspection();
    bench.host.publish(one);
    let asked = 0;
    await using server = serve(bench.origin, (_, path) => {
      if (path === "/manifest") return undefined;
      asked += 1;
      const isFirst = asked === 1;
      const halves = async function* () {
        yield one.content.slice(0, 5);
        await Bun.sleep(10); // so that no length is known
        if (!isFirst) yield one.content.slice(5);
      };
      return new Response(halves());
    });
    const { images, errors } = await bench.seen(`http://127.0.0.1:${server.port}`, {
      isDeep: true,
    });
    expect([asked, images?.whole, errors]).toEqual([2, 1, []]);
    expect(bench.events).toContainEqual({
      ...{ event: "retry", url: `http://127.0.0.1:${server.port}/store/${one.digest}` },
      ...{ reason: expect.stringContaining(`5 of ${SIZE} bytes`), delayMs: expect.any(Number) },
    });
  });

  test("INS-7, INS-9: eight at a time, all of them, also where each is refused for good", async () => {
    using bench = new Inspection();
    bench.host.publish(...Array.from({ length: 20 }, (_, index) => image(`1.${index}`)));
    let [now, most] = [0, 0];
    await using server = Bun.serve({
      port: 0,
      async fetch({ url }) {
        const { pathname } = new URL(url);
        if (pathname === "/manifest") return new Response(Bun.file(bench.origin + pathname));
        if (!pathname.endsWith(".gone")) most = Math.max(most, ++now);
        await Bun.sleep(20);
        if (!pathname.endsWith(".gone")) now -= 1;
        return new Response(null, { status: 404 });
      },
    });
    const { images } = await bench.seen(`http://127.0.0.1:${server.port}`);
    expect([most, images?.wrong.length, images?.unasked]).toEqual([8, 20, 0]);
  });
});

test("ORG-21, ORG-50: an origin without a manifest, one that answers again, and what it is asked", async () => {
  using bench = new Inspection();
  const fields: (string | null)[] = [];
  let status = 503;
  await using server = serve(bench.origin, ({ headers }) => {
    fields.push(headers.get("cache-control"));
    const answer = status === 200 ? undefined : new Response(null, { status });
    if (status === 503) status = 200;
    return answer;
  });
  const url = `http://127.0.0.1:${server.port}`;
  expect((await bench.seen(url, { images: 0 })).versions).toBe(3);
  expect(bench.events).toMatchObject([{ event: "retry", url: `${url}/manifest` }]);
  // A cache is to answer as it does for hosts.
  expect(fields).toEqual([null, null]);
  status = 304;
  expect(await failureOf(() => bench.run(url))).toMatchObject({
    ...{ kind: "origin", source: `${url}/manifest` },
  });
});

test("ORG-67: who does not answer within 30 s, as a config without TimeoutSec= has it, is given up", async () => {
  using bench = new Inspection();
  await using server = Bun.serve({
    port: 0,
    fetch: () => Promise.withResolvers<Response>().promise,
  });
  const url = `http://127.0.0.1:${server.port}`;
  const listing = { what: url, matching: undefined, keys: [], all: false };
  for (const run of [() => bench.run(url), () => list(listing, bench.effects)]) {
    let hasEnded = false;
    const ended = failureOf(run).finally(() => {
      hasEnded = true;
    });
    for (let turn = 0; turn < 1000 && !hasEnded; turn++) {
      for (const { ms, look } of bench.limits) if (ms === 30_000) look();
      await Bun.sleep(1);
    }
    expect(hasEnded).toBe(true);
    expect(await ended).toMatchObject({ kind: "origin", source: `${url}/manifest` });
  }
  await server.stop(true);
});
