// The doors to what a publisher publishes into: which form it has follows from how the place is written. Each is loaded
// only where it is needed.

import { isBucketUrl } from "../core/bucket.ts";
import type {
  Publication,
  PublicationEffects,
  WritablePublication,
} from "./publication/publication.ts";

/** An origin to be read; nothing is written there. */
export async function openPublication(
  place: string,
  effects: PublicationEffects,
): Promise<Publication> {
  if (isBucketUrl(place)) {
    const { openBucket } = await import("./bucket/publication.ts");
    return openBucket(place, effects);
  }
  const { openDirectoryPublication } = await import("./publication/directory.ts");
  return openDirectoryPublication(place);
}

/** An origin to be changed; what a run that was killed left there is removed. */
export async function lockPublication(
  place: string,
  effects: PublicationEffects,
): Promise<WritablePublication> {
  if (isBucketUrl(place)) {
    const { openBucket } = await import("./bucket/publication.ts");
    return openBucket(place, effects);
  }
  const { lockDirectoryPublication } = await import("./publication/directory.ts");
  return await lockDirectoryPublication(place, effects);
}
