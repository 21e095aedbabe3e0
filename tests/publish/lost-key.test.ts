// The way back from a lost secret key, by the steps of docs/publishing.md ("When a key was lost").

import { expect, test } from "bun:test";
import { cpSync, readlinkSync, rmSync } from "node:fs";
import { emptyHost } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { sha256sum } from "../support/publishing.ts";

for (const program of programs) {
  test(`PUB-50, PUB-53: ${program.name}: without the old secret key and the origin, a host goes on to the next version`, async () => {
    using host = emptyHost();
    const tako = async (...words: string[]) => {
      const { status, stdout, stderr } = await program.run(words, { cwd: host.folder });
      expect([words.join(" "), status, stderr.includes("rror")]).toEqual([
        words.join(" "),
        0,
        false,
      ]);
      return stdout.trim();
    };
    const old = await tako("gen-key", "--output", "old.key");
    host.write("app.img", "one");
    await tako("store", "--new", "-f", "old.key", "-o", "origin", "app.img", "1.0.0");
    await tako("fetch", host.config("app", { PublicKey: old }));

    // The publisher's disk breaks; a host has manifest and image.
    rmSync(host.at("old.key"));
    for (const name of ["manifest", "store"]) {
      rmSync(host.at("origin", name), { recursive: true });
      cpSync(host.path(name), host.at("origin", name), { recursive: true });
    }

    const next = await tako("gen-key", "--output", "new.key");
    host.config("app", { PublicKey: [old, next] });
    // Hosts that have both keys are served by the old signature until there is the new one.
    expect(await tako("fetch", "app.tako")).toBe("app.tako: 1.0.0 is current");
    const said = await tako("store", "--rotate-key", old, "-f", "new.key", "-o", "origin");
    expect(said).toContain(next);
    // All but the signature is the same.
    const differing = Bun.spawnSync(["diff", host.path("manifest"), host.at("origin/manifest")]);
    expect(differing.stdout.toString().match(/^[<>] /gm)).toHaveLength(2);

    host.write("app.img", "two");
    await tako("store", "-f", "new.key", "-o", "origin", "app.img", "1.1.0");
    expect(await tako("fetch", "app.tako")).toBe("app.tako: updated to 1.1.0");
    host.config("app", { PublicKey: next });
    expect(await tako("fetch", "app.tako")).toBe("app.tako: 1.1.0 is current");
    expect(readlinkSync(host.path("latest"))).toBe(`store/${sha256sum("two")}`);
  });
}
