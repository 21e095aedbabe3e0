// Faults in packed files: each one reads something else than what there is, or looks at less.

import type { Arguments } from "../../../src/adapter/arguments.ts";
import { TakoError } from "../../../src/index.ts";
import { type AdapterFault, type AdapterFaults, bytes } from "./fault.ts";
import { applySegments, type Leniency } from "./lenient-patch.ts";

type Known = Pick<AdapterFault, "what" | "breaks" | "caught">;

/** Another list is read. */
const list = (known: Known, change: (text: string) => string): AdapterFault => ({
  ...known,
  op: "parse-packed",
  answer(args, right) {
    const text = Buffer.from(bytes(args, "list")).toString("latin1");
    return right({ ...args, list: Buffer.from(change(text), "latin1").toString("base64") });
  },
});

/** Another frame is unpacked. */
const frame = (
  known: Known,
  change: (frame: Buffer, size: number) => Uint8Array,
): AdapterFault => ({
  ...known,
  op: "unpack",
  answer(args, right) {
    const changed = change(Buffer.from(bytes(args, "frame")), Number(args["size"]));
    return right({ ...args, frame: Buffer.from(changed).toString("base64") });
  },
});

/** Another patch is applied. */
const patch = (
  known: Known,
  change: (patch: Buffer, args: Arguments) => Uint8Array,
): AdapterFault => ({
  ...known,
  op: "apply-patch",
  answer(args, right) {
    const changed = change(Buffer.from(bytes(args, "patch")), args);
    return right({ ...args, patch: Buffer.from(changed).toString("base64") });
  },
});

/** Segments are decoded by a decoder that has this fault. Headers and frames are looked at by the right one. */
const segments = (known: Known, lenient: Leniency): AdapterFault => ({
  ...known,
  op: "apply-patch",
  async answer(args, right) {
    const given = Buffer.from(bytes(args, "patch"));
    try {
      return await right(args);
    } catch (error) {
      const rule = error instanceof TakoError ? Number(error.rule?.slice(4)) : 0;
      // What is beyond the limits of this decoder, too.
      if (rule < 25 || given.length > 20_000) throw error;
      return made(args, given, lenient);
    }
  },
});

/** The same where what is right comes out otherwise. */
const otherwise = (known: Known, lenient: Leniency): AdapterFault => ({
  ...known,
  op: "apply-patch",
  async answer(args, right) {
    await right(args);
    return made(args, Buffer.from(bytes(args, "patch")), lenient);
  },
});

function made(args: Arguments, given: Buffer, lenient: Leniency): string {
  const content = Bun.zstdDecompressSync(given.subarray(32));
  const sizes = [given.readUInt32LE(12), Number(args["size"])] as const;
  return Buffer.from(applySegments(bytes(args, "old"), content, sizes, lenient)).toString("base64");
}

/** Another question is answered. */
const way = (known: Known, change: (args: Way) => Partial<Way>): AdapterFault => ({
  ...known,
  op: "cheapest-way",
  answer: (args, right) => right({ ...args, ...change(args as unknown as Way) }),
});

interface Way {
  readonly wanted: string;
  readonly sizes: Readonly<Record<string, number>>;
  readonly list: { readonly zst?: number; readonly patches: readonly Line[] } | null;
  readonly here: readonly string[];
  readonly partial: number;
  readonly parts: Readonly<Record<string, number>>;
}

interface Line {
  readonly old: string;
  readonly new: string;
  readonly size: number;
}

const known = (what: string, breaks: string, caught: string): Known => ({
  what,
  breaks: breaks.split(" "),
  caught: caught.split(" "),
});

const SKIPPABLE = Buffer.from("502a4d18", "hex");

export function afterSkippable(data: Buffer): Buffer {
  return data.indexOf(SKIPPABLE) === 0 ? data.subarray(8 + data.readUInt32LE(4)) : data;
}

/** With a window of 8 MiB in place of a larger one. */
export function smallWindow(data: Buffer): Buffer {
  const hasWindow = data.length > 5 && data.readUInt32LE(0) === 0xfd2fb528 && !(data[4]! & 0x20);
  if (hasWindow && data[5]! > 0x68) data[5] = 0x68;
  return data;
}

