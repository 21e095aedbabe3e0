// How a secret is told in foreign text. What it looks like in each form comes from printf, base64, xxd and idn.

import { describe, expect, test } from "bun:test";
import { authorization, basic, secretOf, tells } from "../../src/shell/origin/http-credentials.ts";

const alice = { user: "alice", password: "sesame" };
/** Its base64 has a plus sign and a slash: `printf '>>>???s' | base64` is Pj4+Pz8/cw==. */
const odd = { user: "", password: ">>>???s" };

test("ORG-15: user and password are sent as RFC 7617 has it, in UTF-8", () => {
  // The example of its section 2, and that of section 2.1.
  expect(basic({ user: "Aladdin", password: "open sesame" })).toBe(
    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
  );
  expect(basic({ user: "test", password: "123£" })).toBe("Basic dGVzdDoxMjPCow==");
  expect(authorization(alice)).toEqual({ Authorization: "Basic YWxpY2U6c2VzYW1l" });
});

test("ORG-92: without a password the user is the secret", () => {
  expect(secretOf(alice)).toBe("sesame");
  expect(secretOf({ user: "token", password: "" })).toBe("token");
  expect(tells("a token", [{ user: "token", password: "" }])).toBe(true);
  // With one, the user is none.
  expect(tells("alice was here", [alice])).toBe(false);
});

describe("ORG-90, ORG-92: a text that tells the secret", () => {
  test.each([
    ["as it is", "a sesame b"],
    ["in other letters", "a SeSaMe b"],
    ["percent-encoded", "s%65s%61me"],
    ["percent-encoded twice", "s%2565same"],
    ["percent-encoded five times", "s%252525252565same"],
    ["in hexadecimal", "x736573616D65x"],
    ["as base64", "c2VzYW1l"],
    ["as base64 in percents", "c2VzYW1%6C"],
    ["as base64 behind a byte", "eHNlc2FtZQ=="],
    ["as base64 behind two bytes", "eHhzZXNhbWU="],
    ["as base64, as it was sent", "YWxpY2U6c2VzYW1l"],
  ])("%s", (_, text) => {
    expect(tells(text, [alice])).toBe(true);
  });

  test.each([
    ["as base64", "Pj4+Pz8/cw=="],
    ["in the alphabet of URLs", "Pj4-Pz8_cw"],
    ["with a half of it", "Pj4-Pz8/cw"],
    ["percent-encoded", "Pj4%2BPz8%2Fcw%3D%3D"],
    ["as it is", "a >>>???s"],
  ])("%s, with signs that have two forms", (_, text) => {
    expect(tells(text, [odd])).toBe(true);
  });

  test("with plus signs for blanks", () => {
    const secret = { user: "", password: "open sesame" };
    expect(tells("q=open+sesame", [secret])).toBe(true);
    expect(tells("q=open%2Bsesame", [secret])).toBe(true);
    expect(tells("q=opensesame", [secret])).toBe(false);
  });

  test("as a host's name", () => {
    expect(tells("xn--psswort-5wa", [{ user: "", password: "pässwort" }])).toBe(true);
    expect(tells("192.168.1.1", [{ user: "", password: "3232235777" }])).toBe(true);
  });

  test("of any that was told", () => {
    expect(tells("sesame", [odd, alice])).toBe(true);
    expect(tells("sesame", [alice, odd])).toBe(true);
    expect(tells("sesame", [])).toBe(false);
  });
});

test.each([
  "",
  "sesam",
  "esame",
  "73657361",
  "c2VzYW",
  "https://example.com/app/manifest?x=%25",
  "Pj4Pz8",
])("ORG-90: %p tells nothing", (text) => {
  expect(tells(text, [alice, odd])).toBe(false);
});

test("ORG-90: what has no end of encodings is taken for one that tells", () => {
  const encoded = (times: number) => `%${"25".repeat(times)}41`;
  expect(tells(encoded(3), [alice])).toBe(false);
  expect(tells(encoded(50), [alice])).toBe(true);
});
