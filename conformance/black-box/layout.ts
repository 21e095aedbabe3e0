// Which names may be in a destination: those of fixtures/destination/layout.toml, and those that its rule lets an
// implementation add (DST-9). Nothing is compared here.

import { tomlFixture } from "../fixtures.ts";
import { flag, type Infer, list, or, table, text } from "./readers.ts";

/**
 * What a name in a destination is: one of the specification that a run may leave, one that is there during a
 * run only, one that an implementation may add, or none of these.
 */
export type Standing = "lasting" | "temporary" | "added" | "stray";

const reasons = { requirement: list(text), why: text };
const layout = table({
  name: list(table({ path: text, ...reasons, temporary: or(false, flag) })),
  addition: list(table({ path: text, ...reasons })),
});

/** Read once. */
let known: Infer<typeof layout> | undefined;

/** @param path relative to the destination */
export function standingOf(path: string): Standing {
  known ??= layout(tomlFixture("destination/layout.toml"), "destination/layout.toml");
  const name = known.name.find((each) => hasForm(path, each.path));
  if (name !== undefined) return name.temporary ? "temporary" : "lasting";
  return known.addition.some((each) => hasForm(path, each.path)) ? "added" : "stray";
}

function hasForm(path: string, form: string): boolean {
  const source = RegExp.escape(form)
    .replace(RegExp.escape("{digest}"), "[0-9a-f]{64}")
    .replace(RegExp.escape("{more}"), ".+");
  return new RegExp(`^${source}$`, "s").test(path);
}
