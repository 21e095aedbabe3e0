// Wrong ideas of how a manifest is written, and of what must stay in it.

import type { Arguments, Operation } from "../../../src/adapter/arguments.ts";
import { TakoError } from "../../../src/core/error.ts";
import { parseSecretKey } from "../../../src/core/keys.ts";
import { type AdapterFault, type AdapterFaults, bytes, keysOf, text } from "./fault.ts";
import { decode, type PlainEntry } from "./lenient-manifest.ts";
import { partsOf, rightOrder } from "./version-faults.ts";

/** A fault of `encode`: the text is another one, signed or not with `sign`. */
function encodes(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  change: (manifest: string, sign: (message: string) => string) => string,
): AdapterFault {
  function answer(args: Arguments, right: Operation): string {
    const manifest = Buffer.from(String(right(args)), "base64").toString("latin1");
    const key = parseSecretKey(text(args, "secretKey"));
    const sign = (message: string) => key.sign(Buffer.from(message, "latin1")).toBase64();
    return Buffer.from(change(manifest, sign), "latin1").toString("base64");
  }
  return { op: "encode", what, breaks, caught, answer };
}

/** A fault of `insert`. `undefined` leaves it to the right answer. */
function inserts(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  insert: (
    entries: readonly PlainEntry[],
    entry: PlainEntry,
    taken: PlainEntry | undefined,
  ) => readonly PlainEntry[] | undefined,
): AdapterFault {
  function answer(args: Arguments, right: Operation): unknown {
    const entries = args["entries"] as readonly PlainEntry[];
    const entry = args["entry"] as PlainEntry;
    const taken = entries.find(({ version }) => isEquivalent(version, entry.version));
    const inserted = insert(entries, entry, taken);
    return inserted === undefined ? right(args) : { entries: inserted };
  }
  return { op: "insert", what, breaks, caught, answer };
}

/** A fault of `superset`: when an entry of the next manifest counts as one of the history. */
function keeps(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  isKept: (old: PlainEntry, next: readonly PlainEntry[], all: readonly PlainEntry[]) => boolean,
): AdapterFault {
  function answer(args: Arguments): boolean {
    const next = decode(bytes(args, "next"), keysOf(args));
    const history = decode(bytes(args, "history"), [], "signature-unchecked");
    return history.every((old) => isKept(old, next, history));
  }
  return { op: "superset", what, breaks, caught, answer };
}

function isEquivalent(a: string, b: string): boolean {
  return rightOrder(partsOf(a), partsOf(b)) === 0;
}

function isSame(a: PlainEntry, b: PlainEntry): boolean {
  return a.version === b.version && a.size === b.size && a.digest === b.digest;
}

