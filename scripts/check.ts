// `bun run check`: types, lint, format and import directions (biome.json), no exceptions to them, and a lock file that works
// through any registry. One line each; what is wrong above it.

import { join } from "node:path";
import { Glob } from "bun";

const repository = join(import.meta.dir, "..");

const colors = process.stdout.isTTY ? "force" : "off";

/** What is wrong, in words; "" when nothing is. */
type Check = () => Promise<string>;

const checks: Readonly<Record<string, Check>> = {
  types: () =>
    tool("typescript/bin/tsc", "--noEmit", "--pretty", String(process.stdout.isTTY === true)),
  "lint, format, imports": () =>
    tool("@biomejs/biome/bin/biome", "ci", "--error-on-warnings", `--colors=${colors}`),
  "no exceptions": exceptions,
  "bun.lock": lockFile,
};

const verdicts = await Promise.all(
  Object.entries(checks).map(async ([name, check]) => ({ name, problem: await check() })),
);
for (const { name, problem } of verdicts) {
  if (problem !== "") console.log(problem);
  console.log(`${problem === "" ? "ok" : "FAILED"}  ${name}`);
}
process.exitCode = verdicts.every(({ problem }) => problem === "") ? 0 : 1;

async function tool(script: string, ...options: string[]): Promise<string> {
  const child = Bun.spawn(
    [process.execPath, join(repository, "node_modules", script), ...options],
    {
      cwd: repository,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return status === 0 ? "" : `${stdout}${stderr}`.trimEnd() || `${script}: status ${status}`;
}

/** A rule that does not fit is changed for all, in biome.json or tsconfig.json, with its reason in the commit. */
async function exceptions(): Promise<string> {
  const marks = [
    "biome-ignore",
    "@ts-ignore",
    "@ts-expect-error",
    "@ts-nocheck",
    "istanbul ignore",
  ];
  const found: string[] = [];
  for await (const path of new Glob("{src,conformance,spec,tests,bench,scripts}/**/*.ts").scan(
    repository,
  )) {
    if (path === "scripts/check.ts") continue;
    const lines = (await Bun.file(join(repository, path)).text()).split("\n");
    for (const [index, line] of lines.entries()) {
      const mark = marks.find((candidate) => line.includes(candidate));
      if (mark !== undefined)
        found.push(`${path}:${index + 1}: ${mark}: solve it, or change the rule for all`);
    }
  }
  return found.join("\n");
}

/** `bun install` writes a registry's address into every line when another than the default one is configured. */
async function lockFile(): Promise<string> {
  const text = await Bun.file(join(repository, "bun.lock")).text();
  if (!text.includes("://")) return "";
  return `bun.lock names a registry. Repair: sed -i 's#"[a-z]*://[^"]*"#""#' bun.lock`;
}
