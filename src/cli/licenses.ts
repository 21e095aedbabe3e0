// What `tako --licenses` prints (CLI-81): LICENSE and NOTICE, beside the sources or in the compiled binary.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export function licenses(): string {
  const isBinary = existsSync(join(import.meta.dir, "NOTICE"));
  const folder = isBinary ? import.meta.dir : join(import.meta.dir, "../..");
  const [license, notice] = ["LICENSE", "NOTICE"].map((name) =>
    readFileSync(join(folder, name), "utf8"),
  );
  return `${license}\n${notice}`;
}
