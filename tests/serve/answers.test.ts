// What `tako serve` answers to curl (spec/serve.md).

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
} from "node:fs";
import { connect } from "node:net";
import { createHost, type Host } from "../support/host.ts";
import { sources } from "../support/program.ts";
import { type Image, sha256sum, write } from "../support/publishing.ts";
import { curl, published, type Serving, serve } from "./serving.ts";

let host: Host;
let one: Image;
let serving: Serving;
const content = "abcdefghij".repeat(100);
const get = (path: string, ...words: readonly string[]) =>
  curl(host, ...words, `${serving.url}${path}`);
const getImage = (...words: readonly string[]) => get(`/store/${one.digest}`, ...words);

beforeAll(async () => {
  host = createHost();
  one = published(host, content);
  serving = await serve(sources(), [host.originDirectory]);
});
afterAll(async () => {
  await serving[Symbol.asyncDispose]();
  host[Symbol.dispose]();
});

describe("files", () => {
  test("SRV-10, SRV-14, SRV-30: the image, whole, under its ETag", async () => {
    const { status, fields, body } = await getImage();
    expect([status, body]).toEqual([200, content]);
    expect(fields).toMatchObject({ "content-length": "1000", etag: `"${one.digest}"` });
    expect(fields["last-modified"]).toMatch(/^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$/);
    expect(fields).not.toHaveProperty("transfer-encoding");
    // RFC 9110, section 14.3: that ranges are taken.
    expect(fields["accept-ranges"]).toBe("bytes");
  });

  test("SRV-30: the ETag of the manifest changes with its bytes, at the same size and time", async () => {
    const manifest = readFileSync(`${host.originDirectory}/manifest`, "utf8");
    const { fields, body } = await get("/manifest?query");
    expect(body).toBe(manifest);
    expect(fields["etag"]).toBe(`"${sha256sum(manifest)}"`);
    const other = manifest.replace("1.0.0", "1.0.1");
    write(`${host.originDirectory}/manifest`, other);
    expect((await get("/manifest")).fields["etag"]).toBe(`"${sha256sum(other)}"`);
    write(`${host.originDirectory}/manifest`, manifest);
  });

  test("SRV-13: HEAD gives the fields and no body", async () => {
    const { status, fields, body } = await getImage("--head", "-r", "0-1");
    expect([status, fields["content-length"], fields["etag"]]).toEqual([
      200,
      "1000",
      `"${one.digest}"`,
    ]);
    expect(body).not.toContain("abc");
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "FOO", "get"])(
    "SRV-13: %s is 405",
    async (method) => {
      const { status, fields } = await getImage("-X", method);
      expect([status, fields["allow"]]).toEqual([405, "GET, HEAD"]);
    },
  );

  test.each([
    "/",
    "/.lock",
    "/store/",
    "/%6danifest",
    "//manifest",
    "/../app.tako",
    "/..%2fapp.tako",
    "/%2e%2e/app.tako",
    "/store/..%5c..%5capp.tako",
    "/store/%00",
    `/store/${"0".repeat(64)}`,
    "/./manifest",
    "/x/../manifest",
    "/..\\manifest",
  ])("SRV-10, SRV-11: %s is 404", async (path) => {
    write(`${host.originDirectory}/.lock`, "");
    expect(await get(path)).toMatchObject({ status: 404, body: "" });
  });

  test("SRV-10: a backslash is no slash", async () => {
    expect((await get(`/store\\${one.digest}`)).status).toBe(404);
    expect((await get(`/store/x\\..\\${one.digest}`)).status).toBe(404);
  });

  test("SRV-10: a whole URL as the target, as a proxy's client sends it (RFC 9112, section 3.2.2)", async () => {
    const { status, body } = await get("/manifest", "--request-target", "http://origin/manifest?x");
    expect([status, body]).toEqual([200, host.read("origin/manifest")]);
  });

  test.each([
    ["no protocol", "GET /manifest\r\n\r\n"],
    ["no Host (RFC 9112, section 3.2)", "GET /manifest HTTP/1.1\r\n\r\n"],
    ["a field without a colon", "GET /manifest HTTP/1.1\r\nHost: o\r\nx\r\n\r\n"],
  ])("SRV-15: %s is 400", async (_, bytes) => {
    const { hostname, port } = new URL(serving.url);
    const answered = Promise.withResolvers<string>();
    let text = "";
    const socket = connect({ host: hostname, port: Number(port) }, () => socket.write(bytes));
    socket.on("data", (data) => {
      text += data;
    });
    socket.on("close", () => answered.resolve(text));
    expect(await answered.promise).toStartWith("HTTP/1.1 400 ");
  });

  test("SRV-12: a link out of the directory, a pipe and a folder are 404, a link within is served", async () => {
    const at = (digit: string) => `${host.originDirectory}/store/${digit.repeat(64)}`;
    symlinkSync(host.file, at("1"));
    mkdirSync(at("2"));
    Bun.spawnSync(["mkfifo", at("3")]);
    symlinkSync(one.digest, at("4"));
    symlinkSync(at("5"), at("5"));
    mkdirSync(`${host.originDirectory}-2`);
    write(`${host.originDirectory}-2/file`, "outside");
    symlinkSync("../../origin-2/file", at("6"));
    for (const digit of "12356") expect((await get(`/store/${digit.repeat(64)}`)).status).toBe(404);
    expect(await get(`/store/${"4".repeat(64)}`)).toMatchObject({ status: 200, body: content });
  });

  test("SRV-10: where a file lies in the place of the images there is none, and nothing else to say", async () => {
    using other = createHost();
    const { digest } = published(other);
    rmSync(other.at("origin/store"), { recursive: true });
    other.write("origin/store", "a file");
    await using serving = await serve(sources(), [other.originDirectory]);
    expect((await curl(other, `${serving.url}/store/${digest}`)).status).toBe(404);
    expect((await serving.end()).stderr).toBe(`tako: GET /store/${digest} 404 0\n`);
  });

  test("SRV-14: memory does not grow with the image", async () => {
    const digest = "a".repeat(64);
    const path = `${host.originDirectory}/store/${digest}`;
    closeSync(openSync(path, "w"));
    truncateSync(path, 500_000_000);
    const before = rss();
    const { fields } = await get(`/store/${digest}`, "-o", "/dev/null");
    expect(fields["content-length"]).toBe("500000000");
    expect(rss() - before).toBeLessThan(150_000_000);
  });
});

