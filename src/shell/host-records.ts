// The records of a destination that decide: `.owed`, `.good`, `.refused`, `.hold`, `.seen` (spec/destination.md). Each is
// written whole or not at all; one that is damaged stops nobody, and what it then stands for is said here.

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

/** The most bytes of a record that are looked at: a config has no more units to note. */
export const MAX_RECORD_BYTES = 2 * MAX_CONFIG_BYTES;
/** `.seen` has a line for each of a manifest, and none is much longer. */
const MAX_SEEN_BYTES = 2 * MAX_MANIFEST_BYTES;

/** What the records of a destination say. */
export interface HostRecords {
  readonly owed: Owed;
  readonly good: Sha256Hex | undefined;
  readonly refusals: Refusals;
  readonly hold: Sha256Hex | undefined;
  readonly seen: Seen | "damaged";
  /** The records that are damaged, by their names. */
  readonly damaged: readonly string[];
}

/** @param inUse the image that `latest` names */
export function readHostRecords(directory: string, inUse: Sha256Hex | undefined): HostRecords {
  const damaged: string[] = [];
  /** @returns what it stands for if it is damaged, else what is in it; `undefined` if it is not there */
  function read<T>(
    name: string,
    decode: (text: string) => T | undefined,
    otherwise: T,
    limit = MAX_RECORD_BYTES,
  ): T | undefined {
    const path = join(directory, name);
    if (!isPresent(path, "regular file")) return undefined;
    const bytes = readRegularFile(path, limit, "absent");
    const record = bytes && decode(new TextDecoder().decode(bytes));
    if (record === undefined) damaged.push(name);
    return record ?? otherwise;
  }
  const everything = inUse === undefined ? [] : [{ digest: inUse, done: [] }];
  return {
    owed: read<Owed>(OWED, decodeOwed, everything) ?? [],
    good: read<Sha256Hex | undefined>(GOOD, decodeImageRecord, undefined),
    refusals: read<Refusals>(REFUSED, decodeRefusals, []) ?? [],
    hold: read<Sha256Hex | undefined>(HOLD, decodeImageRecord, inUse),
    seen: read<HostRecords["seen"]>(SEEN, decodeSeen, "damaged", MAX_SEEN_BYTES) ?? new Map(),
    damaged,
  };
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
