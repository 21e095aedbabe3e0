// The functions of the system's C library that neither Bun nor node: has, by FFI.

import { dlopen, type FFIFunction, type Library, read } from "bun:ffi";
import { TakoError } from "../core/error.ts";

const SYMBOLS = {
  flock: { args: ["i32", "i32"], returns: "i32" },
  signal: { args: ["i32", "ptr"], returns: "ptr" },
  _exit: { args: ["i32"], returns: "void" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

let loaded: ReturnType<typeof load> | undefined;

/** @throws TakoError of kind `storage`, for it is the lock that cannot do without (DST-46) */
export function libc(): ReturnType<typeof load>["symbols"] {
  loaded ??= load();
  return loaded.symbols;
}

/** Of the last call that failed; -1 if it is not known. */
export function errno(): number {
  const place = libc().__errno_location();
  return place === null ? -1 : read.i32(place);
}

function load() {
  try {
    return openLibc(SYMBOLS);
  } catch (cause) {
    throw new TakoError(
      "storage",
      "cannot lock: flock cannot be loaded from the system's C library",
      {
        rule: "DST-46",
        hint: "Under systemd, MemoryDenyWriteExecute=yes forbids it: remove that line from the unit. A limit on the address space (ulimit -v, LimitAS=) can do the same.",
        cause,
      },
    );
  }
}

/** musl has one library, with one name an architecture. */
const NAMES: readonly string[] = [
  "libc.so.6",
  `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`,
];

/**
 * Some functions of the library.
 *
 * @throws what the system says, if they cannot be loaded
 */
export function openLibc<const Symbols extends Record<string, FFIFunction>>(
  symbols: Symbols,
): Library<Symbols> {
  let cause: unknown;
  for (const name of NAMES) {
    try {
      return dlopen(name, symbols);
    } catch (error) {
      cause ??= error;
    }
  }
  throw cause;
}
