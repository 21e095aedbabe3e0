// Every bad list, frame and patch of fixtures/packed, one after the other in one program: a clear error each time, and memory
// that stays flat, whatever they say.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { bunFlags } from "../support/bun-flags.ts";
import { casesOf } from "../support/fixtures.ts";

const TABLES = ["packed/lists.toml", "packed/frames.toml", "packed/patches.toml"];
/** The most that the program may grow by: a window, two segments and their parts, and what Bun keeps (PCK-33). */
const MOST_MIB = 48;

/** Tells the errors, and by how many MiB the program grew at most while it asked. */
const source = `
  import { readFileSync } from "node:fs";
  import { adapterCases } from ${JSON.stringify(join(import.meta.dir, "../../conformance/adapter/cases.ts"))};
  import { answer, operations } from ${JSON.stringify(join(import.meta.dir, "../../src/adapter.ts"))};
  const peak = () => Number(/VmHWM:\\s+(\\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
  const asked = [];
  const keep = (op, args) => {
    asked.push({ op, ...args });
    return Promise.resolve({ answer: { unsupported: true } });
  };
  for (const each of adapterCases(keep).filter(({ profile }) => profile === "packed"))
    await each.run(new AbortController().signal).catch(() => {});
  Bun.gc(true);
  const before = peak();
  const messages = [];
  for (const request of asked) {
    const { error, message } = await answer(operations, { id: 0, ...request });
    if (error !== undefined) messages.push(error + ": " + message);
  }
  console.log(JSON.stringify({ messages, grown: peak() - before }));`;

test("PCK-2, PCK-11, PCK-33: bombs, lies and windows of gigabytes end with an error, and take no memory", async () => {
  const child = Bun.spawn([process.execPath, ...bunFlags, "--smol", "-e", source], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const { messages, grown } = JSON.parse(await new Response(child.stdout).text());
  const bad = TABLES.flatMap((path) => casesOf<never>(path)).filter(
    ({ refused, image }: { refused?: true; image?: string }) => refused && image === undefined,
  );
  expect(bad.length).toBeGreaterThan(140);
  expect(messages.length).toBeGreaterThanOrEqual(bad.length);
  for (const message of messages) expect(message).toMatch(/^origin: [ -~]+$/);
  expect(grown).toBeLessThan(MOST_MIB);
});
