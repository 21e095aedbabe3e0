// What a decoder is fuzzed with, and how one input is held to its laws. Which decoders there are is the business of
// decoders.ts and packed-decoders.ts.

import type fc from "fast-check";
import { law } from "./laws.ts";

export interface Decoder {
  readonly inputs: fc.Arbitrary<string>;
  /** @throws Error that names the law that the input breaks */
  readonly check: (input: string) => void | Promise<void>;
}

/** A check takes milliseconds, a second on a busy machine; one that takes this long is not linear. */
const TOO_LONG_MS = 20_000;

/** @throws Error when the input breaks a law of the decoder, or takes it too long */
export async function checkInput(decoder: Decoder, input: string): Promise<void> {
  const start = performance.now();
  await decoder.check(input);
  law(performance.now() - start < TOO_LONG_MS, "it takes too long");
}
