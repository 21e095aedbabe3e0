// The image to be published: a file or a pipe, opened and read once (spec/publish.md).

import { constants, fstatSync } from "node:fs";
import { open } from "node:fs/promises";
import { TakoError } from "../../core/error.ts";
import { shownPath } from "../../core/text.ts";
import { hexDigest, newHasher, readBlocks } from "../disk/hash.ts";
import type { ImageIdentity } from "../disk/image-store.ts";
import type { Progress } from "../disk/image-writer.ts";
import { naming } from "../disk/storage-error.ts";

/** What is to be published: an open file or pipe. */
export interface ImageSource extends AsyncDisposable {
  readonly fd: number;
  /** For messages. */
  readonly name: string;
  /** Bytes, if it is a regular file; they may change while it is read. */
  readonly size: number | undefined;
  /** The regular file whose blocks may be shared. */
  readonly path?: string;
}

/**
 * Opens the image to be published; what a symbolic link names is taken.
 *
 * @throws TakoError of kind `storage` if it is neither a regular file nor a pipe (PUB-17)
 */
export async function openImage(path: string): Promise<ImageSource> {
  const handle = await naming(path, "read", () => open(path, constants.O_RDONLY));
  const close = () => handle.close();
  try {
    const { name, size } = openedImage(handle.fd, path);
    const { fd } = handle;
    const source = { fd, name, size, [Symbol.asyncDispose]: close };
    return size === undefined ? source : { ...source, path };
  } catch (error) {
    await close();
    throw error;
  }
}

/** An image that is read from a file descriptor of the process, such as standard input. */
export function openedImage(fd: number, name: string): ImageSource {
  const source = { fd, name, [Symbol.asyncDispose]: async () => {} };
  const stats = naming(name, "read", () => fstatSync(fd));
  if (stats.isFile()) return { ...source, size: stats.size };
  if (stats.isFIFO() || stats.isSocket()) return { ...source, size: undefined };
  throw new TakoError("storage", "it is neither a regular file nor a pipe", {
    rule: "PUB-17",
    source: shownPath(name),
  });
}

/** Reads an image to its end, and writes nothing (PUB-78). @param onProgress told how many bytes are hashed */
export async function hashImage(
  { fd, name }: ImageSource,
  onProgress: Progress,
): Promise<ImageIdentity> {
  const hasher = newHasher();
  let size = 0;
  for await (const block of readBlocks(fd, name)) {
    hasher.update(block);
    size += block.length;
    onProgress(size);
  }
  return { digest: hexDigest(hasher), size };
}
