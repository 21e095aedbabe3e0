// What another process sees of a destination while it is updated.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { bunFlags } from "../support/bun-flags.ts";
import { createHost } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { bigImage, manifestOf } from "../support/publishing.ts";

const images = [
  bigImage("1.0.0", 300_000),
  bigImage("1.1.0", 200_000),
  bigImage("2.0.0", 400_000),
] as const;

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("DST-10, DST-11, DST-13: at every moment latest names a whole image, and the manifest is the old or the new one", async () => {
      const [one, two, three] = images;
      await using host = createHost();
      host.install({ published: [one], latest: one });
      const child = Bun.spawn(
        [process.execPath, ...bunFlags, join(import.meta.dir, "reader.ts"), host.destination],
        { stdin: "pipe", stdout: "pipe" },
      );
      const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      expect((await output.read()).value).toBe("reading\n");

      // Forward twice, and back by a narrower pattern.
      host.publish(one, two);
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      host.publish(one, two, three);
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      host.configure({ Version: "1.*" });
      expect((await program.run(["fetch", host.file])).status).toBe(0);

      await child.stdin.end();
      let text = "";
      for (let part = await output.read(); !part.done; part = await output.read())
        text += part.value;
      const seen = JSON.parse(text);
      expect(seen.failures).toEqual([]);
      expect(seen.reads).toBeGreaterThan(100);
      expect(seen.links.toSorted()).toEqual(
        images.map(({ digest }) => `store/${digest}`).toSorted(),
      );
      const isKnown = (known: readonly string[]) => (each: string) => known.includes(each);
      expect(seen.contents.every(isKnown(images.map(({ content }) => content)))).toBe(true);
      expect(seen.contents.length).toBe(3);
      const manifests = [[one], [one, two], images].map((each) => manifestOf(each));
      expect(seen.manifests.every(isKnown(manifests))).toBe(true);
      expect(seen.manifests.length).toBeGreaterThanOrEqual(2);
    });
  });
}
