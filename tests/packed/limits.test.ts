// What packed files may cost at most: requests that fail or stand still, and connections that break (PCK-50, PCK-51, PCK-54,
// PCK-59).

import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { withFasterClock } from "../support/program.ts";
import { publishTo } from "../support/publishing.ts";
import { startSshServer } from "../support/ssh-server.ts";
import { PackedOrigin } from "./origin.ts";
import { all, expectDone, four, leave, list, names, needed, one, plain, program } from "./scene.ts";

const frame = `${four.digest}.zst`;
const sshd = needs("sshd", "curl");
/** With a time-out of two minutes, which takes 2 s then; a wait of a second is one of 50 ms. */
const hasty = withFasterClock({ waits: 20, limits: 60 });

/** How a server answers a request for a file, if not with the file. */
type Answer = (bytes: Uint8Array<ArrayBuffer>, request: Request) => Response;

/** An origin that answers some files in another way, and a host with 1.0.0. */
function oddOrigin(answers: Readonly<Record<string, Answer>>) {
  const host = createHost();
  publishTo(host.originDirectory, all);
  const packed = new PackedOrigin(host.originDirectory);
  packed.zst(four);
  packed.list(four, frame);
  const asked: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const name = new URL(request.url).pathname.slice(1);
      // That the image is there is no part of these stories (PCK-47).
      const isLook = request.method === "HEAD";
      if (!isLook) asked.push(name);
      const file = Bun.file(join(host.originDirectory, name));
      if (!(await file.exists())) return new Response("", { status: 404 });
      const bytes = await file.bytes();
      const answer = isLook ? undefined : answers[name];
      return answer?.(bytes, request) ?? new Response(bytes);
    },
  });
  host.configure({ Origin: `http://127.0.0.1:${server.port}`, TimeoutSec: "2min" });
  host.install({ published: [one], latest: one });
  return {
    host,
    packed,
    asked,
    url: `http://127.0.0.1:${server.port}`,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
      host[Symbol.dispose]();
    },
  };
}

async function warningsOf(host: Host, by = program): Promise<readonly string[]> {
  const { status, stdout } = await by.run(["fetch", "--json", host.file]);
  expectDone(host, { status });
  const events = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  return events.filter(({ event }) => event === "warning").map(({ message }) => message);
}

const status = (code: number) => () => new Response("", { status: code });

/** A body of some bytes a second, with the length of the file. */
const drips: Answer = (bytes) => {
  const body = async function* () {
    for (let at = 0; at < bytes.length; at++) {
      yield bytes.slice(at, at + 1);
      await Bun.sleep(300);
    }
  };
  return new Response(body(), { headers: { "Content-Length": `${bytes.length}` } });
};

