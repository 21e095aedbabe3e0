// `bun run list-ids`: adds to fixtures/ids.txt what is new in spec/ and fixtures/. It can only add: what
// got lost stays in the list, and spec/coverage.spec.ts fails for it.

import { readFileSync, writeFileSync } from "node:fs";
import { linesOfTree, listPath, readList } from "../tests/support/ids.ts";

const { comments, lines, entries } = readList(readFileSync(listPath, "utf8"));
const known = new Set(entries.map(({ line }) => line));
const added = linesOfTree().filter((line) => !known.has(line));
const all = [...comments, "", ...[...lines, ...added].toSorted()];
writeFileSync(listPath, `${all.join("\n")}\n`);
for (const line of added) console.log(line);
console.log(`${added.length} added`);
