// Origins on a file system of this host, file: (ORG-70 to ORG-73). Reads only; a publisher may
// replace the files meanwhile.

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { Sha256Hex } from "../../core/digest.ts";
import { TakoError } from "../../core/error.ts";
import { imageUrl, manifestUrl, type OriginUrl } from "../../core/origin-url.ts";
import { shownPath, storageError } from "../disk/storage-error.ts";
import { OriginError } from "./retry.ts";
import type { Chunks, ImageAnswer, ManifestAnswer, Transport } from "./transport.ts";

const CHUNK_BYTES = 1024 * 1024;

export class FileTransport implements Transport {
  readonly #origin: OriginUrl;

  constructor(origin: OriginUrl) {
    this.#origin = origin;
  }

  async manifest(): Promise<ManifestAnswer> {
    return { kind: "body", chunks: readFrom(pathOf(manifestUrl(this.#origin)), 0) };
  }

  async image(digest: Sha256Hex, _size: number, offset: number): Promise<ImageAnswer> {
    const path = pathOf(imageUrl(this.#origin, digest));
    return { kind: "body", offset, chunks: readFrom(path, offset) };
  }
}

function pathOf(url: string): string {
  return decodeURIComponent(url.slice("file://".length));
}

/** The bytes of one file. It is opened once, so another one renamed into its place is no harm. */
async function* readFrom(path: string, offset: number): Chunks {
  try {
    // Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it (ORG-73).
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) {
      throw new OriginError(shownPath(path), "it is not a regular file", { rule: "ORG-73" });
    }
    for (let position = offset; ; ) {
      const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    const told = storageError(error, "read", path);
    if (!(told instanceof TakoError) || told instanceof OriginError) throw told;
    throw new OriginError(shownPath(path), told.message, { rule: "ORG-72", cause: error });
  }
}
