// Origins on a file system of this host, file: (ORG-70 to ORG-73). Reads only; a publisher may
// replace the files meanwhile.

import { constants, type Stats, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import {
  imageLocation,
  type Location,
  manifestLocation,
  markerLocation,
  type OriginUrl,
} from "../../core/origin-url.ts";
import { shownPath } from "../../core/text.ts";
import { isErrno, storageError } from "../disk/storage-error.ts";
import { bodyFrom, type Source } from "./body.ts";
import { type Fail, OriginError } from "./origin-error.ts";
import type { ImageAnswer, ManifestAnswer, Presence, Received, Transport } from "./transport.ts";

const CHUNK_BYTES = 1024 * 1024;

export class FileTransport implements Transport {
  readonly #origin: OriginUrl;

  constructor(origin: OriginUrl) {
    this.#origin = origin;
  }

  async manifest(): Promise<ManifestAnswer> {
    const location = manifestLocation(this.#origin);
    const path = pathOf(location);
    const body = bodyFrom(fileSource(path, 0));
    return { kind: "body", fail: failOf(location), body, changed: statOf(path)?.mtimeMs };
  }

  async image(digest: Sha256Hex, _size: number, offset: number): Promise<ImageAnswer> {
    const location = imageLocation(this.#origin, digest);
    const path = pathOf(location);
    return {
      kind: "body",
      offset,
      fail: failOf(location),
      body: bodyFrom(fileSource(path, offset)),
    };
  }

  async marker(digest: Sha256Hex): Promise<Received> {
    const location = markerLocation(this.#origin, digest);
    return { fail: failOf(location), body: bodyFrom(fileSource(pathOf(location), 0)) };
  }

  async look(digest: Sha256Hex, size: number): Promise<Presence> {
    const location = imageLocation(this.#origin, digest);
    const path = pathOf(location);
    const stats = statOf(path);
    if (stats?.size === size && stats.isFile()) return "there";
    const what =
      stats === undefined
        ? "there is no such file"
        : stats.isFile()
          ? `the file has ${stats.size} bytes, and the image ${size}`
          : "it is not a regular file";
    throw failOf(location)(what, { rule: "INS-8", isMissing: stats === undefined });
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw unreadable(error, path);
  }
}

/** Another look at a file that is not what it should be finds the same file: nothing passes (ORG-72). */
function failOf({ shown }: Location): Fail {
  return (reason, facts) => new OriginError(shown, reason, { ...facts, passing: false });
}

function pathOf({ href }: Location): string {
  return decodeURIComponent(href.slice("file://".length));
}

/** The bytes of one file. It is opened once, so another one renamed into its place is no harm. */
function fileSource(path: string, offset: number): Source {
  let file: FileHandle | undefined;
  let position = offset;
  /** For every chunk: a new one for each would be garbage of the size of the file. */
  const buffer = new Uint8Array(CHUNK_BYTES);
  return {
    async read() {
      try {
        file ??= await openToRead(path);
        const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position);
        position += bytesRead;
        return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead);
      } catch (error) {
        throw unreadable(error, path);
      }
    },
    async stop() {
      const opened = file;
      file = undefined;
      await opened?.close();
    },
  };
}

async function openToRead(path: string): Promise<FileHandle> {
  // Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it (ORG-73).
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new OriginError(shownPath(path), "it is not a regular file", { rule: "ORG-73" });
}

/** An error of the system as one of the origin (ORG-72). */
function unreadable(error: unknown, path: string): unknown {
  const own = storageError(error, "read", path);
  if (!(own instanceof TakoError) || own instanceof OriginError) return own;
  const isMissing = isErrno(error, "ENOENT");
  return new OriginError(shownPath(path), own.message, { rule: "ORG-72", cause: error, isMissing });
}
