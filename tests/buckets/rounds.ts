// One of several publishers at once: stores so many versions, one after the other. A program of its own, as each build job is.
//
//   bun tests/buckets/rounds.ts s3://BUCKET NAME ROUNDS

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { effectsOf } from "../../src/cli/effects.ts";
import { store } from "../../src/commands/store.ts";

const [directory = "", name = "", rounds = ""] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "tako-rounds-"));
const image = join(folder, "image");
const effects = effectsOf({ environment: process.env, stdin: -1 }, () => {});
try {
  for (let round = 1; round <= Number(rounds); round++) {
    writeFileSync(image, `${name} ${round}\n`);
    await store({ directory, image, version: `1.${name}.${round}` }, effects);
  }
} finally {
  rmSync(folder, { recursive: true });
}
