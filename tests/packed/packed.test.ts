// Packed files with real ones: what is made of images on disk is what `zstd` and the images themselves say, what comes back
// takes no more memory than the page allows, and what fails ends.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { closeSync, ftruncateSync, openSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { TakoError } from "../../src/core/error.ts";
import { applyPatch } from "../../src/shell/packed/apply-patch.ts";
import { makePatch, type OpenImage, packImage } from "../../src/shell/packed/make-patch.ts";
import { oldImage, readAt } from "../../src/shell/packed/old-image.ts";
import { unpackImage } from "../../src/shell/packed/zstd.ts";
import { bunFlags } from "../support/bun-flags.ts";
import { needs } from "../support/needs.ts";

const MIB = 1024 * 1024;
const zstd = needs("zstd");

/** Bytes that do not compress much, and repeat nowhere. */
function noise(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed;
  for (let at = 0; at < words.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words[at] = state & 0xffff0f0f;
  }
  return new Uint8Array(words.buffer, 0, length);
}

let folder: string;
let old: Uint8Array;
let next: Uint8Array;
let open: { readonly old: OpenImage; readonly next: OpenImage };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tako-packed-"));
  old = noise(3 * MIB + 17, 1);
  // Moved by 1,000 bytes, each hundredth byte another one, and the first MiB once more at the end.
  const moved = old.map((byte, at) => (at % 100 === 0 ? byte + 1 : byte));
  next = Buffer.concat([noise(1000, 2), moved, old.subarray(0, MIB)]);
  open = { old: openImage("old", old), next: openImage("next", next) };
});
afterAll(async () => {
  for (const { fd } of Object.values(open)) closeSync(fd);
  await rm(folder, { recursive: true });
});

function openImage(name: string, bytes: Uint8Array): OpenImage {
  writeFileSync(join(folder, name), bytes);
  return { fd: openSync(join(folder, name), "r"), size: bytes.length };
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const copies: Uint8Array[] = [];
  for await (const chunk of chunks) copies.push(chunk.slice());
  return Buffer.concat(copies);
}

