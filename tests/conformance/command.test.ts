// `tako conformance` as its users run it, from the sources and as the binary, which has no source tree
// to read fixtures from.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SPEC_VERSION } from "../../conformance/version.ts";
import { quoteWord, splitWords } from "../../conformance/words.ts";
import {
  environment,
  exitStatus,
  type Outcome,
  type Program,
  programs,
  sizeOf,
  sources,
  whileRunning,
} from "../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "tako-conformance-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A program in the folder, which the binary sees, too. @returns its command line */
function script(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return [process.execPath, path].map(quoteWord).join(" ");
}

/** An adapter with one operation, which says that every pattern matches everything. */
const liar = script(
  "liar.ts",
  `const values = { hello: { name: "liar\\x1b[31m", version: "1", protocol: 1 }, match: true };
   for await (const line of console) {
     const { id, op } = JSON.parse(line);
     const value = values[op];
     console.log(JSON.stringify(value === undefined ? { id, unsupported: true } : { id, value }));
   }`,
);

/** An adapter that never says more than hello. */
const sleeper = script(
  "sleeper.ts",
  `for await (const line of console) {
     const { id, op } = JSON.parse(line);
     const value = { name: "sleeper", version: String(process.pid), protocol: 1 };
     if (op === "hello") console.log(JSON.stringify({ id, value }));
     else {
       await Bun.write(${JSON.stringify(join(folder, "pid"))}, String(process.pid));
       await Bun.sleep(600_000);
     }
   }`,
);

