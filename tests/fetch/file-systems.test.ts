// A destination on each file system that this kernel has, among those that people have: a real one of its own, in a
// file behind a loop device, or a FUSE.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createHost, stateOf } from "../support/host.ts";
import { type Program as Needed, needs } from "../support/needs.ts";
import { environment, programs } from "../support/program.ts";
import { bigImage, image } from "../support/publishing.ts";
import { canMount, mountBy } from "../support/tmpfs.ts";
import { cuttingOrigin, pausingOrigin } from "./slow-origins.ts";

const [one, two] = [image("1.0.0"), bigImage("1.1.0", 6_000_000)];

/** `$0` is where it is mounted; there is an empty directory `$0.lower`. What comes first needs no kernel. */
const inFile = (mib: number, make: string) => `
  truncate -s ${mib}M "$0.img" && ${make} "$0.img" >&2 && mount -o loop "$0.img" "$0" && echo mounted && exec sleep 120`;
const bindfs = (options: string) => `
  (for _ in $(seq 500); do mountpoint -q "$0" && break; sleep 0.02; done; echo mounted) & exec bindfs -f ${options} "$0.lower" "$0"`;

interface FileSystem {
  readonly name: string;
  /** As the kernel calls it. */
  readonly type: string;
  readonly needed: readonly Needed[];
  readonly script: string;
  /** Whether it has a size of its own. */
  readonly isSmall: boolean;
}
const fileSystems: readonly FileSystem[] = [
  {
    ...{ name: "ext4", type: "ext4", needed: ["mkfs.ext4"] },
    ...{ script: inFile(64, "mkfs.ext4 -q"), isSmall: true },
  },
  {
    // Blocks that only root gets, and no journal.
    ...{ name: "ext2", type: "ext2", needed: ["mkfs.ext4"] },
    ...{ script: inFile(64, "mkfs.ext2 -q -m 10"), isSmall: true },
  },
  {
    ...{ name: "btrfs", type: "btrfs", needed: ["mkfs.btrfs"] },
    ...{ script: inFile(128, "mkfs.btrfs -q --mixed"), isSmall: true },
  },
  {
    ...{ name: "xfs", type: "xfs", needed: ["mkfs.xfs"] },
    ...{ script: inFile(320, "mkfs.xfs -q"), isSmall: true },
  },
  {
    ...{ name: "overlay on a tmpfs", type: "overlay", needed: [], isSmall: true },
    script: `mount -t tmpfs -o size=64M tmpfs "$0.lower" && mkdir "$0.lower/u" "$0.lower/w" "$0.lower/l" &&
      mount -t overlay -o "lowerdir=$0.lower/l,upperdir=$0.lower/u,workdir=$0.lower/w" overlay "$0" &&
      echo mounted && exec sleep 120`,
  },
  {
    ...{ name: "FUSE (bindfs)", type: "fuse", needed: ["bindfs"], isSmall: false },
    script: bindfs(""),
  },
  {
    // As a share that has no links and shows every file as root's.
    ...{
      name: "FUSE without hard links and times",
      type: "fuse",
      needed: ["bindfs"],
      isSmall: false,
    },
    script: bindfs(
      "--force-user=root --chown-ignore --hide-hard-links --ctime-from-mtime -o direct_io",
    ),
  },
];

const known = readFileSync("/proc/filesystems", "utf8").split(/\s+/);
const hasLoop = existsSync("/dev/loop-control");
/** Nothing that could be installed would bring one that the kernel does not have. */
const here = fileSystems.filter(
  ({ type, script }) =>
    known.includes(type) &&
    (type !== "fuse" || existsSync("/dev/fuse")) &&
    (hasLoop || !script.includes("loop")),
);

