// A short run of the fuzzer: other inputs each time, and those of fast-check's report when one breaks
// a law. `bun run fuzz --seconds 600` is the long one.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../support/properties.ts";
import { checkInput } from "./decoder.ts";
import { decoders } from "./decoders.ts";

test("MAN-15, CFG-1, KEY-13, PCK-13, PCK-26: there are as many decoders as there were", () => {
  expect(Object.keys(decoders)).toHaveLength(30);
});

for (const [name, decoder] of Object.entries(decoders)) {
  test(`${name}: whatever the input, the laws of its decoder hold`, async () => {
    await fc.assert(
      fc.asyncProperty(decoder.inputs, (input) => checkInput(decoder, input)),
      { numRuns: Math.ceil(runs.numRuns / 5) },
    );
  });
}
