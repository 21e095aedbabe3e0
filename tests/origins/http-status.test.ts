// What is told about each status, who is told to have answered, and whether it can pass.

import { describe, expect, test } from "bun:test";
import { connectionError, isFileError } from "../../src/shell/origin/http-error.ts";
import { refusal, tunnelRefusal } from "../../src/shell/origin/http-status.ts";
import { type Fail, OriginError } from "../../src/shell/origin/origin-error.ts";
import type { HttpProxy } from "../../src/shell/origin/proxy.ts";

const fail: Fail = (reason, facts) => new OriginError("http://origin", reason, facts);
const by = (isTunnel: boolean): HttpProxy => ({
  ...{
    href: "http://alice:sesame@proxy:3128/",
    shown: "http://proxy:3128",
    variable: "http_proxy",
  },
  ...{ isTunnel, credentials: [] },
});

function told(
  status: number,
  {
    wait,
    proxy,
    hasCredentials = false,
  }: { wait?: string; proxy?: HttpProxy; hasCredentials?: boolean } = {},
) {
  const headers = new Headers(wait === undefined ? {} : { "Retry-After": wait });
  return refusal({ status, headers, fail }, { now: 0, hasCredentials, proxy });
}

describe("a server", () => {
  test.each([
    [200, "the server answered with status 200, expected 200", "ORG-20"],
    [204, "the server answered with status 204, expected 200", "ORG-20"],
    [304, "the server answered with status 304, expected 200", "ORG-21"],
    [399, "the server answered with status 399, expected 200", "ORG-20"],
    [400, "the server answered with status 400", "ORG-20"],
    [404, "the server answered with status 404", "ORG-20"],
  ])("ORG-20, ORG-21: %d", (status, message, rule) => {
    expect(told(status)).toMatchObject({ kind: "origin", message, rule, source: "http://origin" });
  });

  test("ORG-50: 408, 429 and 5xx can pass, and nothing else", () => {
    const statuses = Array.from({ length: 700 }, (_, status) => status).slice(100);
    const passing = statuses.filter((status) => told(status).passing);
    const from500 = Array.from({ length: 100 }, (_, index) => 500 + index);
    expect(passing).toEqual([408, 429, ...from500]);
  });

  test.each([
    [400, "client certificate"],
    [401, "Check the user and password in Origin="],
    [403, "It is not public, and Origin= has no user and password"],
    [404, "the publisher has uploaded everything"],
    [407, "A proxy on the way wants a user and password"],
    [511, "The network of this host wants somebody to log in"],
  ])("ORG-20: the hint for %d", (status, hint) => {
    expect(told(status).hint).toContain(hint);
    // A tunnel only passes on what the server said.
    expect(told(status, { proxy: by(true) }).hint).toBe(told(status).hint!);
  });

  test("ORG-20: a 403 may mean the password, if there is one, and what is missing in any case", () => {
    const { hint } = told(403, { hasCredentials: true });
    expect(hint).toStartWith("Check the user and password in Origin=");
    expect(hint).toContain("it was not uploaded");
    expect(told(403).hint).toContain("it was not uploaded");
    expect(told(418).hint).toBeUndefined();
  });

  test.each([
    ["0", "0 s", 0],
    ["1", "1 s", 1000],
    ["86400", "86400 s", 86_400_000],
    ["86401", "more than a day", 86_401_000],
    ["9".repeat(400), "more than a day", Infinity],
  ])("ORG-53: a wait of %s is told as %s", (wait, shown, retryAfterMs) => {
    expect(told(503, { wait })).toMatchObject({
      message: `the server answered with status 503, and asks to wait ${shown}`,
      retryAfterMs,
    });
    // For what cannot pass there is nothing to wait for.
    expect(told(404, { wait })).toMatchObject({
      message: "the server answered with status 404",
      retryAfterMs: undefined,
    });
  });
});

describe("by a proxy", () => {
  test.each([
    [
      401,
      "the server or the proxy",
      "If it was the proxy: Check the user and password of the proxy",
    ],
    [403, "the server or the proxy", "If it was the proxy: Its rules forbid this host"],
    [407, "the proxy", "Check the user and password of the proxy in http_proxy."],
    [500, "the server or the proxy", "If it was the proxy: Check http_proxy, and that"],
    [599, "the server or the proxy", "If it was the proxy: Check http_proxy, and that"],
  ])("ORG-133: %d is told as that of %s", (status, who, hint) => {
    const error = told(status, { proxy: by(false) });
    expect(error.message).toBe(`${who} answered with status ${status}`);
    expect(error.hint).toStartWith(hint);
  });

  test.each([404, 429, 499])("ORG-133: %d is the server's", (status) => {
    expect(told(status, { proxy: by(false) }).message).toStartWith("the server answered");
  });

  test.each([401, 403, 407, 500])("ORG-133: %d through a tunnel is the server's", (status) => {
    expect(told(status, { proxy: by(true) }).message).toStartWith("the server answered");
  });
});

