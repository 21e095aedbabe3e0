// What publishing needs of the effects of a command, and what it tells of them (commands/store.ts, commands/prune/).

import type { PublicationEffects } from "../shell/publication/publication.ts";
import type { Effects } from "./effects.ts";

export function publicationEffects(
  directory: string,
  { clock, random, environment, report }: Effects,
): PublicationEffects {
  return {
    clock,
    random,
    environment,
    warn: (message) => report({ event: "warning", message }),
    onWait: () => report({ event: "waiting", directory }),
    onRetry: (url, reason, delayMs) => report({ event: "retry", url, reason, delayMs }),
  };
}
