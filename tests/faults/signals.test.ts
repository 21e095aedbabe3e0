// Interrupted at random moments: a few tries of those that `bun run crash-sweep` makes.

import { describe, expect, test } from "bun:test";
import { Site } from "../fetch/site.ts";
import { needs } from "../support/needs.ts";
import { binary } from "./binary.ts";
import { interrupt, seeded } from "./signals.ts";
import { sideBySide } from "./sweep.ts";

describe.skipIf(needs("nginx").missing)("signals", () => {
  test("DST-10 to DST-16, DST-47, FET-60: SIGTERM and SIGINT at 20 random moments leave what the next run continues, and no lock", async () => {
    const site = await Site.start();
    try {
      const random = seeded(20261124);
      const wrong: string[] = [];
      let running = 0;
      await sideBySide(Array(20).keys(), 4, async () => {
        const { signal, wasRunning, left, problems } = await interrupt(site, binary, random);
        if (wasRunning) running += 1;
        for (const problem of problems) wrong.push(`${signal} with ${left} bytes: ${problem}`);
      });
      expect(wrong).toEqual([]);
      expect(running).toBeGreaterThan(5);
    } finally {
      await site.stop();
    }
  });
});
