// `bun run house`: draws docs/house.svg, the floors of the sources and what imports what, from the sources themselves.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readCaptions } from "./house/captions.ts";
import { drawHouse } from "./house/draw.ts";
import { ANNEX, HOUSE, planHouse } from "./house/plan.ts";
import { readSources } from "./house/sources.ts";

export const PICTURE = "docs/house.svg";

/** The picture of the repository at `root`, as it has to be in {@link PICTURE}. */
export function pictureOf(root: string): string {
  const plan = planHouse(readSources(root, [HOUSE, ANNEX]));
  return drawHouse(plan, readCaptions(readFileSync(join(root, "CONTRIBUTING.md"), "utf8")));
}

if (import.meta.main) {
  const root = join(import.meta.dir, "..");
  await Bun.write(join(root, PICTURE), pictureOf(root));
  console.log(PICTURE);
}
