// Our own command line with a fault put round it, which its first word names.
//
//   bun tests/conformance/wrong/wrapper.ts partials-dropped fetch app.tako

import { existsSync, readFileSync, statSync } from "node:fs";
import { worst } from "../../../src/cli/exit-status.ts";
import { processIo } from "../../../src/cli/io.ts";
import { run } from "../../../src/cli/program.ts";
import { hostSystemd } from "../../../src/shell/systemd.ts";
import { ACTIVATION_FAULTS } from "./activation-faults.ts";
import { ADDITIONS, WRAPPER_FAULTS, type WrapperFault } from "./wrapper-faults.ts";

const [, , name = "", ...given] = process.argv;
const fault: Partial<WrapperFault> | undefined =
  name === "additions" ? ADDITIONS : { ...WRAPPER_FAULTS, ...ACTIVATION_FAULTS }[name];
if (fault === undefined && name !== "none") throw new Error("expected the name of a fault or none");

const words = fault?.words?.(given) ?? given;
if (fault?.hidden !== undefined) delete process.env[fault.hidden];
const configs = configsOf(words);
for (const [destination, text] of configs) fault?.before?.(destination, text);
const io = processIo();
const systemd = fault?.systemd?.(hostSystemd(io.environment));
const statuses: number[] = [];
for (const each of fault?.isApart ? apart(words) : [words]) {
  statuses.push(await run([...each], io, systemd === undefined ? {} : { systemd }));
}
process.exitCode = worst(statuses);
for (const [destination, text] of configs) fault?.after?.(destination, text);

/** The words of a call for each config. */
function apart(all: readonly string[]): readonly (readonly string[])[] {
  const files = all.filter((word) => word.endsWith(".tako"));
  const others = all.filter((word) => !files.includes(word));
  return files.map((file) => [...others, file]);
}

/** The destinations of those of the words that are config files, and the texts of these. */
function configsOf(
  words: readonly string[],
): readonly (readonly [destination: string, text: string])[] {
  return words
    .filter((word) => word.endsWith(".tako") && existsSync(word) && statSync(word).isFile())
    .map((file) => readFileSync(file, "utf8"))
    .flatMap((text) => {
      const destination = /^Destination=(.+)$/m.exec(text)?.[1];
      return destination === undefined ? [] : [[destination, text] as const];
    });
}
