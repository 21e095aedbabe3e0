// `tako conformance` in this very process, with adapters of a few lines: what its options change, and what it says of
// programs that do not start. The same by the program is in tests/conformance.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/cli/program.ts";
import { write } from "../support/publishing.ts";
import { io } from "./memory.ts";

const folder = mkdtempSync(join(tmpdir(), "tako-judge-"));
afterAll(() => rmSync(folder, { recursive: true }));

function script(name: string, text: string): string {
  write(join(folder, name), text);
  return `bash ${join(folder, name)}`;
}

/** An adapter that says that every pattern matches every version, and knows nothing else. */
const liar = script(
  "liar.sh",
  `for ((id = 0; ; id++)); do
     read -r request || exit 0
     case $request in
       *'"op":"hello"'*) answer='"value":{"name":"liar","version":"1","protocol":1}';;
       *'"op":"match"'*) answer='"value":true';;
       *) answer='"unsupported":true';;
     esac
     echo "{\\"id\\":$id,$answer}"
   done`,
);

async function judged(words: readonly string[], terminal = false) {
  const each = io({ terminal, environment: process.env as Record<string, string> });
  const status = await run(["conformance", ...words], each);
  return { status, stdout: each.stdout.text, stderr: each.stderr.text };
}

const lastLine = ({ stdout }: { readonly stdout: string }) => stdout.trimEnd().split("\n").at(-1);
const adapter = ["--adapter", liar];

test("CNF-4, CNF-31: which cases are run, and whether all passed", async () => {
  const right = await judged([...adapter, "--run=any"]);
  expect(right).toMatchObject({ status: 0, stderr: "" });
  expect(right.stdout).toStartWith(`Tako specification 1\nliar 1 (${adapter.join(" ")})\n`);
  expect(lastLine(right)).toBe("1 passed, 0 failed, 0 skipped");
  const wrong = await judged([
    ...adapter,
    "--run=any, family-m?jor,family-minor",
    "--skip",
    "*minor",
  ]);
  expect([wrong.status, wrong.stderr]).toEqual([1, ""]);
  expect(lastLine(wrong)).toBe("1 passed, 1 failed, 0 skipped");
  expect(wrong.stdout).toEndWith(`${lastLine(wrong)}\n`);
  const again = wrong.stdout.split("\n").find((line) => line.startsWith("  again: "));
  expect(again).toEndWith(" --run family-major");
  const patient = await judged([...adapter, "--run=family-major", "--timeout=2.5"]);
  expect(patient.stdout).toContain(" --run family-major --timeout 2.5\n");
  const twoProfiles = await judged([...adapter, "--run=any", "--profile=fetch, formats"]);
  expect(lastLine(twoProfiles)).toBe("1 passed, 0 failed, 0 skipped");
  const other = await judged([...adapter, "--run=any", "--profile=fetch,publish"]);
  expect([other.status, other.stdout]).toEqual([2, ""]);
});

test("on a terminal it says how many cases are done, and takes that back", async () => {
  const { stderr } = await judged([...adapter, "--run=any,family-major"], true);
  const away = `\r${" ".repeat(24)}\r`;
  expect(stderr).toBe(`\r1 of 2 cases\r2 of 2 cases${away}`);
  const one = await judged([...adapter, "--run=any"], true);
  expect(one.stderr).toBe(`\r1 of 1 cases${away}`);
});

test("CNF-20, CNF-30, CNF-33: failures that are expected, what is saved, and the forms of the report", async () => {
  const expected = join(folder, "expected");
  write(expected, "family-major\n");
  const both = [...adapter, "--run=any,family-major"];
  const known = await judged([...both, "--expected-failures", expected]);
  expect([known.status, lastLine(known)]).toEqual([
    ...[0, "1 passed, 0 failed, 0 skipped, 1 expected to fail"],
  ]);
  write(expected, "family-major\nfamly-minor\n");
  const misspelt = await judged([...both, "--expected-failures", expected]);
  expect([misspelt.status, misspelt.stdout]).toEqual([2, ""]);
  expect(misspelt.stderr).toStartWith(`tako: ${expected}:2: no case is named "famly-minor"\n`);
  const missing = await judged([...both, "--expected-failures", join(folder, "none")]);
  expect(missing.status).toBe(74);
  expect(missing.stderr).toContain(join(folder, "none"));

  const saved = join(folder, "saved");
  await judged([...both, "--save", saved]);
  expect(readdirSync(saved)).toEqual(["family-major"]);
  expect((await judged([...both, "--save", expected])).status).toBe(74);

  const beginnings = {
    people: "Tako specification 1\n",
    tap: "TAP version 13\n1..2\n",
    junit: '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ',
    json: '{\n  "spec": 1,\n',
    markdown: "Conformance with Tako specification 1: ",
  };
  for (const [format, beginning] of Object.entries(beginnings)) {
    const { status, stdout } = await judged([...both, "--format", format]);
    expect([status, stdout.slice(0, beginning.length)]).toEqual([1, beginning]);
  }
});

