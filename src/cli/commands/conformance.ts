// `tako conformance` on the command line (spec/conformance.md): the one place of the program that knows the
// suite. What the suite throws becomes a failure of a command here.

import { PROFILES } from "../../../conformance/case.ts";
import { SuiteError } from "../../../conformance/error.ts";
import type { CommandLine, Format } from "../../../conformance/judge-programs.ts";
import { TakoError } from "../../core/error.ts";
import { shownPath } from "../../core/text.ts";
import { usageError } from "../arguments.ts";
import { command } from "../command.ts";
import { DONE, FAILED } from "../exit-status.ts";

const FORMATS: readonly Format[] = ["people", "tap", "junit", "json", "markdown"];

export const conformance = command({
  meta: { name: "conformance", description: "Judge an implementation by the specification" },
  example: "tako conformance --cli /usr/bin/tako",
  args: {
    adapter: {
      type: "string",
      valueHint: "cmd",
      description: "Judge functions, by the adapter protocol",
    },
    cli: {
      type: "string",
      valueHint: "cmd",
      description: "Judge a program by its command line",
    },
    profile: {
      type: "string",
      valueHint: "names",
      description: "The parts that it claims; all unless given",
    },
    run: {
      type: "string",
      valueHint: "globs",
      description: "Only these cases: 'MAN-*,key-*'",
    },
    skip: { type: "string", valueHint: "globs", description: "Not these cases" },
    "expected-failures": {
      type: "string",
      valueHint: "file",
      description: "Cases known to fail, one a line",
    },
    timeout: {
      type: "string",
      valueHint: "seconds",
      default: "10",
      description: "The most that a case may take",
    },
    strict: { type: "boolean", description: "Expect the exit statuses of spec/cli.md" },
    save: {
      type: "string",
      valueHint: "dir",
      description: "Keep what failing cases did here",
    },
    format: {
      type: "string",
      valueHint: "name",
      description: FORMATS.join(", "),
    },
    list: { type: "boolean", description: "Show the cases and run nothing" },
    answer: {
      type: "boolean",
      description: "Be an adapter: answer requests on standard input",
    },
  },
  completes: { adapter: "file", cli: "file", profile: PROFILES, format: FORMATS },
  async run(args, { output, io }) {
    if (args.answer === true) {
      const { answerLines, operations } = await import("../../adapter.ts");
      await answerLines(operations, Bun.stdin.stream(), (line) => io.stdout.write(line));
      return DONE;
    }
    const selection = {
      profiles: oneOrMore("profile", args.profile ?? PROFILES.join(","), PROFILES),
      run: listed(args.run),
      skip: listed(args.skip),
    };
    if (args.list === true) {
      const { listCases } = await import("../../../conformance/judge-programs.ts");
      const cases = await asCommand(async () => listCases(selection));
      for (const { id, requirements, profile, why } of cases) {
        output.print(`${id}  ${profile}  ${requirements.join(",")}  ${why}`);
      }
      return DONE;
    }
    const { splitWords } = await import("../../../conformance/words.ts");
    const commandLine = (option: string, text: string | undefined): CommandLine | undefined => {
      if (text === undefined) return undefined;
      const words = splitWords(text);
      if (words?.[0]) return { text, words };
      throw usageError(`option --${option} takes a command line whose quotes are closed`);
    };
    const adapter = commandLine("adapter", args.adapter);
    const cli = commandLine("cli", args.cli);
    if (!adapter && !cli) throw usageError("missing --adapter, --cli or --list");
    const request = {
      ...selection,
      ...(adapter && { adapter }),
      ...(cli && { cli }),
      ...(args["expected-failures"] && { expectedFailures: args["expected-failures"] }),
      ...(args.save && { save: args.save }),
      timeoutMs: readSeconds(args.timeout) * 1000,
      strict: args.strict === true,
      format: oneOf("format", args.format ?? "people", FORMATS),
    };
    const { runConformance } = await import("../../../conformance/judge-programs.ts");
    let done = 0;
    const onResult = (_: unknown, all: number) => {
      if (io.stderr.isTerminal) io.stderr.write(`\r${++done} of ${all} cases`);
    };
    const { report, success } = await asCommand(() => runConformance(request, onResult));
    if (done > 0) io.stderr.write(`\r${" ".repeat(24)}\r`);
    io.stdout.write(report);
    return success ? DONE : FAILED;
  },
});

/** Does work of the suite. @throws TakoError in place of a SuiteError (CNF-14, CNF-34) */
async function asCommand<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof SuiteError ? await failureOf(error) : error;
  }
}

async function failureOf({ message, trouble }: SuiteError): Promise<unknown> {
  const { storageError } = await import("../../shell/disk/storage-error.ts");
  switch (trouble.kind) {
    case "usage": {
      const { file, line } = trouble;
      return new TakoError(
        "usage",
        message,
        file === undefined ? {} : { source: shownPath(file), line },
      );
    }
    case "no-start": {
      const { said, hint, cause } = trouble;
      const lines =
        said.length === 0 ? [] : [message, "it said:", ...said.map((line) => `  ${line}`)];
      const problems = lines.map((line) => ({ message: line, rule: undefined }));
      return new TakoError("failed", message, {
        source: problems.length === 0 ? undefined : "tako",
        problems,
        hint,
        cause,
      });
    }
    case "file":
      return storageError(trouble.cause, trouble.action, trouble.path);
  }
}

function listed(words: string | undefined): readonly string[] {
  return words === undefined ? [] : words.split(",").map((word) => word.trim());
}

function oneOf<T extends string>(option: string, word: string, known: readonly T[]): T {
  const found = known.find((each) => each === word);
  if (found !== undefined) return found;
  throw usageError(`option --${option} takes one of ${known.join(", ")}`);
}

function oneOrMore<T extends string>(option: string, words: string, known: readonly T[]) {
  return listed(words).map((word) => oneOf(option, word, known));
}

function readSeconds(word: string): number {
  if (/^\d{1,4}(\.\d{1,3})?$/.test(word) && Number(word) > 0) return Number(word);
  throw usageError("option --timeout takes a number of seconds");
}
