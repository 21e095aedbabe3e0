// A patch from one image to another, and an image as a zstd frame, as a publisher makes them. The old image is held in
// memory, up to 2 GiB of it, the new one by segments.

import { SegmentEncoder } from "../../core/packed/encode-segment.ts";
import { OldIndex } from "../../core/packed/old-index.ts";
import { oldWindows } from "../../core/packed/old-windows.ts";
import { encodePatchHeader, SEGMENT_BYTES } from "../../core/packed/patch-header.ts";
import { readAt } from "./old-image.ts";
import { compress } from "./zstd.ts";

/** An image that is open for reading. */
export interface OpenImage {
  readonly fd: number;
  /** In bytes. */
  readonly size: number;
}

/** Called with the bytes of the new image that are done. */
export type OnProgress = (done: number) => void;

/**
 * The bytes of a patch.
 *
 * @param level of zstd, 1 to 22
 * @throws TakoError of kind `storage` if an image became shorter, or what the system says
 */
export async function* makePatch(
  old: OpenImage,
  next: OpenImage,
  level: number,
  onProgress: OnProgress = () => {},
): AsyncGenerator<Uint8Array> {
  const sizes = { segmentSize: SEGMENT_BYTES, oldSize: old.size, newSize: next.size };
  yield encodePatchHeader(sizes);
  yield* compress(encodeSegments(old, next, onProgress), level);
}

/** An image as one zstd frame that tells its size (PCK-12). */
export function packImage(
  image: OpenImage,
  level: number,
  onProgress: OnProgress = () => {},
): AsyncGenerator<Uint8Array> {
  return compress(readSegments(image, onProgress), level, image.size);
}

async function* encodeSegments(
  old: OpenImage,
  next: OpenImage,
  onProgress: OnProgress,
): AsyncGenerator<Uint8Array> {
  const encoder = new SegmentEncoder();
  const segment = new Uint8Array(Math.min(SEGMENT_BYTES, next.size));
  const windows = oldWindows(old.size, next.size);
  // One for all windows: two of 2 GiB would be held else.
  const held = new Uint8Array(Math.max(0, ...windows.map((each) => each.oldEnd - each.oldStart)));
  for (const { start, end, oldStart, oldEnd } of windows) {
    const bytes = held.subarray(0, oldEnd - oldStart);
    readAt(old.fd, oldStart, bytes);
    const window = { index: new OldIndex(bytes), from: oldStart };
    for (let at = start; at < end; at += SEGMENT_BYTES) {
      const part = segment.subarray(0, end - at);
      readAt(next.fd, at, part);
      yield encoder.encode(part, at, window);
      onProgress(at + part.length);
    }
  }
}

async function* readSegments(
  { fd, size }: OpenImage,
  onProgress: OnProgress,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += SEGMENT_BYTES) {
    // A new one each time: the compressor may still hold the one before.
    const segment = new Uint8Array(Math.min(SEGMENT_BYTES, size - at));
    readAt(fd, at, segment);
    yield segment;
    onProgress(at + segment.length);
  }
}
