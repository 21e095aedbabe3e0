// The images that a manifest names, looked for at the origin (INS-7 to INS-10): whether they are there, with the right
// size, and with `--deep` with the right bytes.

import { asTakoError, TakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { imageLocation } from "../../core/origin-url.ts";
import { hexDigest, newHasher } from "../../shell/disk/hash.ts";
import { type Origin, orMarkedGone } from "../../shell/origin/origin.ts";
import { OriginError } from "../../shell/origin/origin-error.ts";
import type { Presence } from "../../shell/origin/transport.ts";
import type { Report } from "../events.ts";
import { createPlaces } from "../fetch/places.ts";

/** What was found of the images. */
export interface Images {
  readonly whole: number;
  /** Taken away on purpose: the origin answers 410, or has a mark (FET-111). */
  readonly gone: readonly Entry[];
  readonly wrong: readonly { readonly entry: Entry; readonly error: TakoError }[];
  /** Not asked for any more, since the origin answered no longer (INS-9). */
  readonly unasked: number;
}

/** The most requests at a time; images as a whole come one after another. */
const AT_ONCE = 8;

/** @param isDeep receive and hash them */
export async function lookAtImages(
  origin: Origin,
  entries: readonly Entry[],
  isDeep: boolean,
  report: Report,
): Promise<Images> {
  const places = createPlaces(isDeep ? 1 : AT_ONCE);
  let isAnswering = true;
  const found = await Promise.all(
    entries.map(async (entry) => {
      using _place = await places.take();
      if (!isAnswering) return { entry, state: "unasked" } as const;
      try {
        const { digest, size } = entry;
        const state = isDeep
          ? await receive(origin, entry, report)
          : await origin.withRetries(() =>
              orMarkedGone(origin, digest, () => origin.look(digest, size)),
            );
        return { entry, state };
      } catch (caught) {
        const error = asTakoError(caught);
        if (error instanceof OriginError && error.passing) isAnswering = false;
        return { entry, state: error };
      }
    }),
  );
  const count = (wanted: unknown) => found.filter(({ state }) => state === wanted).length;
  return {
    whole: count("there"),
    gone: found.flatMap(({ entry, state }) => (state === "gone" ? [entry] : [])),
    wrong: found.flatMap(({ entry, state }) =>
      state instanceof TakoError ? [{ entry, error: state }] : [],
    ),
    unasked: count("unasked"),
  };
}

/** The whole image, hashed and not kept (INS-10). */
async function receive(
  origin: Origin,
  { version, digest, size }: Entry,
  report: Report,
): Promise<Presence> {
  const about = { version: version.text, size };
  report({ event: "reading", ...about });
  let received = 0;
  let found: string = digest;
  const attempt = async () => {
    const answer = await origin.image(digest, size, 0);
    if (answer.kind === "gone") return "gone";
    await using body = answer.body;
    const hasher = newHasher();
    received = 0;
    const sink = {
      write(chunk: Uint8Array) {
        hasher.update(chunk);
        received += chunk.length;
        report({ event: "progress", ...about, done: received });
        return undefined;
      },
    };
    const end = await body.into(sink, size);
    if (end === "ended" && received < size) {
      const reason = `the answer ended early: ${received} of ${size} bytes came`;
      throw answer.fail(reason, { rule: "ORG-35", passing: true });
    }
    found = hexDigest(hasher);
    return end;
  };
  const known = () => orMarkedGone(origin, digest, attempt);
  const end = await origin.withRetries(known, { arrived: () => received, size });
  if (end === "gone") return "gone";
  const problem =
    end === "longer"
      ? `the image has a wrong size: expected ${size} bytes, received more`
      : `the image has a wrong SHA-256: expected ${digest}, received ${found}`;
  if (end === "ended" && found === digest) return "there";
  const source = imageLocation(origin.url, digest).shown;
  throw new TakoError("digest", problem, { rule: "INS-10", source });
}
