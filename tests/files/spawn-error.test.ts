// What the system says when it makes no process: which limit that is, and whether it can pass.

import { expect, test } from "bun:test";
import { spawnFailure } from "../../src/shell/spawn-error.ts";

const failed = (code: string) => spawnFailure(Object.assign(new Error("posix_spawn"), { code }));

test.each([
  ["E2BIG", "arguments", "environment", false],
  ["EAGAIN", "process", "TasksMax=", true],
  ["EMFILE", "files are open in this process", "LimitNOFILE=", true],
  ["ENFILE", "files are open on this machine", "fs.file-max", true],
  ["ENOMEM", "memory", "MemoryMax=", true],
])("FET-85, ORG-79: %s", (code, reason, hint, passing) => {
  const failure = failed(code);
  expect(failure?.reason).toContain(reason);
  expect(failure?.hint).toContain(hint);
  expect(failure?.passing).toBe(passing);
});

test("FET-85, ORG-79: a program that is not there is no limit of the system's", () => {
  expect(failed("ENOENT")).toBeUndefined();
  expect(spawnFailure(new Error("EMFILE"))).toBeUndefined();
  expect(spawnFailure(undefined)).toBeUndefined();
});
