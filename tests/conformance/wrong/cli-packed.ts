// The small command line's way by packed files: the list, the cheapest way, its files, and what comes out of them; and in each
// of these the faults that it can have. It holds all in memory, and continues nothing.

import { zstdDecompressSync } from "node:zlib";
import type { Config } from "../../../src/core/config.ts";
import type { Sha256Hex } from "../../../src/core/digest.ts";
import { packedName, patchName, zstName } from "../../../src/core/layout.ts";
import type { Entry, Manifest } from "../../../src/core/manifest.ts";
import { imageLocation, storeLocation } from "../../../src/core/origin-url.ts";
import { cheapestWay, isWorthList, type Way } from "../../../src/core/packed/cheapest-way.ts";
import {
  MAX_PACKED_BYTES,
  type PackedList,
  parsePackedList,
} from "../../../src/core/packed/packed-list.ts";
import { applyPatch } from "../../../src/shell/packed/apply-patch.ts";
import { unpackImage } from "../../../src/shell/packed/zstd.ts";
import { wrong } from "./cli-faults.ts";
import { get } from "./cli-http.ts";
import { applySegments } from "./lenient-patch.ts";
import { afterSkippable, smallWindow } from "./packed-faults.ts";

/** What is known of images, and which of them are here and whole. */
export interface PackedOrder {
  readonly config: Config;
  readonly entry: Entry;
  readonly manifest: Manifest;
  readonly contentOf: (entry: Entry) => Uint8Array | undefined;
}

/** The image, if it is to come by packed files, and does. */
export async function obtainPacked(order: PackedOrder): Promise<Uint8Array | undefined> {
  const { config, entry } = order;
  if (wrong("packed-never") || (!config.packed && !wrong("packed-always"))) return undefined;
  if (!isWorthList(entry.size) && !wrong("packed-of-small-images")) return undefined;
  const files = new PackedOrigin(config);
  try {
    const list = await files.list(entry);
    if (list === undefined || !(await isThere(order))) return undefined;
    return await byWay(order, files, chosen(order, list));
  } catch (error) {
    if (wrong("packed-lie-ends-the-run")) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const where = wrong("packed-lie-without-url") ? "a packed file" : files.url;
    const times = wrong("packed-lie-untold") ? 0 : wrong("packed-lie-told-twice") ? 2 : 1;
    for (let time = 0; time < times; time++) console.error(`warning: ${where}: ${message}`);
    const [old] = order.manifest.entries;
    if (wrong("packed-second-attempt") && old !== undefined)
      await files.get(patchName(old.digest, entry.digest), entry.size).catch(() => {});
    return undefined;
  }
}

/** Packed files as they come, and the URL of the last one. */
class PackedOrigin {
  readonly #config: Config;
  url = "";

  constructor(config: Config) {
    this.#config = config;
  }

