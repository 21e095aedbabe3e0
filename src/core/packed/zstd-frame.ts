// The header of a zstd frame (RFC 8878, section 3.1.1): how much memory its decoder needs, and how much comes out, known
// before either is spent (PCK-10 to PCK-13, PCK-24).

import { TakoError } from "../error.ts";

/** The most bytes of a frame's header. */
export const FRAME_HEADER_BYTES = 18;
/** The largest window: 8 MiB (PCK-11). */
export const WINDOW_LOG = 23;

/** Sizes in bytes. */
export interface FrameHeader {
  /** How far back the frame refers, which is held in memory. */
  readonly windowSize: number;
  /** Of what comes out, if the frame tells. */
  readonly contentSize: number | undefined;
}

/**
 * Reads the header of a zstd frame, and holds it to the limit of memory.
 *
 * @param bytes the first of the frame: FRAME_HEADER_BYTES, or all that there are
 * @throws TakoError of kind `origin`
 */
export function readFrameHeader(bytes: Uint8Array): FrameHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 5 || view.getUint32(0, true) !== 0xfd2fb528) {
    throw badFrame("it is no zstd frame", "PCK-10");
  }
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const contentBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 2 ** sizeFlag;
  const windowBytes = isSingleSegment ? 0 : 1;
  if ((descriptor & 0x08) !== 0) throw badFrame("a reserved bit is set", "PCK-10");
  if ((descriptor & 0x03) !== 0) throw badFrame("it needs a dictionary", "PCK-10");
  if (bytes.length < 5 + windowBytes + contentBytes) throw badFrame("it is cut off", "PCK-10");
  const contentSize = readContentSize(view, 5 + windowBytes, contentBytes);
  const windowSize = isSingleSegment ? contentSize : windowOf(view.getUint8(5));
  if (windowSize === undefined || windowSize > 2 ** WINDOW_LOG) {
    throw badFrame(`it needs a window of ${windowSize} bytes, above 8 MiB`, "PCK-11");
  }
  return { windowSize, contentSize };
}

/**
 * The same for an image as one frame.
 *
 * @param size of the image in bytes
 * @throws TakoError of kind `origin`
 */
export function requireImageFrame(bytes: Uint8Array, size: number): void {
  const { contentSize } = readFrameHeader(bytes);
  if (contentSize === size) return;
  const told = contentSize === undefined ? "does not tell its size" : `is of ${contentSize} bytes`;
  throw badFrame(`what is in it ${told}, and the image is of ${size}`, "PCK-12");
}

/** Exactly up to 2^53, and above it some number that is above it as well. */
function readContentSize(view: DataView, at: number, length: number): number | undefined {
  switch (length) {
    case 0:
      return undefined;
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    default:
      return Number(view.getBigUint64(at, true));
  }
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 0x07);
}

export function badFrame(what: string, rule: string): TakoError {
  return new TakoError("origin", `the compressed data is damaged: ${what}`, { rule });
}
