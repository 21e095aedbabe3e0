// Publishers as processes: the order of what they ask the kernel for, death at any point of it, disks
// that fail, and several at once.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { environment, programs, sizeOf, whileRunning } from "../support/program.ts";
import { key, manifestOf, publishManifest, sha256sum } from "../support/publishing.ts";
import { Publisher } from "./publisher.ts";

const env = { TAKO_SECRET_KEY: key.secret };
const strace = needs("strace");
const sources = programs[0]!;

/** The calls that change or sync files, as `fsync store/.new`, in the order in which they ended. */
async function trace(publisher: Publisher, args: string[]): Promise<string[]> {
  const log = join(publisher.folder, "strace");
  const calls = "rename,renameat,renameat2,fsync,fdatasync,fchmod,mkdir,flock";
  const command = ["strace", "-f", "-y", "-o", log, "-e", `trace=${calls}`];
  const child = Bun.spawn([...command, ...sources.command(args)], {
    env: environment(env),
    stderr: "ignore",
  });
  expect(await child.exited).toBe(0);
  return endedCalls(readFileSync(log, "latin1"), publisher.directory);
}

function endedCalls(log: string, directory: string): string[] {
  const unfinished = new Map<string, string>();
  const ended: string[] = [];
  for (const line of log.split("\n")) {
    const [, thread = "", rest = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest.endsWith("<unfinished ...>")) {
      unfinished.set(thread, rest);
    } else {
      const call = rest.startsWith("<...") ? `${unfinished.get(thread)}${rest}` : rest;
      const [, name = "", args = ""] = /^(\w+)\((.*)\) += 0$/.exec(call) ?? [];
      const paths = [...args.matchAll(/["<](\/[^">]*)[">]/g)].map(([, path = ""]) => path);
      const ours = paths.filter((path) => path.startsWith(directory));
      const shown = ours.map((path) => path.slice(directory.length + 1) || ".");
      const mode = /, (0[0-7]{3})/.exec(args)?.[1];
      if (shown.length > 0) ended.push([name, ...shown, ...(mode ? [mode] : [])].join(" "));
    }
  }
  return ended;
}

describe.skipIf(strace.missing)("under strace", () => {
  test("PUB-11, PUB-13, PUB-14: everything is synced before it gets its name, the image before the manifest", async () => {
    await using publisher = await Publisher.create();
    const image = publisher.file("image", "one");
    const words = ["store", "--new", "-o", publisher.directory, image, "1"];
    const calls = await trace(publisher, words);
    expect(calls).toEqual([
      "flock .lock",
      "mkdir store 0755",
      "fsync .",
      "fchmod store/.new 0444",
      "fsync store/.new",
      `rename store/.new store/${sha256sum("one")}`,
      "fsync store",
      "fchmod .manifest.new 0444",
      "fsync .manifest.new",
      "rename .manifest.new manifest",
      "fsync .",
      "flock .lock", // and unlocked
    ]);
  });

  test("PUB-30, PUB-36: storing again renames nothing, and syncs what a killed run may not have", async () => {
    await using publisher = await Publisher.create();
    const image = publisher.file("image", "one");
    await publisher.store({ image, version: "1" });
    const calls = await trace(publisher, ["store", "-o", publisher.directory, image, "1"]);
    expect(calls).toEqual(["flock .lock", "fsync store", "fsync .", "flock .lock"]);
  });

  for (const [call, path] of [
    ["fsync", "store/.new"],
    ["rename", "store/.new"],
    ["fsync", "store"],
    ["fsync", ".manifest.new"],
    ["rename", ".manifest.new"],
    ["fsync", ""],
  ] as const) {
    test(`PUB-13: killed at ${call} of ${path || "DIR"}, all is whole, and the next run ends well`, async () => {
      await using publisher = await Publisher.create();
      await publisher.store({ image: publisher.file("image", "one"), version: "1" });
      const image = publisher.file("image", "two");
      const args = ["store", "-o", publisher.directory, image, "2"];
      const target = ["-P", join(publisher.directory, path)];
      const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=KILL`];
      const command = ["strace", "-f", "-o", "/dev/null", ...target, ...inject];
      const child = Bun.spawn([...command, ...sources.command(args)], {
        env: environment(env),
        stdio: ["ignore", "ignore", "ignore"],
      });
      await child.exited;
      expect(child.signalCode).toBe("SIGKILL");

      const before = manifestOf([["1", "one"]]);
      const after = manifestOf([
        ["1", "one"],
        ["2", "two"],
      ]);
      const isManifestRenamed = call === "fsync" && path === "";
      expect(publisher.manifest()).toBe(isManifestRenamed ? after : before);
      const images = readdirSync(join(publisher.directory, "store")).filter((n) => n !== ".new");
      for (const name of images) {
        expect(sha256sum(readFileSync(join(publisher.directory, "store", name)))).toBe(name);
      }
      expect(images).toContain(sha256sum("one"));
      if (isManifestRenamed) expect(images).toContain(sha256sum("two"));

      await publisher.store({ image, version: "2" });
      expect(publisher.manifest()).toBe(after);
      expect(publisher.names()).toEqual(["manifest", "store"]);
      const both = [sha256sum("one"), sha256sum("two")].sort();
      expect(readdirSync(join(publisher.directory, "store")).sort()).toEqual(both);
    });
  }

  for (const [call, file, errno, words] of [
    ["openat", "origin/store/.new", "EACCES", "permission denied"],
    ["openat", "origin/store/.new", "EROFS", "read-only"],
    ["write,pwrite64", "origin/store/.new", "ENOSPC", "no space is left"],
    ["write,pwrite64", "origin/store/.new", "EDQUOT", "quota"],
    ["fsync", "origin/store/.new", "EIO", "read or write error"],
    ["read,pread64", "image", "EIO", "read or write error"],
    ["fdatasync", "origin/store/.new", "EIO", "read or write error"],
  ] as const) {
    test(`PUB-11, CLI-33: ${errno} of ${call} of ${file} is status 74, in words, and nothing changes`, async () => {
      await using publisher = await Publisher.create();
      await publisher.store({ image: publisher.file("image", "one"), version: "1" });
      const before = publisher.snapshot();
      const image = publisher.file("image", Buffer.alloc(80 * 1024 * 1024, "image"));
      const args = ["store", "-o", publisher.directory, image, "2"];
      const path = join(publisher.folder, file);
      // From a thread's third read on: with the next block on its way while this one is written.
      const when = file === "image" ? ":when=3+" : "";
      const inject = `inject=${call}:error=${errno}${when}`;
      const options = ["-P", path, "-e", `trace=${call}`, "-e", inject];
      const command = ["strace", "-f", "-o", "/dev/null", ...options];
      const child = Bun.spawn([...command, ...sources.command(args)], {
        env: environment(env),
        stderr: "pipe",
      });
      const stderr = await child.stderr.text();
      expect(await child.exited).toBe(74);
      expect(stderr).toContain(path);
      expect(stderr).toContain(words);
      expect(publisher.snapshot()).toEqual(before);
    });
  }
});

for (const program of programs) {
  describe(program.name, () => {
    test("PUB-11: a run that is killed while it copies leaves what the next one clears away", async () => {
      await using publisher = await Publisher.create();
      const args = ["store", "--new", "-o", publisher.directory, "-", "1"];
      const child = Bun.spawn(program.command(args), {
        env: environment(env),
        stdin: "pipe",
        stderr: "ignore",
      });
      const copy = join(publisher.directory, "store/.new");
      child.stdin.write("half an image");
      await child.stdin.flush();
      await whileRunning(child, () => sizeOf(copy) > 0);
      child.kill("SIGKILL");
      await child.exited;
      expect(publisher.names()).toEqual(["store"]);
      expect(readFileSync(copy, "latin1")).toBe("half an image");

      const image = publisher.file("image", "a whole image");
      const words = ["store", "--new", "-o", publisher.directory, image, "1"];
      const again = await program.run(words, { env });
      expect([again.status, again.stdout]).toEqual([0, `1 -> ${sha256sum("a whole image")}\n`]);
      expect(readdirSync(join(publisher.directory, "store"))).toEqual([sha256sum("a whole image")]);
      expect(publisher.manifest()).toBe(manifestOf([["1", "a whole image"]]));
    });

    test("PUB-28: four publishers at once all land", async () => {
      await using publisher = await Publisher.create();
      publishManifest(publisher.directory, manifestOf([]));
      const versions = ["1", "2", "3", "4"];
      const ended = await Promise.all(
        versions.map((version) => {
          const image = publisher.file(`image-${version}`, `image ${version}`);
          return program.run(["store", "-o", publisher.directory, image, version], { env });
        }),
      );
      expect(ended.map(({ status, stdout }) => [status, stdout])).toEqual(
        versions.map((version) => [0, `${version} -> ${sha256sum(`image ${version}`)}\n`]),
      );
      expect(publisher.manifest()).toBe(
        manifestOf(versions.map((version) => [version, `image ${version}`] as const)),
      );
    });

    test("PUB-28, DST-42: a publisher that waits for another says so", async () => {
      await using publisher = await Publisher.create();
      publishManifest(publisher.directory, manifestOf([]));
      const args = (version: string) => ["store", "-o", publisher.directory, "-", version];
      const first = Bun.spawn(program.command(args("1")), {
        env: environment(env),
        stdin: "pipe",
        stderr: "ignore",
      });
      first.stdin.write("one");
      await first.stdin.flush();
      await whileRunning(first, () => existsSync(join(publisher.directory, "store/.new")));
      const second = Bun.spawn(program.command(args("2")), {
        env: environment(env),
        stdin: new Blob(["two"]),
        stderr: "pipe",
      });
      let said = "";
      for await (const chunk of second.stderr.pipeThrough(new TextDecoderStream())) {
        said += chunk;
        if (said.includes(publisher.directory)) await first.stdin.end();
      }
      expect(said).toContain(publisher.directory);
      expect(await first.exited).toBe(0);
      expect(await second.exited).toBe(0);
      expect(publisher.manifest()).toBe(
        manifestOf([
          ["1", "one"],
          ["2", "two"],
        ]),
      );
    });

    test("CLI-33: a limit on the size of files is status 74", async () => {
      await using publisher = await Publisher.create();
      const image = publisher.file("image", Buffer.alloc(1024 * 1024));
      const words = program.command(["store", "--new", "-o", publisher.directory, image, "1"]);
      // In units of 512 bytes; ignored, the signal becomes an error of the write.
      const script = `trap "" XFSZ; ulimit -f 100; exec "$@"`;
      const child = Bun.spawn(["sh", "-c", script, "sh", ...words], {
        env: environment(env),
        stderr: "pipe",
      });
      expect(await child.stderr.text()).toContain(join(publisher.directory, "store/.new"));
      expect(await child.exited).toBe(74);
      expect(readdirSync(join(publisher.directory, "store"))).toEqual([]);
    });
  });
}
