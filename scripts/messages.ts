// `bun run messages`: writes docs/messages.md, every message of the program with an example from a real run: those of the
// conformance suite, and of the tests of its commands. That takes minutes; what it says then is for review. With `--keep`, the
// examples are those that the page has already; with words such as `buckets`, these and what the tests of these folders say. A test
// (tests/messages.test.ts) holds the list itself current.

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BLANK, patternOf, templates } from "./messages/templates.ts";

const repository = join(import.meta.dir, "..");
export const PAGE = join(repository, "docs/messages.md");
const binary = join(repository, "dist/tako");

const TESTS = [
  "buckets",
  "check",
  "cli",
  "fetch",
  "origins",
  "pack",
  "packed",
  "prune",
  "publish",
  "serve",
  "status",
  "verify",
];

const HEAD = `# Messages

<!-- Made by bun run messages. -->

What the program says, by the file that says it, for review in one voice. Each text is as the sources have it, with
\`${BLANK}\` for what is filled in, and below it what a real run said, with its hint. Some need a machine in trouble, which
these runs did not have.
`;

/** A line, and the lines below it that say what to do. */
type Said = readonly string[];

if (import.meta.main) {
  const words = process.argv.slice(2);
  const kept = words.length === 0 ? [] : shownNow();
  const heard = words.includes("--keep") ? [] : await listen(words);
  const said = byLength([...kept, ...heard]);
  const pages = [...(await templates())].map(([file, texts]) => {
    const entries = texts.map((text) => entryOf(text, said));
    return `\n## ${file}\n\n${entries.join("")}`;
  });
  writeFileSync(PAGE, HEAD + pages.join(""));
}

/** How the page has a template, with an example if there is one. */
function entryOf(template: string, said: readonly Said[]): string {
  const pattern = patternOf(template);
  // What is almost all filled in would match anything.
  const isTelling = template.replaceAll(BLANK, "").trim().length >= 8;
  const example = isTelling ? said.find((lines) => lines.some((line) => pattern.test(line))) : [];
  const shown = (example ?? []).map((line) => `      ${line}\n`).join("");
  return `* \`${template.trim()}\`\n${shown === "" ? "" : `\n${shown}\n`}`;
}

/** The shortest first: it says least that is beside the point. */
function byLength(said: readonly Said[]): readonly Said[] {
  const text = (lines: Said) => lines.join("\n");
  const once = new Map(said.map((lines) => [text(lines), lines]));
  return [...once.values()].sort(
    (a, b) => text(a).length - text(b).length || (text(a) < text(b) ? -1 : 1),
  );
}

/** The examples of the page as it is. */
function shownNow(): readonly Said[] {
  const indented = readFileSync(PAGE, "utf8").match(/^ {6}.*$/gm) ?? [];
  return blocksOf(indented.map((line) => line.slice(6)).join("\n"));
}

/** What real runs say, or those of some tests. */
async function listen(tests: readonly string[]): Promise<readonly Said[]> {
  const folder = mkdtempSync(join(tmpdir(), "tako-messages-"));
  try {
    const ear = join(folder, "tako");
    writeFileSync(
      ear,
      `#!/bin/sh\nout=$(mktemp -p ${folder} XXXXXX.said)\n${binary} "$@" 2> $out.err\nstatus=$?\ncat $out.err >> $out\ncat $out.err >&2\nexit $status\n`,
    );
    chmodSync(ear, 0o755);
    if (tests.length === 0) await run([binary, "conformance", "--cli", ear]);
    const words = [
      process.execPath,
      "test",
      "--parallel",
      ...(tests.length === 0 ? TESTS : tests).map((name) => `./tests/${name}/`),
    ];
    await run(words, { TAKO_TEST_SAID: folder });
    const files = readdirSync(folder).filter((name) => name.endsWith(".said"));
    return files.flatMap((name) => blocksOf(readFileSync(join(folder, name), "utf8")));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function run(command: readonly string[], env: Record<string, string> = {}): Promise<void> {
  const stdio = ["ignore", "inherit", "inherit"] as const;
  const child = Bun.spawn([...command], {
    cwd: repository,
    env: { ...process.env, ...env },
    stdio: [...stdio],
  });
  // What fails was said all the same.
  await child.exited;
}

function blocksOf(text: string): readonly Said[] {
  const blocks: string[][] = [];
  for (const line of text.split("\n").map(neutral)) {
    // What is further in is a stack trace.
    if (/^ {2}\S/.test(line)) blocks.at(-1)?.push(line);
    else if (/^[^ {]/.test(line)) blocks.push([line]);
  }
  return blocks;
}

/** Without what is another one each time. */
function neutral(line: string): string {
  return line
    .replaceAll(/\/tmp\/tako-[\w-]+(\/tmp\/tako-[\w-]+)?/g, "/srv")
    .replaceAll(/\/proc\/\d+\/root(?=\/)/g, "")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:8080")
    .replaceAll(/\b[0-9a-f]{64}\b/g, (digest) => `${digest.slice(0, 12)}...`)
    .replaceAll(/[A-Za-z0-9+/]{43}=/g, "PUBLIC+KEY=");
}
