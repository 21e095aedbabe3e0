// A file of an origin's store on its way to a file of this host: asked for from where the last try stopped, several times if
// the network fails (ORG-54). What its bytes are worth is not known here.

import type { Sha256Hex } from "../core/digest.ts";
import type { Sink } from "./origin/body.ts";
import { type Origin, orMarkedGone } from "./origin/origin.ts";
import type { FileAnswer } from "./origin/transport.ts";

/** What a file goes into. */
export interface Growing extends Sink {
  /** Bytes that are there. */
  readonly size: number;
}

export interface Reception {
  readonly origin: Origin;
  /** The name of the file in `store/` of the origin. */
  readonly name: string;
  /** Of all of it, in bytes. */
  readonly size: number;
  /** The image whose mark is asked for if the file is missing (FET-111). */
  readonly mark?: Sha256Hex;
  readonly into: Growing;
  /** Called before each request, with the offset in bytes from which it asks. */
  readonly onStart: (offset: number) => void;
  /** Called with the bytes that an answer brought. */
  readonly onReceived: (bytes: number) => void;
}

export type ReceptionEnd =
  | { readonly kind: "gone" }
  | {
      /** `longer`: there is more than the size. */
      readonly kind: "ended" | "longer";
      /** Whether bytes of an earlier try are in the file. */
      readonly continued: boolean;
      /** Where a redirect led, as it is shown. */
      readonly redirectedTo: string | undefined;
    };

/** @throws TakoError of kind `origin`, or what the file throws */
export async function receive(reception: Reception): Promise<ReceptionEnd> {
  const { origin, name, size, mark, into, onStart, onReceived } = reception;
  let continued = true;
  let redirectedTo: string | undefined;
  let tries = 0;
  let again = 0;
  const attempt = async () => {
    // All of it is there: left by an earlier run that was killed before the check.
    if (into.size === size) return "ended";
    onStart(into.size);
    const answer = await origin.file(name, size, into.size);
    if (answer.kind === "gone") return "gone";
    await using body = answer.body;
    ({ redirectedTo } = answer);
    continued = into.size > 0;
    tries++;
    const known = into.size - answer.offset;
    // The runtime writes faster than we do, and loses more when a connection breaks (ORG-39).
    const sink =
      known === 0 && tries === 1
        ? into
        : behind(into, known, (bytes) => {
            again += bytes;
          });
    try {
      const end = await body.into(sink, size - answer.offset);
      if (end === "ended" && into.size < size) throw tooShort(answer, into.size, size);
      return end;
    } finally {
      onReceived(into.size - answer.offset);
    }
  };
  const orGone = () => (mark === undefined ? attempt() : orMarkedGone(origin, mark, attempt));
  const end = await origin.withRetries(orGone, { arrived: () => into.size - again, size });
  return end === "gone" ? { kind: "gone" } : { kind: end, continued, redirectedTo };
}

/**
 * What a file goes into chunk by chunk, if need be from an earlier byte than was asked for: nothing that is
 * there is given up for it (ORG-36).
 *
 * @param known how many bytes come that are there already
 * @param onAgain called with how many of them came
 */
function behind(into: Growing, known: number, onAgain: (bytes: number) => void): Sink {
  let left = known;
  return {
    write(chunk) {
      const skipped = Math.min(left, chunk.length);
      left -= skipped;
      onAgain(skipped);
      return skipped === chunk.length ? undefined : into.write(chunk.subarray(skipped));
    },
  };
}

/** The error of a body that ended before the file did, in one way or another (ORG-35, ORG-37). */
function tooShort(
  { fail, end }: Extract<FileAnswer, { kind: "body" }>,
  received: number,
  size: number,
) {
  const reason = `the answer ended early: ${received} of ${size} bytes are here`;
  return fail(reason, { rule: "ORG-35", passing: true, isPart: end === received });
}