async function* pieces(bytes: Uint8Array, length = 10_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function refusal(chunks: AsyncIterable<Uint8Array>): Promise<TakoError> {
  const error = await all(chunks).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(TakoError);
  return error as TakoError;
}

async function run(...command: string[]): Promise<Buffer> {
  const child = Bun.spawn(command, { cwd: folder, stdout: "pipe", stderr: "inherit" });
  const output = Buffer.from(await new Response(child.stdout).arrayBuffer());
  expect(await child.exited).toBe(0);
  return output;
}

describe("patches", () => {
  test("PCK-20 to PCK-32: a patch of two files makes the second of the first", async () => {
    const done: number[] = [];
    const patch = await all(makePatch(open.old, open.next, 3, (bytes) => done.push(bytes)));
    expect(patch.length).toBeLessThan(next.length / 20);
    // One message a segment, in bytes of the new image.
    expect(done).toEqual([MIB, 2 * MIB, 3 * MIB, 4 * MIB, next.length]);
    const image = applyPatch(pieces(patch), oldImage(open.old.fd, old.length), next.length);
    expect((await all(image)).equals(next)).toBeTrue();
  });

  test.skipIf(zstd.missing)("PCK-24: what follows the header is one frame of zstd", async () => {
    const patch = await all(makePatch(open.old, open.next, 19));
    writeFileSync(join(folder, "frame.zst"), patch.subarray(32));
    const listed = (await run("zstd", "--list", "--verbose", "frame.zst")).toString();
    expect(listed).toMatch(/Zstandard Frames: 1\n/);
    expect(listed).toMatch(/Window Size: 8\.00 MiB/);
    await run("zstd", "--test", "--quiet", "frame.zst");
  });

  test("PCK-29: an old image that became shorter is an error, not a wait", async () => {
    const fd = openSync(join(folder, "shrinks"), "w+");
    ftruncateSync(fd, old.length - 1);
    const patch = await all(makePatch(open.old, open.next, 1));
    const image = applyPatch(pieces(patch), oldImage(fd, old.length), next.length);
    expect(await refusal(image)).toMatchObject({ kind: "storage" });
    expect(() => readAt(fd, old.length - 2, new Uint8Array(2))).toThrow(TakoError);
    closeSync(fd);
  });

  test("PCK-32: a patch that is cut off anywhere is refused", async () => {
    const patch = await all(makePatch(open.old, open.next, 1));
    for (let length = 0; length < patch.length - 3; length += 1 + Math.floor(patch.length / 150)) {
      const part = pieces(patch.subarray(0, length));
      const image = applyPatch(part, oldImage(open.old.fd, old.length), next.length);
      expect(await refusal(image)).toMatchObject({ kind: "origin" });
    }
  });

  test("PCK-32: what the source throws comes out, and the source is ended", async () => {
    let ended = 0;
    const patch = await all(makePatch(open.old, open.next, 1));
    async function* failing(after: number) {
      try {
        yield patch.subarray(0, after);
        throw new Error("the cable");
      } finally {
        ended += 1;
      }
    }
    const from = oldImage(open.old.fd, old.length);
    for (const after of [0, 20, 32, 40, 60, patch.length - 10]) {
      ended = 0;
      const image = all(applyPatch(failing(after), from, next.length));
      await expect(image).rejects.toThrow("the cable");
      expect(ended).toBe(1);
    }
  });

  test("PCK-13, PCK-32: of a damaged patch or frame never more comes than the image has", async () => {
    const patch = await all(makePatch(open.old, open.next, 1));
    const frame = await all(packImage(open.next, 1));
    const damages = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.boolean(), damages, async (isPatch, bytes) => {
        const damaged = Buffer.from(isPatch ? patch : frame.subarray(0, 200_000));
        // Half of them within the first 100 bytes, where headers are.
        for (const [at, byte] of bytes)
          damaged[(at >> 1) % (at % 2 === 0 ? 100 : damaged.length)] = byte;
        const image = isPatch
          ? applyPatch(pieces(damaged), oldImage(open.old.fd, old.length), next.length)
          : unpackImage(pieces(damaged), next.length);
        let length = 0;
        try {
          for await (const chunk of image) length += chunk.length;
          expect(length).toBe(next.length);
        } catch (error) {
          expect(error).toMatchObject({ name: "TakoError", kind: "origin" });
          expect(length).toBeLessThanOrEqual(next.length);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("PCK-33: who wants no more of an image ends the source", async () => {
    const patch = await all(makePatch(open.old, open.next, 1));
    let ended = 0;
    async function* source() {
      try {
        for (;;) yield* pieces(patch, 100);
      } finally {
        ended += 1;
      }
    }
    const image = applyPatch(source(), oldImage(open.old.fd, old.length), next.length);
    for await (const segment of image) {
      expect(segment.length).toBe(MIB);
      break;
    }
    expect(ended).toBe(1);
  });
});

describe("frames", () => {
  test("PCK-10: what the images throw comes out", async () => {
    const gone = openImage("gone", next);
    closeSync(gone.fd);
    await expect(all(packImage(gone, 3))).rejects.toThrow("EBADF");
    await expect(all(makePatch(open.old, gone, 3))).rejects.toThrow("EBADF");
    const longer = { ...open.next, size: next.length + 1 };
    expect(await refusal(packImage(longer, 3))).toMatchObject({ kind: "storage" });
  });

  test.skipIf(zstd.missing)(
    "PCK-10 to PCK-13: zstd reads what is made, and the other way round",
    async () => {
      writeFileSync(join(folder, "made.zst"), await all(packImage(open.next, 9)));
      expect((await run("zstd", "-d", "-c", "made.zst")).equals(next)).toBeTrue();
      for (const option of ["-1", "-9", "-19", "--no-check"]) {
        const frame = await run("zstd", option, "-c", "next");
        expect((await all(unpackImage(pieces(frame), next.length))).equals(next)).toBeTrue();
        expect(await refusal(unpackImage(pieces(frame), next.length + 1))).toMatchObject({
          rule: "PCK-12",
        });
        expect(
          await refusal(unpackImage(pieces(frame.subarray(0, -9)), next.length)),
        ).toMatchObject({
          rule: "PCK-13",
        });
      }
    },
  );

  test.skipIf(zstd.missing)(
    "PCK-12: a frame that zstd made from a pipe does not tell its size",
    async () => {
      const frame = await run("sh", "-c", "cat next | zstd -c");
      expect(await refusal(unpackImage(pieces(frame), next.length))).toMatchObject({
        rule: "PCK-12",
      });
    },
  );

  test("PCK-13: a frame of 0 bytes in it makes an image of 0 bytes", async () => {
    const nothing = openImage("nothing", new Uint8Array(0));
    const frame = await all(packImage(nothing, 9));
    expect(await all(unpackImage(pieces(frame), 0))).toHaveLength(0);
    closeSync(nothing.fd);
  });
});

describe("memory", () => {
  const size = 300 * MIB;

  /** The most memory that a program had which brings a file through `expression`, in MiB. */
  async function peakOf(expression: string, file: string): Promise<number> {
    const source = `
      import { createReadStream, openSync, readFileSync } from "node:fs";
      import { applyPatch } from ${JSON.stringify(join(import.meta.dir, "../../src/shell/packed/apply-patch.ts"))};
      import { oldImage } from ${JSON.stringify(join(import.meta.dir, "../../src/shell/packed/old-image.ts"))};
      import { unpackImage } from ${JSON.stringify(join(import.meta.dir, "../../src/shell/packed/zstd.ts"))};
      const bytes = createReadStream(${JSON.stringify(join(folder, file))});
      let done = 0;
      for await (const chunk of ${expression}) done += chunk.length;
      const [, peak] = /VmHWM:\\s+(\\d+) kB/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
      console.log(done, Number(peak) / 1024);`;
    writeFileSync(join(folder, "peak.ts"), source);
    const output = await run(process.execPath, ...bunFlags, "--smol", "peak.ts");
    const [done, peak] = output.toString().split(" ").map(Number);
    expect(done).toBe(size);
    return peak ?? Number.NaN;
  }

  test("PCK-33: of 300 MiB each, a patch and a frame take less than 96 MiB of memory", async () => {
    const large = openSync(join(folder, "large"), "w+");
    ftruncateSync(large, size);
    // Something to copy in the beginning and the end of it.
    writeFileSync(large, old);
    const image = { fd: large, size };
    writeFileSync(join(folder, "large.patch"), await all(makePatch(image, image, 1)));
    writeFileSync(join(folder, "large.zst"), await all(packImage(image, 1)));
    closeSync(large);
    const from = `oldImage(openSync(${JSON.stringify(join(folder, "large"))}, "r"), ${size})`;
    expect(await peakOf(`applyPatch(bytes, ${from}, ${size})`, "large.patch")).toBeLessThan(96);
    expect(await peakOf(`unpackImage(bytes, ${size})`, "large.zst")).toBeLessThan(96);
  });
});