test.each([
  [401, "Check the user and password of the proxy in http_proxy.", false],
  [403, "Its rules forbid this host", false],
  [407, "Check the user and password of the proxy in http_proxy.", false],
  [502, "Check http_proxy, and that the proxy can reach the origin.", true],
])("ORG-132: a tunnel that is refused with %d is the proxy's", (status, hint, passing) => {
  const headers = new Headers({ "Retry-After": "7" });
  const error = tunnelRefusal({ status, headers, fail }, by(true), 0);
  expect(error.message).toStartWith(`the proxy http://proxy:3128 answered with status ${status}`);
  expect(error.message).not.toContain("sesame");
  expect(error.hint).toStartWith(hint);
  expect([error.passing, error.retryAfterMs]).toEqual([passing, passing ? 7000 : undefined]);
});

describe("a connection that ended", () => {
  const ended = (code: unknown, inBody = false) =>
    connectionError(Object.assign(new Error("of the runtime"), { code }), inBody, fail);

  test("ORG-134: only before there was a connection there is a hint", () => {
    for (const code of ["ECONNREFUSED", "ETIMEDOUT", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH"]) {
      expect([ended(code).hint === undefined, ended(code, true).hint]).toEqual([false, undefined]);
    }
    expect(ended("ECONNRESET").hint).toBeUndefined();
  });

  test.each([
    ["ECONNREFUSED", "the connection was refused"],
    ["ECONNRESET", "the connection was closed before the end of the answer"],
    ["EPIPE", "the connection was closed before the end of the answer"],
    ["ETIMEDOUT", "the connection timed out"],
    ["ENOTFOUND", "the host's name was not found"],
    ["EAI_AGAIN", "the host's name could not be looked up"],
    ["EHOSTUNREACH", "the host is unreachable"],
    ["ENETUNREACH", "the network is unreachable"],
    ["ENOBUFS", "the connection failed (ENOBUFS)"],
    [undefined, "the connection failed (unknown error)"],
    [7, "the connection failed (unknown error)"],
    ["a word\u001b[31m", "the connection failed (unknown error)"],
    ["x".repeat(61), "the connection failed (unknown error)"],
  ])("ORG-50: %j can pass", (code, message) => {
    for (const inBody of [false, true]) {
      expect(ended(code, inBody)).toMatchObject({ message, passing: true });
    }
  });

  test.each([
    ["Malformed_HTTP_Response", "the answer is not HTTP, or has more than 256 header lines"],
    ["InvalidHTTPResponse", "the answer is not valid HTTP"],
    ["HPE_INVALID_CHUNK_SIZE", "the answer is not valid HTTP"],
    ["InvalidContentLength", "the answer has an invalid Content-Length"],
    ["ResponseHeadersTooLarge", "the headers of the answer are too large"],
    ["UnrequestedUpgrade", "the server answered with status 101"],
    ["EPROTO", "the TLS handshake failed"],
  ])("ORG-28: %s can pass only once the headers have arrived", (code, message) => {
    expect(ended(code)).toMatchObject({ message, passing: false });
    expect(ended(code, true)).toMatchObject({ message, passing: true });
  });

  test("ORG-28: an error that was given as the reason is told as it is, and what is no error is unknown", () => {
    const own = new OriginError("http://origin", "given up");
    expect(connectionError(own, false, fail)).toBe(own);
    expect(connectionError("text", false, fail).message).toBe(
      "the connection failed (unknown error)",
    );
  });

  test("ORG-39: the file that a body goes to is to blame for an error of a call of the system", () => {
    expect(isFileError(Object.assign(new Error(), { syscall: "write" }))).toBe(true);
    expect(isFileError(Object.assign(new Error(), { code: "ECONNRESET" }))).toBe(false);
    expect(isFileError(Object.assign(new Error(), { syscall: 1 }))).toBe(false);
    expect(isFileError({ syscall: "write" })).toBe(false);
  });
});
