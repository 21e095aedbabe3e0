// A small program with the command lines fetch, store and gen-key, right in all that the profiles
// `fetch` and `publish` ask for, and in `packed` but for what goes on from an earlier run, unless its first word names a fault.
//
//   bun tests/conformance/wrong/cli.ts none fetch app.tako
//   bun tests/conformance/wrong/cli.ts digest-not-checked fetch app.tako

import { fetchCommand } from "./cli-fetch.ts";
import { genKeyCommand, storeCommand } from "./cli-store.ts";

const [, , , command, ...words] = process.argv;

try {
  process.exitCode = await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** @returns the exit status */
function run(): Promise<number> {
  switch (command) {
    case "fetch":
      return fetchCommand(words);
    case "store":
      return storeCommand(words);
    case "gen-key":
      return genKeyCommand();
    default:
      throw new Error("expected fetch, store or gen-key");
  }
}
