// `tako status` on the command line (spec/status.md).

import type { StatusResult } from "../../commands/status/status.ts";
import { printable } from "../../core/text.ts";
import { usageError } from "../arguments.ts";
import { command, type Surroundings } from "../command.ts";
import { DONE, exitStatus, FAILED, worst } from "../exit-status.ts";
import { lineWidth } from "../io.ts";
import type { Presenter } from "../presenter.ts";

const FORMATS = ["table", "prometheus", "nagios"] as const;
type Format = (typeof FORMATS)[number];

export const status = command({
  meta: { name: "status", description: "Show how this host stands, without the network" },
  example: "tako status --format=nagios",
  args: {
    "config...": {
      type: "positional",
      required: false,
      description: "Config files, or directories of them; /etc/tako unless given",
    },
    verify: {
      type: "boolean",
      description: "Hash images, and check the manifest's signature",
    },
    quiet: { type: "boolean", description: "Show only what wants a person" },
    format: {
      type: "string",
      valueHint: "form",
      description: "table, prometheus or nagios",
    },
    "exit-code": {
      type: "boolean",
      description: "Exit with status 1 if something wants a person",
    },
    json: { type: "boolean", description: "Print results as JSON, one object a line" },
  },
  async run(args, surroundings) {
    const format = formatOf(args.format);
    const [isJson, isQuiet] = [args.json === true, args.quiet === true];
    if (isJson && args.format !== undefined) {
      throw usageError("--json and --format exclude each other");
    }
    if (isQuiet && format !== "table") {
      throw usageError(`--quiet leaves out what --format=${format} is for`);
    }
    const { statusOf } = await import("../../commands/status/status.ts");
    const { statusFields } = await import("./status/json.ts");
    const presenter: Presenter<StatusResult> = {
      text: () => [],
      json: statusFields,
      errors: (result) => ("error" in result ? [result.error] : []),
      status: statusOfResult,
    };
    const results: StatusResult[] = [];
    const options = { paths: args._, verify: args.verify === true };
    // What is for a program is not read by people while it is made.
    const report = format === "table" ? surroundings.effects.report : () => {};
    for await (const result of statusOf(options, { ...surroundings.effects, report })) {
      results.push(result);
      if (isJson && isShown(result, isQuiet)) {
        surroundings.output.show(presenter, result, result.config);
      }
    }
    if (!isJson) {
      const shown = results.filter((result) => isShown(result, isQuiet));
      await print(shown, format, surroundings);
    }
    if (format === "nagios") return (await import("./status/nagios.ts")).nagiosStatus(results);
    const isWanted = results.some(({ severity }) => severity !== "ok");
    const asked = args["exit-code"] === true && isWanted ? FAILED : DONE;
    return worst([asked, ...results.map(statusOfResult)]);
  },
});

function isShown({ severity }: StatusResult, isQuiet: boolean): boolean {
  return severity !== "ok" || !isQuiet;
}

function statusOfResult(result: StatusResult): number {
  return "error" in result ? exitStatus([result.error.kind]) : DONE;
}

async function print(
  results: readonly StatusResult[],
  format: Format,
  { output, io }: Surroundings,
): Promise<void> {
  for (const line of await linesOf(results, format, io)) output.print(line);
}

/** Whoever asks for one form does not wait for the others to load. */
async function linesOf(
  results: readonly StatusResult[],
  format: Format,
  { stdout }: Surroundings["io"],
): Promise<readonly string[]> {
  switch (format) {
    case "table": {
      const { statusTable } = await import("./status/table.ts");
      return statusTable(results, lineWidth(stdout));
    }
    case "prometheus":
      return (await import("./status/prometheus.ts")).statusMetrics(results);
    case "nagios":
      return (await import("./status/nagios.ts")).nagiosLines(results);
  }
}

function formatOf(text = "table"): Format {
  const format = FORMATS.find((each) => each === text);
  if (format !== undefined) return format;
  const expected = `${FORMATS.join(", ")}, or --json in its place`;
  throw usageError(`invalid --format ${printable(text)}: expected ${expected}`);
}
