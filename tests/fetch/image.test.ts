// Images: those that are in the store already, and those that are downloaded whole, in parts, wrongly or
// not at all.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, type Program, programs, sizeOf, whileRunning } from "../support/program.ts";
import { bigImage, type Image, image, sha256sum, write } from "../support/publishing.ts";
import { Site, withoutEtag } from "./site.ts";
import { cuttingOrigin, dyingOrigin } from "./slow-origins.ts";

const nginx = needs("nginx");
const strace = needs("strace");
const [one, two] = [image("1.0.0"), image("1.1.0")];
/** So large that both parts of it, when it is cut, go straight to the file. */
const big = bigImage("1.1.0", 16_000_000);
/** Goes to the file piece by piece, and takes the slow origin half a minute. */
const medium = bigImage("1.1.0", 4_000_000);

let site: Site;
beforeAll(async () => {
  if (!nginx.missing) site = await Site.start();
});
afterAll(() => site?.stop());

const partial = ({ digest }: Image) => `store/${digest}.partial`;
const damaged = ({ content }: Image) => `D${content.slice(1)}`;

/** A host with 1.0.0 in use, to which its origin offers 1.1.0 as well. */
function hostBefore(update: Image): Host {
  const host = createHost();
  host.publish(one, update);
  host.install({ published: [one], latest: one });
  return host;
}