/** The most memory that the server had so far, in bytes. */
function rss(): number {
  const status = readFileSync(`/proc/${serving.pid}/status`, "utf8");
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

describe("parts", () => {
  test.each([
    ["0-9", "bytes 0-9/1000", "abcdefghij"],
    ["995-", "bytes 995-999/1000", "fghij"],
    ["-3", "bytes 997-999/1000", "hij"],
    ["999-5000", "bytes 999-999/1000", "j"],
  ])("SRV-20: the range %s", async (range, named, part) => {
    const { status, fields, body } = await getImage("-r", range);
    expect([status, fields["content-range"], body]).toEqual([206, named, part]);
    expect(fields["content-length"]).toBe(`${part.length}`);
  });

  test("SRV-21: a range behind the end is 416", async () => {
    const { status, fields, body } = await getImage("-r", "1000-");
    expect([status, fields["content-range"], body]).toEqual([416, "bytes */1000", ""]);
  });

  test.each([
    "bytes=0-1,3-4",
    "bytes=2-1",
    "lines=0-1",
    "bytes=x",
    "bytes=-",
    "bytes=1-2,",
    "bytes=,1-2",
    "bytes=0x1-2",
    "bytes=1-2-3",
    "bytes=1.0-2",
    "bytes=+1-2",
    "bytes=0 -1",
    "bytes= 0-1",
  ])("SRV-22: Range: %s is ignored", async (range) => {
    const { status, body } = await getImage("-H", `Range: ${range}`);
    expect([status, body]).toEqual([200, content]);
  });

  test("SRV-23: If-Range decides", async () => {
    const asked = (tag: string) => getImage("-r", "0-1", "-H", `If-Range: ${tag}`);
    expect((await asked(`"${one.digest}"`)).status).toBe(206);
    expect(await asked('"other"')).toMatchObject({ status: 200, body: content });
    expect((await asked(`W/"${one.digest}"`)).status).toBe(200);
    const { fields } = await getImage();
    expect((await asked(fields["last-modified"]!)).status).toBe(206);
    expect((await asked("Thu, 26 Nov 1981 11:46:37 GMT")).status).toBe(200);
    const { fields: dated } = await get("/manifest");
    const date = `If-Range: ${dated["last-modified"]}`;
    expect((await get("/manifest", "-r", "0-1", "-H", date)).status).toBe(200);
  });

  test("SRV-20: curl goes on with a download", async () => {
    const file = host.write("resumed", content.slice(0, 700));
    const { status } = await getImage("-C", "-", "-o", file);
    expect([status, host.read("resumed")]).toEqual([206, content]);
  });
});

describe("conditions and removed images", () => {
  test("SRV-31: If-None-Match", async () => {
    const { fields } = await get("/manifest");
    const asked = (tag: string) => get("/manifest", "-H", `If-None-Match: ${tag}`);
    expect(await asked(fields["etag"]!)).toMatchObject({
      status: 304,
      body: "",
      fields: { etag: fields["etag"] },
    });
    expect((await asked(`W/${fields["etag"]}`)).status).toBe(304);
    expect((await asked("*")).status).toBe(304);
    expect((await asked('"other"')).status).toBe(200);
  });

  test("SRV-40: a mark beside an image, or in its place, makes it 410", async () => {
    const other = published(host, "another image");
    const store = `${host.originDirectory}/store`;
    write(`${store}/${other.digest}.gone`, "since 2026\n");
    write(`${store}/${"b".repeat(64)}.gone`, "");
    expect(await get(`/store/${other.digest}`)).toMatchObject({ status: 410, body: "" });
    expect((await get(`/store/${"b".repeat(64)}`)).status).toBe(410);
    const mark = await get(`/store/${other.digest}.gone`);
    expect([mark.status, mark.body]).toEqual([200, "since 2026\n"]);
    expect((await get(`/store/${"b".repeat(64)}.gone`)).fields["content-length"]).toBe("0");
  });
});
