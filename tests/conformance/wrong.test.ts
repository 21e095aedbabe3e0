// It bites: each deliberately wrong implementation of wrong/ fails in the cases that are meant for its
// fault, and passes them without it.

import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { adapterCases } from "../../conformance/adapter/cases.ts";
import { AdapterProcess } from "../../conformance/adapter/process.ts";
import type { Ask } from "../../conformance/adapter/questions.ts";
import { blackBoxCases, blackBoxFixtures } from "../../conformance/black-box/cases.ts";
import type { Case } from "../../conformance/case.ts";
import type { Result } from "../../conformance/results.ts";
import { runCases } from "../../conformance/run-cases.ts";
import { answer, operations } from "../../src/adapter.ts";
import { programs } from "../support/program.ts";
import { ACTIVATION_FAULTS } from "./wrong/activation-faults.ts";
import { ADAPTER_FAULTS } from "./wrong/adapter-faults.ts";
import { CLI_FAULTS } from "./wrong/cli-faults.ts";
import { type AdapterFault, bytes, type Fault, keysOf } from "./wrong/fault.ts";
import { decode } from "./wrong/lenient-manifest.ts";
import { WRAPPER_FAULTS } from "./wrong/wrapper-faults.ts";

/** Generous: no fault hangs, and the machine may be busy. */
const TIMEOUT_MS = 120_000;
/** Wrong programs that run side by side. */
const JOBS = 4;

const adapterFaults: readonly [string, AdapterFault][] = Object.entries(ADAPTER_FAULTS);
/** The program that can have it, its name, and what is known about it. */
const programFaults: readonly (readonly [program: Program, name: string, fault: Fault])[] = [
  ...Object.entries(CLI_FAULTS).map((each) => ["cli", ...each] as const),
  ...Object.entries({ ...WRAPPER_FAULTS, ...ACTIVATION_FAULTS }).map(
    (each) => ["wrapper", ...each] as const,
  ),
];

/** The small program of wrong/cli.ts, or our own with something round it. */
type Program = "cli" | "wrapper";

async function run(cases: readonly Case[], jobs = 1): Promise<readonly Result[]> {
  return await runCases([{ cases, jobs, timeoutMs: TIMEOUT_MS }], []);
}

/** The ids of the cases that found a fault. A case that broke down itself is none of them. */
function failedIds(results: readonly Result[]): readonly string[] {
  return results
    .filter(({ outcome, reason }) => outcome === "failed" && !reason.includes("the suite itself"))
    .map(({ case: { id } }) => id);
}

function notPassed(results: readonly Result[]): readonly string[] {
  return results
    .filter(({ outcome }) => outcome !== "passed")
    .map(({ case: { id }, outcome, reason }) => `${id}: ${outcome}, ${reason}`);
}