  async get(name: string, limit: number): Promise<Buffer> {
    this.url = storeLocation(this.#config.origin, name).href;
    return Buffer.from((await get(this.url, this.#config.origin, limit)) ?? []);
  }

  async list({ digest }: Entry): Promise<PackedList | undefined> {
    const limit = wrong("packed-list-unlimited") ? Infinity : MAX_PACKED_BYTES;
    try {
      return read((await this.get(packedName(digest), limit)).toString("latin1"));
    } catch (error) {
      const isNone = error instanceof Error && /status (403|404|410)/.test(error.message);
      if (isNone && !wrong("packed-none-is-odd")) return undefined;
      throw error;
    }
  }

  async file(name: string, size: number): Promise<Buffer> {
    if (wrong("packed-size-unchecked")) return await this.get(name, Infinity);
    const bytes = await this.get(name, size);
    if (bytes.length < size) throw new Error("it is shorter than the list says");
    return bytes;
  }
}

function read(given: string): PackedList {
  const cut = wrong("packed-list-unlimited")
    ? given.slice(0, given.lastIndexOf("\n", 65_000) + 1)
    : given;
  const format = wrong("packed-list-of-any-format") ? /^Tako Packed \d/ : /^Tako Packed 1/;
  const text = cut.replace(format, "Tako Packed 1");
  const parse = (each: string) => parsePackedList(Buffer.from(each, "latin1"));
  if (wrong("packed-list-crlf")) return parse(text.replaceAll("\r\n", "\n"));
  if (wrong("packed-list-any-number")) return parse(text.replace(/ 0+/g, " "));
  if (wrong("packed-list-strict") && !/^Tako.*\n((zst|patch) .*\n)*$/.test(text))
    throw new Error("an unknown word");
  if (!wrong("packed-list-lenient")) return parse(text);
  const lists = text
    .split("\n")
    .slice(1)
    .flatMap((line): readonly PackedList[] => {
      try {
        return [parse(`Tako Packed 1\n${line}\n`)];
      } catch {
        return [];
      }
    });
  return {
    zst: lists.find(({ zst }) => zst !== undefined)?.zst,
    patches: lists.flatMap(({ patches }) => patches),
  };
}

async function isThere({ config, entry }: PackedOrder): Promise<boolean> {
  if (wrong("packed-of-withdrawn-images")) return true;
  const answer = await fetch(imageLocation(config.origin, entry.digest).href, { method: "HEAD" });
  return answer.status === 200;
}

function chosen({ entry, manifest, contentOf }: PackedOrder, list: PackedList): Way {
  const whole = manifest.entries.filter((each) => contentOf(each) !== undefined);
  const listed = new Map(manifest.entries.map((each) => [each.digest, each.size]));
  const sizes = wrong("packed-unlisted-images")
    ? new Map([...list.patches.map((each) => [each.new, entry.size] as const), ...listed])
    : listed;
  const patches = wrong("packed-frame-first") && list.zst !== undefined ? [] : list.patches;
  const zst = wrong("packed-patches-first") && patches.length > 0 ? undefined : list.zst;
  const here = {
    images: new Set(
      wrong("packed-images-not-here")
        ? list.patches.map(({ old }) => old)
        : whole.map(({ digest }) => digest),
    ),
    partial: 0,
    parts: new Map<string, number>(),
  };
  const usable = wrong("packed-one-patch")
    ? patches.filter((each) => here.images.has(each.old) && each.new === entry.digest)
    : patches;
  const [first] = whole;
  if (wrong("packed-long-chains") && first !== undefined)
    return { by: "patches", from: first.digest, patches, missing: patches.length };
  if (!wrong("packed-larger-than-image"))
    return cheapestWay(entry, { zst, patches: usable }, here, sizes);
  return cheapestWay({ ...entry, size: Infinity }, { zst, patches: usable }, here, sizes);
}

async function byWay(
  { entry, manifest, contentOf }: PackedOrder,
  files: PackedOrigin,
  way: Way,
): Promise<Uint8Array | undefined> {
  if (way.by === "plain") return undefined;
  if (way.by === "zst") {
    const bytes = await files.file(zstName(entry.digest), way.size);
    return held(entry.digest, await unpack(bytes, entry.size));
  }
  const old = manifest.entries.find(({ digest }) => digest === way.from);
  let image = old && contentOf(old);
  const patches: Buffer[] = [];
  for (const step of way.patches)
    patches.push(await files.file(patchName(step.old, step.new), step.size));
  for (const [index, step] of way.patches.entries()) {
    const size = manifest.entries.find(({ digest }) => digest === step.new)?.size;
    const bytes = patches[index];
    if (image === undefined || size === undefined || bytes === undefined) return undefined;
    files.url = files.url.replace(/[^/]*$/, patchName(step.old, step.new));
    const made = await apply(bytes, image, size);
    const isBetween = step.new !== entry.digest && wrong("packed-between-unchecked");
    image = isBetween ? made : held(step.new, made);
  }
  return image;
}

function held(digest: Sha256Hex, image: Uint8Array): Uint8Array {
  const found = new Bun.CryptoHasher("sha256").update(image).digest("hex");
  if (found !== digest && !wrong("packed-image-unchecked")) throw new Error("another SHA-256");
  return image;
}

async function unpack(given: Buffer, size: number): Promise<Uint8Array> {
  const shown = wrong("packed-skippable") ? afterSkippable(given) : given;
  const frame = wrong("packed-any-window") ? smallWindow(shown) : shown;
  const isLenient = wrong("packed-frame-of-any-size") || wrong("packed-frame-cut-to-size");
  if (!isLenient) return await all(unpackImage(inOne(frame), size));
  // Not held to what it says: each block as it comes.
  if (wrong("packed-frame-of-any-size") && frame[4] !== 0) frame.writeUInt32LE(size, 6);
  if (wrong("packed-frame-cut-to-size")) frame.writeUInt32LE(size + 1, 6);
  const image = zstdDecompressSync(frame, { maxOutputLength: 2 * size });
  return image.subarray(0, size);
}

async function apply(given: Buffer, old: Uint8Array, size: number): Promise<Uint8Array> {
  if (wrong("packed-any-window")) given.set(smallWindow(given.subarray(32)), 32);
  if (wrong("packed-patch-of-any-format")) given.write("Tako Patch 1");
  if (wrong("packed-patch-of-any-size")) {
    given.writeBigUInt64LE(BigInt(old.length), 16);
    given.writeBigUInt64LE(BigInt(size), 24);
  }
  const lenient = {
    goesOn: wrong("packed-patch-goes-on"),
    overlong: wrong("packed-overlong-numbers"),
    largeSegments: wrong("packed-large-segments"),
  };
  if (!Object.values(lenient).includes(true))
    return await all(applyPatch(inOne(given), source(old), size));
  const content = zstdDecompressSync(given.subarray(32));
  return applySegments(old, content, [given.readUInt32LE(12), size], lenient);
}

function source(bytes: Uint8Array) {
  return {
    size: bytes.length,
    read: (place: number, into: Uint8Array) => into.set(bytes.subarray(place, place + into.length)),
  };
}

async function* inOne(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const copies: Uint8Array[] = [];
  for await (const chunk of chunks) copies.push(chunk.slice());
  return Buffer.concat(copies);
}
