// What part of a file a request asks for: `Range` of RFC 9110, section 14, of one range in bytes.

/** The first and the last byte, from 0. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * The part that a `Range` names of a file of `size` bytes (SRV-20 to SRV-22).
 *
 * @returns `undefined` for one that is to be ignored: malformed, of another unit, or of several ranges
 */
export function readRange(header: string, size: number): ByteRange | "unsatisfiable" | undefined {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/i.exec(header) ?? [];
  const end = size - 1;
  if (from === "") {
    if (to === "") return undefined;
    const length = Number(to);
    if (length === 0 || size === 0) return "unsatisfiable";
    return { first: Math.max(size - length, 0), last: end };
  }
  const first = Number(from);
  const last = to === "" ? end : Number(to);
  if (to !== "" && last < first) return undefined;
  return first > end ? "unsatisfiable" : { first, last: Math.min(last, end) };
}
