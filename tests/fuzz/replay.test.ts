// What fuzzing once found stays found out: each input of fixtures/fuzz/ keeps the laws of its decoder.

import { expect, test } from "bun:test";
import { readCorpus } from "./corpus.ts";
import { checkInput } from "./decoder.ts";
import { decoders } from "./decoders.ts";

const corpus = readCorpus();

test("MAN-15, CFG-1: every finding names a decoder that is there", () => {
  for (const { decoder } of corpus) expect(Object.keys(decoders)).toContain(decoder);
});

for (const { name, decoder, why, input } of corpus) {
  test(`${name}: ${why}`, async () => {
    const known = decoders[decoder];
    if (known === undefined) throw new Error(`no decoder ${decoder}`);
    await checkInput(known, input);
  });
}
