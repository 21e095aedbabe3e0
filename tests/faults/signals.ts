// SIGTERM and SIGINT at random moments of a download: what is there stays whole, can be continued, and no
// lock is left.

import { existsSync, readFileSync } from "node:fs";
import { type Site, type SiteOrigin, withoutEtag } from "../fetch/site.ts";
import { createHost, stateOf } from "../support/host.ts";
import { environment } from "../support/program.ts";
import { bigImage, image } from "../support/publishing.ts";
import type { Runnable } from "./stories.ts";

const one = image("1.0.0");
/** The last 30 kB come at 100 kB/s. */
const two = bigImage("1.1.0", 630_000);
const partial = `store/${two.digest}.partial`;
/** Until a run has ended by itself, on a machine that has nothing else to do. */
const LONGEST_MS = 800;

export interface Interrupted {
  readonly signal: "SIGTERM" | "SIGINT";
  /** Whether the signal came before the run had ended. */
  readonly wasRunning: boolean;
  /** Bytes of the partial that it left. */
  readonly left: number;
  readonly problems: readonly string[];
}

/** Numbers in [0, 1) that are the same for the same seed: mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One run that gets a signal, and the one after it. @param origin of this try alone */
export async function interrupt(
  site: Site,
  program: Runnable,
  random: () => number,
): Promise<Interrupted> {
  const origin = site.origin(one, two);
  const signal = random() < 0.5 ? "SIGTERM" : "SIGINT";
  const delay = random() * LONGEST_MS;
  await using host = createHost();
  host.configure({ Origin: origin.slowUrl });
  host.install({ published: [one], latest: one });
  const problems: string[] = [];

  const first = start(program, host.file);
  // Half of the signals come while there is something to be continued, however fast the machine.
  if (random() < 0.5) {
    while (first.exitCode === null && !existsSync(host.path(partial))) await Bun.sleep(5);
    await Bun.sleep(delay / 4);
  } else {
    await Bun.sleep(delay);
  }
  const wasRunning = first.exitCode === null;
  first.kill(signal);
  await first.exited;
  if (wasRunning && first.exitCode !== null && first.exitCode !== 0)
    problems.push(`status ${first.exitCode}`);
  if (!Bun.spawnSync(["flock", "--nonblock", host.path(".lock"), "true"]).success)
    problems.push("the lock is still held");
  const isLeft = partial in host.state();
  const bytes = isLeft ? readFileSync(host.path(partial), "latin1") : "";
  if (!two.content.startsWith(bytes))
    problems.push("the partial is not the beginning of the image");

  await origin.requests();
  host.configure({ Origin: origin.url });
  const next = start(program, host.file);
  await next.exited;
  if (next.exitCode !== 0) problems.push(`status ${next.exitCode} of the next run`);
  const done = stateOf({ published: [one, two], latest: two });
  const state = withoutEtag(host.state());
  if (!Bun.deepEquals(state, done)) problems.push(`the next run leaves ${Object.keys(state)}`);
  problems.push(...(await wrongRequests(origin, bytes.length)));
  return { signal, wasRunning, left: bytes.length, problems };
}

/** A partial is continued where it ends. */
async function wrongRequests(origin: SiteOrigin, left: number): Promise<readonly string[]> {
  if (left === 0 || left === two.content.length) return [];
  const images = (await origin.requests()).filter(({ uri }) => uri === `store/${two.digest}`);
  const [request] = images;
  const isContinued = images.length === 1 && request?.range === `bytes=${left}-`;
  return isContinued && request.status === 206 ? [] : ["the partial is not continued"];
}

function start(program: Runnable, config: string) {
  return Bun.spawn(program.command(["fetch", config]), {
    env: environment(),
    stdio: ["ignore", "ignore", "ignore"],
  });
}