/** Longer than {@link Program.run} waits: thousands of questions take their time on a busy machine. */
async function judge(program: Program, ...words: readonly string[]): Promise<Outcome> {
  const command = program.command(["conformance", ...words]);
  const child = Bun.spawn(command, { cwd: folder, env: environment(), stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { status: exitStatus(child), stdout, stderr };
}

/** The command line by which a program runs itself once more. */
function own(program: Program): string {
  // The binary is not where it was built: its tests hide the source tree.
  const words = program.command(["conformance", "--answer"]);
  return ["/proc/self/exe", ...words.slice(program.name === "binary" ? -2 : 1)]
    .map(quoteWord)
    .join(" ");
}

const lastLine = (text: string) => text.trimEnd().split("\n").at(-1);

test("CNF-30: the suite checks the version that the specification has", () => {
  const page = readFileSync(join(import.meta.dir, "../../spec/README.md"), "utf8");
  expect(page).toContain(`The version of the specification is ${SPEC_VERSION}.`);
});

for (const program of programs) {
  describe(program.name, () => {
    test("CNF-34, CNF-40: passes its own suite by its own adapter", async () => {
      const words = [`--adapter=${own(program)}`, "--timeout=300"];
      const { status, stdout, stderr } = await judge(program, ...words);
      expect(stderr).toBe("");
      expect(stdout).toStartWith("Tako specification 1\ntako 0.1.0 (--adapter /proc/self/exe ");
      expect(lastLine(stdout)).toMatch(/^\d{4} passed, 0 failed, 0 skipped$/);
      expect(status).toBe(0);
    });

    test("CNF-31: tells what failed and how to run it again", async () => {
      const words = [
        `--adapter=${liar}`,
        "--run=pattern-invalid-star-star,any,version-invalid-dot",
      ];
      const { status, stdout } = await judge(program, ...words);
      expect(status).toBe(1);
      const lines = stdout.split("\n");
      expect(lines.slice(0, -1)).toEqual([
        "Tako specification 1",
        `liar\\u{1b}[31m 1 (--adapter ${liar})`,
        "",
        "FAILED pattern-invalid-star-star (PAT-3, PAT-10)",
        "  two stars",
        '  match {"pattern":"**","version":"1"}',
        '  expected error "pattern"',
        "  got true",
        `  again: tako conformance --adapter ${quoteWord(liar)} --run pattern-invalid-star-star`,
        "",
        "skipped 1: compare, parse-version not offered",
        "",
        "PAT   1 of 3 requirements met; failed: PAT-3 PAT-10",
        "VER   0 of 1 requirements met; skipped: VER-5",
        "",
        "1 passed, 1 failed, 1 skipped",
      ]);
      const again = lines.find((line) => line.startsWith("  again: tako conformance "));
      const rerun = splitWords(again?.slice("  again: tako conformance ".length) ?? "") ?? [];
      expect(lastLine((await judge(program, ...rerun)).stdout)).toBe(
        "0 passed, 1 failed, 0 skipped",
      );
    });

    test("CNF-1: lists cases and runs nothing", async () => {
      const listed = await judge(program, "--list", "--run=MAN-6,fetch-*", "--skip=family-*");
      expect(listed).toMatchObject({ status: 0, stderr: "" });
      expect(listed.stdout).toContain("\nmanifest-size-leading-zero  formats  MAN-6  ");
      expect(listed.stdout).not.toContain("family-major");
      const all = (await judge(program, "--list")).stdout.trimEnd().split("\n");
      expect(all.length).toBeGreaterThan(1400);
      const ids = all.map((line) => line.split("  ")[0]);
      expect(new Set(ids).size).toBe(ids.length);
      const word =
        "[a-z0-9-]+  (formats|publish|fetch|extensions|activation|packed)  [A-Z]{3}-[0-9]+(,[A-Z]{3}-[0-9]+)*  .+";
      expect(all.filter((line) => !new RegExp(`^${word}$`).test(line))).toEqual([]);
    });

    test("ADP-9: the adapter ends with its input", async () => {
      const input = '{"id": 0, "op": "compare", "a": "1", "b": "2"}\n';
      expect(await program.run(["conformance", "--answer"], { input })).toEqual({
        status: 0,
        stdout: '{"id":0,"value":-1}\n',
        stderr: "",
      });
    });

    test("CNF-16: SIGINT ends the adapter, too", async () => {
      rmSync(join(folder, "pid"), { force: true });
      const words = ["conformance", `--adapter=${sleeper}`, "--run=any", "--timeout=600"];
      const child = Bun.spawn(program.command(words), { cwd: folder, env: environment() });
      await whileRunning(child, () => sizeOf(join(folder, "pid")) > 0);
      const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
      child.kill("SIGINT");
      await child.exited;
      expect(child.signalCode).toBe("SIGINT");
      while (
        existsSync(`/proc/${pid}/cmdline`) &&
        readFileSync(`/proc/${pid}/cmdline`).length > 0
      ) {
        await Bun.sleep(20);
      }
    });
  });
}

describe("the command", () => {
  const program = sources();

  test("CNF-7: has not passed where everything is skipped", async () => {
    const { status, stdout } = await judge(program, `--adapter=${liar}`, "--run=VER-5");
    expect(stdout).toMatch(/^0 passed, 0 failed, \d+ skipped\nnothing was judged, .*\n$/m);
    expect(status).toBe(1);
  });

  test("CNF-2, CNF-4: runs the cases that were named", async () => {
    const counts = async (...words: string[]) =>
      lastLine((await judge(program, `--adapter=${liar}`, ...words)).stdout);
    const [one, some, none] = await Promise.all([
      counts("--run=any"),
      counts("--run", "any,family-m?jor,family-minor", "--skip", "*minor"),
      judge(program, `--adapter=${liar}`, "--run=any", "--profile=fetch,publish"),
    ]);
    expect(one).toBe("1 passed, 0 failed, 0 skipped");
    expect(some).toBe("1 passed, 1 failed, 0 skipped");
    expect(none).toMatchObject({ status: 2, stdout: "" });
    expect(none.stderr).toContain("no case matches");
  });

  test("CNF-20, CNF-21: knows which failures are expected", async () => {
    const expected = join(folder, "expected");
    const run = (text: string) => {
      writeFileSync(expected, text);
      const words = ["--run=any,family-major", `--expected-failures=${expected}`];
      return judge(program, `--adapter=${liar}`, ...words);
    };
    const known = await run("# known\n\n  family-major # too lenient\n");
    expect(lastLine(known.stdout)).toBe("1 passed, 0 failed, 0 skipped, 1 expected to fail");
    expect(known.status).toBe(0);

    const outdated = await run("family-*\nany\r\n");
    expect(outdated.stdout).toContain("UNEXPECTED PASS any (PAT-1)");
    expect(outdated.status).toBe(1);

    const misspelt = await run("family-major\nfamly-minor\n");
    expect(misspelt.stderr).toContain(`${expected}:2: no case is named "famly-minor"`);
    expect(misspelt).toMatchObject({ status: 2, stdout: "" });
  });

  test("CNF-33: saves what went to and from failing cases", async () => {
    const directory = join(folder, `saved-${program.name}`);
    await judge(program, `--adapter=${liar}`, "--run=any,family-major", `--save=${directory}`);
    expect(readdirSync(directory)).toEqual(["family-major"]);
    const saved = (name: string) => readFileSync(join(directory, "family-major", name), "utf8");
    expect(saved("request")).toEndWith("}\n");
    const request = JSON.parse(saved("request"));
    expect(request).toMatchObject({ op: "match", pattern: "1.*" });
    expect(JSON.parse(saved("reply"))).toEqual({ id: request.id, value: true });
    expect(saved("reason")).toContain("expected false\ngot true\n");

    const place = script("a-file", "");
    const refused = await judge(
      program,
      `--adapter=${liar}`,
      "--run=family-major",
      `--save=${join(folder, "a-file")}`,
    );
    expect(place).not.toBeEmpty();
    expect(refused.status).toBe(74);
  });

  test("CNF-30: reports in every form", async () => {
    const beginnings = {
      people: "Tako specification 1\n",
      tap: "TAP version 13\n1..2\n",
      junit: '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ',
      json: '{\n  "spec": 1,\n',
      markdown: "Conformance with Tako specification 1: ",
    };
    await Promise.all(
      Object.entries(beginnings).map(async ([format, beginning]) => {
        const words = [`--adapter=${liar}`, "--run=any,family-major", `--format=${format}`];
        const { status, stdout } = await judge(program, ...words);
        expect(stdout).toStartWith(beginning);
        expect(stdout).toContain("family-major");
        expect(status).toBe(1);
      }),
    );
  });

  test.each([
    [[], "missing --adapter, --cli or --list"],
    [["--adapter="], "--adapter needs a value"],
    [["--adapter", "  "], "option --adapter takes a command line"],
    [["--cli", "a 'b"], "option --cli takes a command line whose quotes are closed"],
    [["--list", "--run=MAN-7", "--skip=MAN-*"], "no case matches"],
    [["--adapter=a", "--skip=VER-5,VR-*"], '--skip: no case matches "VR-*"'],
    [["--adapter=a", "--format=xml"], "option --format takes one of people, tap, junit"],
    [["--adapter=a", "--profile=format"], "option --profile takes one of formats, publish"],
    [["--adapter=a", "--timeout=0"], "option --timeout takes a number of seconds"],
    [["--adapter=a", "--timeout=1h"], "option --timeout takes a number of seconds"],
    [["a"], 'unexpected argument "a"'],
  ])("CLI-5: %j is a usage error", async (words, message) => {
    const { status, stdout, stderr } = await judge(program, ...words);
    expect(stderr).toContain(message);
    expect(stderr).toContain("tako conformance --help");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });

  test("CNF-16: SIGTERM leaves no folder of a case behind", async () => {
    const temporary = mkdtempSync(join(folder, "tmp-"));
    const started = join(folder, "started");
    const cli = `sh -c 'touch ${started}; sleep 600' sh`;
    const words = ["conformance", "--cli", cli, "--run=fetch-first-install", "--timeout=600"];
    const env = { ...environment(), TMPDIR: temporary };
    const child = Bun.spawn(program.command(words), { cwd: folder, env });
    await whileRunning(child, () => existsSync(started));
    expect(readdirSync(temporary)).toHaveLength(1);
    child.kill("SIGTERM");
    await child.exited;
    expect(child.signalCode).toBe("SIGTERM");
    expect(readdirSync(temporary)).toEqual([]);
  });

  test("ADP-3: sends the next request after the answer to the one before", async () => {
    const impatient = join(folder, "impatient.sh");
    writeFileSync(
      impatient,
      `read -r hello
       echo '{"id":0,"value":{"name":"impatient","version":"1","protocol":1}}'
       for ((id = 1; ; id++)); do
         read -r request || exit 0
         if read -r -t 0.02 early; then exit 3; fi
         echo '{"id":'$id',"unsupported":true}'
       done`,
    );
    const words = [`--adapter=bash ${quoteWord(impatient)}`, "--run=VER-5,VER-7"];
    const { stdout } = await judge(program, ...words);
    expect(stdout).toMatch(/^0 passed, 0 failed, \d+ skipped\nnothing was judged, .*\n$/m);
  });

  test("CNF-11: waits for an answer only as long as it was told", async () => {
    const words = [`--adapter=${sleeper}`, "--run=any", "--timeout=2"];
    const { status, stdout } = await judge(program, ...words);
    expect(stdout).toContain(
      '\n  match: no answer before the time-out\n  request: {"id":1,"op":"match",',
    );
    expect(stdout).toContain(" --run any --timeout 2\n");
    expect(status).toBe(1);
  });

  test("CNF-14: tells why an adapter does not start", async () => {
    const trace = '"no libtako\\x1b[2J\\n  at line 1\\n"';
    const failing = script("failing.ts", `process.stderr.write(${trace}); process.exit(1);`);
    const [ended, absent, noProgram] = await Promise.all([
      judge(program, `--adapter=${failing}`),
      judge(program, "--adapter=/nonexistent"),
      judge(program, "--cli=./nope"),
    ]);
    expect(ended.stderr).toContain(
      "the adapter does not start: hello: the adapter ended with status 1",
    );
    expect(ended.stderr).toEndWith(
      "\ntako: it said:\ntako:   no libtako\\u{1b}[2J\ntako:     at line 1\n",
    );
    expect(absent.stderr).toContain("cannot start /nonexistent");
    expect(noProgram.stderr).toContain("the command of --cli does not start: ./nope\n");
    for (const { status, stdout } of [ended, absent, noProgram]) {
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    }
  });

  test("CNF-5: judges an adapter and a command line in one run, and statuses with --strict", async () => {
    const words = [`--adapter=${liar}`, "--cli", "sh -c 'echo oh >&2; exit 7' sh", "--strict"];
    const chosen = "--run=any,fetch-first-install";
    const { status, stdout } = await judge(program, ...words, chosen);
    expect(status).toBe(1);
    expect(lastLine(stdout)).toBe("1 passed, 1 failed, 0 skipped");
    expect(stdout).toContain("--cli sh -c 'echo oh >&2; exit 7' sh\n");
    expect(stdout).toMatch(/\n {2}ran: fetch \/.*\.tako\n {2}standard error ended: oh\n/);
    expect(stdout).toContain("expected exit status 0, got 7");
    expect(stdout).toContain(
      "again: tako conformance --cli 'sh -c '\\''echo oh >&2; exit 7'\\'' sh' --run fetch-first-install --strict\n",
    );
  });
});
