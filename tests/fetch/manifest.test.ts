// The manifest that a host has, and the one that an origin sends: which is accepted, and that a refused
// one leaves the disk as it was.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type HostileOrigin, startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { programs } from "../support/program.ts";
import {
  entry,
  type Image,
  image,
  key,
  manifestOf,
  secondKey,
  sha256sum,
  signed,
  thirdKey,
  write,
} from "../support/publishing.ts";
import { etagFile, Site } from "./site.ts";

const nginx = needs("nginx");
const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("2.0.0")];

let site: Site;
let hostile: HostileOrigin;
beforeAll(async () => {
  if (!nginx.missing) site = await Site.start();
  hostile = await startHostileOrigin({
    manifest: Buffer.from(manifestOf([one])),
    [`store/${one.digest}`]: Buffer.from(one.content),
  });
});
afterAll(async () => {
  await site?.stop();
  await hostile?.stop();
});

/** A host with 1.0.0 in use, at whose origin there is now this manifest, and every image. */
function hostMeeting(manifest: string): Host {
  const host = createHost();
  host.publish(one, two, three);
  write(join(host.originDirectory, "manifest"), manifest);
  host.install({ published: [one], latest: one });
  return host;
}

const url = (host: Host) => `file://${host.originDirectory}/manifest`;
const withSize = (each: Image, size: number) => `${each.version} ${size} ${each.digest}`;

