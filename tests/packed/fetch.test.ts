// tako fetch by packed files, from a real server whose log says what travelled: the cheapest way for each kind of host
// (PCK-40 to PCK-58).

import { describe, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../support/host.ts";
import { sha256sum, sha256sumOfFile } from "../support/publishing.ts";
import type { PackedOrigin } from "./origin.ts";
import {
  all,
  damage,
  expectDone,
  fetched,
  four,
  leave,
  list,
  log,
  MIB,
  names,
  needed,
  one,
  plain,
  program,
  scenes,
  three,
  two,
} from "./scene.ts";

const scene = scenes();

function sum(packed: PackedOrigin, files: readonly string[]): number {
  return files.reduce((bytes, name) => bytes + packed.size(name), 0);
}

/** A download that an earlier run began. */
function partial(host: Host, content: string): void {
  leave(host, `${four.digest}.partial`, content);
}

describe.skipIf(needed.missing)("which way an image comes", () => {
  test("PCK-40, PCK-43, PCK-58: a host that is three versions behind asks for one list, and takes the chain that it finds in it", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    const chain = [
      await packed.patch(one, two),
      await packed.patch(two, three),
      await packed.patch(three, four),
    ];
    packed.list(four, packed.zst(four), ...chain);
    using _ = host;
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(log(run)).toEqual([
      `${list} 200 ${packed.size(`${four.digest}.packed`)}`,
      ...chain.map((name) => `store/${name} 200 ${packed.size(name)}`),
    ]);
    // In the words of FET-97, with both sizes.
    const size = four.content.length;
    expect(run.of("download")).toMatchObject(
      chain.map((name) => ({ size, offset: 0, by: "patch", bytes: packed.size(name) })),
    );
    const bytes = run.travelled.reduce((sum, each) => sum + each.bytes, 0);
    expect(run.of("downloaded")).toMatchObject([{ size, by: "patch", received: bytes }]);
    expect(bytes).toBeLessThan(size / 10);
    // Those on the way are gone: only the last image was kept.
    expect(
      Object.keys(host.state())
        .filter((name) => name.startsWith("store/"))
        .sort(),
    ).toEqual([`store/${four.digest}`, `store/${one.digest}`].sort());
  });

  test("PCK-43, PCK-45: the direct patch goes before the chain where it is smaller", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    const direct = await packed.patch(one, four);
    const chain = [await packed.patch(one, three), await packed.patch(three, four)];
    packed.list(four, ...chain, direct);
    const run = await fetched(host, origin);
    expectDone(host, run);
    const [cheapest] = [chain, [direct]].toSorted((a, b) => sum(packed, a) - sum(packed, b));
    expect(log(run).slice(1)).toEqual(
      cheapest!.map((name) => `store/${name} 200 ${packed.size(name)}`),
    );
  });

  test("PCK-51: a damaged old image is told, and the frame is taken in place of its patch", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    const frame = packed.zst(four);
    packed.list(four, frame, await packed.patch(one, four));
    const { path, damaged } = damage(host, one);
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(run.of("damaged")).toMatchObject([{ version: "1.0.0", path }]);
    expect(run.of("warning")).toEqual([]);
    expect(log(run)).toContain(`store/${frame} 200 ${packed.size(frame)}`);
    expect(run.travelled.map(({ uri }) => uri)).not.toContain(plain);
    expect(run.of("downloaded")).toMatchObject([{ by: "zst" }]);
    // It is not in use any more, and what it is worth is not this run's business.
    expect(sha256sumOfFile(path)).toBe(sha256sum(damaged));
  });

  test("PCK-51: without another way it is the plain image that follows a damaged old one", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    packed.list(four, await packed.patch(one, four));
    damage(host, one);
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(run.of("damaged")).toHaveLength(1);
    expect(log(run).at(-1)).toBe(`${plain} 200 ${four.content.length}`);
  });

  test("PCK-47: an image that was withdrawn does not come by its packed files, and one that is missing neither", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    packed.list(four, packed.zst(four), await packed.patch(one, four));
    rmSync(join(origin.directory, "store", four.digest));
    const missing = await fetched(host, origin);
    expect(missing.status).toBe(69);
    expect(missing.of("warning")).toEqual([]);
    expect(log(missing)).toEqual([
      `${list} 200 ${packed.size(`${four.digest}.packed`)}`,
      `${plain}.gone 404`,
      `${plain} 404`,
      `${plain}.gone 404`,
    ]);
    writeFileSync(join(origin.directory, "store", `${four.digest}.gone`), `${four.digest}\n`);
    const run = await fetched(host, origin);
    expect(run.status).toBe(0);
    expect(run.of("gone")).toMatchObject([{ version: "1.3.0" }]);
    expect(host.state()["latest"]).toBe(`-> store/${three.digest}`);
    const paths = run.travelled.map(({ uri }) => uri);
    expect(paths.filter((path) => path.includes(four.digest) && /zst$|patch$/.test(path))).toEqual(
      [],
    );
  });

  test("PCK-51: an old image is verified with --no-verify, too", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    packed.list(four, await packed.patch(one, four));
    damage(host, one);
    const { stdout } = await program.run(["fetch", "--no-verify", "--json", host.file]);
    expect(stdout).toContain('"event":"damaged"');
    expect((await origin.asked()).at(-1)).toBe(`${plain} 200`);
  });

  test("PCK-42: a host without old images takes the frame", async () => {
    const { origin, packed, host } = await scene();
    using _ = host;
    const frame = packed.zst(four);
    packed.list(four, frame, await packed.patch(one, four));
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(log(run).slice(1)).toEqual([`store/${frame} 200 ${packed.size(frame)}`]);
    expect(run.of("downloaded")).toMatchObject([{ by: "zst" }]);
  });

  test("PCK-41: a partial of the new image that lacks less than every other way is continued", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    const frame = packed.zst(four);
    packed.list(four, frame);
    const lacking = Math.floor(packed.size(frame) * 0.9);
    expect(lacking).toBeGreaterThan(MIB);
    partial(host, four.content.slice(0, -lacking));
    const run = await fetched(host, origin);
    expectDone(host, run);
    const at = four.content.length - lacking;
    expect(log(run).slice(1)).toEqual([`${plain} 206 ${lacking} bytes=${at}-`]);
  });

  test("PCK-41, PCK-56: a partial that lacks more gives way to the patch, and goes with it", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    const patch = await packed.patch(one, four);
    packed.list(four, patch);
    partial(host, four.content.slice(0, 500_000));
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(log(run).slice(1)).toEqual([`store/${patch} 200 ${packed.size(patch)}`]);
  });

  test("PCK-42, PCK-54, PCK-55: what an earlier run has of a frame is continued by a range", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    const frame = packed.zst(four);
    packed.list(four, frame);
    const begun = packed.read(frame).subarray(0, 700_001);
    const part = join(host.destination, "store", `${four.digest}.part-zst-${packed.size(frame)}`);
    writeFileSync(part, begun, { mode: 0o600 });
    const run = await fetched(host, origin);
    expectDone(host, run);
    const left = packed.size(frame) - begun.length;
    expect(log(run).slice(1)).toEqual([`store/${frame} 206 ${left} bytes=700001-`]);
  });

  test("PCK-55: a frame that was made anew meanwhile is begun anew", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    const frame = packed.zst(four);
    packed.list(four, frame);
    const part = join(
      host.destination,
      "store",
      `${four.digest}.part-zst-${packed.size(frame) + 1}`,
    );
    writeFileSync(part, Buffer.alloc(700_000), { mode: 0o600 });
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(run.of("warning")).toEqual([]);
    expect(log(run).slice(1)).toEqual([`store/${frame} 200 ${packed.size(frame)}`]);
  });

  test("PCK-55: a part of a patch has the digests of both images in its name", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    const patch = await packed.patch(one, four);
    packed.list(four, patch);
    const [from, to] = [one, four].map(({ digest }) => digest.slice(0, 16));
    const part = join(
      host.destination,
      "store",
      `${four.digest}.part-${from}-${to}-${packed.size(patch)}`,
    );
    writeFileSync(part, packed.read(patch).subarray(0, 500), { mode: 0o600 });
    const run = await fetched(host, origin);
    expectDone(host, run);
    const left = packed.size(patch) - 500;
    expect(log(run).slice(1)).toEqual([`store/${patch} 206 ${left} bytes=500-`]);
  });

  test("PCK-53, PCK-59: a part of other bytes makes another image, and the plain one follows", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    const frame = packed.zst(four);
    packed.list(four, frame);
    const part = join(host.destination, "store", `${four.digest}.part-zst-${packed.size(frame)}`);
    writeFileSync(part, Buffer.alloc(700_000), { mode: 0o600 });
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(run.of("warning")).toHaveLength(1);
    expect(log(run).at(-1)).toBe(`${plain} 200 ${four.content.length}`);
  });

  test("PCK-50: an image below 1 MiB, or of which less is missing, is asked for at once", async () => {
    const { origin, host } = await scene({ published: [one], latest: one });
    using _ = host;
    partial(host, four.content.slice(0, four.content.length - MIB + 1));
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(log(run)).toEqual([`${plain} 206 ${MIB - 1} bytes=${four.content.length - MIB + 1}-`]);
  });

  test("PCK-50, CFG-69: with Packed=no nothing but the image is asked for", async () => {
    const { origin, packed, host } = await scene(
      { published: [one], latest: one },
      { Packed: "no" },
    );
    using _ = host;
    packed.list(four, packed.zst(four));
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(log(run)).toEqual([`${plain} 200 ${four.content.length}`]);
    expect(run.of("downloaded")).toMatchObject([{ by: "image", received: four.content.length }]);
  });

  test("PCK-40, PCK-58, FET-115: a dry run asks for the list alone, and says what travels", async () => {
    const { origin, packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    const patch = await packed.patch(one, four);
    packed.list(four, packed.zst(four), patch);
    const before = host.state();
    const plan = async () => (await program.run(["fetch", "--dry-run", host.file])).stdout;
    const { stdout } = await program.run(["fetch", "--dry-run", "--json", host.file]);
    expect(JSON.parse(stdout.split("\n")[0]!)).toMatchObject({
      ...{ event: "would", action: "download", size: four.content.length },
      ...{ missing: packed.size(patch), by: "patch" },
    });
    expect(await plan()).toMatch(/: would download 1\.3\.0, [\d.]+ [kM]?B instead of 2\.1 MB\n/);
    const asked = ["manifest 200", `${list} 200`];
    expect(await origin.asked()).toEqual([...asked, ...asked]);
    expect(host.state()).toEqual(before);
    partial(host, four.content.slice(0, 500_000));
    host.configure({ Origin: origin.url, Packed: "no" });
    expect(await plan()).toContain(": would download 1.3.0, 1.6 MB\n");
    expect(await origin.asked()).toEqual(["manifest 200"]);
  });

  test("PCK-58, PCK-59, FET-115: a dry run without a list, or with an odd one, counts the image itself", async () => {
    const { packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    const plan = () => program.run(["fetch", "--dry-run", host.file]);
    const line = ": would download 1.3.0, 2.1 MB\n";
    expect(await plan()).toMatchObject({
      status: 0,
      stderr: "",
      stdout: expect.stringContaining(line),
    });
    writeFileSync(packed.path(`${four.digest}.packed`), "zst much\n");
    const { status, stdout, stderr } = await plan();
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining(line) });
    expect(stderr.match(/warning/g)).toHaveLength(1);
  });

  test("STS-10, PCK-55: what there is of a packed download is a partial one, of what travels", async () => {
    const { origin, packed, host } = await scene({ published: all, store: [one], latest: one });
    using _ = host;
    const size = packed.size(packed.zst(four));
    leave(host, `${four.digest}.part-zst-${size}`, Buffer.alloc(300_000));
    leave(host, `${four.digest}.part-image-1`, Buffer.alloc(100));
    const { stdout } = await program.run(["status", "--json", host.file]);
    const { states } = JSON.parse(stdout.split("\n")[0]!);
    expect(states).toContainEqual({ state: "partial", version: "1.3.0", bytes: 300_000, size });
    expect(states).toContainEqual({
      ...{ state: "behind", version: "1.3.0", here: false, missing: four.content.length },
    });
    const words = async () => (await program.run(["status", host.file])).stdout;
    expect(await words()).toContain("behind: 1.3.0 is not fetched yet, up to 2.1 MB");
    expect(await words()).toMatch(/partial download of 1\.3\.0: 300 kB of 1\.8 MB/);
    host.configure({ Origin: origin.url, Packed: "no" });
    expect(await words()).toContain("behind: 1.3.0 is not fetched yet, 2.1 MB");
    const { stdout: versions } = await program.run(["list", host.file]);
    expect(versions).toMatch(/1\.3\.0 .*\bpartial\b/);
  });

  test("PCK-54: file: origins have packed files as others do", async () => {
    const { packed, host, origin } = await scene({ published: [one], latest: one });
    using _ = host;
    host.configure({ Origin: `file://${origin.directory}` });
    packed.list(four, await packed.patch(one, four));
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(run.of("warning")).toEqual([]);
    expect(run.of("downloaded")).toMatchObject([{ by: "patch" }]);
  });

  test("PCK-58: in words, both sizes are told", async () => {
    const { packed, host } = await scene({ published: [one], latest: one });
    using _ = host;
    packed.list(four, await packed.patch(one, four));
    const { stderr } = await program.run(["fetch", host.file]);
    expect(stderr).toMatch(/: downloading 1\.3\.0, [0-9.]+ kB instead of 2\.1 MB\n/);
    expect(stderr).toMatch(/: downloaded 1\.3\.0, [0-9.]+ kB instead of 2\.1 MB, verified\n/);
  });

  test("PCK-56: what is left for another image goes before a download, and by tako prune", async () => {
    const { origin, packed, host } = await scene({ published: all, store: [two], latest: two });
    using _ = host;
    packed.list(four, await packed.patch(two, four));
    const left = ["part-zst-9", "part-0123456789abcdef-0123456789abcdef-9", "part-image-1"];
    const leaveAll = (digest: string) => {
      for (const name of left) leave(host, `${digest}.${name}`);
    };
    leaveAll(one.digest);
    leaveAll(four.digest);
    const pruned = await program.run(["prune", "--json", host.file]);
    expect(pruned.status).toBe(0);
    expect(names(host)).toEqual(
      [two.digest, ...left.map((name) => `${four.digest}.${name}`)].sort(),
    );
    leaveAll(one.digest);
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(names(host)).toEqual([two.digest, four.digest].sort());
  });
});
