// `tako fetch --no-activate` (FET-104 to FET-107): everything but the swap and what follows it.

import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { image } from "../support/publishing.ts";
import { fakeSystemctl } from "./systemctl.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")];
const both = { published: [one, two], store: [one, two].toSorted(byDigest) };
const ready = (host: Host) => `${host.file}: 1.1.0 is ready, and not in use yet\n`;

/** A host with 1.0.0 in use, to which 1.1.0 is offered. */
function hostOffered(files: Readonly<Record<string, string>> = {}): Host {
  const host = createHost();
  host.publish(one, two);
  host.configure({ Restart: "app.service", WatchSec: "1s" });
  host.install({ published: [one], latest: one, files });
  return host;
}

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("FET-104, FET-105: the image is here, and another run puts it into use", async () => {
      using host = hostOffered();
      const fake = fakeSystemctl();
      try {
        for (const news of ["downloading 1.1.0", ""]) {
          const words = ["fetch", "--no-activate", host.file];
          const { status, stdout, stderr } = await program.run(words, { env: fake.env });
          expect([status, stdout]).toEqual([0, ready(host)]);
          expect(stderr).toContain(news);
          expect(stderr).not.toContain("activated");
          expect(host.state()).toEqual(stateOf({ ...both, latest: one }));
        }
        expect(fake.calls()).toEqual([]);
        // Nothing of it is asked for again.
        rmSync(host.at("origin", "store", two.digest));
        const next = await program.run(["fetch", host.file], { env: fake.env });
        expect([next.status, next.stdout]).toEqual([0, `${host.file}: updated to 1.1.0\n`]);
        expect(fake.calls()).toContain("restart -- app.service");
      } finally {
        fake.remove();
      }
    });

    test("FET-104: a first image is brought here, too, and nothing is in use", async () => {
      using host = createHost();
      host.publish(one);
      const words = ["fetch", "--no-activate", "--json", host.file];
      const { status, stdout } = await program.run(words);
      expect(status).toBe(0);
      const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
      expect(last).toEqual({
        event: "result",
        config: host.file,
        outcome: "ready",
        version: "1.0.0",
        sha256: one.digest,
      });
      expect(host.state()).toEqual(stateOf({ published: [one] }));
    });

    test("FET-91, FET-104: --dry-run tells the download alone, and nothing once it is done", async () => {
      using host = hostOffered();
      const words = ["fetch", "--no-activate", "--dry-run", host.file];
      const { status, stdout } = await program.run(words);
      expect([status, stdout]).toEqual([0, `${host.file}: would download 1.1.0, 19 B\n`]);
      expect((await program.run(["fetch", "--no-activate", host.file])).status).toBe(0);
      expect((await program.run(words)).stdout).toBe(ready(host));
    });

    test("FET-106: a way back that an earlier run has begun waits, and a newer version is brought here", async () => {
      const records = {
        ".good": `${one.digest}\n`,
        ".refused": `${two.digest} ${one.digest} 1 app.service: failed\n`,
        ".owed": `${one.digest}\n${two.digest}\napp.service\n`,
      };
      using host = hostOffered();
      host.publish(one, two, three);
      rmSync(host.path("latest"));
      host.install({ published: [one, two], latest: two, files: records });
      const fake = fakeSystemctl();
      try {
        const words = ["fetch", "--no-activate", host.file];
        const { status, stdout } = await program.run(words, { env: fake.env });
        expect([status, stdout]).toEqual([0, `${host.file}: 1.2.0 is ready, and not in use yet\n`]);
        expect(fake.calls()).toEqual([]);
        const all = [one, two, three];
        const store = all.toSorted(byDigest);
        expect(host.state()).toEqual(
          stateOf({ published: all, store, latest: two, files: records }),
        );
      } finally {
        fake.remove();
      }
    });

    test("FET-107: with --init it is a usage error", async () => {
      using host = hostOffered();
      const before = host.snapshot();
      for (const more of [[], ["--dry-run"]]) {
        const words = ["fetch", "--init", "--no-activate", ...more, host.file];
        const { status, stderr } = await program.run(words);
        expect(status).toBe(2);
        expect(stderr).toContain("--no-activate");
      }
      expect(host.snapshot()).toEqual(before);
    });
  });
}

function byDigest(a: { digest: string }, b: { digest: string }): number {
  return a.digest < b.digest ? -1 : 1;
}