async function hostOn({ script }: FileSystem) {
  const stack = new AsyncDisposableStack();
  const outer = stack.use(createHost());
  const mount = join(outer.folder, "mount");
  mkdirSync(mount);
  mkdirSync(`${mount}.lower`);
  const mounted = stack.use(await mountBy(script, mount));
  expect(mounted.isMounted).toBe(true);
  // Beside lost+found.
  const host = outer.withDestination(join(mounted.path, "app"));
  return { host, mount, mounted, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

for (const fileSystem of here) {
  const missing = !canMount || needs(...fileSystem.needed).missing;
  describe.skipIf(missing).concurrent(fileSystem.name, () => {
    for (const program of programs) {
      test(`DST-21, FET-60: ${program.name}: an image comes, is cut, is continued and is in use`, async () => {
        await using each = await hostOn(fileSystem);
        const { host } = each;
        host.publish(one);
        expect((await program.run(["fetch", host.file])).status).toBe(0);
        const partial = host.path(`store/${two.digest}.partial`);
        await using origin = await cuttingOrigin(1, partial, one, two);
        host.configure({ Origin: origin.url });
        const { status, stderr } = await program.run(["fetch", host.file]);
        expect([status, stderr]).toEqual([0, expect.stringContaining("activated 1.1.0")]);
        expect(origin.ranges).toEqual([undefined, "bytes=3000000-"]);
        const images = [one, two].toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
        const state = stateOf({ published: [one, two], store: images, latest: two });
        expect(host.state()).toEqual(state);
        expect((await program.run(["fetch", "--init", host.file])).status).toBe(0);
        expect(host.state()).toEqual(state);
      });
    }

    const [program = programs[0]] = programs.slice(-1);
    test("DST-42: a second run waits for the lock", async () => {
      await using each = await hostOn(fileSystem);
      const { host } = each;
      await using origin = pausingOrigin(one, two);
      host.configure({ Origin: origin.url });
      const first = program?.run(["fetch", host.file]);
      await origin.isPaused;
      const words = program?.command(["fetch", host.file]) ?? [];
      const second = Bun.spawn(words, { env: environment(), stderr: "pipe" });
      const { value: told } = await second.stderr.getReader().read();
      expect(Buffer.from(told ?? []).toString()).toContain("waiting for another run");
      origin.goOn();
      expect([(await first)?.status, await second.exited]).toEqual([0, 0]);
      expect(origin.asked).toEqual(["manifest", `store/${two.digest}`, "manifest"]);
    });

    if (!fileSystem.isSmall) return;
    test("FET-59: one that is full is told with what is missing, and keeps what is in use", async () => {
      await using each = await hostOn(fileSystem);
      const { host, mount, mounted } = each;
      host.publish(one);
      expect((await program?.run(["fetch", host.file]))?.status).toBe(0);
      host.publish(one, two);
      const filler = join(mounted.path, "filler");
      // It takes what it gets: some keep blocks back for themselves.
      Bun.spawnSync(
        mounted.command(["dd", "if=/dev/zero", `of=${join(mount, "filler")}`, "bs=64k"]),
      );
      const full = await program?.run(["fetch", host.file]);
      expect([full?.status, full?.stderr]).toEqual([74, expect.stringMatching(/room|space/)]);
      expect(host.state()["latest"]).toBe(`-> store/${one.digest}`);
      rmSync(filler);
      Bun.spawnSync(mounted.command(["sync", "-f", mount]));
      expect((await program?.run(["fetch", host.file]))?.status).toBe(0);
      expect(host.state()["latest"]).toBe(`-> store/${two.digest}`);
    });

    test("CLI-33: a read-only one is told in words", async () => {
      await using each = await hostOn(fileSystem);
      const { host, mount, mounted } = each;
      host.publish(one);
      expect((await program?.run(["fetch", host.file]))?.status).toBe(0);
      host.publish(one, two);
      const remounted = Bun.spawnSync(mounted.command(["mount", "-o", "remount,ro", mount]));
      expect(remounted.exitCode).toBe(0);
      const result = await program?.run(["fetch", host.file]);
      expect([result?.status, result?.stderr]).toEqual([74, expect.stringContaining("read-only")]);
      // The unit of the image starts all the same.
      expect((await program?.run(["fetch", "--init", host.file]))?.status).toBe(0);
    });
  });
}
