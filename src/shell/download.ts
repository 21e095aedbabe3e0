// The download of one image into a store: streamed, hashed, resumed, and put in place only when its
// size and digest are those of the manifest (FET-58 to FET-66).

import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { TakoError } from "../core/error.ts";
import { partialName } from "../core/layout.ts";
import type { Entry } from "../core/manifest.ts";
import { discard, moveIntoPlace, removeIfPresent, statRegularFile } from "./disk/files.ts";
import { DurableWriter } from "./disk/images.ts";
import { storageError } from "./disk/storage-error.ts";
import { type Origin, withRetries } from "./origin/origin.ts";

export interface Download {
  readonly origin: Origin;
  /** The directory `store/`, which exists. */
  readonly store: string;
  readonly entry: Entry;
  /** The image's URL for messages, without credentials. */
  readonly url: string;
  /** Called before each request, with the offset in bytes from which it asks. */
  readonly onStart: (offset: number) => void;
  /** Called with the bytes that are written so far. */
  readonly onProgress: (done: number) => void;
}

/**
 * Downloads an image to `store/<hex>.partial`, and moves it to `store/<hex>` once it is whole.
 *
 * @returns `gone` if the origin says that it no longer has the image (410)
 * @throws TakoError of kind `origin` (the partial stays, to be continued), `digest` (the partial is
 *   removed) or `storage` (it stays, unless a sync of it failed, FET-68)
 */
export async function downloadImage(download: Download): Promise<"present" | "gone"> {
  const { store, entry } = download;
  const partial = join(store, partialName(entry.digest));
  const writer = await openPartial(partial, entry.size);
  try {
    await checkSpace(store, entry.size - writer.size);
    let received = await receive(download, writer);
    if (received.wrong !== undefined && received.continued) {
      // The bytes of an earlier try may be to blame, zero blocks after a power loss say (FET-62).
      await writer.restart();
      received = await receive(download, writer);
    }
    if (received.gone) return "gone";
    if (received.wrong !== undefined) {
      removeIfPresent(partial);
      throw received.wrong;
    }
    await writer.finish(0o444);
    await moveIntoPlace(partial, store, entry.digest);
    return "present";
  } finally {
    await writer.close();
    if (writer.size === 0 || writer.isDoubtful) discard(partial);
  }
}

/**
 * Continues the partial of an earlier run (FET-60), unless it is too long to be one (FET-61), or
 * another user or another name of the file could change it after the check (FET-67).
 */
async function openPartial(path: string, size: number): Promise<DurableWriter> {
  const found = statRegularFile(path);
  const isOurs = found?.nlink === 1 && found.uid === process.geteuid?.();
  if (isOurs && found.size <= size) return DurableWriter.resume(path);
  removeIfPresent(path);
  return DurableWriter.create(path);
}

/** How a download ended, if the origin did its part. */
interface Received {
  readonly gone: boolean;
  /** Whether bytes of an earlier try are in the file. */
  readonly continued: boolean;
  /** What is wrong with the file. */
  readonly wrong?: TakoError;
}

/** Asks for what is missing, several times if the network fails, until the image is whole. */
async function receive(download: Download, writer: DurableWriter): Promise<Received> {
  const { origin, entry, onStart, onProgress } = download;
  let continued = true;
  const ended = await withRetries(origin, async () => {
    // All of it is there: left by an earlier run that was killed before the check.
    if (writer.size === entry.size) return "whole";
    onStart(writer.size);
    const answer = await origin.image(entry.digest, entry.size, writer.size);
    if (answer.kind === "gone") return "gone";
    if (answer.offset !== writer.size) await writer.restart();
    continued = writer.size > 0;
    if (answer.appendTo !== undefined) {
      await writer.append(answer.appendTo, onProgress);
    } else {
      for await (const chunk of answer.chunks) {
        if (writer.size + chunk.length > entry.size) return "too long";
        const written = writer.write(chunk);
        if (written !== undefined) await written;
        onProgress(writer.size);
      }
    }
    return writer.size === entry.size ? "whole" : "too short";
  });
  if (ended === "gone") return { gone: true, continued };
  const wrong =
    ended === "whole" ? wrongDigest(download, writer) : wrongSize(download, writer, ended);
  return { gone: false, continued, ...(wrong === undefined ? {} : { wrong }) };
}

function wrongSize(
  { entry, url }: Download,
  writer: DurableWriter,
  how: "too long" | "too short",
): TakoError {
  const got = how === "too short" ? `${writer.size}` : "more";
  return new TakoError(
    "digest",
    `the image has a wrong size: expected ${entry.size} bytes, received ${got}`,
    {
      rule: how === "too short" ? "ORG-29" : "ORG-27",
      source: url,
      hint: "Nothing of it is kept. Ask the publisher, or look at what is between you and the origin.",
    },
  );
}

function wrongDigest({ entry, url }: Download, writer: DurableWriter): TakoError | undefined {
  const digest = writer.digest();
  if (digest === entry.digest) return undefined;
  return new TakoError(
    "digest",
    `the image has a wrong SHA-256: expected ${entry.digest}, received ${digest}`,
    {
      rule: "FET-63",
      source: url,
      hint: "Nothing of it is kept. Ask the publisher, or look at what is between you and the origin.",
    },
  );
}

/** Is there room for what is missing? Better to know before the download than after (FET-59). */
async function checkSpace(directory: string, missing: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory).catch((error: unknown) => {
    throw storageError(error, "look at the file system of", directory);
  });
  const free = bavail * bsize;
  if (free >= missing) return;
  throw new TakoError(
    "storage",
    `${directory} has room for ${free} bytes, and ${missing} are missing`,
    {
      rule: "FET-59",
      source: directory,
      hint: "Free some space and try again.",
    },
  );
}
