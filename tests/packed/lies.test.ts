// Origins whose packed files lie, each in another way: the right image in the same run, one warning, and never more bytes
// than a list and twice the image (PCK-59).

import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { zstdCompressSync } from "node:zlib";
import type { Image } from "../support/publishing.ts";
import {
  frameHeader,
  type Parts,
  type PatchHeader,
  byHand as patchByHand,
  repeated,
  segment,
  zeros,
} from "./forged.ts";
import type { PackedOrigin } from "./origin.ts";
import {
  expectDone,
  four,
  log,
  MIB,
  needed,
  one,
  plain,
  program,
  scenes,
  three,
  two,
} from "./scene.ts";

/** The forged files are of the update from `one` to `four`. */
const frame = `${four.digest}.zst`;
const patch = `${four.digest}.from-${one.digest}.patch`;
const [oldSize, newSize] = [one.content.length, four.content.length];
const HEAD = "Tako Packed 1\n";

type Lie = (packed: PackedOrigin) => void | Promise<void>;

/** A list in other words. */
const says =
  (list: string | Uint8Array): Lie =>
  (packed) => {
    packed.zst(four);
    packed.write(`${four.digest}.packed`, list);
  };

const line = (old: string, next: string, size: number | string) =>
  `${HEAD}patch ${old} ${next} ${size}\n`;

const lists: Readonly<Record<string, Lie>> = {
  "is empty": says(""),
  "is a page": says("<!doctype html><title>Log in</title>\n"),
  "is of another version": says("Tako Packed 2\n"),
  "is one byte too long": says(`${HEAD + "x\n".repeat((65_536 - HEAD.length) / 2)}x\n`),
  "is of 8 MiB": says(Buffer.alloc(8 * MIB, "x\n")),
  "has a NUL": says(`${HEAD}zst 1\0\n`),
  "has a line of 161 characters": says(`${HEAD}${"x".repeat(161)}\n`),
  "has an empty line": says(`${HEAD}\nzst 5\n`),
  "does not end its last line": says(`${HEAD}zst 5`),
  "ends its lines as Windows does": says(`${HEAD}zst 5\r\n`),
  "has two frames": says(`${HEAD}zst 5\nzst 5\n`),
  "has a patch twice": says(
    line(one.digest, four.digest, 5) + line(one.digest, four.digest, 6).slice(HEAD.length),
  ),
  "has a frame of 0 bytes": says(`${HEAD}zst 0\n`),
  "has a frame of 2^53 bytes": says(`${HEAD}zst 9007199254740992\n`),
  "has a frame of -1 bytes": says(`${HEAD}zst -1\n`),
  "has a frame of 1e6 bytes": says(`${HEAD}zst 1e6\n`),
  "has a word too many": says(`${HEAD}zst 5 6\n`),
  "has a digest in capitals": says(line(one.digest.toUpperCase(), four.digest, 5)),
  "has a patch of an image to itself": says(line(four.digest, four.digest, 5)),
  "has a digest with a path": says(line(`../${one.digest.slice(3)}`, four.digest, 5)),
  "names a frame that is not there": (packed) => {
    packed.list(four, packed.zst(four));
    rmSync(packed.path(frame));
  },
  "names a patch that is not there": says(line(one.digest, four.digest, 5)),
  "has a smaller size than the frame": (packed) => {
    packed.write(`${four.digest}.packed`, `${HEAD}zst ${packed.size(packed.zst(four)) - 1}\n`);
  },
  "has a larger size than the frame": (packed) => {
    packed.write(`${four.digest}.packed`, `${HEAD}zst ${packed.size(packed.zst(four)) + 1}\n`);
  },
};

/** A frame of other bytes, in a list that has its size. */
const frames =
  (forge: (packed: PackedOrigin) => Uint8Array): Lie =>
  (packed) => {
    packed.zst(four);
    packed.write(frame, forge(packed));
    packed.list(four, frame);
  };

const image = ({ content }: Image) => Buffer.from(content, "latin1");

