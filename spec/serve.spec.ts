// Proof of what spec/serve.md says without a server: which path names what, and which part of a file is sent.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readRange } from "../src/core/byte-range.ts";
import { fileOfPath, partOf, pathOfTarget } from "../src/core/static-answer.ts";
import { runs } from "../tests/support/properties.ts";

const digest = "907a4876cc9a5ba1de0a764cdd211a9dfbfb9cea6e9824d3b8434f6d70f249c4";

describe("paths", () => {
  test("SRV-10: the manifest, an image and the mark of one that is gone", () => {
    expect(fileOfPath("/manifest")).toEqual({ is: "manifest" });
    expect(fileOfPath(`/store/${digest}`)).toMatchObject({ is: "image", digest });
    expect(fileOfPath(`/store/${digest}.gone`)).toMatchObject({ is: "marker", digest });
  });

  test.each([
    "/",
    "",
    "manifest",
    "/manifest/",
    "//manifest",
    "/%6danifest",
    "/.lock",
    "/store",
    "/store/",
    "/store/.new",
    `/store/${digest.toUpperCase()}`,
    `/store/${digest.slice(1)}`,
    `/store/${digest}0`,
    `/store/${digest}.partial`,
    `/store/${digest}/`,
    `/store/..%2fstore/${digest}`,
    `/${digest}`,
    `/store\\${digest}`,
    `/store/x\\..\\${digest}`,
    "/./manifest",
    "/x/../manifest",
    "/manifest#x",
  ])("SRV-10: %j is nothing of an origin", (path) => {
    expect(fileOfPath(path)).toBeUndefined();
  });

  // RFC 9112, sections 3.2.1 and 3.2.2.
  test.each([
    ["/manifest", "/manifest"],
    ["/manifest?a?b/../c", "/manifest"],
    ["http://origin:80/manifest?a", "/manifest"],
    ["HTTPS://origin", ""],
    ["/x/../a\\b/./%2e", "/x/../a\\b/./%2e"],
    ["//origin/manifest", "//origin/manifest"],
  ])("SRV-10, SRV-11: the path of %j is %j", (target, path) => {
    expect(pathOfTarget(target)).toBe(path);
  });
});

describe("parts", () => {
  // RFC 9110, section 14.1.2, has the first ones, of 10,000 bytes.
  test.each([
    ["bytes=0-499", 10_000, 0, 499],
    ["bytes=500-999", 10_000, 500, 999],
    ["bytes=-500", 10_000, 9500, 9999],
    ["bytes=9500-", 10_000, 9500, 9999],
    ["bytes=0-0", 10_000, 0, 0],
    ["Bytes=1-2", 10_000, 1, 2],
    ["bytes=5-99999999999999999999", 10, 5, 9],
    ["bytes=-11", 10, 0, 9],
  ])("SRV-20: %s of %d bytes", (header, size, first, last) => {
    expect(readRange(header, size)).toEqual({ first, last });
  });

  test.each([
    ["bytes=10-", 10],
    ["bytes=10-20", 10],
    ["bytes=-0", 10],
    ["bytes=0-", 0],
    ["bytes=-1", 0],
  ])("SRV-21: %s of %d bytes has no byte", (header, size) => {
    expect(readRange(header, size)).toBe("unsatisfiable");
  });

  test.each([
    "bytes=-",
    "bytes=2-1",
    "bytes=0-1,3-4",
    "lines=0-1",
    "bytes 0-1",
    "0-1",
    "bytes=a-b",
    // RFC 9110, section 14.1.1, has no white space within a range, nor beside the "=".
    "bytes=0 -1",
    "bytes=0- 1",
    "bytes= 0-1",
    "bytes =0-1",
    "bytes=\t0-1",
  ])("SRV-22: %s is ignored", (header) => expect(readRange(header, 10)).toBeUndefined());

  test("SRV-20: a part lies in the file", () => {
    const bound = fc.option(fc.nat(200), { nil: "" });
    fc.assert(
      fc.property(bound, bound, fc.nat(100), (from, to, size) => {
        const range = readRange(`bytes=${from}-${to}`, size);
        if (typeof range !== "object") return;
        expect(range.first).toBeGreaterThanOrEqual(0);
        expect(range.first).toBeLessThanOrEqual(range.last);
        expect(range.last).toBeLessThan(size);
      }),
      runs,
    );
  });
});

describe("conditions", () => {
  const plain = { method: "GET", range: null, ifRange: null, ifNoneMatch: null };
  const part = { ...plain, range: "bytes=1-2" };
  const of = (asked: typeof plain | typeof part | object) =>
    partOf({ ...plain, ...asked }, { etag: '"a"', modified: "Thu, 26 Nov 2026 11:46:37 GMT" }, 10);

  test("SRV-20, SRV-21: a range or none", () => {
    expect(of(plain)).toEqual({ status: 200 });
    expect(of(part)).toEqual({ status: 206, range: { first: 1, last: 2 } });
    expect(of({ range: "bytes=10-" })).toEqual({ status: 416 });
    expect(of({ ...part, method: "HEAD" })).toEqual({ status: 200 });
  });

  test.each(['"b"', 'W/"a"', "Thu, 26 Nov 2026 11:46:38 GMT", "a", ""])(
    "SRV-23: with If-Range %s the range is ignored",
    (ifRange) => expect(of({ ...part, ifRange })).toEqual({ status: 200 }),
  );

  test("SRV-23: with the ETag in If-Range it counts, and with the date where it is as strong", () => {
    const ifRange = "Thu, 26 Nov 2026 11:46:37 GMT";
    expect(of({ ...part, ifRange: '"a"' })).toMatchObject({ status: 206 });
    expect(of({ ...part, ifRange })).toMatchObject({ status: 206 });
    expect(partOf({ ...part, ifRange }, { etag: '"a"' }, 10)).toEqual({ status: 200 });
  });

  test.each(['"a"', 'W/"a"', '"b", "a"', "*", " * "])("SRV-31: %s matches", (ifNoneMatch) => {
    expect(of({ ifNoneMatch })).toEqual({ status: 304 });
    expect(of({ ...part, ifNoneMatch })).toEqual({ status: 304 });
  });

  test.each(['"b"', "a", '"aa"', ""])("SRV-31: %j does not match", (ifNoneMatch) => {
    expect(of({ ifNoneMatch })).toEqual({ status: 200 });
  });
});
