// Our own command line with a fault put round it, which its first word names.
//
//   bun tests/conformance/wrong/wrapper.ts partials-dropped fetch app.tako

import { existsSync, readFileSync, statSync } from "node:fs";
import { processIo } from "../../../src/cli/io.ts";
import { run } from "../../../src/cli/program.ts";
import { ADDITIONS, WRAPPER_FAULTS, type WrapperFault } from "./wrapper-faults.ts";

const [, , name = "", ...given] = process.argv;
const fault: Partial<WrapperFault> | undefined =
  name === "additions" ? ADDITIONS : WRAPPER_FAULTS[name];
if (fault === undefined && name !== "none") throw new Error("expected the name of a fault or none");

const words = fault?.words?.(given) ?? given;
if (fault?.hidden !== undefined) delete process.env[fault.hidden];
const destinations = destinationsOf(words);
for (const destination of destinations) fault?.before?.(destination);
process.exitCode = await run([...words], processIo());
for (const destination of destinations) fault?.after?.(destination);

/** What those of the words name that are config files. */
function destinationsOf(words: readonly string[]): readonly string[] {
  return words
    .filter((word) => word.endsWith(".tako") && existsSync(word) && statSync(word).isFile())
    .flatMap((file) => /^Destination=(.+)$/m.exec(readFileSync(file, "utf8"))?.[1] ?? []);
}