/** The state after the update to an image. */
const updated = (update: Image) => stateOf({ published: [one, update], latest: update });

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("FET-54: an image that is in the store already is not downloaded", async () => {
      await using host = createHost();
      host.publish(one);
      rmSync(join(host.originDirectory, "store"), { recursive: true });
      host.install({ published: [one] });
      const { status, stdout } = await program.run(["fetch", host.file]);
      expect([status, stdout]).toEqual([0, `${host.file}: updated to 1.0.0\n`]);
      expect(host.state()).toEqual(stateOf({ published: [one], latest: one }));
    });

    test("FET-55: an image that does not hold is downloaded again, by its digest or its size", async () => {
      await using stack = new AsyncDisposableStack();
      const hosts = [damaged(one), one.content.slice(1), `${one.content}more`, ""].map(
        (content) => {
          const host = stack.use(createHost());
          host.publish(one);
          host.install({ published: [one], latest: one });
          host.replace(`store/${one.digest}`, content);
          return host;
        },
      );
      const { status, stderr } = await program.run(["fetch", ...hosts.map(({ file }) => file)]);
      expect(status).toBe(0);
      for (const host of hosts) {
        expect(stderr).toContain(
          `the image of 1.0.0 is damaged: ${host.path(`store/${one.digest}`)}`,
        );
        expect(host.state()).toEqual(stateOf({ published: [one], latest: one }));
      }
    });

    test("FET-54: with --no-verify the size alone is checked", async () => {
      await using host = createHost();
      host.publish(one);
      host.install({ published: [one], latest: one });
      write(host.path(`store/${one.digest}`), damaged(one), 0o444);
      const before = host.snapshot();
      expect((await program.run(["fetch", "--no-verify", host.file])).status).toBe(0);
      expect(host.snapshot()).toEqual(before);

      write(host.path(`store/${one.digest}`), one.content.slice(1), 0o444);
      expect((await program.run(["fetch", "--no-verify", host.file])).status).toBe(0);
      expect(host.state()).toEqual(stateOf({ published: [one], latest: one }));
    });

    test("FET-56: if that fails, the damaged image goes, and latest with it if it names it", async () => {
      await using inUse = createHost();
      inUse.publish(one);
      inUse.install({ published: [one], latest: one });
      // Not in use: 1.1.0 was to be activated when the run was killed.
      await using notInUse = hostBefore(two);
      notInUse.install({ store: [two] });
      for (const [host, each] of [
        [inUse, one],
        [notInUse, two],
      ] as const) {
        write(host.path(`store/${each.digest}`), damaged(each), 0o444);
        rmSync(join(host.originDirectory, "store", each.digest));
      }
      const { status, stderr } = await program.run(["fetch", inUse.file, notInUse.file]);
      expect(status).toBe(69);
      expect(stderr).toContain(join(inUse.originDirectory, "store", one.digest));
      expect(inUse.state()).toEqual(stateOf({ published: [one], store: [] }));
      expect(notInUse.state()).toEqual(
        stateOf({ published: [one, two], store: [one], latest: one }),
      );
    });

    test("FET-56: so it does when what comes instead is wrong as well", async () => {
      await using host = createHost();
      host.publish(one);
      host.install({ published: [one], latest: one });
      write(host.path(`store/${one.digest}`), damaged(one), 0o444);
      write(join(host.originDirectory, "store", one.digest), damaged(one));
      expect((await program.run(["fetch", host.file])).status).toBe(65);
      expect(host.state()).toEqual(stateOf({ published: [one], store: [] }));
    });

    test.skipIf(strace.missing)(
      "FET-57: a read error while an image is verified is status 74, and removes nothing",
      async () => {
        await using host = createHost();
        host.publish(one);
        host.install({ published: [one], latest: one });
        const path = host.path(`store/${one.digest}`);
        const before = host.snapshot();
        const faults = "trace=read,pread64 -e inject=read,pread64:error=EIO".split(" ");
        const command = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", path, "-e", ...faults];
        const { status, stderr } = await runUnder(command, program, ["fetch", host.file]);
        expect(stderr).toContain(
          `${path}: cannot read it: the device reports a read or write error`,
        );
        expect(status).toBe(74);
        expect(host.snapshot()).toEqual(before);
      },
    );

    test.skipIf(strace.missing)(
      "FET-110: an image that takes long to verify is told once, in use or partly here",
      async () => {
        await using host = createHost();
        const image = bigImage("1.0.0", 6_000_000);
        host.publish(image);
        host.install({ published: [image], latest: image });
        const stored = host.path(`store/${image.digest}`);
        const slowly = async (path: string) => {
          const delay = "trace=read,pread64 -e inject=read,pread64:delay_enter=500000".split(" ");
          const command = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", path, "-e", ...delay];
          const { stderr } = await runUnder(command, program, ["fetch", host.file]);
          return stderr.split("\n").filter((line) => line.includes("verifying"));
        };
        const told = [`tako: ${host.file}: verifying 1.0.0, 6.0 MB`];
        expect(await slowly(stored)).toEqual(told);
        // All but its end, from a run that was killed.
        writeFileSync(`${stored}.partial`, image.content.slice(0, 5_900_000));
        rmSync(stored);
        expect(await slowly(`${stored}.partial`)).toEqual(told);
        expect(sha256sum(readFileSync(stored))).toBe(image.digest);
      },
    );

    test("ORG-27, FET-69, FET-66: an image that is too long or has another digest is status 65, and nothing of it stays", async () => {
      await using stack = new AsyncDisposableStack();
      const hosts = [
        [`${two.content}x`, "wrong size: expected 19 bytes, received more"],
        [damaged(two), `wrong SHA-256: expected ${two.digest.slice(0, 12)}, received `],
        ["\0".repeat(19), `wrong SHA-256: expected ${two.digest.slice(0, 12)}, received `],
      ].map(([content = "", says]) => {
        const host = stack.use(hostBefore(two));
        write(join(host.originDirectory, "store", two.digest), content);
        return { host, says };
      });
      const files = hosts.map(({ host }) => host.file);
      const { status, stdout, stderr } = await program.run(["fetch", ...files]);
      expect([status, stdout]).toEqual([65, ""]);
      for (const { host, says } of hosts) {
        const url = `file://${host.originDirectory}/store/${two.digest}`;
        expect(stderr).toContain(`tako: ${host.file}: ${url}: the image has a ${says}`);
        expect(host.state()).toEqual(stateOf({ published: [one, two], store: [one], latest: one }));
      }
    });

    test("ORG-35, ORG-71, FET-64: a file that is too short is the origin's fault, and what came of it stays", async () => {
      await using host = hostBefore(two);
      write(join(host.originDirectory, "store", two.digest), two.content.slice(0, 18));
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(69);
      expect(stderr).toContain("the answer ended early: 18 of 19 bytes are here\n");
      expect(stderr).not.toContain("trying again");
      const files = { [partial(two)]: two.content.slice(0, 18) };
      expect(host.state()).toEqual(
        stateOf({ published: [one, two], store: [one], latest: one, files }),
      );
      write(join(host.originDirectory, "store", two.digest), two.content);
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(updated(two));
    });

    test("ORG-65: a link that dies after each MiB brings the image in one run", async () => {
      await using host = hostBefore(medium);
      const path = host.path(partial(medium));
      await using origin = await dyingOrigin(1_000_000, path, one, medium);
      host.configure({ Origin: origin.url });
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect([
        status,
        stderr.match(/trying again in 1\.?\d* s|trying again in 0\.\d+ s/g)?.length,
      ]).toEqual([0, 3]);
      expect(host.state()).toEqual(updated(medium));
    }, 60_000);

    test("FET-66: an empty image is an image", async () => {
      await using host = hostBefore(image("1.1.0", ""));
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(updated(image("1.1.0", "")));
    });

    test.skipIf(nginx.missing)(
      "FET-60, ORG-14: a partial of an earlier run is continued by a range request",
      async () => {
        await using host = hostBefore(big);
        const origin = site.origin(one, big);
        host.configure({ Origin: origin.url, Packed: "no" });
        host.install({ store: [], files: { [partial(big)]: big.content.slice(0, 9_600_000) } });
        const { status, stderr } = await program.run(["fetch", host.file]);
        expect(status).toBe(0);
        expect(stderr).toContain("downloading 1.1.0, 6.4 MB left of 16.0 MB\n");
        expect((await origin.requests()).slice(1)).toEqual([
          expect.objectContaining({
            uri: `store/${big.digest}`,
            status: 206,
            range: "bytes=9600000-",
            bytes: 6_400_000,
          }),
        ]);
        expect(withoutEtag(host.state())).toEqual(updated(big));
      },
    );

    test.skipIf(nginx.missing)(
      "FET-60, FET-62: a partial is hashed, not trusted: a damaged one is downloaded once more from byte 0",
      async () => {
        await using host = hostBefore(big);
        const origin = site.origin(one, big);
        host.configure({ Origin: origin.url, Packed: "no" });
        const content = `${"\0".repeat(4_800_000)}${big.content.slice(4_800_000, 9_600_000)}`;
        host.install({ store: [], files: { [partial(big)]: content } });
        expect((await program.run(["fetch", host.file])).status).toBe(0);
        expect((await origin.requests()).slice(1).map(({ range }) => range)).toEqual([
          "bytes=9600000-",
          "",
        ]);
        expect(withoutEtag(host.state())).toEqual(updated(big));
      },
    );

    test("FET-62: only a failure from byte 0 is status 65, and nothing of it stays", async () => {
      await using host = hostBefore(big);
      write(join(host.originDirectory, "store", big.digest), damaged(big));
      host.install({ store: [], files: { [partial(big)]: big.content.slice(0, 9_600_000) } });
      // The partial is right and its rest, too: that is the image, whatever the first bytes are now.
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(updated(big));

      await using second = hostBefore(big);
      write(join(second.originDirectory, "store", big.digest), damaged(big));
      second.install({ store: [], files: { [partial(big)]: damaged(big).slice(0, 9_600_000) } });
      expect((await program.run(["fetch", second.file])).status).toBe(65);
      expect(second.state()).toEqual(stateOf({ published: [one, big], store: [one], latest: one }));
    });

    test.skipIf(nginx.missing)(
      "FET-62: what is wrong from byte 0 is not asked for again",
      async () => {
        await using host = hostBefore(two);
        const origin = site.origin(one, { ...two, content: damaged(two) });
        host.configure({ Origin: origin.url });
        expect((await program.run(["fetch", host.file])).status).toBe(65);
        expect(await origin.asked()).toEqual(["manifest 200", `store/${two.digest} 200`]);
      },
    );

    test.skipIf(nginx.missing)(
      "FET-61: a partial of the signed size is taken without a request if it holds",
      async () => {
        await using host = hostBefore(two);
        const origin = site.origin(one, two);
        host.configure({ Origin: origin.url });
        host.install({ store: [], files: { [partial(two)]: two.content } });
        expect((await program.run(["fetch", host.file])).status).toBe(0);
        expect(await origin.asked()).toEqual(["manifest 200"]);
        expect(withoutEtag(host.state())).toEqual(updated(two));
      },
    );

    test.skipIf(nginx.missing)(
      "FET-61, FET-62: one of the signed size that does not hold, or a longer one, is downloaded anew",
      async () => {
        await using stack = new AsyncDisposableStack();
        const contents = [damaged(two), `${two.content}x`, `${two.content}${two.content}`];
        const hosts = contents.map((content) => {
          const host = stack.use(hostBefore(two));
          const origin = site.origin(one, two);
          host.configure({ Origin: origin.url });
          host.install({ store: [], files: { [partial(two)]: content } });
          return { host, origin };
        });
        const { status } = await program.run(["fetch", ...hosts.map(({ host }) => host.file)]);
        expect(status).toBe(0);
        for (const { host, origin } of hosts) {
          expect((await origin.requests()).slice(1)).toEqual([
            expect.objectContaining({ uri: `store/${two.digest}`, status: 200, range: "" }),
          ]);
          expect(withoutEtag(host.state())).toEqual(updated(two));
        }
      },
    );

    test("FET-60: a partial that got its mode before the run was killed is continued, too", async () => {
      await using host = hostBefore(two);
      write(host.path(partial(two)), two.content.slice(0, 9), 0o444);
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(updated(two));
    });

    test("FET-65, DST-7: partials of other digests go, and what is not Tako's stays", async () => {
      await using host = hostBefore(two);
      host.install({
        store: [],
        files: {
          [partial(one)]: "abc",
          [partial(big)]: "abc",
          "store/README": "mine",
          "store/app.partial": "mine",
          "notes.txt": "mine",
          ".hidden.new": "mine",
        },
      });
      writeFileSync(host.path(`store/${big.digest}`), big.content.slice(1), { mode: 0o444 });
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      const mine = ["store/README", "store/app.partial", "notes.txt", ".hidden.new"];
      expect(host.state()).toEqual({
        ...updated(two),
        ...Object.fromEntries(mine.map((name) => [name, expect.stringMatching(/mine$/)])),
        [`store/${big.digest}`]: expect.stringContaining("15999999 bytes"),
      });
    });

    test("FET-65: partials stay as long as nothing is to be downloaded", async () => {
      await using host = createHost();
      host.publish(one);
      host.install({ published: [one], latest: one, files: { [partial(two)]: "abc" } });
      const before = host.snapshot();
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.snapshot()).toEqual(before);
    });

    test.skipIf(nginx.missing)(
      "ORG-36, ORG-25: a server without ranges, or with odd ones, gives the whole image",
      async () => {
        await using stack = new AsyncDisposableStack();
        const contentRange = (value: string) => `content-range=${encodeURIComponent(value)}`;
        const hosts = [
          "ignores-ranges",
          "range-status=416",
          "no-content-range",
          contentRange("bytes 9600000-15999999/16000001"),
          contentRange("bytes 9600000-15999999/*"),
          contentRange("bytes 9599999-15999998/16000000"),
        ].map((scenario) => {
          const host = stack.use(hostBefore(big));
          const origin = site.origin(one, big);
          host.configure({ Origin: origin.via(scenario), Packed: "no" });
          host.install({ store: [], files: { [partial(big)]: big.content.slice(0, 9_600_000) } });
          return { host, origin, scenario };
        });
        const { status } = await program.run(["fetch", ...hosts.map(({ host }) => host.file)]);
        expect(status).toBe(0);
        for (const { host, origin, scenario } of hosts) {
          // A 200 is the whole image already; for what is odd there is one request more.
          const ranges = (await origin.requests()).slice(1).map(({ range }) => range);
          expect({ scenario, ranges }).toEqual({
            scenario,
            ranges: ["bytes=9600000-", ...(scenario === "ignores-ranges" ? [] : [""])],
          });
          expect(withoutEtag(host.state())).toEqual(updated(big));
        }
      },
    );

    test("FET-60, ORG-54: a download that was cut is continued by the next try of the same run", async () => {
      await using host = hostBefore(big);
      await using origin = await cuttingOrigin(1, host.path(partial(big)), one, big);
      host.configure({ Origin: origin.url });
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(stderr).toContain("trying again in");
      expect(status).toBe(0);
      expect(origin.ranges).toEqual([undefined, "bytes=8000000-"]);
      expect(host.state()).toEqual(updated(big));
    });

    test("FET-62: if what was cut and continued is wrong, it starts once more", async () => {
      await using host = hostBefore(big);
      const other = { ...big, content: damaged(big) };
      await using origin = await cuttingOrigin(1, host.path(partial(big)), one, other);
      host.configure({ Origin: origin.url });
      const { status } = await program.run(["fetch", host.file]);
      expect(status).toBe(65);
      expect(origin.ranges).toEqual([undefined, "bytes=8000000-", undefined]);
      expect(host.state()).toEqual(stateOf({ published: [one, big], store: [one], latest: one }));
    });

    test("FET-64: a download that is cut short each time is status 69, its partial stays, and the next run continues", async () => {
      await using host = hostBefore(big);
      await using origin = await cuttingOrigin(4, host.path(partial(big)), one, big);
      host.configure({ Origin: origin.url });
      // No try brings 64 KiB, for which they would be counted anew (ORG-65).
      host.install({ store: [], files: { [partial(big)]: big.content.slice(0, 15_940_000) } });
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(69);
      expect(stderr.match(/trying again in/g)?.length).toBe(3);
      expect(stderr).toContain(`${origin.url}/store/${big.digest}`);
      expect(origin.ranges).toEqual([
        "bytes=15940000-",
        "bytes=15970000-",
        "bytes=15985000-",
        "bytes=15992500-",
      ]);
      expect(host.state()).toEqual(
        stateOf({
          published: [one, big],
          store: [one],
          latest: one,
          files: { [partial(big)]: big.content.slice(0, 15_996_250) },
        }),
      );

      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(origin.ranges.slice(4)).toEqual(["bytes=15996250-"]);
      expect(host.state()).toEqual(updated(big));
    });

    test.skipIf(nginx.missing)(
      "FET-58, FET-60: killed in the middle of a download, the next run asks for the rest alone",
      async () => {
        await using host = hostBefore(medium);
        const origin = site.origin(one, medium);
        host.configure({ Origin: origin.slowUrl });
        const child = Bun.spawn(program.command(["fetch", host.file]), {
          env: environment(),
          stdout: "ignore",
          stderr: "ignore",
        });
        const path = host.path(partial(medium));
        await whileRunning(child, () => sizeOf(path) >= 600_000);
        child.kill("SIGKILL");
        await child.exited;
        const size = sizeOf(path);
        expect(size).toBeLessThan(medium.content.length);
        expect(withoutEtag(host.state())).toEqual(
          stateOf({
            published: [one, medium],
            store: [one],
            latest: one,
            files: { [partial(medium)]: medium.content.slice(0, size) },
          }),
        );

        await origin.requests();
        host.configure({ Origin: origin.url, Packed: "no" });
        expect((await program.run(["fetch", host.file])).status).toBe(0);
        expect((await origin.requests()).slice(1)).toEqual([
          expect.objectContaining({ range: `bytes=${size}-`, bytes: medium.content.length - size }),
        ]);
        expect(withoutEtag(host.state())).toEqual(updated(medium));
      },
    );
  });
}

/** Runs the program under another one, which is followed by its words. */
async function runUnder(command: readonly string[], program: Program, args: readonly string[]) {
  const child = Bun.spawn([...command, ...program.command(args)], {
    env: environment(),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, stdout, stderr };
}