test("CNF-1: --list shows id, profile, requirements and reason, and runs nothing", async () => {
  const trace = join(folder, "ran");
  const words = ["--list", "--run=MAN-6,family-*", "--skip=family-*", `--cli=touch ${trace}`];
  const { status, stdout, stderr } = await judged(words);
  expect([status, stderr, existsSync(trace)]).toEqual([0, "", false]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toContainEqual(
    expect.stringMatching(/^manifest-size-leading-zero {2}formats {2}MAN-6 {2}\S/),
  );
  expect(
    lines.filter(
      (line) => !/^[a-z0-9-]+ {2}[a-z]+ {2}[A-Z]{3}-\d+(,[A-Z]{3}-\d+)* {2}\S/.test(line),
    ),
  ).toEqual([]);
  const profile = await judged(["--list", "--profile=publish"]);
  const profiles = profile.stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split("  ")[1]);
  expect(new Set(profiles)).toEqual(new Set(["publish"]));
});

describe("programs", () => {
  test("CNF-5: --cli is judged by runs, by exact statuses with --strict", async () => {
    const cli = script("seven.sh", "echo oh >&2; exit 7");
    const words = [`--cli=${cli}`, "--run=fetch-first-install"];
    const strict = await judged([...words, "--strict"]);
    expect([strict.status, lastLine(strict)]).toEqual([1, "0 passed, 1 failed, 0 skipped"]);
    expect(strict.stdout).toContain("expected exit status 0, got 7");
    expect(strict.stdout).toContain(" --run fetch-first-install --strict\n");
    expect((await judged(words)).stdout).not.toContain("--strict");
  });

  test("CNF-14: of what does not start it is told why, and what it said", async () => {
    const failing = script("failing.sh", "printf 'no lib\\n  at 1\\n' >&2; exit 1");
    const ended = await judged(["--adapter", failing]);
    expect([ended.status, ended.stdout]).toEqual([1, ""]);
    expect(ended.stderr.split("\n").slice(0, 4)).toEqual([
      expect.stringMatching(/^tako: the adapter does not start: .*ended with status 1/),
      ...["tako: it said:", "tako:   no lib", "tako:     at 1"],
    ]);
    const silent = await judged(["--adapter", script("silent.sh", "exit 1")]);
    expect(silent.status).toBe(1);
    expect(silent.stderr).toStartWith("tako: the adapter does not start: ");
    expect(silent.stderr).not.toContain("it said");
    const none = await judged(["--cli=./nope"]);
    expect([none.status, none.stdout]).toEqual([1, ""]);
    expect(none.stderr).toBe(
      "tako: the command of --cli does not start: ./nope\n  There is no such file, or it is not executable.\n",
    );
  });
});

test.each([
  [[], "missing --adapter, --cli or --list"],
  [["--adapter", "  "], "option --adapter takes a command line whose quotes are closed"],
  [["--cli", "a 'b"], "option --cli takes a command line whose quotes are closed"],
  [["--cli", "''"], "option --cli takes a command line whose quotes are closed"],
  [["--list", "--run=MAN-7", "--skip=MAN-*"], "no case matches"],
  [["--adapter=a", "--skip=VER-5,VR-*"], '--skip: no case matches "VR-*"'],
  [
    ["--adapter=a", "--format=xml"],
    "option --format takes one of people, tap, junit, json, markdown\n",
  ],
  [["--adapter=a", "--profile=formats,format"], "option --profile takes one of formats, publish"],
  ...["0", "0.0", "1h", "-1", "12345", "1.2345", ".5", "1."].map(
    (seconds) =>
      [
        [`--timeout=${seconds}`, "--adapter=a"],
        "option --timeout takes a number of seconds",
      ] as const,
  ),
] as const)("CLI-5: %j is a usage error", async (words, message) => {
  const { status, stdout, stderr } = await judged(words);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toStartWith(`tako: ${message}`);
  expect(stderr).toEndWith("\n  tako conformance --help shows what is possible.\n");
});