export const HISTORY_FAULTS: AdapterFaults = {
  "written-with-crlf": encodes(
    "lines end with CRLF",
    ["MAN-18"],
    ["encode-one", "encode-three"],
    (manifest, sign) => {
      const signed = bodyOf(manifest).replaceAll("\n", "\r\n");
      return `${signed}${sign(signed)}\r\n`;
    },
  ),
  "written-without-last-blank": encodes(
    "there is no empty line before the signature",
    ["MAN-18"],
    ["encode-empty", "encode-three"],
    (manifest, sign) => {
      const signed = bodyOf(manifest).slice(0, -1);
      return `${signed}${sign(signed)}\n`;
    },
  ),
  "written-without-final-newline": encodes(
    "the last line lacks its LF",
    ["MAN-18"],
    ["encode-empty", "encode-three"],
    (manifest) => manifest.slice(0, -1),
  ),
  "written-unpadded": encodes(
    "the signature is not padded",
    ["MAN-18"],
    ["encode-empty", "encode-three"],
    (manifest) => manifest.replace("==\n", "\n"),
  ),
  "written-for-the-url": encodes(
    "the signature is in the URL-safe alphabet",
    ["MAN-18"],
    ["encode-one", "encode-three"],
    (manifest) =>
      bodyOf(manifest) +
      manifest.slice(bodyOf(manifest).length).replaceAll("+", "-").replaceAll("/", "_"),
  ),
  "signs-entries-only": encodes(
    "the signature covers the entries alone",
    ["MAN-18"],
    ["encode-empty", "encode-three"],
    (manifest, sign) => {
      const signed = bodyOf(manifest);
      return `${signed}${sign(signed.slice(HEADER_LENGTH, -1))}\n`;
    },
  ),
  "signs-without-last-blank": encodes(
    "the signature leaves out the last empty line",
    ["MAN-18"],
    ["encode-empty", "encode-three"],
    (manifest, sign) => {
      const signed = bodyOf(manifest);
      return `${signed}${sign(signed.slice(0, -1))}\n`;
    },
  ),
  "versions-respelled": encodes(
    "leading zeros of versions are dropped",
    ["VER-9"],
    ["encode-version-leading-zeros"],
    (manifest, sign) => {
      const signed = bodyOf(manifest).replace(/(?<=^|[._-])0+(?=[0-9])/gm, "");
      return `${signed}${sign(signed)}\n`;
    },
  ),

  "inserted-at-the-end": inserts(
    "a new entry goes to the end",
    ["MAN-19"],
    ["insert-at-the-front", "insert-between", "insert-pre-release"],
    (entries, entry, taken) => (taken === undefined ? [...entries, entry] : undefined),
  ),
  "equivalent-inserted": inserts(
    "1.0.0 is added beside 1.0",
    ["MAN-20"],
    ["insert-trailing-zero", "insert-separator", "insert-leading-zero"],
    (entries, entry, taken) =>
      taken !== undefined && taken.version !== entry.version
        ? entries.flatMap((other) => (other === taken ? [other, entry] : [other]))
        : undefined,
  ),
  "equivalent-dropped": inserts(
    "1.0.0 with the image of 1.0 is there already",
    ["MAN-20"],
    ["insert-trailing-zero", "insert-separator"],
    (entries, entry, taken) => (taken?.digest === entry.digest ? entries : undefined),
  ),
  "version-overwritten": inserts(
    "a published version gets another image",
    ["MAN-20"],
    ["insert-other-digest", "insert-other-size"],
    (entries, entry, taken) =>
      taken?.version === entry.version
        ? entries.map((other) => (other === taken ? entry : other))
        : undefined,
  ),
  "identical-refused": {
    op: "insert",
    what: "an entry that is there already is refused",
    breaks: ["MAN-20"],
    caught: ["insert-again", "insert-again-last"],
    answer(args, right) {
      const { entries } = right(args) as { entries: readonly PlainEntry[] };
      if (entries.length > (args["entries"] as readonly PlainEntry[]).length) return { entries };
      throw new TakoError("failed", "refused");
    },
  },
  "identical-doubled": inserts(
    "an entry that is there already is added again",
    ["MAN-20"],
    ["insert-again", "insert-again-last"],
    (entries, entry, taken) =>
      taken !== undefined && isSame(taken, entry)
        ? entries.flatMap((other) => (other === taken ? [other, entry] : [other]))
        : undefined,
  ),

  "history-never-lost": keeps(
    "the history is not looked at",
    ["MAN-22"],
    ["history-last-missing", "history-rolled-back", "history-digest-changed"],
    () => true,
  ),
  "history-of-versions": keeps(
    "only versions must stay",
    ["MAN-22"],
    ["history-size-changed", "history-digest-changed"],
    ({ version }, next) => next.some((entry) => entry.version === version),
  ),
  "history-without-sizes": keeps(
    "sizes may change",
    ["MAN-22"],
    ["history-size-changed"],
    ({ version, digest }, next) =>
      next.some((entry) => entry.version === version && entry.digest === digest),
  ),
  "history-without-digests": keeps(
    "digests may change",
    ["MAN-22"],
    ["history-digest-changed"],
    ({ version, size }, next) =>
      next.some((entry) => entry.version === version && entry.size === size),
  ),
  "history-respelled": keeps(
    "1.1 may become 1.1.0",
    ["MAN-22"],
    ["history-respelled", "history-respelled-separator", "history-respelled-zero"],
    (old, next) =>
      next.some(
        (entry) =>
          isSame({ ...entry, version: "" }, { ...old, version: "" }) &&
          isEquivalent(entry.version, old.version),
      ),
  ),
  "history-of-newest": keeps(
    "only the newest version must stay",
    ["MAN-22"],
    ["history-first-missing", "history-middle-missing"],
    (old, next, all) => old !== all.at(-1) || next.some((entry) => isSame(entry, old)),
  ),
  "history-at-the-front": keeps(
    "what is new must come last",
    ["MAN-21"],
    ["history-inserted", "history-inserted-first"],
    (old, next, all) => {
      const entry = next[all.indexOf(old)];
      return entry !== undefined && isSame(entry, old);
    },
  ),
  "history-never-grows": keeps(
    "nothing new may come",
    ["MAN-21"],
    ["history-appended", "history-inserted"],
    (old, next, all) => next.length === all.length && next.some((entry) => isSame(entry, old)),
  ),
  "history-of-given-keys": {
    op: "superset",
    what: "the history must be signed by a given key",
    breaks: ["MAN-23"],
    caught: ["history-key-replaced", "history-key-replaced-missing"],
    answer(args, right) {
      decode(bytes(args, "history"), keysOf(args));
      return right(args);
    },
  },
};

const HEADER_LENGTH = "Tako Manifest 1\n\n".length;
const SIGNATURE_LINE_LENGTH = 89;

/** What the signature of a manifest covers. */
function bodyOf(manifest: string): string {
  return manifest.slice(0, -SIGNATURE_LINE_LENGTH);
}
