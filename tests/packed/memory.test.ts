// How much memory a run takes that makes a large image of packed files, by its kernel's account (PCK-57).

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, mkdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { type NginxServer, serveWithNginx } from "../support/nginx.ts";
import { environment, programs } from "../support/program.ts";
import {
  type Image,
  manifestOf,
  publishManifest,
  sha256sumOfFile,
  write,
} from "../support/publishing.ts";
import { byHand, zeros } from "./forged.ts";
import { noise, PackedOrigin } from "./origin.ts";

const MIB = 1024 * 1024;
const SIZE = 160 * MIB;

/** Runs its arguments; prints peak and status. The kernel counts the memory before an exec too, so its parent is small. */
const MEASURE = `
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(usage.ru_maxrss, os.waitstatus_to_exitcode(status))`;

const tools = needs("python3", "nginx", "zstd");

describe.skipIf(tools.missing).each(programs.filter(({ name }) => name === "binary"))(
  "$name",
  (program) => {
    let host: Host;
    let packed: PackedOrigin;
    let server: NginxServer;
    /** Their contents are the paths of their files. */
    let old: Image;
    let next: Image;
    let manifests: readonly string[] = [];
    beforeAll(async () => {
      host = createHost();
      mkdirSync(join(host.originDirectory, "store"));
      const bytes = noise(SIZE, 1);
      old = publish("1.0.0", bytes);
      const other = noise(SIZE / 200, 2);
      for (const [at, byte] of other.entries()) bytes[200 * at]! ^= byte;
      next = publish("1.1.0", bytes);
      manifests = [old, next].map(({ version, digest }) => `${version} ${SIZE} ${digest}`);
      publishManifest(host.originDirectory, manifestOf(manifests));
      packed = new PackedOrigin(host.originDirectory);
      server = await serveWithNginx(host.originDirectory);
    });
    afterAll(async () => {
      await server.stop();
      host[Symbol.dispose]();
    });

    function publish(version: string, bytes: Uint8Array): Image {
      const path = host.at(version);
      writeFileSync(path, bytes);
      const digest = sha256sumOfFile(path);
      copyFileSync(path, join(host.originDirectory, "store", digest));
      return { version, digest, content: path };
    }

    /** A run of the update. */
    async function run() {
      const { destination } = host;
      rmSync(destination, { recursive: true, force: true });
      host.configure({ Origin: server.url });
      write(join(destination, "manifest"), manifestOf(manifests.slice(0, 1)), 0o444);
      mkdirSync(join(destination, "store"), { mode: 0o755 });
      copyFileSync(old.content, join(destination, "store", old.digest));
      chmodSync(join(destination, "store", old.digest), 0o444);
      const words = program.command(["fetch", host.file]);
      const child = Bun.spawn(["python3", "-c", MEASURE, ...words], {
        env: environment(),
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      const [kib = "", status = ""] = stdout.trimEnd().split(" ");
      expect(readlinkSync(join(destination, "latest"))).toBe(`store/${next.digest}`);
      return { status: Number(status), stderr, mib: Number(kib) / 1024 };
    }

    async function expectSmall(by: RegExp) {
      const { status, stderr, mib } = await run();
      expect(status).toBe(0);
      expect(stderr).toMatch(by);
      // Less would be that of another process.
      expect(mib).toBeGreaterThan(30);
      expect(mib).toBeLessThanOrEqual(96);
    }

    test("PCK-57: a frame of 160 MiB takes at most 96 MiB", async () => {
      packed.list(next, packed.zst(next));
      await expectSmall(/downloaded 1.1.0, \d+ MB instead of 168 MB, verified/);
    });

    test("PCK-57: a patch for as much does so, too", async () => {
      packed.list(next, await packed.patch(old, next));
      await expectSmall(/downloaded 1.1.0, \d+ kB instead of 168 MB, verified/);
    });

    const name = () => `${next.digest}.from-${old.digest}.patch`;
    test.each([
      // With windows of 8 MiB, and 4 GiB behind.
      ["frame", () => `${next.digest}.zst`, () => zeros(32_768, SIZE)],
      ["patch", name, () => Buffer.concat([emptyPatch(), zeros(32_768, 2 ** 32)])],
    ])("PCK-57, PCK-59: a %s that is a bomb does so, too", async (_, file, bytes) => {
      packed.write(file(), bytes());
      packed.list(next, file());
      await expectSmall(/warning: .*; the image itself is downloaded\n.*downloading 1.1.0, 168 MB/);
    });

    const emptyPatch = () => byHand([], { from: SIZE, to: SIZE }).subarray(0, 32);
  },
);
