// Which image comes into use: by the pattern, and by what the origin still has.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { programs } from "../support/program.ts";
import { type Image, image } from "../support/publishing.ts";
import { Site, withoutEtag } from "./site.ts";

const nginx = needs("nginx");
const versions = ["0.9", "1.0.0", "1.1.0", "1.2.0-rc", "2.0.0"].map((version) => image(version));
const byVersion = new Map(versions.map((each) => [each.version, each]));
const of = (version: string): Image => byVersion.get(version) ?? image(version);

let site: Site;
beforeAll(async () => {
  if (!nginx.missing) site = await Site.start();
});
afterAll(() => site?.stop());

/** The state with all versions published, these images in the store and the last of them in use. */
function using(...images: readonly Image[]): Record<string, string> {
  const latest = images.at(-1);
  return stateOf({
    published: versions,
    store: images.length === 0 ? null : images,
    ...(latest === undefined ? {} : { latest }),
  });
}

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("FET-40, FET-41: any, a family, a version, a range, and what matches nothing", async () => {
      await using stack = new AsyncDisposableStack();
      const hosts = [
        ["*", "2.0.0"],
        ["1.*", "1.2.0-rc"],
        ["1.1.0", "1.1.0"],
        ["0.5 <= v < 1.1", "1.0.0"],
        ["3.*", undefined],
        ["1.5", undefined],
      ].map(([version = "", picked]) => {
        const host = stack.use(createHost());
        host.publish(...versions);
        host.configure({ Version: version });
        return { host, version, picked };
      });
      const files = hosts.map(({ host }) => host.file);
      const { status, stdout, stderr } = await program.run(["fetch", ...files]);
      expect(status).toBe(0);
      for (const { host, version, picked } of hosts) {
        const expected = picked === undefined ? using() : using(of(picked));
        expect({ version, ...host.state() }).toEqual({ version, ...expected });
        if (picked === undefined) {
          expect(stderr).toContain(
            `tako: ${host.file}: no version matches "${version}"; the newest on offer are 2.0.0, 1.2.0-rc, 1.1.0, 1.0.0, 0.9\n`,
          );
        } else {
          expect(stdout).toContain(`${host.file}: updated to ${picked}\n`);
        }
      }
    });

    test("FET-41: an empty manifest is no error, and nothing but the manifest is written", async () => {
      await using host = createHost();
      host.publish();
      const { status, stdout, stderr } = await program.run(["fetch", host.file]);
      expect([status, stdout]).toEqual([0, ""]);
      expect(stderr).toEndWith(
        `tako: ${host.file}: no version matches "*"; the manifest is empty\n`,
      );
      expect(host.state()).toEqual(stateOf({ published: [], store: null }));
    });

    test("CFG-51: a pattern that is a word says at every run, whatever it finds, that it is no channel", async () => {
      await using host = createHost();
      const word = image("stable");
      host.publish(word);
      host.configure({ Version: "stable" });
      for (const words of [["--dry-run"], [], [], ["--init"]]) {
        const { status, stderr } = await program.run(["fetch", ...words, host.file]);
        expect(status).toBe(0);
        expect(stderr).toStartWith(
          `tako: ${host.file}: warning: Version=stable is one version of that name and no channel`,
        );
      }
    });

    test("FET-70: a narrower Version= moves back, and no image is removed (FET-73)", async () => {
      await using host = createHost();
      host.publish(...versions);
      host.install({ published: versions, store: [of("2.0.0")], latest: of("2.0.0") });
      host.configure({ Version: "1.0 <= v < 1.2" });
      const { status, stdout } = await program.run(["fetch", host.file]);
      expect([status, stdout]).toEqual([0, `${host.file}: updated to 1.1.0\n`]);
      expect(host.state()).toEqual({
        ...using(of("2.0.0"), of("1.1.0")),
      });

      // And without a match, what is in use stays.
      host.configure({ Version: "7.*" });
      const before = host.snapshot();
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.snapshot()).toEqual(before);
    });

    test("FET-70: a link that does not name an image is replaced", async () => {
      await using host = createHost();
      host.publish(of("1.0.0"));
      host.install({ published: [of("1.0.0")], latest: { ...of("1.0.0"), digest: "../other" } });
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(stateOf({ published: [of("1.0.0")], latest: of("1.0.0") }));
    });

    test("FET-70: two versions with the same bytes are one image, which is not swapped for itself", async () => {
      await using host = createHost();
      const same = { ...of("1.0.0"), version: "1.0.1" };
      host.publish(of("1.0.0"), same);
      host.install({ published: [of("1.0.0")], latest: of("1.0.0") });
      const { latest: before } = host.snapshot();
      const { status, stdout } = await program.run(["fetch", host.file]);
      expect([status, stdout]).toEqual([0, `${host.file}: 1.0.1 is current\n`]);
      expect(host.snapshot()["latest"]).toBe(before ?? "");
    });
  });

  describe.skipIf(nginx.missing).concurrent(`${program.name}, gone images`, () => {
    /** A host at whose origin these versions are gone, with another one in use. */
    function hostMissing(gone: readonly string[], inUse?: string) {
      const host = createHost();
      const origin = site.origin(...versions);
      for (const version of gone) origin.retire(of(version));
      host.configure({ Origin: origin.url, Version: "1.*" });
      host.install({
        published: versions,
        store: inUse === undefined ? null : [of(inUse)],
        ...(inUse === undefined ? {} : { latest: of(inUse) }),
      });
      return { host, origin };
    }

    const run = (host: Host) => program.run(["fetch", host.file]);
    const path = (version: string) => `store/${of(version).digest}`;

    test("FET-50, FET-53: the next older version that matches is taken, and the next run asks again", async () => {
      const { host, origin } = hostMissing(["1.2.0-rc", "1.1.0"]);
      await using _ = host;
      for (const kept of [false, true]) {
        const { status, stdout, stderr } = await run(host);
        expect([status, stdout]).toEqual([
          0,
          kept ? `${host.file}: 1.0.0 is current\n` : `${host.file}: updated to 1.0.0\n`,
        ]);
        for (const version of ["1.2.0-rc", "1.1.0"]) {
          expect(stderr).toContain(
            `tako: ${host.file}: the origin removed the image of ${version}: ${origin.url}/${path(version)}\n`,
          );
        }
        expect(await origin.asked()).toEqual([
          `manifest ${kept ? 304 : 200}`,
          `${path("1.2.0-rc")} 410`,
          `${path("1.1.0")} 410`,
          ...(kept ? [] : [`${path("1.0.0")} 200`]),
        ]);
        expect(withoutEtag(host.state())).toEqual(using(of("1.0.0")));
      }
    });

    test("FET-50, FET-52: nothing that the pattern does not match is taken, older or not", async () => {
      const { host, origin } = hostMissing(["1.2.0-rc", "1.1.0", "1.0.0"]);
      await using _ = host;
      expect((await run(host)).status).toBe(69);
      expect(await origin.asked()).toEqual([
        "manifest 200",
        ...["1.2.0-rc", "1.1.0", "1.0.0"].map((version) => `${path(version)} 410`),
      ]);
      expect(withoutEtag(host.state())).toEqual(stateOf({ published: versions, store: [] }));
    });

    test("FET-51: never below the version in use", async () => {
      const { host, origin } = hostMissing(["1.2.0-rc", "1.1.0"], "1.1.0");
      await using _ = host;
      // 1.1.0 is here, so it does not matter that the origin no longer has it.
      expect((await run(host)).status).toBe(0);
      expect(await origin.asked()).toEqual(["manifest 200", `${path("1.2.0-rc")} 410`]);
      expect(withoutEtag(host.state())).toEqual(using(of("1.1.0")));
    });

    test("FET-51, FET-52, FET-56: nor when the image in use is damaged and gone: status 69, and nothing in use", async () => {
      const { host, origin } = hostMissing(["1.2.0-rc", "1.1.0"], "1.1.0");
      await using _ = host;
      host.replace(path("1.1.0"), "damaged");
      const { status, stderr } = await run(host);
      expect(status).toBe(69);
      expect(stderr).toContain("the origin no longer has version 1.2.0-rc, nor an older one");
      expect(await origin.asked()).toEqual([
        "manifest 200",
        `${path("1.2.0-rc")} 410`,
        `${path("1.1.0")} 410`,
      ]);
      expect(withoutEtag(host.state())).toEqual(stateOf({ published: versions, store: [] }));
    });

    test("FET-51: a version in use that no longer matches is no floor", async () => {
      const { host } = hostMissing(["1.2.0-rc", "1.1.0"], "2.0.0");
      await using _ = host;
      expect((await run(host)).status).toBe(0);
      expect(withoutEtag(host.state())).toEqual(using(of("2.0.0"), of("1.0.0")));
    });

    test("FET-52: at most eight older versions are tried", async () => {
      await using host = createHost();
      const many = Array.from({ length: 11 }, (_, minor) => image(`1.${minor}`));
      const origin = site.origin(...many);
      for (const each of many.slice(1)) origin.retire(each);
      host.configure({ Origin: origin.url });
      const { status, stderr } = await run(host);
      expect(status).toBe(69);
      expect(stderr).toContain(`${origin.url}/store/${many.at(-1)?.digest}`);
      const asked = many.slice(2).toReversed();
      expect(await origin.asked()).toEqual([
        "manifest 200",
        ...asked.map(({ digest }) => `store/${digest} 410`),
      ]);
      expect(withoutEtag(host.state())).toEqual(stateOf({ published: many, store: [] }));
    });

    test("ORG-26: 404 is not 410: no older version is taken", async () => {
      const { host, origin } = hostMissing([]);
      await using _ = host;
      origin.remove(of("1.2.0-rc"));
      const { status, stderr } = await run(host);
      expect(status).toBe(69);
      expect(stderr).toContain(`${origin.url}/${path("1.2.0-rc")}`);
      expect(stderr).toContain("the server answered with status 404");
      const asked = [path("1.2.0-rc"), `${path("1.2.0-rc")}.gone`].map((each) => `${each} 404`);
      expect(await origin.asked()).toEqual(["manifest 200", ...asked]);
      expect(withoutEtag(host.state())).toEqual(stateOf({ published: versions, store: [] }));
    });
  });
}
