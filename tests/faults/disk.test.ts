// An origin and a destination on a disk that is really full, at every page of what a run needs, or read-only.

import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createHost, stateOf } from "../support/host.ts";
import { environment } from "../support/program.ts";
import { bigImage, image, key, write } from "../support/publishing.ts";
import { canMount, fillUp, mountTmpfs } from "../support/tmpfs.ts";
import { binary } from "./binary.ts";
import { run } from "./strace.ts";
import { sideBySide } from "./sweep.ts";

const PAGE = 4096;
const [one, two] = [image("1.0.0"), bigImage("1.1.0", 3 * PAGE)];
/** More than the manifest, the image and the records take together. */
const PAGES = [0, 1, 2, 3, 4, 5, 6, 7, 8];

/** A directory on a disk of its own, with 1.0.0, to which 1.1.0 comes by `tako store` or `tako fetch`. */
async function onDisk(command: "store" | "fetch") {
  const stack = new AsyncDisposableStack();
  const outer = stack.use(createHost());
  const mount = join(outer.folder, "mount");
  mkdirSync(mount);
  const tmpfs = stack.use(await mountTmpfs(mount, 64 * PAGE));
  const host = outer.withDestination(tmpfs.path);
  const file = join(host.folder, "image");
  write(file, two.content);
  host.publish(one, two);
  host.install({ published: [one], ...(command === "fetch" ? { latest: one } : {}) });
  host.configure();
  const store = ["store", "-o", host.destination, file, two.version];
  const words = binary.command(command === "store" ? store : ["fetch", host.file]);
  const env = environment({ TAKO_SECRET_KEY: key.secret });
  return {
    host,
    run: () => run({ words, env, tree: host.destination }),
    remount: (how: string) =>
      Bun.spawnSync(tmpfs.command(["mount", "-o", `remount,${how}`, mount])).exitCode,
    done: stateOf({ published: [one, two], ...(command === "fetch" ? { latest: two } : {}) }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

for (const command of ["store", "fetch"] as const) {
  describe.skipIf(!canMount)(command, () => {
    test("DST-28, PUB-11: a disk that is full at any page is status 74, loses nothing, and the run after it does the rest", async () => {
      const statuses: number[] = [];
      await sideBySide(PAGES, 3, async (pages) => {
        await using disk = await onDisk(command);
        const { host } = disk;
        const before = host.state();
        fillUp(host.destination, pages * PAGE);
        const { status, stderr } = await disk.run();
        statuses.push(status);
        if (status !== 0) {
          expect({ pages, status }).toEqual({ pages, status: 74 });
          expect(stderr).toContain(host.destination);
          expect(stderr).toMatch(/no space is left|there is room for/);
        }
        const state = host.state();
        for (const [path, was] of Object.entries(before)) {
          const now = disk.done[path] === was ? [was] : [was, disk.done[path] ?? ""];
          expect({ pages, path, isKept: now.includes(state[path] ?? "") }).toEqual({
            pages,
            path,
            isKept: true,
          });
        }
        const temporary = Object.keys(state).filter((path) => path.endsWith(".new"));
        expect({ pages, temporary }).toEqual({ pages, temporary: [] });
        if (existsSync(host.path("filler"))) rmSync(host.path("filler"));
        expect((await disk.run()).status).toBe(0);
        expect(host.state()).toEqual(disk.done);
      });
      expect([...new Set(statuses)].sort()).toEqual([0, 74]);
    });

    test("DST-28, PUB-11: a disk that has turned read-only is status 74, loses nothing, and the run after it does the rest", async () => {
      await using disk = await onDisk(command);
      const before = disk.host.snapshot();
      expect(disk.remount("ro")).toBe(0);
      const { status, stderr } = await disk.run();
      expect(status).toBe(74);
      expect(stderr).toContain(disk.host.destination);
      expect(stderr).toContain("the file system is read-only");
      expect(disk.host.snapshot()).toEqual(before);
      expect(disk.remount("rw")).toBe(0);
      expect((await disk.run()).status).toBe(0);
      expect(disk.host.state()).toEqual(disk.done);
    });
  });
}
