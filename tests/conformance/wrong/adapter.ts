// Our own adapter with one operation replaced by a faulty one, which its only argument names.
//
//   bun tests/conformance/wrong/adapter.ts low-excluded

import { answerLines, operations } from "../../../src/adapter.ts";
import { ADAPTER_FAULTS } from "./adapter-faults.ts";

const fault = ADAPTER_FAULTS[process.argv[2] ?? ""];
const right = operations[fault?.op ?? ""];
if (fault === undefined || right === undefined) throw new Error("expected the name of a fault");

await answerLines(
  { ...operations, [fault.op]: (args) => fault.answer(args, right) },
  Bun.stdin.stream(),
  (line) => process.stdout.write(line),
);