function named(cases: readonly Case[], ids: readonly string[]): readonly Case[] {
  const found = cases.filter(({ id }) => ids.includes(id));
  expect(found.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  return found;
}

test("there are this many wrong implementations, each with another name", () => {
  expect(adapterFaults).toHaveLength(268);
  expect(programFaults).toHaveLength(195);
  expect(new Set(programFaults.map(([, name]) => name)).size).toBe(195);
});

describe("adapters with one fault", () => {
  /** Answers without a process, which is asked below: the same functions, the same JSON. */
  let subject = operations;
  let asked = new Set<string>();
  const ask: Ask = async (op, args) => {
    asked.add(op);
    const request = JSON.stringify({ id: 0, op, ...args });
    const reply = JSON.stringify(await answer(subject, JSON.parse(request)));
    return { request, reply, answer: JSON.parse(reply), stderr: () => "" };
  };
  const cases = adapterCases(ask);
  /** What each case asks for. */
  const operationsOf = new Map<string, ReadonlySet<string>>();

  beforeAll(async () => {
    subject = {};
    for (const each of cases) {
      asked = new Set();
      await run([each]);
      operationsOf.set(each.id, asked);
    }
  });

  test("without a fault, no case fails", async () => {
    subject = operations;
    expect(notPassed(await run(cases))).toEqual([]);
  });

  test("the lenient decoder without a leniency is a right one", async () => {
    subject = {
      ...operations,
      decode: (args) => ({
        entries: decode(bytes(args, "manifest"), keysOf(args)),
      }),
    };
    const decoding = cases.filter(({ id }) => operationsOf.get(id)?.has("decode"));
    expect(decoding.length).toBeGreaterThan(250);
    expect(notPassed(await run(decoding))).toEqual([]);
  });

  for (const [name, fault] of adapterFaults) {
    const { op, what, breaks, caught } = fault;
    test(`${breaks.join(", ")}: ${name}: ${what}`, async () => {
      const right = operations[op];
      if (right === undefined) throw new Error(`no operation ${op}`);
      subject = { ...operations, [op]: (args) => fault.answer(args, right) };
      const results = await run(cases.filter(({ id }) => operationsOf.get(id)?.has(op)));
      const failed = failedIds(results);
      expect(caught).not.toBeEmpty();
      expect(failed).toEqual(expect.arrayContaining([...caught]));
      // One fault: nothing else fails than what is about it.
      const about = results.filter(({ case: each }) => isAbout(each, fault));
      expect(about.map(({ case: { id } }) => id)).toEqual(expect.arrayContaining([...failed]));
    });
  }

  const onePerOperation = new Map(adapterFaults.map((each) => [each[1].op, each]));
  for (const [op, [name, { caught }]] of onePerOperation) {
    test(`ADP-1: as a process, too: ${name} (${op})`, async () => {
      const adapter = new AdapterProcess(adapterCommand(name), TIMEOUT_MS);
      try {
        const results = await run(named(adapterCases(adapter.ask), caught));
        expect(failedIds(results)).toEqual(results.map(({ case: { id } }) => id));
      } finally {
        await adapter.close();
      }
    });
  }
});

describe("programs with one fault", () => {
  const results = new Map<string, readonly Result[]>();
  let control: readonly Result[] = [];

  beforeAll(async () => {
    const casesFor = (program: Program, fault: string) =>
      blackBoxCases(commandOf(program, fault), { strict: false, timeoutMs: TIMEOUT_MS });
    const open = programFaults.values();
    const work = async () => {
      for (const [program, name, { caught }] of open) {
        results.set(name, await run(named(casesFor(program, name), caught)));
      }
    };
    await Promise.all(Array.from({ length: JOBS }, work));

    const controls = (["cli", "wrapper"] as const).flatMap((program) => {
      const used = programFaults.flatMap(([by, , { caught }]) => (by === program ? caught : []));
      return named(casesFor(program, "none"), [...new Set(used)]);
    });
    control = await run(controls, JOBS);
  }, 10 * TIMEOUT_MS);

  test("without a fault, none of the cases that catch one fails", () => {
    expect(control.length).toBeGreaterThan(75);
    expect(notPassed(control)).toEqual([]);
  });

  for (const [, name, fault] of programFaults) {
    test(`${fault.breaks.join(", ")}: ${name}: ${fault.what}`, () => {
      const given = results.get(name) ?? [];
      expect(given).not.toBeEmpty();
      expect(failedIds(given).toSorted()).toEqual(fault.caught.toSorted());
      expect(given.filter(({ case: each }) => !isAbout(each, fault))).toEqual([]);
    });
  }
});

test(
  "CNF-8, DST-9: what an implementation may add to a destination fails no case",
  async () => {
    const steps = new Map(blackBoxFixtures().map(({ id, step }) => [id, step]));
    const isCompared = ({ id }: Case) =>
      steps.get(id)?.some(({ expect: { unchanged, store } }) => unchanged || store !== undefined);
    const options = { strict: true, timeoutMs: TIMEOUT_MS };
    const cases = blackBoxCases(commandOf("wrapper", "additions"), options).filter(isCompared);
    expect(cases.length).toBeGreaterThan(100);
    expect(notPassed(await run(cases, JOBS))).toEqual([]);
  },
  10 * TIMEOUT_MS,
);

test("CNF-1: the command says which case caught a wrong adapter and a wrong program", async () => {
  const [sources] = programs;
  const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(" ");
  const { status, stdout } = await sources!.run([
    "conformance",
    `--adapter=${quoted(adapterCommand("low-excluded"))}`,
    `--cli=${quoted(commandOf("cli", "digest-not-checked"))}`,
    "--run=range-low-inclusive,family-major,fetch-image-wrong-digest,fetch-second-run",
    "--format=tap",
  ]);
  const lines = stdout.match(/^(not )?ok \d+ - \S+/gm)?.map((line) => line.replace(/\d+ - /, ""));
  expect(lines?.toSorted()).toEqual([
    "not ok fetch-image-wrong-digest",
    "not ok range-low-inclusive",
    "ok family-major",
    "ok fetch-second-run",
  ]);
  expect(status).toBe(1);
});

function isAbout({ requirements }: Case, { breaks }: Fault): boolean {
  return requirements.some((id) => breaks.includes(id) || breaks.includes(id.replace(/-.*/, "")));
}

function adapterCommand(fault: string): readonly string[] {
  return [process.execPath, join(import.meta.dir, "wrong/adapter.ts"), fault];
}

function commandOf(program: Program, fault: string): readonly string[] {
  return [process.execPath, join(import.meta.dir, `wrong/${program}.ts`), fault];
}