const badFrames: Readonly<Record<string, Lie>> = {
  "is text": frames(() => Buffer.from("not at all\n")),
  "is one byte": frames(() => Buffer.from("(")),
  "is zeros": frames(() => Buffer.alloc(100_000)),
  "begins with a skippable frame": frames((packed) =>
    Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]), packed.read(frame)]),
  ),
  "has a window of 2 GiB": frames(() =>
    Buffer.concat([frameHeader(0, 0xa8, newSize), repeated(100, true)]),
  ),
  "has a window of 16 MiB": frames(() =>
    Buffer.concat([frameHeader(0, 0x70, newSize), repeated(100, true)]),
  ),
  "does not tell its size": frames((packed) => {
    const made = Bun.spawnSync(["zstd", "-q", "-c", "-3"], { stdin: image(four) });
    expect(made.stdout.length).toBeLessThan(packed.size(frame) * 1.1);
    return made.stdout;
  }),
  "tells another size": frames(() => zeros(3, newSize + 1)),
  "is cut off": frames((packed) => packed.read(frame).subarray(0, 1_000_000)),
  "is cut off in its header": frames((packed) => packed.read(frame).subarray(0, 7)),
  "has a flipped bit": frames((packed) => {
    const bytes = packed.read(frame);
    bytes[900_000]! ^= 0x10;
    return bytes;
  }),
  "needs a dictionary": frames(() =>
    Buffer.concat([frameHeader(1, 0x68, newSize), repeated(100, true)]),
  ),
  "has a reserved bit": frames(() =>
    Buffer.concat([frameHeader(8, 0x68, newSize), repeated(100, true)]),
  ),
  "has fewer bytes than it tells": frames(() => zeros(3, newSize)),
  "is a bomb of 4 GiB": frames(() => zeros(32_768, newSize)),
  "is of another image": frames((packed) => packed.read(packed.zst(three))),
  "is of other bytes of the same size": frames(() =>
    zstdCompressSync(Buffer.alloc(newSize, "x"), {}),
  ),
};

/** A patch of other bytes, in a list that has its size. */
const patches =
  (forge: (packed: PackedOrigin) => Uint8Array | Promise<Uint8Array>): Lie =>
  async (packed) => {
    await packed.patch(one, four);
    packed.write(patch, await forge(packed));
    packed.list(four, patch);
  };

/** A patch from `one` to `four`, but for what its header says else. */
const byHand = (segments: readonly Buffer[], header: Partial<PatchHeader> = {}) =>
  patchByHand(segments, { from: oldSize, to: newSize, ...header });

/** One that begins with these parts. */
const begins = (parts: Parts) => patches(() => byHand([segment(parts)]));
const number = (value: number): readonly number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...number(Math.floor(value / 128))];
const literals = (size: number) => segment({ literals: Buffer.alloc(size) });
const whole = [literals(MIB), literals(MIB), literals(newSize - 2 * MIB)];