export const PACKED_FAULTS: AdapterFaults = {
  "list-without-limit": list(
    known("a list is read as far as it goes", "PCK-2", "packed-list-too-long packed-list-1-mib"),
    (text) => (text.length > 65_536 ? text.slice(0, text.lastIndexOf("\n", 65_000) + 1) : text),
  ),
  "list-of-any-format": list(
    known("the first line is not looked at", "PCK-1", "packed-list-other-format"),
    (text) => text.replace(/^Tako Packed \d\n/, "Tako Packed 1\n"),
  ),
  "list-of-any-lines": list(
    known("a carriage return ends a line, too", "PCK-3", "packed-list-crlf"),
    (text) => text.replaceAll("\r\n", "\n"),
  ),
  "list-cut-off": list(
    known("the last line need not end", "PCK-3", "packed-list-cut packed-list-header-cut"),
    (text) => (text.endsWith("\n") || text === "" ? text : `${text}\n`),
  ),
  "list-blank-lines": list(
    known("empty lines are passed over", "PCK-3", "packed-list-blank-line"),
    (text) => text.replaceAll("\n\n", "\n"),
  ),
  "list-any-characters": list(
    known(
      "a line may have any characters",
      "PCK-3",
      "packed-list-escape packed-list-nul packed-list-delete packed-list-no-ascii",
    ),
    (text) => text.replaceAll(/later [^\n]*/g, "later"),
  ),
  "list-leading-zeros": list(
    known("a size may begin with zeros", "PCK-4", "packed-list-zst-leading-zero"),
    (text) => text.replaceAll(/^zst 0+(?=\d)/gm, "zst "),
  ),
  "list-sizes-rounded": list(
    known(
      "a size above 2^53 - 1 is some size",
      "PCK-4 PCK-5",
      "packed-list-zst-too-large packed-list-zst-long-size packed-list-patch-too-large",
    ),
    (text) => text.replaceAll(/(?<= )9\d{15,}$/gm, "9007199254740991"),
  ),
  "list-capital-digits": list(
    known("digests may have capital letters", "PCK-5", "packed-list-patch-upper-case"),
    (text) => text.replaceAll(/^patch .*/gm, (line) => line.toLowerCase()),
  ),
  "list-first-counts": list(
    known(
      "of two lines for one file the first one counts",
      "PCK-6",
      "packed-list-zst-twice packed-list-patch-twice",
    ),
    (text) => text.replace(/^((?:zst|patch \w+ \w+) )(\d+\n)\1.*\n/m, "$1$2"),
  ),
  "list-bad-lines-passed-over": list(
    known(
      "a line of another form is passed over",
      "PCK-4 PCK-5 PCK-7",
      "packed-list-zst-nothing packed-list-patch-path packed-list-zst-two-sizes",
    ),
    (text) => text.replaceAll(/^(zst|patch)(?= |$)(?!( [0-9a-f]{64})* [1-9]\d*$)/gm, "later"),
  ),
  "list-without-room": list(
    known(
      "a word that is not known makes a list bad",
      "PCK-7 PCK-2",
      "packed-list-unknown packed-list-unknown-longest",
    ),
    (text) => text.replace(/^(?!zst |patch |Tako Packed 1$).+$/m, ""),
  ),

  "frame-after-skippable": frame(
    known("a skippable frame before it is passed over", "PCK-10", "packed-frame-skippable"),
    afterSkippable,
  ),
  "frame-reserved-bit": frame(
    known("the reserved bit is not looked at", "PCK-10", "packed-frame-reserved"),
    (data) => {
      if (data.length > 4) data[4] = data[4]! & ~8;
      return data;
    },
  ),
  "frame-any-window": frame(
    known(
      "memory is taken for any window",
      "PCK-11",
      "packed-frame-window-9-mib packed-frame-window-2-gib packed-frame-window-largest",
    ),
    smallWindow,
  ),
  "frame-of-any-size": frame(
    known("a frame need not say its size", "PCK-12", "packed-frame-no-size"),
    (data, size) => {
      if (data.length < 6 || data[4] !== 0) return data;
      const told = Buffer.alloc(4);
      told.writeUInt32LE(size);
      return Buffer.concat([
        data.subarray(0, 4),
        Buffer.of(0x80),
        data.subarray(5, 6),
        told,
        data.subarray(6),
      ]);
    },
  ),
  "frame-zeros": {
    ...known(
      "what does not come is zeros",
      "PCK-13",
      "packed-frame-shorter packed-frame-cut-in-block packed-frame-cut-before-block",
    ),
    op: "unpack",
    async answer(args, right) {
      try {
        return await right(args);
      } catch (error) {
        if (!(error instanceof TakoError) || error.rule !== "PCK-13") throw error;
        return Buffer.alloc(Math.min(Number(args["size"]), 1000)).toString("base64");
      }
    },
  },

  "patch-of-any-format": patch(
    known("the magic is not looked at", "PCK-20", "patch-other-format"),
    (data) => Buffer.concat([Buffer.from("Tako Patch 1"), data.subarray(12)]),
  ),
  "patch-any-segment-size": patch(
    known(
      "segments may have any size",
      "PCK-22",
      "patch-segment-4095 patch-segment-0 patch-segment-larger patch-segment-4-gib",
    ),
    (data) => {
      if (data.length > 32 && (data.readUInt32LE(12) < 4096 || data.readUInt32LE(12) > 1_048_576))
        data.writeUInt32LE(1_048_576, 12);
      return data;
    },
  ),
  "patch-any-old-image": patch(
    known("the size of the old image is not compared", "PCK-23", "patch-old-size"),
    (data, args) => {
      if (data.length >= 32) data.writeBigUInt64LE(BigInt(bytes(args, "old").length), 16);
      return data;
    },
  ),
  "patch-any-new-image": patch(
    known(
      "the size of the new image is not compared",
      "PCK-23",
      "patch-new-size patch-new-size-wraps patch-new-size-huge",
    ),
    (data, args) => {
      if (data.length >= 32) data.writeBigUInt64LE(BigInt(Number(args["size"])), 24);
      return data;
    },
  ),
  "patch-any-window": patch(
    known(
      "memory is taken for any window",
      "PCK-11 PCK-24",
      "patch-window-2-gib patch-window-9-mib",
    ),
    (data) => Buffer.concat([data.subarray(0, 32), smallWindow(data.subarray(32))]),
  ),
  "patch-after-skippable": patch(
    known("a skippable frame before it is passed over", "PCK-10 PCK-24", "patch-skippable"),
    (data) => Buffer.concat([data.subarray(0, 32), afterSkippable(data.subarray(32))]),
  ),
  "parts-without-bound": segments(
    known("parts may be of any size", "PCK-26 PCK-28 PCK-27 PCK-30", "patch-parts-too-large"),
    { largeParts: true, literalsLeft: true },
  ),
  "numbers-overlong": segments(
    known(
      "a number may have more bytes than it needs",
      "PCK-27",
      "patch-number-overlong patch-run-overlong",
    ),
    { overlong: true },
  ),
  "copies-of-nothing": segments(
    known("a copy may have 0 bytes", "PCK-28", "patch-copy-of-nothing"),
    { emptyCopies: true },
  ),
  "copies-without-end": segments(
    known(
      "a segment may have any number of copies",
      "PCK-28",
      "patch-too-many-copies patch-too-many-copies-of-4096",
    ),
    { manyCopies: true },
  ),
  "copies-by-the-largest-segment": segments(
    known("every segment may have 16,384 copies", "PCK-28", "patch-too-many-copies-of-4096"),
    { oneLimit: true },
  ),
  "copies-from-outside": segments(
    known(
      "what is outside of the old image is zeros",
      "PCK-29",
      "patch-before-old patch-beyond-old patch-second-beyond-old",
    ),
    { outside: true },
  ),
  "literals-lack": segments(
    known("literals that lack are zeros", "PCK-30 PCK-32", "patch-literals-lack"),
    { cutOff: true },
  ),
  "literals-left": segments(
    known(
      "literals that are left over are forgotten",
      "PCK-30",
      "patch-literals-left patch-all-literals-left",
    ),
    { literalsLeft: true },
  ),
  "runs-beyond-copies": segments(
    known("a run may go beyond its copy", "PCK-31", "patch-run-beyond-copy patch-skip-beyond-copy"),
    { runsBeyond: true },
  ),
  "differences-left": segments(
    known("differences that are left over are forgotten", "PCK-31", "patch-differences-left"),
    { differencesLeft: true },
  ),
  "runs-left": segments(
    known("runs that are left over are forgotten", "PCK-31", "patch-runs-left"),
    { runsLeft: true },
  ),
  "patch-goes-on": segments(
    known(
      "what stands after the last segment is not read",
      "PCK-32",
      "patch-goes-on patch-second-segment patch-nothing-goes-on",
    ),
    { goesOn: true },
  ),
  "moves-from-the-beginning": otherwise(
    known(
      "a move counts from the beginning of the old image",
      "PCK-25 PCK-29 PCK-31 PCK-22 PCK-24 PCK-27 PCK-28",
      "patch-back patch-swap",
    ),
    { absolute: true, outside: true },
  ),
  "moves-over-segments": otherwise(
    known(
      "the first copy of a segment counts from the last one before it",
      "PCK-25 PCK-29 PCK-22",
      "patch-other-segments",
    ),
    { endKept: true, outside: true },
  ),
  "sign-in-the-highest-bit": otherwise(
    known(
      "a signed number has its sign in the highest bit",
      "PCK-27 PCK-25 PCK-29 PCK-28 PCK-30 PCK-31",
      "patch-swap patch-back",
    ),
    { otherSign: true, outside: true },
  ),
  "differences-are-bytes": otherwise(
    known(
      "a difference is the byte itself",
      "PCK-25 PCK-31 PCK-22 PCK-24",
      "patch-example patch-wraps",
    ),
    { replaced: true },
  ),

  "way-partial-forgotten": way(
    known(
      "the partial download counts for nothing",
      "PCK-41",
      "way-partial way-partial-whole way-zst-or-partial",
    ),
    () => ({ partial: 0 }),
  ),
  "way-parts-forgotten": way(
    known(
      "parts of packed files count for nothing",
      "PCK-42 PCK-43",
      "way-zst-part way-patch-part way-chain-part",
    ),
    () => ({ parts: {} }),
  ),
  "way-without-frame": way(
    known("a frame is never taken", "PCK-40 PCK-42 PCK-43 PCK-44", "way-zst way-zst-part"),
    ({ list }) => ({ list: list && { patches: list.patches } }),
  ),
  "way-without-chains": way(
    known(
      "one patch after the other is no way",
      "PCK-40 PCK-43 PCK-45",
      "way-chain way-eight-patches",
    ),
    ({ list, wanted }) => ({
      list: list && { ...list, patches: list.patches.filter((line) => line.new === wanted) },
    }),
  ),
  "way-from-anywhere": way(
    known(
      "patches are from images that are not here",
      "PCK-40 PCK-43 PCK-44 PCK-45 PCK-46",
      "way-patch-of-none-here way-patch-nothing-here",
    ),
    ({ list, here }) => ({ here: list?.patches.map((line) => line.old) ?? here }),
  ),
  "way-over-unlisted": way(
    known("a chain leads over an image that the manifest does not list", "PCK-46", "way-unlisted"),
    ({ list, sizes }) => ({
      sizes: {
        ...Object.fromEntries(list?.patches.map((line) => [line.new, 1000]) ?? []),
        ...sizes,
      },
    }),
  ),
  "way-over-large-patches": way(
    known(
      "a patch may be larger than the image within the chain that it makes",
      "PCK-46",
      "way-chain-too-large",
    ),
    ({ sizes, wanted }) => ({
      sizes: Object.fromEntries(
        Object.entries(sizes).map(([name, size]) => [name, name === wanted ? size : 1000]),
      ),
    }),
  ),
  "way-same-bytes": {
    ...known(
      "of the same number of bytes, the frame goes before the image",
      "PCK-44",
      "way-same-plain",
    ),
    op: "cheapest-way",
    async answer(args, right) {
      const { list } = args as unknown as Way;
      const taken = (await right(args)) as { by: string; missing: number };
      return taken.by === "plain" && list?.zst === taken.missing ? { ...taken, by: "zst" } : taken;
    },
  },
  "way-of-seven": {
    ...known("a chain has at most seven patches", "PCK-45", "way-eight-patches"),
    op: "cheapest-way",
    async answer(args, right) {
      const taken = (await right(args)) as { patches?: readonly Line[] };
      return (taken.patches?.length ?? 0) < 8 ? taken : { by: "plain", missing: 1000 };
    },
  },
};
