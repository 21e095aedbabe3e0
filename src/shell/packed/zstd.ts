// zstd as streams: node:zlib's, which knows no end of a frame that is cut off, and goes on with a second one. So the
// header is looked at before, and what comes out is counted by who asked (PCK-10 to PCK-13).

import { pipeline, type Transform } from "node:stream";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import {
  badFrame,
  FRAME_HEADER_BYTES,
  requireImageFrame,
  WINDOW_LOG,
} from "../../core/packed/zstd-frame.ts";
import { ByteReader } from "./byte-reader.ts";

const CHUNK_BYTES = 65_536;
/** After so many bytes the memory of chunks is taken back: the runtime lets several times as many pile up (PCK-57). */
const SWEEP_BYTES = 4 * 1024 * 1024;

/**
 * The image in a zstd frame, chunk by chunk, with memory for the frame's window of at most 8 MiB.
 *
 * @param size of the image in bytes; never more comes out
 * @throws TakoError of kind `origin` if it is not one frame of that size, or what the source throws
 */
export async function* unpackImage(
  frame: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array> {
  let done = 0;
  for await (const chunk of decompress(frame, (header) => requireImageFrame(header, size))) {
    done += chunk.length;
    if (done > size) throw badFrame("more comes out than the image has", "PCK-13");
    yield chunk;
  }
  if (done < size) throw badFrame("it is cut off", "PCK-13");
}

/**
 * What is in a zstd frame.
 *
 * @param check is given the first bytes, and throws what it has against them
 * @throws TakoError of kind `origin` if it cannot be decoded
 */
export async function* decompress(
  frame: AsyncIterable<Uint8Array>,
  check: (header: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(frame);
  const start = new Uint8Array(FRAME_HEADER_BYTES);
  let header: Uint8Array;
  try {
    header = start.subarray(0, await reader.fill(start));
    check(header);
  } catch (error) {
    await reader.end();
    throw error;
  }
  const params = { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG };
  const decoder = createZstdDecompress({ chunkSize: CHUNK_BYTES, params });
  // An error of either of them comes out of the decoder.
  pipeline(reader.rest(header), decoder, () => {});
  let sinceSweep = 0;
  for await (const chunk of outputOf(decoder)) {
    yield chunk;
    sinceSweep += chunk.length;
    if (sinceSweep < SWEEP_BYTES) continue;
    sinceSweep = 0;
    Bun.gc(true);
  }
}

/**
 * One zstd frame, with a window of at most 8 MiB.
 *
 * @param level 1 to 22, as of zstd
 * @param size of all that comes, in bytes, if it is to be in the frame
 */
export function compress(
  bytes: AsyncIterable<Uint8Array>,
  level: number,
  size?: number,
): AsyncGenerator<Uint8Array> {
  const encoder = createZstdCompress({
    chunkSize: CHUNK_BYTES,
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_windowLog]: WINDOW_LOG,
    },
    ...(size !== undefined && { pledgedSrcSize: size }),
  });
  feed(bytes, encoder).catch((error: unknown) => encoder.destroy(asError(error)));
  return outputOf(encoder);
}

/** Each chunk is taken before the stream ends: what ends with one on its way ends in two frames, the second one empty. */
async function feed(bytes: AsyncIterable<Uint8Array>, encoder: Transform): Promise<void> {
  let taken: Promise<void> | undefined;
  for await (const chunk of bytes) {
    await taken;
    // Not waited for: the next chunk is made meanwhile.
    taken = new Promise((resolve, reject) => {
      encoder.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }
  await taken;
  encoder.end();
}

async function* outputOf(transform: Transform): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of transform) yield chunk;
  } catch (error) {
    throw isZstdError(error) ? badFrame("it cannot be decoded", "PCK-13") : error;
  } finally {
    transform.destroy();
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

function isZstdError(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("ZSTD_");
}
