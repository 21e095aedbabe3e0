// The download of one image into a store: streamed, hashed, resumed, and put in place only when its
// size and digest are those of the manifest (FET-58 to FET-66).

import { statfs } from "node:fs/promises";
import { TakoError } from "../core/error.ts";
import type { Entry } from "../core/manifest.ts";
import { imageLocation } from "../core/origin-url.ts";
import { discard, removeIfPresent } from "./disk/files.ts";
import type { LockedImageStore } from "./disk/image-store.ts";
import type { ImageWriter } from "./disk/image-writer.ts";
import { bytesOfOldImages } from "./disk/old-images.ts";
import { isErrno, storageError } from "./disk/storage-error.ts";
import type { Origin } from "./origin/origin.ts";
import { receive } from "./receive.ts";

export interface Download {
  readonly origin: Origin;
  /** What the manifest says of the image. */
  readonly entry: Entry;
  /** Where it goes. */
  readonly images: LockedImageStore;
  /** Called before each request, with the offset in bytes from which it asks. */
  readonly onStart: (offset: number) => void;
  /** Called with the bytes that are written so far. */
  readonly onProgress: (done: number) => void;
  /** Called with bytes that have travelled. */
  readonly onReceived: (bytes: number) => void;
}

/**
 * Downloads an image to `store/<hex>.partial`, and moves it to `store/<hex>` once it is whole.
 *
 * @returns `gone` if the origin says that it no longer has the image (410, or by a mark, FET-111)
 * @throws TakoError of kind `origin` (the partial stays, to be continued), `digest` (the partial is
 *   removed) or `storage` (it stays, unless a sync of it failed, FET-68)
 */
export async function downloadImage(download: Download): Promise<"present" | "gone"> {
  const { images, entry, onProgress } = download;
  const partial = await images.openPartial(entry, onProgress);
  try {
    await requireSpace(images.path, entry.size - partial.size);
    let result = await receiveRest(download, partial);
    if (result.kind === "wrong" && result.continued) {
      // The bytes of an earlier try may be to blame, zero blocks after a power loss say (FET-62).
      await partial.restart();
      result = await receiveRest(download, partial);
    }
    if (result.kind === "gone") return "gone";
    if (result.kind === "wrong") {
      removeIfPresent(partial.path);
      throw result.error;
    }
    await images.keep(partial);
    return "present";
  } finally {
    await partial.close();
    if (partial.size === 0 || partial.syncFailed) discard(partial.path);
  }
}

/** Is there room for what is missing? Better to know before the download than after (FET-59). */
export async function requireSpace(directory: string, missing: number): Promise<void> {
  const free = await freeSpace(directory);
  if (free >= missing) return;
  throw new TakoError("storage", `there is room for ${free} bytes, and ${missing} are missing`, {
    rule: "FET-59",
    source: directory,
    hint: howToFree(directory, missing - free),
  });
}

function howToFree(directory: string, lacking: number): string {
  const old = bytesOfOldImages(directory);
  if (old === 0) return "No old image is there to remove; free some space elsewhere and try again.";
  const enough = old < lacking ? ", which is not enough," : "";
  return `Images that are not in use take ${old} bytes${enough} and may be removed: "tako prune --dry-run --keep=0" shows which of them nothing needs.`;
}

/** In bytes; without end where the file system does not know: then the writes will tell. */
export async function freeSpace(directory: string): Promise<number> {
  try {
    const { blocks, bavail, bfree, bsize } = await statfs(directory);
    // What is reserved for root is there for root.
    return blocks === 0
      ? Number.POSITIVE_INFINITY
      : (process.geteuid?.() === 0 ? bfree : bavail) * bsize;
  } catch (error) {
    if (isErrno(error, "ENOSYS", "EOPNOTSUPP", "ENOTSUP")) return Number.POSITIVE_INFINITY;
    throw storageError(error, "look at the file system of", directory);
  }
}

/** How a download ended, if the origin did its part. */
type Result =
  | { readonly kind: "whole" }
  | { readonly kind: "gone" }
  | {
      readonly kind: "wrong";
      readonly error: TakoError;
      /** Whether bytes of an earlier try are in the file. */
      readonly continued: boolean;
    };

/** Asks for what is missing, and checks what came. */
async function receiveRest(download: Download, partial: ImageWriter): Promise<Result> {
  const { origin, entry, onStart, onReceived } = download;
  const { digest, size } = entry;
  const end = await receive({
    ...{ origin, name: digest, size, mark: digest, into: partial, onStart, onReceived },
  });
  if (end.kind === "gone") return { kind: "gone" };
  const { continued, redirectedTo } = end;
  const error = whatIsWrong(download, partial, end.kind === "longer", redirectedTo);
  return error === undefined ? { kind: "whole" } : { kind: "wrong", error, continued };
}

/** Holds what was received against the signed size and digest (ORG-27, FET-69). */
function whatIsWrong(
  { origin, entry }: Download,
  partial: ImageWriter,
  isLonger: boolean,
  redirectedTo: string | undefined,
): TakoError | undefined {
  const where = redirectedTo === undefined ? "" : `redirected to ${redirectedTo}: `;
  const wrong = (rule: string, what: string, expected: string, received: string) =>
    new TakoError(
      "digest",
      `${where}the image has a wrong ${what}: expected ${expected}, received ${received}`,
      {
        rule,
        source: imageLocation(origin.url, entry.digest).shown,
        hint: "Nothing of it is kept. Ask the publisher, or look at what is between you and the origin.",
      },
    );
  if (isLonger) return wrong("ORG-27", "size", `${entry.size} bytes`, "more");
  const digest = partial.digest();
  return digest === entry.digest ? undefined : wrong("FET-69", "SHA-256", entry.digest, digest);
}
