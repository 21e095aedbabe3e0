// tako serve: a publisher's directory as an origin over HTTP, to try things out (spec/serve.md).

import { askedToEnd } from "../shell/signals.ts";
import { startStaticOrigin } from "../shell/static-origin.ts";
import type { Effects } from "./effects.ts";

/** How long answers that are on their way may take after the end was asked for, in milliseconds (SRV-6). */
const GRACE_MS = 3000;

export interface ServeOptions {
  readonly directory: string;
  /** The IP address to listen on. */
  readonly address: string;
  /** 0 for one that is free. */
  readonly port: number;
}

/**
 * Serves until the process is asked to end by SIGINT or SIGTERM.
 *
 * @throws TakoError of kind `storage` without a directory that holds a manifest, `failed` if the port
 *   cannot be had
 */
export async function serve(
  { directory, address, port }: ServeOptions,
  { clock, report }: Pick<Effects, "clock" | "report">,
): Promise<void> {
  const end = askedToEnd();
  const origin = await startStaticOrigin(directory, {
    address,
    port,
    answered: (answer) => report({ event: "request", ...answer }),
    failed: (error) => report({ event: "warning", message: error }),
  });
  if (!/^(127\.|::1$)/.test(address)) {
    const message = `${address} is open to other machines: there is no TLS and no password`;
    report({ event: "warning", message });
  }
  report({ event: "serving", url: origin.url, directory });
  await end;
  const { promise: late, resolve: giveUp } = Promise.withResolvers<void>();
  using _limit = clock.every(GRACE_MS, giveUp);
  await Promise.race([origin.finish(), late]);
  origin.stop();
}
