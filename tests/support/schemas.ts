// What every run with --json printed, held against the schemas in docs/schema (FET-97). The schemas are written by
// docs/reference/json.md.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

const folder = join(import.meta.dir, "../../docs/schema");
const compiled = new Map<string, ValidateFunction>();

/** By hand a host tells the events of `fetch`. */
const SAME: Readonly<Record<string, string>> = {
  rollback: "fetch",
  hold: "fetch",
  release: "fetch",
};

/**
 * Checks each whole line of standard output, if the command line asks for JSON. A last line without its LF is that of a run that
 * was ended.
 *
 * @throws Error - a line is not as the schema of its command has it
 */
export function checkJson(args: readonly string[], stdout: string): void {
  const [command = ""] = args;
  const end = args.indexOf("--");
  if (!(end < 0 ? args : args.slice(0, end)).includes("--json") || stdout === "") return;
  const isValid = schemaOf(command);
  for (const line of stdout.split("\n").slice(0, -1)) {
    if (isValid(JSON.parse(line))) continue;
    const reasons = isValid.errors?.map(
      ({ instancePath, message }) => `${instancePath} ${message}`,
    );
    throw new Error(`not as docs/schema has it for ${command}: ${line}\n${reasons?.join("\n")}`);
  }
}

/** The schema of what a command prints with --json. */
export function schemaOf(command: string): ValidateFunction {
  const name = SAME[command] ?? command;
  const known = compiled.get(name);
  if (known) return known;
  const schema = JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
  const isValid = new Ajv2020({ allowUnionTypes: true }).compile(schema);
  compiled.set(name, isValid);
  return isValid;
}
