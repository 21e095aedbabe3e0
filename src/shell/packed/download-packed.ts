// The download of an image by a way that its packed files open: they travel, the old image is verified meanwhile, and the
// new one is written from them, hashed on the way (PCK-51 to PCK-56). What is done if it fails, is not known here.

import { closeSync, fstatSync } from "node:fs";
import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import { patchName, unpackedName, zstName } from "../../core/layout.ts";
import { storeLocation } from "../../core/origin-url.ts";
import { filesOfWay, type PackedFile, type PackedWay } from "../../core/packed/packed-file.ts";
import { discard } from "../disk/files.ts";
import type { ImageIdentity, LockedImageStore } from "../disk/image-store.ts";
import type { ImageWriter } from "../disk/image-writer.ts";
import type { PartFile } from "../disk/part-file.ts";
import { openRegularFile } from "../disk/read-files.ts";
import { storageError } from "../disk/storage-error.ts";
import { requireSpace } from "../download.ts";
import type { Origin } from "../origin/origin.ts";
import { receive } from "../receive.ts";
import { applyPatch } from "./apply-patch.ts";
import { oldImage } from "./old-image.ts";
import { unpackImage } from "./zstd.ts";

export interface PackedDownload {
  readonly origin: Origin;
  /** What the manifest says of the image. */
  readonly wanted: ImageIdentity;
  /** Where it goes. */
  readonly images: LockedImageStore;
  readonly way: PackedWay;
  /** Of the images that the manifest lists, in bytes. */
  readonly sizes: ReadonlyMap<Sha256Hex, number>;
  /** Whether an image that is here holds; asked while the patches travel. */
  readonly holds: (old: Sha256Hex) => Promise<boolean>;
  /** Called before each request for the Nth file of the way, with the offset in bytes from which it asks. */
  readonly onStart: (file: PackedFile, nth: number, offset: number) => void;
  /** Called with the bytes that are here of the file that travels. */
  readonly onProgress: (done: number) => void;
  /** Called with bytes that have travelled. */
  readonly onReceived: (bytes: number) => void;
  /** Called when an image of so many bytes begins to be written. */
  readonly onUnpacking: (size: number) => void;
}

/**
 * Brings an image into the store, which was prepared for it.
 *
 * @returns `no-old-image` if the one that it was to be made from does not hold
 * @throws TakoError of kind `origin`: a file does not come (if that can pass, what came of it stays) or is not what it should be;
 *   or of kind `storage`
 */
export async function downloadPacked(
  download: PackedDownload,
): Promise<"present" | "no-old-image"> {
  const { images, wanted, way } = download;
  await requireSpace(images.path, way.missing + roomFor(download));
  await using parts = new AsyncDisposableStack();
  const received: PartFile[] = [];
  const check = new OldImageCheck(way.by === "patches" ? download.holds(way.from) : undefined);
  try {
    for (const [index, file] of filesOfWay(wanted.digest, way).entries()) {
      const part = parts.use(await images.openPart(file.part, file.size));
      await receiveFile(download, file, index + 1, part, check);
      received.push(part);
    }
  } catch (error) {
    if (await check.failed()) return "no-old-image";
    throw error;
  }
  if (await check.failed()) return "no-old-image";
  const image = await unpack(download, received);
  try {
    await images.keep(image);
    return "present";
  } catch (error) {
    await image.close();
    discard(image.path);
    throw error;
  }
}

/** Whether the old image holds, as far as that is known. */
class OldImageCheck {
  /** Known so far. */
  isBad = false;
  readonly #check: Promise<boolean>;

  constructor(check: Promise<boolean> = Promise.resolve(true)) {
    this.#check = check.then((holds) => {
      this.isBad = !holds;
      return this.isBad;
    });
    // Told to who asks.
    this.#check.catch(() => {});
  }

  /** Waits until it is known. */
  failed(): Promise<boolean> {
    return this.#check;
  }
}

async function receiveFile(
  { origin, onStart, onProgress, onReceived }: PackedDownload,
  file: PackedFile,
  nth: number,
  part: PartFile,
  check: OldImageCheck,
): Promise<void> {
  const { name, size } = file;
  const into = {
    get size() {
      return part.size;
    },
    write(chunk: Uint8Array): undefined {
      // Nobody needs the rest of it any more.
      if (check.isBad) throw new TakoError("storage", "the old image does not hold");
      part.write(chunk);
      onProgress(part.size);
    },
  };
  const start = (offset: number) => onStart(file, nth, offset);
  const { kind } = await receive({ origin, name, size, into, onStart: start, onReceived });
  if (kind === "ended") return;
  const what = kind === "gone" ? "the origin has it no more" : "it is longer than the list says";
  throw new TakoError("origin", what, { source: storeLocation(origin.url, name).shown });
}

/** Writes the image, and those that it takes on the way, of which two are there at most. */
async function unpack(download: PackedDownload, parts: readonly PartFile[]): Promise<ImageWriter> {
  const { images, wanted, way } = download;
  if (way.by === "zst") {
    const [part] = parts;
    if (part === undefined) throw new Error("a frame travels in one file");
    return await write(
      download,
      wanted,
      1,
      zstName(wanted.digest),
      unpackImage(part.chunks(), wanted.size),
    );
  }
  let old = images.pathOf(way.from);
  let written: ImageWriter | undefined;
  for (const [index, { old: from, new: next }] of way.patches.entries()) {
    const part = parts[index];
    const size = next === wanted.digest ? wanted.size : download.sizes.get(next);
    if (part === undefined || size === undefined) throw new Error("a patch travels in one file");
    const before = written;
    try {
      const image = { digest: next, size };
      const bytes = patched(part, old, size);
      written = await write(download, image, index + 1, patchName(from, next), bytes);
    } finally {
      if (before !== undefined) discard(before.path);
    }
    if (next === wanted.digest) return written;
    await written.close();
    old = written.path;
  }
  throw new Error("a chain ends in the wanted image");
}

/** Writes an image, and holds it to its digest. @returns it, still open */
async function write(
  { images, origin, wanted, onUnpacking, onProgress }: PackedDownload,
  { digest, size }: ImageIdentity,
  nth: number,
  name: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<ImageWriter> {
  onUnpacking(size);
  const image = await images.openUnpacked(unpackedName(wanted.digest, nth), onProgress);
  const source = storeLocation(origin.url, name).shown;
  try {
    for await (const chunk of bytes) {
      const writing = image.write(chunk);
      if (writing !== undefined) await writing;
    }
    if (image.digest() === digest) return image;
    throw new TakoError("origin", "what comes out of it has a wrong SHA-256", { rule: "PCK-53" });
  } catch (error) {
    await image.close();
    discard(image.path);
    const isBare = error instanceof TakoError && error.source === undefined;
    throw isBare ? error.with({ source }) : error;
  }
}

async function* patched(part: PartFile, path: string, size: number): AsyncGenerator<Uint8Array> {
  const fd = openRegularFile(path);
  if (fd === undefined) throw new TakoError("storage", "the old image is gone", { source: path });
  try {
    yield* applyPatch(part.chunks(), oldImage(fd, fstatSync(fd).size), size);
  } catch (error) {
    throw storageError(error, "read", path);
  } finally {
    closeSync(fd);
  }
}

/** The most bytes of images that are there at once beside those of the store. */
function roomFor({ wanted, way, sizes }: PackedDownload): number {
  if (way.by === "zst") return wanted.size;
  const written = way.patches.map(({ new: next }) => sizes.get(next) ?? wanted.size);
  return Math.max(...written.map((size, index) => size + (written[index - 1] ?? 0)));
}
