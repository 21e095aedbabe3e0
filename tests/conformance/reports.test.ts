// How results are selected, counted, saved and reported. Outside tools read what is meant for them:
// prove the TAP, xmllint the JUnit.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Case,
  Failure,
  NotRun,
  PROFILES,
  type Profile,
  Skip,
} from "../../conformance/case.ts";
import { reports } from "../../conformance/reports/index.ts";
import type { Report } from "../../conformance/reports/report.ts";
import {
  byRequirement,
  count,
  isSuccess,
  type Result,
  saveEvidence,
} from "../../conformance/results.ts";
import { runCases } from "../../conformance/run-cases.ts";
import { selectCases } from "../../conformance/selection.ts";
import { quoteWord, splitWords } from "../../conformance/words.ts";
import { needs } from "../support/needs.ts";

const folder = mkdtempSync(join(tmpdir(), "tako-reports-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Text that would do harm in a terminal, in XML, in TAP or in a table. */
const HOSTILE = 'got \x1b[2J </failure> ]]> & "x" # TODO | \\ \u202e\u0000\nnot ok 1\nok 2';

const ends: Readonly<Record<string, () => Promise<void>>> = {
  passes: () => Promise.resolve(),
  fails: () =>
    Promise.reject(new Failure(HOSTILE, { request: "a\n", reply: Uint8Array.of(0, 255) })),
  skips: () => Promise.reject(new Skip("encode not offered")),
  "cannot-run": () => Promise.reject(new NotRun("it gave up")),
  throws: () => Promise.reject(new TypeError("x is not a function")),
};

function madeCase(
  id: string,
  end = id,
  profile: Profile = "formats",
  requirements = ["MAN-6"],
): Case {
  const run = ends[end] ?? (() => Promise.resolve());
  return { id, requirements, profile, why: `why # ${id} <exists>`, run };
}

const cases: readonly Case[] = [
  madeCase("passes", "passes", "formats", ["MAN-6", "MAN-12"]),
  madeCase("fails", "fails", "formats", ["MAN-6", "PAT-3"]),
  madeCase("skips", "skips", "publish", ["PUB-1"]),
  madeCase("cannot-run", "cannot-run", "fetch", ["FET-1"]),
  madeCase("known-failure", "fails", "extensions", ["ORG-2"]),
  madeCase("known-but-passes", "passes", "extensions", ["ORG-10"]),
];

function run(which: readonly Case[], mayFail: readonly string[] = ["known-*"]) {
  return runCases([{ cases: which, jobs: 2, timeoutMs: 60_000 }], mayFail);
}

function reportOf(results: readonly Result[]): Report {
  return {
    spec: 1,
    judged: [{ by: "adapter", command: "./adapter '\x1b[0m'", name: "<name>", version: "1\n2" }],
    results,
    rerun: ({ id }) => `tako conformance --adapter ./adapter --run ${id}`,
  };
}

const results = await run(cases);
const report = reportOf(results);

describe("the run of cases", () => {
  test("CNF-34: results come in the order of the cases, each with its end", () => {
    expect(results.map(({ case: { id }, outcome, mayFail }) => [id, outcome, mayFail])).toEqual([
      ["passes", "passed", false],
      ["fails", "failed", false],
      ["skips", "skipped", false],
      ["cannot-run", "not-run", false],
      ["known-failure", "failed", true],
      ["known-but-passes", "passed", true],
    ]);
    expect(count(results)).toEqual({
      passed: 1,
      failed: 1,
      skipped: 1,
      notRun: 1,
      expectedFailures: 1,
      unexpectedPasses: 1,
    });
  });

  test("CNF-10: an error of the suite itself fails its case only", async () => {
    const [broken, fine] = await run([madeCase("throws"), madeCase("passes")]);
    expect(broken?.outcome).toBe("failed");
    expect(broken?.reason).toBe("the suite itself failed: TypeError: x is not a function");
    expect(fine?.outcome).toBe("passed");
  });

  test("CNF-11: a case is told when its time is over", async () => {
    const waits: Case = {
      ...madeCase("waits"),
      run: (signal) =>
        new Promise((_, reject) => {
          signal.onabort = () => reject(new Failure("too late"));
        }),
    };
    const [late] = await runCases([{ cases: [waits], jobs: 1, timeoutMs: 20 }], []);
    expect(late?.reason).toBe("too late");
  });

  test.each([
    ["passes", [], true],
    ["fails", [], false],
    ["fails", ["fails"], true],
    ["fails", ["f?ils"], true],
    ["fails", ["f*"], true],
    ["fails", ["fail"], false],
    ["passes", ["passes"], false],
    ["cannot-run", [], false],
    ["cannot-run", ["cannot-run"], false],
    ["throws", [], false],
  ] as const)(
    "CNF-20, CNF-34: %s with %p expected to fail: success is %p",
    async (end, known, ok) => {
      expect(isSuccess(await run([madeCase(end), madeCase("passes-too", "passes")], known))).toBe(
        ok,
      );
    },
  );

  test("CNF-7: where everything is skipped, nothing has passed", async () => {
    expect(isSuccess(await run([madeCase("skips")]))).toBe(false);
    expect(isSuccess(await run([madeCase("skips"), madeCase("passes")]))).toBe(true);
  });

  test("CNF-2, CNF-4: cases are selected by profile, id and requirement", () => {
    const selected = (selection: {
      profiles?: readonly Profile[];
      run?: string[];
      skip?: string[];
    }) =>
      selectCases(cases, { profiles: PROFILES, run: [], skip: [], ...selection }).map(
        ({ id }) => id,
      );
    expect(selected({})).toHaveLength(6);
    expect(selected({ profiles: ["publish", "fetch"] })).toEqual(["skips", "cannot-run"]);
    expect(selected({ run: ["MAN-*"] })).toEqual(["passes", "fails"]);
    expect(selected({ run: ["PAT-3", "skips"] })).toEqual(["fails", "skips"]);
    expect(selected({ run: ["ORG-?"] })).toEqual(["known-failure"]);
    expect(selected({ run: ["MAN-*"], skip: ["MAN-12"] })).toEqual(["fails"]);
    expect(selected({ run: ["MAN-."] })).toEqual([]);
    expect(selected({ run: ["PAT-[0-3]"] })).toEqual(["fails"]);
    expect(selected({ run: ["PAT-[!0-3]"] })).toEqual([]);
    expect(selected({ run: ["pass"] })).toEqual([]);
    expect(selected({ skip: ["*s"] })).toEqual(["cannot-run", "known-failure"]);
  });

  test("CNF-31: requirements are in the order of their numbers", () => {
    expect(byRequirement(results).map(([id]) => id)).toEqual([
      "FET-1",
      "MAN-6",
      "MAN-12",
      "ORG-2",
      "ORG-10",
      "PAT-3",
      "PUB-1",
    ]);
  });

  test("CNF-33: what went to and from each failing case is saved, byte for byte", async () => {
    const directory = join(folder, "saved/deeply");
    await saveEvidence(results, directory);
    expect(readdirSync(directory).sort()).toEqual(["fails", "known-failure"]);
    expect(readdirSync(join(directory, "fails")).sort()).toEqual(["reason", "reply", "request"]);
    expect([...readFileSync(join(directory, "fails/reply"))]).toEqual([0, 255]);
    expect(readFileSync(join(directory, "fails/reason"), "utf8")).toBe(`${HOSTILE}\n`);
  });
});

describe("reports", () => {
  test.each(Object.entries(reports))("CNF-32: %s holds no control characters", (_, make) => {
    expect(make(report)).toMatch(/^[\x20-\x7e\n]*$/);
    expect(make(report)).toContain("\\u{1b}".slice(make === reports.json ? 5 : 0));
  });

  test.each(Object.entries(reports))("CNF-30: %s names specification and program", (_, make) => {
    expect(make(report)).toMatch(/[Ss]pec(ification|"?:) 1/);
    expect(make(report)).toContain("./adapter");
  });

  test("CNF-31: people read what failed, why, and how to run it again; then how it stands", () => {
    const text = reports.people({ ...report, judged: [] });
    expect(text.split("\n")).toEqual([
      "Tako specification 1",
      "",
      "FAILED fails (MAN-6, PAT-3)",
      "  why # fails <exists>",
      '  got \\u{1b}[2J </failure> ]]> & "x" # TODO | \\ \\u{202e}\\u{0}',
      "  not ok 1",
      "  ok 2",
      "  again: tako conformance --adapter ./adapter --run fails",
      "",
      "UNEXPECTED PASS known-but-passes (ORG-10)",
      "  why # known-but-passes <exists>",
      "  again: tako conformance --adapter ./adapter --run known-but-passes",
      "",
      "skipped 1: encode not offered",
      "NOT RUN 1: it gave up",
      "",
      "FET   0 of 1 requirements met; failed: FET-1",
      "MAN   1 of 2 requirements met; failed: MAN-6",
      "ORG   0 of 2 requirements met; expected to fail: ORG-2; unexpected: ORG-10",
      "PAT   0 of 1 requirements met; failed: PAT-3",
      "PUB   0 of 1 requirements met; skipped: PUB-1",
      "",
      "1 passed, 1 failed, 1 skipped, 1 not run, 1 expected to fail, 1 unexpected",
      "",
    ]);
  });

  test("CNF-31: and of a program that passed only that", async () => {
    const text = reports.people({ ...reportOf(await run([madeCase("passes")])), judged: [] });
    expect(text).toBe(
      "Tako specification 1\n\nMAN   1 of 1 requirements met\n\n1 passed, 0 failed, 0 skipped\n",
    );
  });

  test("CNF-7, CNF-31: nor is it a pass where everything is skipped", async () => {
    const text = reports.people({ ...reportOf(await run([madeCase("skips")])), judged: [] });
    expect(text).toEndWith(
      "\n0 passed, 0 failed, 1 skipped\nnothing was judged, so this is no pass\n",
    );
  });

  const prove = needs("prove");
  test.skipIf(prove.missing)("CNF-30: prove reads the TAP, and counts alike", async () => {
    const all = proved("all.tap", reports.tap(report));
    expect(all.status).toBe(1);
    expect(all.stdout).toContain("Failed tests:  2, 4, 6");
    expect(all.stdout).toContain("Tests: 6 Failed: 3");
    expect(all.stdout).not.toContain("Parse errors");

    const good = await run([madeCase("passes"), madeCase("skips"), madeCase("known-1", "fails")]);
    const passed = proved("good.tap", reports.tap(reportOf(good)));
    expect(passed.stdout).toContain("All tests successful.");
    expect(passed.stdout).toContain("Tests=3");
    expect(passed.status).toBe(0);
  });

  function proved(name: string, tap: string): { status: number; stdout: string } {
    const file = join(folder, name);
    writeFileSync(file, tap);
    const { exitCode, stdout, stderr } = Bun.spawnSync(["prove", file]);
    return { status: exitCode, stdout: `${stdout}${stderr}` };
  }

  const xmllint = needs("xmllint");
  test.skipIf(xmllint.missing)(
    "CNF-30: xmllint finds the JUnit valid, and its numbers true",
    () => {
      const xml = reports.junit(report);
      expect(linted("--schema", join(import.meta.dir, "junit.xsd"), xml)).toEqual({
        status: 0,
        stdout: "",
      });
      const number = (path: string) => linted("--xpath", `string(${path})`, xml).stdout.trim();
      for (const [attribute, path] of [
        ["tests", "//testcase"],
        ["failures", "//failure"],
        ["errors", "//error"],
        ["skipped", "//skipped"],
      ] as const) {
        expect(number(`/testsuites/@${attribute}`)).toBe(number(`count(${path})`));
        expect(number(`sum(//testsuite/@${attribute})`)).toBe(number(`count(${path})`));
      }
      expect(number("//testcase[@name='fails']/failure")).toContain('</failure> ]]> & "x"');
      expect(number("//testcase[@name='fails']/@classname")).toBe("tako.formats.MAN-6");
    },
  );

  function linted(option: string, value: string, xml: string): { status: number; stdout: string } {
    const more = option === "--schema" ? ["--noout"] : [];
    const words = ["xmllint", "--nonet", ...more, option, value, "-"];
    const { exitCode, stdout } = Bun.spawnSync(words, { stdin: Buffer.from(xml) });
    return { status: exitCode, stdout: stdout.toString() };
  }

  test("CNF-30: JSON has the documented fields", () => {
    const { cases: listed, ...rest } = JSON.parse(reports.json(report));
    const none = { failed: 0, skipped: 0, not_run: 0, expected_failures: 0, unexpected_passes: 0 };
    expect(rest).toMatchObject({
      spec: 1,
      judged: [{ by: "adapter", name: "<name>" }],
      success: false,
      counts: {
        passed: 1,
        failed: 1,
        skipped: 1,
        not_run: 1,
        expected_failures: 1,
        unexpected_passes: 1,
      },
    });
    expect(rest.requirements["MAN-12"]).toEqual({ ...none, passed: 1 });
    expect(listed).toHaveLength(6);
    const { seconds, ...failed } = listed[1];
    expect(seconds).toBeNumber();
    expect(failed).toEqual({
      id: "fails",
      requirements: ["MAN-6", "PAT-3"],
      profile: "formats",
      why: "why # fails <exists>",
      outcome: "failed",
      expected_to_fail: false,
      reason: [
        'got \\u{1b}[2J </failure> ]]> & "x" # TODO | \\ \\u{202e}\\u{0}',
        "not ok 1",
        "ok 2",
      ],
      again: "tako conformance --adapter ./adapter --run fails",
    });
  });

  test("CNF-30: Markdown has a row for each profile, and one for each failure", () => {
    const [, ...lines] = reports.markdown(report).split("\n");
    expect(lines).toEqual([
      "",
      "| Profile | Passed | Failed | Skipped |",
      "| --- | --- | --- | --- |",
      "| formats | 1 | 1 | 0 |",
      "| publish | 0 | 0 | 1 |",
      "| fetch | 0 | 1 | 0 |",
      "| extensions | 1 | 1 (1 of them known) | 0 |",
      "| All | 2 | 3 (1 of them known) | 1 |",
      "",
      "| Failed case | Requirements | Why |",
      "| --- | --- | --- |",
      "| fails | MAN-6, PAT-3 | why # fails \\<exists\\> |",
      "| cannot-run | FET-1 | why # cannot-run \\<exists\\> |",
      "| known-but-passes | ORG-10 | why # known-but-passes \\<exists\\> |",
      "",
    ]);
  });
});

describe("words of a command line", () => {
  test.each([
    ["", []],
    ["  a  b\tc\n", ["a", "b", "c"]],
    ["a 'b c' d", ["a", "b c", "d"]],
    ["a'b'\"c\"d", ["abcd"]],
    ["'' \"\"", ["", ""]],
    [`"a \\" \\\\ \\$ \\n 'b'"`, [`a " \\ $ \\n 'b'`]],
    [`'a " \\'`, [`a " \\`]],
    ["a\\ b \\'c \\\\", ["a b", "'c", "\\"]],
    ["$HOME *.ts ~ `x` a|b ;", ["$HOME", "*.ts", "~", "`x`", "a|b", ";"]],
    ["'a", undefined],
    ['"a', undefined],
    ['"a\\"', undefined],
    ["a\\", undefined],
  ])("CNF-15: %p is split as a shell does it", (line, words) => {
    expect(splitWords(line)).toEqual(words as string[]);
  });

  test("CNF-15: sh splits them alike", () => {
    const lines = [
      "a 'b c' d",
      "a'b'\"c\"d",
      "'' \"\"",
      `"a \\" \\\\ \\$ \\n 'b'"`,
      "a\\ b \\'c \\\\ ",
    ];
    for (const line of lines) {
      const { stdout } = Bun.spawnSync(["sh", "-c", `printf '%s\\0' ${line}`]);
      expect(splitWords(line)).toEqual(stdout.toString().split("\0").slice(0, -1));
    }
  });

  test("CNF-31: a quoted word is one word again", () => {
    for (const word of ["a", "a b", "it's", "'", '"$x" \\', "a\nb"]) {
      expect(splitWords(quoteWord(word))).toEqual([word]);
    }
  });
});
