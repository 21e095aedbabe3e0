// `bun run docs`: writes the tables of the documentation that follow from the sources, the manual pages, and NOTICE. The
// tables stand between two comments; tests hold all of them current (tests/docs.test.ts, tests/man.test.ts,
// tests/build/licenses.test.ts).

import { join } from "node:path";
import { CONFIG_KEYS, type ConfigKey } from "../src/core/config-keys.ts";
import { manuals } from "./man/pages.ts";
import { noticeText } from "./notice.ts";

const repository = join(import.meta.dir, "..");
const keys: readonly ConfigKey[] = Object.values(CONFIG_KEYS);

/** The table of each page that has one. */
export const TABLES: Readonly<Record<string, string>> = {
  "spec/config.md": table(
    ["Key", "How often", "Value"],
    keys.map(({ name, times, meaning }) => [`\`${name}\``, times, meaning]),
  ),
  "docs/reference/config.md": table(
    ["Key", "How often", "Default", "Meaning"],
    keys.map((key) => [`\`${key.name}=\``, key.times, defaultOf(key), key.meaning]),
  ),
};

const PLACE = /(?<=^<!-- Made by bun run docs: -->\n\n).*?(?=\n<!-- To here. -->$)/ms;

/** A page with its table written anew. */
export function withTable(page: string, text: string): string {
  if (!PLACE.test(text)) throw new Error(`${page} has no place for its table`);
  return text.replace(PLACE, () => TABLES[page] ?? "");
}

function defaultOf(key: ConfigKey): string {
  if (key.times === "any number") return key.fallback;
  if (key.times !== "at most once") return "none, required";
  return key.fallback === undefined ? "none" : `\`${key.fallback}\``;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

if (import.meta.main) {
  for (const page of Object.keys(TABLES)) {
    const file = Bun.file(join(repository, page));
    await file.write(withTable(page, await file.text()));
  }
  // After the tables, which are in them.
  for (const [name, text] of Object.entries(manuals())) {
    await Bun.write(join(repository, "docs/man", name), text);
  }
  await Bun.write(join(repository, "NOTICE"), noticeText());
}
