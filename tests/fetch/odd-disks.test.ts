// File systems that lack something: syncs of directories, symbolic links, an answer to how much room there is; and
// images in the store that somebody else could change.

import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, linkSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, type Program, programs } from "../support/program.ts";
import { bigImage, image } from "../support/publishing.ts";
import { canMount, fillUp, mountTmpfs } from "../support/tmpfs.ts";
import { pausingOrigin } from "./slow-origins.ts";

const strace = needs("strace");
const isRoot = process.getuid?.() === 0;
const one = image("1.0.0");
const two = bigImage("1.1.0", 300_000);
const stale = `store/${"0".repeat(64)}.partial`;

/** Runs while the kernel answers some calls otherwise. @param fault as strace's `inject=` has it */
async function fetchUnder(fault: string, path: string, program: Program, host: Host) {
  const call = fault.split(":")[0];
  const options = ["-P", path, "-e", `trace=${call}`, "-e", `inject=${fault}`];
  const command = ["strace", "-f", "-qq", "-o", host.at("trace"), ...options];
  const child = Bun.spawn([...command, ...program.command(["fetch", host.file])], {
    env: environment(),
    stdout: "ignore",
    stderr: "pipe",
    timeout: 30_000,
  });
  const stderr = await child.stderr.text();
  return { status: await child.exited, stderr, trace: host.read("trace") };
}

for (const program of programs) {
  describe(program.name, () => {
    test.each<[string, (path: string, host: Host) => void]>([
      ["that others may write", (path) => chmodSync(path, 0o646)],
      ["that its group may write", (path) => chmodSync(path, 0o464)],
      ["with a second name", (path, host) => linkSync(path, host.at("second"))],
      ...(isRoot
        ? [["of another user", (path: string) => chownSync(path, 65534, 0)] as const].map(
            ([name, change]): [string, (path: string) => void] => [name, change],
          )
        : []),
    ])("DST-34: an image %s is got anew", async (_, change) => {
      using host = createHost();
      await using origin = pausingOrigin(one, two);
      origin.goOn();
      host.configure({ Origin: origin.url, Version: "1.0.0" });
      host.install({ published: [one], latest: one });
      change(host.path(`store/${one.digest}`), host);
      const { status } = await program.run(["fetch", host.file]);
      expect(status).toBe(0);
      expect(origin.asked).toEqual(["manifest", `store/${one.digest}`]);
      expect(host.state()).toEqual(stateOf({ published: [one, two], store: [one], latest: one }));
      const again = await program.run(["fetch", host.file]);
      expect([again.status, origin.asked.length]).toEqual([0, 3]);
    });

    test("DST-34: it stays in use if it cannot be got, and no unit is restarted for it", async () => {
      using host = createHost();
      host.publish(one);
      host.configure({ Restart: "app.service" });
      host.install({ published: [one], latest: one });
      linkSync(host.path(`store/${one.digest}`), host.at("second"));
      rmSync(join(host.originDirectory, "store", one.digest));
      const { status, stderr } = await program.run(["fetch", host.file]);
      expect(status).toBe(69);
      expect(stderr).toContain("warning: others could change the image of 1.0.0");
      expect(host.state()).toEqual(stateOf({ published: [one], latest: one }));
    });

    test.skipIf(strace.missing)(
      "DST-35: a directory that cannot be synced is no error, and another failure of its sync is",
      async () => {
        for (const [error, expected] of [
          ["EINVAL", 0],
          ["EIO", 74],
        ] as const) {
          using host = createHost();
          host.publish(one);
          const fault = `fsync:error=${error}`;
          const { status, trace } = await fetchUnder(fault, host.destination, program, host);
          expect(trace).toContain("INJECTED");
          expect([error, status]).toEqual([error, expected]);
        }
      },
    );

    test.skipIf(strace.missing)(
      "DST-36: that there are no symbolic links is told before an image is asked for",
      async () => {
        using host = createHost();
        await using origin = pausingOrigin(one, two);
        origin.goOn();
        host.configure({ Origin: origin.url });
        const fault = "symlink:error=EPERM";
        const path = host.path(".latest.new");
        const { status, stderr } = await fetchUnder(fault, path, program, host);
        expect(status).toBe(74);
        expect(stderr).toContain(`${path}: its file system has no symbolic links`);
        expect(origin.asked).toEqual(["manifest"]);
      },
    );

    test.skipIf(strace.missing)(
      "FET-86: a file system without statfs is written to all the same",
      async () => {
        using host = createHost();
        host.publish(one);
        mkdirSync(host.path("store"));
        const fault = "statfs:error=ENOSYS";
        const { status, trace } = await fetchUnder(fault, host.path("store"), program, host);
        expect(trace).toContain("INJECTED");
        expect(status).toBe(0);
      },
    );

    test.skipIf(!canMount)(
      "FET-86: so is one that does not say how many blocks it has",
      async () => {
        using outer = createHost();
        const mount = join(outer.folder, "mount");
        mkdirSync(mount);
        // A tmpfs without a limit.
        await using tmpfs = await mountTmpfs(mount, 0);
        const host = outer.withDestination(tmpfs.path);
        host.publish(two);
        expect((await program.run(["fetch", host.file])).status).toBe(0);
        expect(host.state()).toEqual(stateOf({ published: [two], latest: two }));
      },
    );

    test.skipIf(!canMount)(
      "FET-74: on a full disk the partial that nobody wants any more makes room for the manifest",
      async () => {
        using outer = createHost();
        const mount = join(outer.folder, "mount");
        mkdirSync(mount);
        await using tmpfs = await mountTmpfs(mount, 1_000_000);
        const host = outer.withDestination(tmpfs.path);
        host.install({ published: [one], latest: one, files: { [stale]: two.content } });
        fillUp(host.destination, 0);
        host.publish(one, image("1.0.1"));
        const { status, stderr } = await program.run(["fetch", host.file]);
        expect([status, stderr]).toEqual([0, expect.any(String)]);
        const { filler: _, ...state } = host.state();
        expect(state).toEqual(
          stateOf({ published: [one, image("1.0.1")], latest: image("1.0.1") }),
        );

        // The one that is wanted stays, and the error with it.
        const wanted = { [`store/${two.digest}.partial`]: two.content.slice(0, 100_000) };
        rmSync(host.path("filler"));
        host.install({ store: [], files: wanted });
        fillUp(host.destination, 0);
        host.publish(one, image("1.0.1"), two);
        expect((await program.run(["fetch", host.file])).status).toBe(74);
        expect(Object.keys(host.state())).toContain(`store/${two.digest}.partial`);
      },
    );
  });
}