/** What is sent, and the beginning of what is said about it. */
const refused: readonly [id: string, why: string, manifest: string, says: string][] = [
  [
    "FET-30",
    "a manifest that another key signed",
    manifestOf([one, two], secondKey),
    "the manifest is not signed by any of the given public keys",
  ],
  [
    "FET-30",
    "a manifest whose signature is for another text",
    manifestOf([one, two]).replace("1.1.0", "1.1.1"),
    "the manifest is not signed by any of the given public keys",
  ],
  [
    "FET-30",
    "a signed manifest that is not valid",
    manifestOf([one, two, `${three.version} 01 ${three.digest}`]),
    'invalid size "01": expected decimal bytes up to 2^53 - 1',
  ],
  [
    "FET-30",
    "a signed manifest out of order",
    manifestOf([two, one]),
    "version 1.0.0 must be newer than 1.1.0 on the line before it",
  ],
  [
    "FET-30",
    "a manifest of a newer format",
    signed(`Tako Manifest 2\n\n${entry(one)}\n\n`),
    "the manifest has a newer format than 1, the one that this version of Tako reads",
  ],
  [
    "ORG-31",
    "a page in place of the manifest",
    "<html><body>Please log in to this network.</body></html>\n",
    "the answer is no manifest of Tako's",
  ],
  ["ORG-31", "an empty file", "", "the answer is no manifest of Tako's"],
  [
    "FET-31",
    "a manifest that lost its entry",
    manifestOf([two]),
    `the manifest is not a continuation of the local one: "${entry(one)}" is missing`,
  ],
  [
    "FET-31",
    "a manifest with other bytes for a version",
    manifestOf([{ ...two, version: "1.0.0" }, three]),
    `the manifest is not a continuation of the local one: "${entry(one)}" became "1.0.0 19 ${two.digest}"`,
  ],
  [
    "FET-31",
    "a manifest with another size for a version",
    manifestOf([withSize(one, 20), two]),
    `the manifest is not a continuation of the local one: "${entry(one)}" became "1.0.0 20 ${one.digest}"`,
  ],
  [
    "FET-31",
    "a manifest with another spelling for a version",
    manifestOf([{ ...one, version: "1.0" }, two]),
    `the manifest is not a continuation of the local one: "${entry(one)}" became "1.0 19 ${one.digest}"`,
  ],
];

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("FET-30, FET-31, ORG-31, DST-14: a manifest that is not valid, not signed or no continuation is refused, and nothing changes", async () => {
      await using stack = new AsyncDisposableStack();
      const meetings = refused.map(([id, why, manifest, says]) => {
        const host = stack.use(hostMeeting(manifest));
        return { id, why, says, host, before: host.snapshot() };
      });
      const files = meetings.map(({ host }) => host.file);
      const { status, stdout, stderr } = await program.run(["fetch", ...files]);
      expect([status, stdout]).toEqual([65, ""]);
      for (const { id, why, says, host, before } of meetings) {
        const lines = stderr.split("\n");
        const index = lines.findIndex((line) =>
          line.startsWith(`tako: ${host.file}: ${url(host)}`),
        );
        expect({ why, line: lines[index] }).toEqual({ why, line: expect.stringMatching(/: .*: /) });
        expect(lines[index]).toEndWith(`: ${says}`);
        if (id === "FET-31") {
          expect(lines[index + 1]).toContain(
            `remove ${host.path("manifest")} of ${host.file} to start the history anew`,
          );
        }
        expect({ why, ...host.snapshot() }).toEqual({ why, ...before });
      }
    });

    test("FET-30: one of them alone is status 65", async () => {
      await using host = hostMeeting(manifestOf([one, two], secondKey));
      expect((await program.run(["fetch", host.file])).status).toBe(65);
    });

    test("FET-31, MAN-24: removing the manifest starts the history anew", async () => {
      await using host = hostMeeting(manifestOf([two]));
      rmSync(host.path("manifest"));
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(
        stateOf({ published: [two], store: [one, two].toSorted(byDigest), latest: two }),
      );
    });

    test("FET-32: a key that is replaced in one edit keeps the history", async () => {
      await using host = hostMeeting(manifestOf([two], secondKey));
      host.configure({ PublicKey: secondKey.public });
      const before = host.snapshot();
      const lost = await program.run(["fetch", host.file]);
      expect(lost.status).toBe(65);
      expect(lost.stderr).toContain(`"${entry(one)}" is missing`);
      expect(host.snapshot()).toEqual(before);

      write(join(host.originDirectory, "manifest"), manifestOf([one, two], secondKey));
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(
        stateOf({ published: [one, two], signer: secondKey, latest: two }),
      );
    });

    test("FET-23: a local manifest that is damaged is status 74, and is never replaced", async () => {
      await using stack = new AsyncDisposableStack();
      const damaged = ["", "zeros\0\0\0", manifestOf([one]).slice(0, -9)].map((manifest) => {
        const host = stack.use(hostMeeting(manifestOf([one, two])));
        write(host.path("manifest"), manifest, 0o444);
        return { host, before: host.snapshot() };
      });
      const { status, stderr } = await program.run([
        "fetch",
        ...damaged.map(({ host }) => host.file),
      ]);
      expect(status).toBe(74);
      for (const { host, before } of damaged) {
        expect(stderr).toContain(`${host.file}: ${host.path("manifest")}:`);
        expect(stderr).toContain(
          `Restore it, or remove ${host.path("manifest")} to start the history anew.`,
        );
        expect(host.snapshot()).toEqual(before);
      }
    });

    test("FET-23, FET-32: so is one that was damaged under a key that was replaced since", async () => {
      await using host = hostMeeting(manifestOf([one, two], secondKey));
      write(host.path("manifest"), manifestOf([one, two]).replace(" 19 ", " 019 "), 0o444);
      host.configure({ PublicKey: secondKey.public });
      const before = host.snapshot();
      expect((await program.run(["fetch", host.file])).status).toBe(74);
      expect(host.snapshot()).toEqual(before);
    });

    test("FET-33: the manifest is written before an image is asked for", async () => {
      await using host = hostMeeting(manifestOf([one, two]));
      rmSync(join(host.originDirectory, "store", two.digest));
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(69);
      expect(stderr).toContain(`${host.originDirectory}/store/${two.digest}`);
      expect(host.state()).toEqual(stateOf({ published: [one, two], store: [one], latest: one }));
    });

    test("FET-30: any key of the config may have signed it", async () => {
      await using host = hostMeeting(manifestOf([one, two], thirdKey));
      host.configure({ PublicKey: [key.public, secondKey.public, thirdKey.public] });
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(
        stateOf({ published: [one, two], signer: thirdKey, latest: two }),
      );
    });

    test("ORG-20, ORG-40, ORG-42: error pages and refused redirects are errors of the origin, and nothing changes", async () => {
      await using stack = new AsyncDisposableStack();
      const meetings = (
        [
          ["status=404", "the server answered with status 404"],
          ["status=403", "the server answered with status 403"],
          ["status=304", "the server answered with status 304"],
          ["hops=11", "more than 10 redirects"],
          [`redirect-to=${encodeURIComponent("file:///etc/hostname")}`, "redirected to file://"],
        ] as const
      ).map(([scenario, says]) => {
        const host = stack.use(hostMeeting(""));
        const origin = hostile.origin(scenario as "honest");
        host.configure({ Origin: origin });
        return { host, origin, says, before: host.snapshot() };
      });
      const files = meetings.map(({ host }) => host.file);
      const { status, stderr } = await program.run(["fetch", ...files]);
      expect(status).toBe(69);
      for (const { host, origin, says, before } of meetings) {
        expect(stderr).toContain(`tako: ${host.file}: ${origin}/manifest: `);
        expect(stderr).toContain(says);
        expect(host.snapshot()).toEqual(before);
      }
    });

    test.skipIf(nginx.missing)(
      "FET-22, FET-32: a manifest that no key of the config signed sends no ETag",
      async () => {
        await using host = createHost();
        const origin = site.origin(one);
        host.configure({ Origin: origin.url });
        expect((await program.run(["fetch", host.file])).status).toBe(0);
        await origin.requests();

        // The publisher has not signed with the new key yet.
        host.configure({ Origin: origin.url, PublicKey: secondKey.public });
        expect((await program.run(["fetch", host.file])).status).toBe(65);
        expect(await origin.requests()).toEqual([
          expect.objectContaining({ uri: "manifest", status: 200, ifNoneMatch: "" }),
        ]);
      },
    );

    test.skipIf(nginx.missing)(
      "DST-52, DST-53: an .etag that is damaged, or of another URL or manifest, makes no request conditional",
      async () => {
        await using stack = new AsyncDisposableStack();
        const digest = sha256sum(manifestOf([one]));
        const cases = (
          [
            [(right) => right, true],
            [(right) => right.replace("/manifest", "/manifest2"), false],
            [(right) => right.replace("http:", "https:"), false],
            [(right) => right.replace(digest, two.digest), false],
            [(right) => right.slice(0, -1), false],
            [(right) => `${right}\n`, false],
            [() => "", false],
            [() => "\0".repeat(200), false],
            [(right) => right.replace(/".*"/, `"${"e".repeat(100_000)}"`), false],
          ] as const satisfies [(right: string) => string, boolean][]
        ).map(([edit, isConditional]) => {
          const host = stack.use(createHost());
          const origin = site.origin(one);
          host.configure({ Origin: origin.url });
          return { host, origin, edit, isConditional };
        });
        for (const { host, origin, edit } of cases) {
          const right = await etagFile(origin, manifestOf([one]));
          host.install({ published: [one], latest: one, files: { ".etag": edit(right) } });
        }
        const { status, stderr } = await program.run([
          "fetch",
          ...cases.map(({ host }) => host.file),
        ]);
        expect([status, stderr]).toEqual([0, ""]);
        for (const { host, origin, isConditional } of cases) {
          const [request, ...more] = await origin.requests();
          const ifNoneMatch = isConditional ? await origin.etag() : "";
          expect([request?.ifNoneMatch, more]).toEqual([ifNoneMatch, []]);
          // And the next run is conditional again (DST-51).
          const files = { ".etag": await etagFile(origin, manifestOf([one])) };
          expect(host.state()).toEqual(stateOf({ published: [one], latest: one, files }));
        }
      },
    );

    test("DST-54, DST-55: an ETag that is too long, not printable, or not exactly one tag is not kept", async () => {
      await using stack = new AsyncDisposableStack();
      const cases = (
        [
          ['""', true],
          ['W/"1"', true],
          ['"', false],
          ["*", false],
          ["5f-18e", false],
          ['w/"1"', false],
          ['"a","b"', false],
          ['"a", "b"', false],
          ['"a"b"', false],
          [`"${"e".repeat(1022)}"`, true],
          [`"${"e".repeat(1023)}"`, false],
          ['"a b"', false],
          ['"caf\xe9"', false],
        ] as const
      ).map(([etag, isKept]) => {
        const host = stack.use(createHost());
        const origin = hostile.origin(`etag=${encodeURIComponent(etag)}`);
        host.configure({ Origin: origin });
        const record = (each: string) =>
          `${origin}/manifest\n${each}\n${sha256sum(manifestOf([one]))}\n`;
        host.install({ published: [one], latest: one, files: { ".etag": record('"old"') } });
        return { host, files: isKept ? { ".etag": record(etag) } : {} };
      });
      expect((await program.run(["fetch", ...cases.map(({ host }) => host.file)])).status).toBe(0);
      for (const { host, files } of cases)
        expect(host.state()).toEqual(stateOf({ published: [one], latest: one, files }));
    });
  });
}

function byDigest(a: Image, b: Image): number {
  return a.digest < b.digest ? -1 : 1;
}