describe.skipIf(needed.missing)("requests", () => {
  test.each([404, 403, 410])(
    "PCK-50, PCK-59: no list, by %d, is the normal case, and asked for once",
    async (code) => {
      await using origin = oddOrigin({ [list]: status(code) });
      expect(await warningsOf(origin.host)).toEqual([]);
      expect(origin.asked).toEqual(["manifest", list, plain]);
    },
  );

  test("PCK-54, PCK-59: a list that fails is tried again as any request, and then the image comes", async () => {
    await using origin = oddOrigin({ [list]: status(503) });
    expect(await warningsOf(origin.host, hasty)).toEqual([
      `${origin.url}/${list}: the server answered with status 503; the image itself is downloaded`,
    ]);
    expect(origin.asked).toEqual(["manifest", list, list, list, list, plain]);
  });

  test.each([
    [404, 1],
    [410, 1],
    [500, 4],
  ])("PCK-59: a frame that is answered with %d was asked for %d times", async (code, times) => {
    await using origin = oddOrigin({ [`store/${frame}`]: status(code) });
    expect(await warningsOf(origin.host, hasty)).toHaveLength(1);
    const asked = Array(times).fill(`store/${frame}`);
    expect(origin.asked).toEqual(["manifest", list, ...asked, plain]);
  });

  test.each([list, `store/${frame}`])(
    "PCK-54, PCK-59: %s at some bytes a second is given up",
    async (name) => {
      await using origin = oddOrigin({ [name]: drips });
      const [warning, ...more] = await warningsOf(origin.host, hasty);
      expect(warning).toContain("less than 1 KiB a second arrived for");
      expect(more).toEqual([]);
      expect(origin.asked.at(-1)).toBe(plain);
    },
  );

  test("PCK-59: an answer with Content-Encoding is none", async () => {
    const gzip: Answer = (bytes) =>
      new Response(Bun.gzipSync(bytes), { headers: { "Content-Encoding": "gzip" } });
    await using origin = oddOrigin({ [`store/${frame}`]: gzip });
    expect(await warningsOf(origin.host)).toHaveLength(1);
  });

  test("PCK-54, PCK-59: what the network cut short stays, and is continued by a later run", async () => {
    const cut = { isOn: true };
    const half: Answer = (bytes, request) => {
      const begin = Number(/\d+/.exec(request.headers.get("Range") ?? "0")?.[0]);
      const head = {
        "Content-Length": `${bytes.length - begin}`,
        ...(begin > 0 && { "Content-Range": `bytes ${begin}-${bytes.length - 1}/${bytes.length}` }),
      };
      const body = async function* () {
        if (begin < 300_000 || !cut.isOn) yield bytes.slice(begin, cut.isOn ? 300_000 : undefined);
      };
      return new Response(body(), { status: begin > 0 ? 206 : 200, headers: head });
    };
    const nothing = { isOn: true };
    await using origin = oddOrigin({
      [`store/${frame}`]: half,
      [plain]: (bytes) => (nothing.isOn ? new Response("", { status: 403 }) : new Response(bytes)),
    });
    const first = await hasty.run(["fetch", origin.host.file]);
    expect(first.status).toBe(69);
    const part = join(
      origin.host.destination,
      "store",
      `${four.digest}.part-zst-${origin.packed.size(frame)}`,
    );
    const begun = origin.packed.read(frame).subarray(0, 300_000);
    expect(readFileSync(part).equals(begun)).toBe(true);
    cut.isOn = false;
    expect(await warningsOf(origin.host, hasty)).toEqual([]);
    expect(origin.asked.at(-1)).toBe(`store/${frame}`);
  });

  test("PCK-59: nothing is kept of a frame that the origin has no more, even if the image does not come", async () => {
    await using origin = oddOrigin({ [`store/${frame}`]: status(404), [plain]: status(403) });
    const part = `${four.digest}.part-zst-${origin.packed.size(frame)}`;
    leave(origin.host, part, origin.packed.read(frame).subarray(0, 300_000));
    expect((await program.run(["fetch", origin.host.file])).status).toBe(69);
    expect(names(origin.host)).not.toContain(part);
  });

  test("ORG-65: bytes that come again are no progress, so that nobody sends a file many times", async () => {
    let answers = 0;
    // Each one is the whole image, and is cut 100 kB further on.
    const further: Answer = (bytes) => {
      const end = 100_000 * ++answers;
      const body = async function* () {
        yield bytes.slice(0, end);
      };
      return new Response(body(), { headers: { "Content-Length": `${bytes.length}` } });
    };
    await using origin = oddOrigin({ [plain]: further });
    rmSync(origin.packed.path(`${four.digest}.packed`));
    expect((await hasty.run(["fetch", origin.host.file])).status).toBe(69);
    expect(origin.asked.filter((name) => name === plain)).toHaveLength(4);
    const partial = join(origin.host.destination, "store", `${four.digest}.partial`);
    expect(readFileSync(partial).length).toBe(400_000);
  });

  test("PCK-50: two versions of one image are one question, also where that is gone", async () => {
    await using origin = oddOrigin({ [plain]: status(410) });
    const again = { ...four, version: "1.3.1" };
    publishTo(origin.host.originDirectory, [...all, again]);
    origin.packed.list(four);
    const { stderr } = await program.run(["fetch", origin.host.file]);
    expect(stderr.match(/the origin removed the image of/g)).toHaveLength(2);
    expect(origin.asked.slice(0, 4)).toEqual(["manifest", list, plain, plain]);
  });

  test("PCK-51: what travels is ended as soon as the old image is found damaged", async () => {
    let sent = 0;
    const slow: Answer = (bytes) => {
      const body = async function* () {
        for (let at = 0; at < bytes.length; at += 100) {
          yield bytes.slice(at, at + 100);
          sent += 1;
          await Bun.sleep(20);
        }
      };
      return new Response(body(), { headers: { "Content-Length": `${bytes.length}` } });
    };
    const patch = `${four.digest}.from-${one.digest}.patch`;
    await using origin = oddOrigin({ [`store/${patch}`]: slow });
    origin.packed.list(four, await origin.packed.patch(one, four));
    leave(origin.host, one.digest, one.content.replace(/^./, "?"));
    expect(await warningsOf(origin.host)).toEqual([]);
    expect(origin.asked.at(-1)).toBe(plain);
    expect(sent).toBeLessThan(origin.packed.size(patch) / 200);
  });

  test("PCK-59: a file that is longer than the list says is told to be", async () => {
    await using origin = oddOrigin({});
    origin.packed.write(frame, Buffer.concat([origin.packed.read(frame), Buffer.alloc(9)]));
    origin.host.configure({ Origin: `file://${origin.host.originDirectory}` });
    expect(await warningsOf(origin.host)).toEqual([
      `file://${origin.packed.path(frame)}: it is longer than the list says; the image itself is downloaded`,
    ]);
  });

  test("PCK-59, FET-69: only the plain image can be not authentic", async () => {
    const other: Answer = (bytes) => new Response(bytes.toReversed());
    await using origin = oddOrigin({ [`store/${frame}`]: other, [plain]: other });
    const { status: code, stderr } = await program.run(["fetch", origin.host.file]);
    expect(code).toBe(65);
    expect(stderr).toContain(`${origin.url}/${plain}: the image has a wrong SHA-256`);
    expect(names(origin.host)).toEqual([one.digest]);
    await using honest = oddOrigin({ [`store/${frame}`]: other });
    expect((await program.run(["fetch", honest.host.file])).status).toBe(0);
  });
});

describe.skipIf(needed.missing || sshd.missing).each(["sftp", "scp"])("%s", (scheme) => {
  test.each([true, false])("PCK-54, PCK-59: with a list, %p, as by HTTP", async (hasList) => {
    await using origin = oddOrigin({});
    const { host, packed } = origin;
    if (!hasList) rmSync(packed.path(`${four.digest}.packed`));
    const server = await startSshServer();
    const begun = packed.read(frame).subarray(0, 300_000);
    host.configure({ Origin: `${scheme}://${server.host}${host.originDirectory}` });
    if (hasList) leave(host, `${four.digest}.part-zst-${packed.size(frame)}`, begun);
    const { status, stderr } = await program.run(["fetch", host.file], {
      env: { HOME: server.home },
    });
    await server.stop();
    expectDone(host, { status });
    expect(stderr).not.toContain("warning");
    expect(stderr.includes("instead of 2.1 MB, verified")).toBe(hasList);
  });
});
