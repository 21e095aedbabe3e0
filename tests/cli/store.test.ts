// The options of `tako store` on the command line; what they mean is tried in tests/publish.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Publisher } from "../publish/publisher.ts";
import { programs } from "../support/program.ts";
import { key, manifestOf, secondKey } from "../support/publishing.ts";

for (const program of programs) {
  describe(program.name, () => {
    test("PUB-50: --rotate-key is the old public key, and each way to give the new secret one works", async () => {
      const entries: [string, string][] = [["1.0", "one"]];
      for (const [words, env] of [
        [[], { TAKO_SECRET_KEY: key.secret }],
        [["--key", key.secret], {}],
        [["--key-file", "key"], {}],
      ] as const) {
        await using publisher = await Publisher.create();
        const manifest = join(publisher.directory, "manifest");
        writeFileSync(manifest, manifestOf(entries, secondKey));
        publisher.file("key", key.secret);
        const { status } = await program.run(
          ["store", "-o", publisher.directory, "--rotate-key", secondKey.public, ...words],
          { cwd: publisher.folder, env },
        );
        expect(status).toBe(0);
        expect(publisher.manifest()).toBe(manifestOf(entries));
      }
    });
  });
}
