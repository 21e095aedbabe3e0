// The errors of the system in words: every code that a file or a directory can meet.

import { expect, test } from "bun:test";
import { constants } from "node:os";
import { TakoError } from "../../src/core/error.ts";
import { isErrno, isLackOfRoom, naming, storageError } from "../../src/shell/disk/storage-error.ts";

const system = (code: string) => Object.assign(new Error(`${code}: of the runtime`), { code });

/** Those of open(2), read(2), write(2), fsync(2), rename(2), mkdir(2) and unlink(2) that a path or a disk can bring about. */
const CODES = [
  ...[
    "EACCES",
    "EBUSY",
    "EDQUOT",
    "EEXIST",
    "EFBIG",
    "EIO",
    "EISDIR",
    "ELOOP",
    "EMFILE",
    "ENAMETOOLONG",
  ],
  ...[
    "ENFILE",
    "ENODEV",
    "ENOENT",
    "ENOSPC",
    "ENOTDIR",
    "ENXIO",
    "EPERM",
    "EROFS",
    "ESTALE",
    "ETXTBSY",
  ],
];

test.each(CODES)("CLI-33: %s is told in words, with the path", (code) => {
  expect(constants.errno).toHaveProperty(code);
  const error = storageError(system(code), "write", "/a");
  expect(error).toMatchObject({ kind: "storage", source: "/a" });
  const { message } = error as TakoError;
  expect(message).toStartWith("cannot write it: ");
  expect(message.length).toBeGreaterThan("cannot write it: ".length + 10);
  expect(message).not.toContain(code);
  expect(message).not.toContain("of the runtime");
});

test.each([
  ["EACCES", "owner and mode"],
  ["EPERM", "owner, mode"],
  ["EDQUOT", "Free some space or raise the quota"],
  ["ENOSPC", "Free some space"],
  ["EIO", "Check the disk"],
  ["EEXIST", "remove it"],
  ["ELOOP", "Look at it"],
  ["EMFILE", "LimitNOFILE="],
  ["EROFS", "Mount it writable"],
])("CLI-33: %s comes with advice", (code, advice) => {
  expect((storageError(system(code), "write", "/a") as TakoError).hint).toContain(advice);
});

test("CLI-33: a code that nobody foresaw is told as it is, and cannot steer a terminal", () => {
  const error = storageError(system("E\x1bX"), "read", "/a") as TakoError;
  expect(error.message).toMatch(/^cannot read it: the system says E[\x20-\x7e]+X$/);
  expect(error.hint).toBeUndefined();
});

test("CLI-42: what is none of the system's stays as it is", () => {
  for (const error of [new Error("x"), "text", undefined, { code: "ENOENT" }, { code: 5 }]) {
    expect(storageError(error, "read", "/a")).toBe(error);
    expect(isErrno(error, "ENOENT", "")).toBe(isErrno(error, ""));
  }
  const numbered = Object.assign(new Error("x"), { code: 5 });
  expect(storageError(numbered, "read", "/a")).toBe(numbered);
  const ours = Object.assign(new TakoError("failed", "x"), { code: "ENOENT" });
  expect(storageError(ours, "read", "/a")).toBe(ours);
});

test("FET-59: for lack of room is what has ENOSPC or EDQUOT below, however deep", () => {
  for (const [code, expected] of [
    ["ENOSPC", true],
    ["EDQUOT", true],
    ["EIO", false],
  ] as const) {
    const error = storageError(system(code), "write", "/a");
    expect(isLackOfRoom(error)).toBe(expected);
    expect(isLackOfRoom(new TakoError("storage", "outer", { cause: error }))).toBe(expected);
    expect(isLackOfRoom(system(code))).toBe(false);
  }
  expect(isLackOfRoom(new TakoError("storage", "no cause"))).toBe(false);
});

test("CLI-33: what touches a path is named, at once or in its own time", async () => {
  expect(naming("/a", "read", () => 1)).toBe(1);
  expect(await naming("/a", "read", async () => 2)).toBe(2);
  const expected = expect.objectContaining({
    source: "/a",
    message: "cannot read it: it is a directory",
  });
  const fail = () => {
    throw system("EISDIR");
  };
  expect(() => naming("/a", "read", fail)).toThrow(expected);
  await expect(naming("/a", "read", async () => fail())).rejects.toEqual(expected);
});
