// The records of a destination that decide: `.owed`, `.good`, `.refused`, `.hold`, `.seen` (spec/destination.md). Each is
// written whole or not at all; one that is damaged stops nobody, and what it then stands for is said here.

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { decodeSeen, encodeSeen, type Seen } from "../core/ages.ts";
import { MAX_CONFIG_BYTES } from "../core/config.ts";
import type { Sha256Hex } from "../core/digest.ts";
import { GOOD, HOLD, OWED, REFUSED, SEEN } from "../core/layout.ts";
import { MAX_MANIFEST_BYTES } from "../core/manifest.ts";
import {
  decodeImageRecord,
  decodeOwed,
  encodeImageRecord,
  encodeOwed,
  type Owed,
} from "../core/records.ts";
import { decodeRefusals, encodeRefusals, type Refusals } from "../core/refusals.ts";
import { removeIfPresent, syncDirectory, writeFileAtomically } from "./disk/files.ts";
import { isPresent, readRegularFile } from "./disk/read-files.ts";
import { naming } from "./disk/storage-error.ts";

/** The most bytes of a record that are looked at: a config has no more units to note. */
export const MAX_RECORD_BYTES = 2 * MAX_CONFIG_BYTES;
/** `.seen` has a line for each of a manifest, and none is much longer. */
const MAX_SEEN_BYTES = 2 * MAX_MANIFEST_BYTES;

/**
 * What the records of a destination say. Each is read when it is asked for: one that is not to be read keeps nobody
 * from what the others are for.
 */
export interface HostRecords {
  readonly owed: Owed;
  readonly good: Sha256Hex | undefined;
  readonly refusals: Refusals;
  readonly hold: Sha256Hex | undefined;
  readonly seen: Seen | "damaged";
}

/** @param inUse the image that `latest` names */
export function hostRecords(directory: string, inUse: Sha256Hex | undefined): HostRecords {
  /** @returns what it stands for if it is damaged, else what is in it; `undefined` if it is not there */
  function read<T>(name: string, decode: Decode<T>, otherwise: T): T | undefined {
    const isThere = isPresent(join(directory, name), "regular file");
    return isThere ? (decoded(directory, name, decode) ?? otherwise) : undefined;
  }
  const everything = inUse === undefined ? [] : [{ digest: inUse, done: [] }];
  return {
    get owed() {
      return read<Owed>(OWED, decodeOwed, everything) ?? [];
    },
    get good() {
      return read<Sha256Hex | undefined>(GOOD, decodeImageRecord, undefined);
    },
    get refusals() {
      return read<Refusals>(REFUSED, decodeRefusals, []) ?? [];
    },
    get hold() {
      return read<Sha256Hex | undefined>(HOLD, decodeImageRecord, inUse);
    },
    get seen() {
      return read<HostRecords["seen"]>(SEEN, decodeSeen, "damaged") ?? new Map();
    },
  };
}

/** The names of the records that are damaged. What is no file in the place of one is told by whoever reads it (DST-27). */
export function damagedRecords(directory: string): readonly string[] {
  const decoders: Readonly<Record<string, Decode<unknown>>> = {
    [OWED]: decodeOwed,
    [GOOD]: decodeImageRecord,
    [REFUSED]: decodeRefusals,
    [HOLD]: decodeImageRecord,
    [SEEN]: decodeSeen,
  };
  return Object.entries(decoders).flatMap(([name, decode]) => {
    const path = join(directory, name);
    const stats = naming(path, "look at", () => lstatSync(path, { throwIfNoEntry: false }));
    return stats?.isFile() && decoded(directory, name, decode) === undefined ? [name] : [];
  });
}

type Decode<T> = (text: string) => T | undefined;

function decoded<T>(directory: string, name: string, decode: Decode<T>): T | undefined {
  const limit = name === SEEN ? MAX_SEEN_BYTES : MAX_RECORD_BYTES;
  const bytes = readRegularFile(join(directory, name), limit, "absent");
  return bytes && decode(new TextDecoder().decode(bytes));
}

export const writeOwed = (directory: string, owed: Owed) =>
  writeRecord(directory, OWED, owed.length === 0 ? undefined : encodeOwed(owed));

export const writeGood = (directory: string, good: Sha256Hex | undefined) =>
  writeRecord(directory, GOOD, good && encodeImageRecord(good));

export const writeRefusals = (directory: string, refusals: Refusals) =>
  writeRecord(directory, REFUSED, refusals.length === 0 ? undefined : encodeRefusals(refusals));

export const writeHold = (directory: string, hold: Sha256Hex | undefined) =>
  writeRecord(directory, HOLD, hold && encodeImageRecord(hold));

export const writeSeen = (directory: string, seen: Seen) =>
  writeRecord(directory, SEEN, seen.size === 0 ? undefined : encodeSeen(seen));

/** @param text what the record is from now on; without one, there is no file */
async function writeRecord(
  directory: string,
  name: string,
  text: string | undefined,
): Promise<void> {
  if (text !== undefined) {
    await writeFileAtomically(directory, name, new TextEncoder().encode(text), 0o644);
  } else if (isPresent(join(directory, name), "regular file")) {
    removeIfPresent(join(directory, name));
    await syncDirectory(directory);
  }
}