const badPatches: Readonly<Record<string, Lie>> = {
  "is text": patches(() => Buffer.from("not at all\n")),
  "has a header alone": patches(() => byHand([]).subarray(0, 32)),
  "has half a header": patches(() => byHand([]).subarray(0, 20)),
  "is of another version": patches(() => byHand(whole, { magic: "Tako Patch 2" })),
  "has segments of 0 bytes": patches(() => byHand(whole, { segmentSize: 0 })),
  "has segments of 2 GiB": patches(() => byHand(whole, { segmentSize: 2 ** 31 })),
  "is for a smaller old image": patches(() => byHand(whole, { from: oldSize - 1 })),
  "is for an old image of 2^60 bytes": patches(() => byHand(whole, { from: 2 ** 60 })),
  "makes a larger image": patches(() => byHand(whole, { to: newSize + 1 })),
  "makes an image of 2^60 bytes": patches(() => byHand(whole, { to: 2 ** 60 })),
  "has a window of 2 GiB": patches(() =>
    Buffer.concat([byHand([]).subarray(0, 32), frameHeader(0, 0xa8, 100), repeated(100, true)]),
  ),
  "is cut off": patches((packed) => packed.read(patch).subarray(0, -100)),
  "has a flipped bit": patches((packed) => {
    const bytes = packed.read(patch);
    bytes[bytes.length - 3000]! ^= 1;
    return bytes;
  }),
  "is of other images": patches(async (packed) => packed.read(await packed.patch(two, three))),
  "goes the other way": patches(async (packed) => packed.read(await packed.patch(four, one))),
  "goes on behind the last segment": patches(() => byHand([...whole, literals(1)])),
  "lacks a segment": patches(() => byHand(whole.slice(0, 2))),
  "makes other bytes of the right size": patches(() => byHand(whole)),
  "is a bomb of zeros": patches(() => {
    return Buffer.concat([byHand([]).subarray(0, 32), zeros(8192, 8192 * 131_072)]);
  }),
  "has parts of 4 GiB": begins({ lengths: [2 ** 32 - 1, 0, 0, 0] }),
  "has parts of 4 GiB together": begins({ lengths: [2 ** 30, 2 ** 30, 2 ** 30, 2 ** 30] }),
  "has parts beyond twice a segment": begins({ lengths: [0, 0, 0, 2 * MIB + 65] }),
  "has fewer literals than a segment": begins({ literals: Buffer.alloc(MIB - 1) }),
  "has more literals than a segment": begins({ literals: Buffer.alloc(MIB + 1) }),
  "copies from before the old image": begins({ copies: [0, 5, 1, 0] }),
  "copies from behind the old image": begins({ copies: [0, 5, ...number(2 * oldSize), 0] }),
  "copies across the end of the old image": begins({
    copies: [0, 5, ...number(2 * (oldSize - 4)), 0],
  }),
  "copies no bytes": begins({ copies: [0, 0, 0, 0] }),
  "copies more than a segment": begins({ copies: [0, ...number(MIB + 1), 0, 0] }),
  "has 16,385 copies": begins({
    copies: Array.from({ length: 16_385 }, () => [0, 1, 0, 0]).flat(),
  }),
  "has half a copy": begins({ copies: [0, 5] }),
  "has a number longer than it needs": begins({ copies: [0x80, 0x00, 5, 0, 0] }),
  "has a number of 8 bytes": begins({ copies: [...Array(7).fill(0x80), 1, 5, 0, 0] }),
  "has a number without an end": begins({ copies: [0x80] }),
  "has runs beyond their copy": begins({ copies: [0, 5, 0, 1], runs: [4, 2], differences: [1, 1] }),
  "has too few runs": begins({ copies: [0, 5, 0, 2], runs: [1, 1], differences: [1] }),
  "has 2^40 runs": begins({
    copies: [0, 5, 0, ...number(2 ** 40)],
    runs: [1, 1],
    differences: [1],
  }),
  "has too few differences": begins({ copies: [0, 5, 0, 1], runs: [0, 3], differences: [1] }),
  "has differences left over": begins({
    ...{ copies: [0, 5, 0, 1], runs: [0, 1], differences: [1, 1], literals: Buffer.alloc(MIB - 5) },
  }),
};

const scene = scenes();

describe.skipIf(needed.missing).each([
  ["list", lists],
  ["frame", badFrames],
  ["patch", badPatches],
] as const)("PCK-53, PCK-59: a %s that", (what, lies) => {
  test.each(Object.entries(lies))("%s", async (kind, lie) => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _host = host;
    await lie(packed);
    await origin.requests();
    const { status, stderr } = await program.run(["fetch", host.file]);
    const travelled = (await origin.requests()).filter(({ uri }) => uri.startsWith("store/"));
    expectDone(host, { status });
    const url = what === "list" ? "" : `${origin.url}/store/${what === "frame" ? frame : patch}: `;
    const warnings = stderr.split("\n").filter((said) => said.includes(": warning: "));
    expect(warnings).toEqual([
      expect.stringMatching(
        new RegExp(`: warning: ${RegExp.escape(url)}.*; the image itself is downloaded$`),
      ),
    ]);
    // The image came once, behind all else; and nobody was asked twice.
    const asked = log({ travelled });
    expect(asked.at(-1)).toBe(`${plain} 200 ${newSize}`);
    expect(new Set(travelled.map(({ uri }) => uri)).size).toBe(asked.length);
    const bytes = travelled.reduce((sum, each) => sum + each.bytes, 0);
    // What nginx has sent of a body that is given up is more than what was taken.
    if (!kind.includes("8 MiB")) expect(bytes).toBeLessThan(2 * newSize + 65_536);
    expect(stderr).toContain(": downloaded 1.3.0, 2.1 MB, verified\n");
  });
});
