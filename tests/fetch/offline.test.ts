// The origin is down, the host lives: what the local manifest decides when no other can be had.

import { describe, expect, test } from "bun:test";
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { image, key, manifestOf, secondKey, sha256sum } from "../support/publishing.ts";
import { fakeSystemctl } from "./systemctl.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("2.0.0")];
const missing = "cannot read it: no such file or directory";

/** A host that has seen 1.0.0, 1.1.0 and 2.0.0, uses 1.1.0 of the first two, and whose origin is gone. */
function hostAlone(version = "*", restart = "app.service"): Host {
  const host = createHost();
  host.configure({ Version: version, Restart: restart });
  host.install({ published: [one, two, three], store: [one, two], latest: two });
  rmSync(host.originDirectory, { recursive: true });
  return host;
}

const sameAs = { published: [one, two, three], store: [one, two].toSorted(byDigest) };

/** What is different in a host, what is in use afterwards, and how --init ends. */
const rows: readonly [
  why: string,
  version: string,
  change: (host: Host) => void,
  inUse: typeof one | undefined,
  init: number,
][] = [
  ["an image in use that is allowed", "*", () => {}, two, 0],
  ["an image in use that is allowed, beside a newer one", "1.*", () => {}, two, 0],
  ["an earlier version that is wanted now", "1.0.*", () => {}, one, 0],
  ["no image in use", "*", (host) => rmSync(host.path("latest")), two, 0],
  [
    "an image in use that the manifest does not have",
    "1.*",
    (host) => {
      const foreign = image("9.9", "foreign");
      rmSync(host.path("latest"));
      host.install({ store: [], latest: foreign });
    },
    two,
    0,
  ],
  ["a version that is not here", "2.*", () => {}, two, 69],
  ["a version that nobody has", "7.*", () => {}, two, 69],
  [
    "the newest allowed image is damaged",
    "1.*",
    (host) => {
      rmSync(host.path("latest"));
      host.replace(`store/${two.digest}`, "x".repeat(two.content.length));
    },
    one,
    0,
  ],
  [
    "the image in use is allowed and damaged: nobody goes back for that",
    "1.*",
    (host) => host.replace(`store/${two.digest}`, "x".repeat(two.content.length)),
    two,
    69,
  ],
  [
    "the image in use is allowed and gone",
    "1.*",
    (host) => {
      chmodSync(host.path("store"), 0o755);
      rmSync(host.path(`store/${two.digest}`));
    },
    two,
    69,
  ],
];

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test.each(rows)(
      "FET-24, FET-25, FET-26, FET-27: %s",
      async (_, version, change, inUse, initStatus) => {
        for (const mode of ["run", "init"] as const) {
          await using host = hostAlone(version);
          change(host);
          const before = host.state();
          const systemctl = fakeSystemctl();
          const words = mode === "init" ? ["--init"] : [];
          const { status, stderr } = await program.run(["fetch", ...words, host.file], {
            env: systemctl.env,
          });
          const calls = systemctl.orders();
          systemctl.remove();

          const isMoved = before["latest"] !== (inUse && `-> store/${inUse.digest}`);
          expect([mode, status]).toEqual([mode, mode === "run" ? 69 : initStatus]);
          expect(host.state()["latest"]).toBe(`-> store/${inUse?.digest}`);
          expect({ ...host.state(), ".owed": "", latest: "" }).toEqual({
            ...before,
            ".owed": "",
            latest: "",
          });
          expect(calls).toEqual(isMoved && mode === "run" ? ["restart -- app.service"] : []);
          // What happened and what did not: both are said, unless --init had no reason to ask.
          if (mode === "run" || isMoved || initStatus !== 0) {
            expect(stderr).toContain(`${host.originDirectory}/manifest: ${missing}`);
            expect(stderr).toContain("going by the local manifest, 3 versions");
          }
          expect(stderr.includes(": activated ")).toBe(isMoved);
        }
      },
    );

    test("FET-26, FET-91: a dry run tells it, and a run does just that", async () => {
      await using host = hostAlone("1.0.*");
      const before = host.snapshot();
      const dry = await program.run(["fetch", "--dry-run", host.file]);
      expect(dry.status).toBe(69);
      expect(dry.stdout).toBe(
        `${host.file}: would activate 1.0.0\n${host.file}: would restart app.service\n`,
      );
      expect(dry.stderr).toContain(missing);
      expect(host.snapshot()).toEqual(before);

      const init = await program.run(["fetch", "--init", "--dry-run", host.file]);
      expect([init.status, init.stdout]).toEqual([0, `${host.file}: would activate 1.0.0\n`]);
      expect(init.stderr).toContain(`warning: ${host.originDirectory}/manifest: ${missing}`);
      expect(host.snapshot()).toEqual(before);
    });

    test("FET-26: going back takes no network, nor does going forth again", async () => {
      await using host = hostAlone("1.0.*", "");
      for (const [version, image] of [
        ["1.0.*", one],
        ["1.1.*", two],
        ["1.0.0", one],
      ] as const) {
        host.configure({ Version: version });
        expect((await program.run(["fetch", host.file])).status).toBe(69);
        expect(host.state()).toEqual(stateOf({ ...sameAs, latest: image }));
      }
      // The newest is allowed again, and the one in use still is: it stays until there are news.
      host.configure({ Version: "*" });
      expect((await program.run(["fetch", host.file])).status).toBe(69);
      expect(host.state()).toEqual(stateOf({ ...sameAs, latest: one }));
    });

    test("FET-24: without a local manifest of a key of the config the error stands alone", async () => {
      await using unsigned = hostAlone("1.0.*");
      unsigned.configure({ Version: "1.0.*", PublicKey: secondKey.public });
      await using empty = createHost();
      rmSync(empty.originDirectory, { recursive: true });
      for (const host of [unsigned, empty]) {
        const before = host.snapshot();
        for (const words of [[], ["--init"], ["--dry-run"]]) {
          const { status, stdout, stderr } = await program.run(["fetch", ...words, host.file]);
          expect([status, stdout]).toEqual([69, ""]);
          expect(stderr).toBe(
            `tako: ${host.file}: ${join(host.originDirectory, "manifest")}: ${missing}\n`,
          );
          expect(host.snapshot()).toEqual(before);
        }
      }
    });

    test("FET-97: the event names the manifest that is gone by", async () => {
      await using host = hostAlone();
      const { stdout } = await program.run(["fetch", "--json", host.file]);
      const [first, ...rest] = stdout.trimEnd().split("\n");
      expect(JSON.parse(first ?? "")).toEqual({
        event: "manifest",
        config: host.file,
        state: "local",
        versions: 3,
        sha256: sha256sum(manifestOf([one, two, three])),
        signed_by: key.public,
      });
      expect(rest.map((line) => JSON.parse(line).outcome)).toEqual(["failed"]);
    });
  });
}

function byDigest(a: { readonly digest: string }, b: { readonly digest: string }): number {
  return a.digest < b.digest ? -1 : 1;
}
