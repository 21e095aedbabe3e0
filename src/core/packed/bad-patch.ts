// What is wrong with a packed file that came from an origin. Whoever applied it takes the plain image instead, so
// this is said in a warning and ends nothing.

import { TakoError } from "../error.ts";

/** @param what a clause about "it", the patch */
export function badPatch(what: string, rule: string): TakoError {
  return new TakoError("origin", `the patch is damaged: ${what}`, { rule });
}
