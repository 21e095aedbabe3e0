// A client that asks a service again and again while one slot takes over from the other, and the images that it asks.

import { shipped } from "./shipped.ts";

/**
 * The example's program, which answers with its version. It takes a moment for that, so that at any time there is
 * somebody whose answer a stop could cut off.
 */
export function webImage(version: string): string {
  return shipped("examples/slots/web.py")
    .replace(/^VERSION = .*/m, `VERSION = "${version}"`)
    .replace("        head = ", "        select.select([], [], [], 0.05)\n        head = ");
}

/** Programs that do not work: one fails, one ends as if all were well. */
export const FAILING = 'import sys\nsys.exit("this image does not work")\n';
export const ENDING = "import time\ntime.sleep(0.2)\n";

export interface Client {
  /** Stops asking. How many requests there were, and what went wrong with each that failed. */
  stop(): Promise<{ readonly asked: number; readonly failed: readonly string[] }>;
}

/** Asks 50 times a second, each time by a connection of its own, whether or not the last answer is there. */
export function askAllTheTime(url: string): Client {
  const failed: string[] = [];
  const open = new Set<Promise<void>>();
  let asked = 0;
  const ask = async () => {
    asked++;
    try {
      const response = await fetch(url, { keepalive: false, signal: AbortSignal.timeout(10_000) });
      const text = await response.text();
      if (!response.ok || !/^\d+\.\d+\.\d+$/.test(text)) failed.push(`${response.status} ${text}`);
    } catch (error) {
      failed.push(String(error));
    }
  };
  const timer = setInterval(() => {
    const asking = ask().finally(() => open.delete(asking));
    open.add(asking);
  }, 20);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      return { asked, failed };
    },
  };
}
