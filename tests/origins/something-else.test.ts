// What answers in the place of an origin is the origin's fault; what was cut is asked for again.

import { afterAll, beforeEach, expect, test } from "bun:test";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { digest, failureOf, files, image, imageBody, manifest, open } from "./asking.ts";

const server = await startHostileOrigin(files);
afterAll(() => server.stop());
beforeEach(() => {
  server.requests.length = 0;
});

type Scenario = Parameters<typeof server.origin>[0];

/** A server that has something else in the place of the manifest. */
async function askFor(content: Uint8Array | string, scenario: Scenario = "honest") {
  await using stack = new AsyncDisposableStack();
  const other = await startHostileOrigin({ manifest: Buffer.from(content) });
  stack.defer(other.stop);
  const { origin, slept } = open(other.origin(scenario));
  const error = await failureOf(origin.manifest());
  return { error, tries: slept.length + 1 };
}

test.each([
  ["nothing", ""],
  ["a login page", "<!doctype html><title>Welcome to Hotel Wi-Fi</title>"],
  ["a JSON error", '{"error":"not found"}'],
  ["a byte order mark before it", `\ufeff${manifest}`],
  ["a line before it", `\n${manifest}`],
  ["lower case", `${manifest}`.toLowerCase()],
  ["a page that quotes it", `<pre>${manifest}</pre>`],
  ["its first letters", "Tako Man"],
])(
  "ORG-31: %s in the place of a manifest is the origin's fault, and asked for once",
  async (_, content) => {
    const { error, tries } = await askFor(content);
    expect(error).toMatchObject({ kind: "origin", rule: "ORG-31", passing: false });
    expect(error.message).toBe("the answer is no manifest of Tako's");
    expect(tries).toBe(1);
  },
);

test.each([
  ["its last byte is missing", manifest.subarray(0, -1)],
  ["its signature is missing", manifest.subarray(0, 17)],
  ["half of it", manifest.subarray(0, manifest.length >> 1)],
  ["there is a line and a half", "Tako Manifest 1\n\n1.0.0 12 ef94"],
  ["the header is not whole", "Tako Manifest 1"],
])("ORG-33: a manifest of which %s is asked for again", async (_, content) => {
  const { error, tries } = await askFor(content);
  expect(error).toMatchObject({ kind: "origin", rule: "ORG-33", passing: true });
  expect(tries).toBe(4);
});

test.each([
  ["behind its end", `${manifest}-- \nsent from my proxy\n`],
  ["in another format", "Tako Manifest 2\nsigned elsewhere"],
  ["with other line ends", `${manifest}`.replaceAll("\n", "\r\n")],
])("ORG-33: a manifest with something %s was not cut, and is for its check", async (_, content) => {
  await using stack = new AsyncDisposableStack();
  const other = await startHostileOrigin({ manifest: Buffer.from(content) });
  stack.defer(other.stop);
  expect(await open(other.origin("honest")).origin.manifest()).toMatchObject({ kind: "manifest" });
});

test.each(["gzipped", "bomb=br"] as const)(
  "ORG-34: a manifest that comes as %s names the encoding",
  async (scenario) => {
    const error = await failureOf(open(server.origin(scenario)).origin.manifest());
    const name = scenario === "gzipped" ? "gzip" : "br";
    expect(error).toMatchObject({ kind: "origin", rule: "ORG-34", passing: false });
    expect(error.message).toBe(
      `the answer has "Content-Encoding: ${name}", which was not asked for`,
    );
  },
);

test("ORG-34, ORG-90: an encoding that is no known one is not shown: it could be anything", async () => {
  const headers = { "Content-Encoding": "of-sesame" };
  using other = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("\x00packed", { headers }),
  });
  const error = await failureOf(open(`http://127.0.0.1:${other.port}`).origin.manifest());
  expect(error.message).toBe('the answer has "Content-Encoding: ...", which was not asked for');
});

test.each([
  ["gzipped", "ORG-34"],
  ["bomb=gzip", "ORG-34"],
  ["announce=0", "ORG-32"],
  ["announce=99999", "ORG-32"],
  ["announce=100001", "ORG-32"],
] as const)("ORG-32, ORG-34: an image that comes as %s is not read", async (scenario, rule) => {
  const error = await failureOf(imageBody(server.origin(scenario)));
  expect(error).toMatchObject({ kind: "origin", rule, passing: false });
  await server.requests[0]!.closed;
  expect(server.requests).toHaveLength(1);
});

test("ORG-32: a page in the place of the rest of an image is not read either", async () => {
  const asked = imageBody(server.origin("page-for-ranges"), { offset: 60_000 });
  expect((await failureOf(asked)).message).toBe("the answer has 43 bytes, and the image 100000");
});

test("ORG-37: a 206 that ends early says where", async () => {
  const { origin } = open(server.origin("part-of-range=30000"));
  const answer = await origin.file(digest, image.length, 60_000);
  expect(answer).toMatchObject({ offset: 60_000, end: 90_000 });
});

test("ORG-38: a redirect that led to something else is named", async () => {
  const target = encodeURIComponent(`${server.url}/status=200/manifest`);
  const error = await failureOf(
    open(server.origin(`redirect-to=${target}` as Scenario)).origin.manifest(),
  );
  expect(error.message).toBe(
    `redirected to ${server.url}/status=200/manifest: the answer is no manifest of Tako's`,
  );
});
