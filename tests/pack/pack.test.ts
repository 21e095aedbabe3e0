// `tako pack`, by the program (spec/packed.md, PCK-60 and following): what is there then, what other programs make of it, and
// what is told.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { programs, sources } from "../support/program.ts";
import { type Image, image, write } from "../support/publishing.ts";
import { noise, Origin, patch, series, shell, wrongIn } from "./origins.ts";

const tools = needs("zstd", "python3", "zstandard");
const images = series(5) as [Image, Image, Image, Image, Image];
const [first, second, third, fourth, newest] = images;
const program = sources();

/** The names of all that a run makes of these images, with patches from N older ones. */
function packedNames(made: readonly Image[], patches: number): readonly string[] {
  return made
    .flatMap((each) => {
      const at = images.indexOf(each);
      const from = images.slice(Math.max(at - patches, 0), at);
      const ends = [".packed", ".zst"].map((end) => each.digest + end);
      return [...ends, ...from.map((old) => patch(old, each))];
    })
    .sort();
}
const plain: readonly string[] = images.map(({ digest }) => digest);

for (const program of programs) {
  describe.concurrent.skipIf(tools.missing)(program.name, () => {
    test("PCK-60 to PCK-66, PCK-69: the newest image and its neighbours are packed, and other programs make the images of it", async () => {
      await using origin = await Origin.of(images);
      const { status, stdout, stderr } = await origin.run(program, "pack", "-o", "origin");
      expect([status, stderr.split("\n").at(-2)]).toEqual([0, expect.stringMatching(/made$/)]);
      const made = origin.names().filter((name) => name.length > 64);
      // A step of two is as large as two steps, or larger: then there is no patch for it.
      const direct = [second, third, fourth, newest].flatMap((each, at) => [
        `${each.digest}.packed`,
        `${each.digest}.zst`,
        patch(images[at] ?? first, each),
      ]);
      expect(made).toEqual(expect.arrayContaining(direct));
      expect(packedNames([second, third, fourth, newest], 3)).toEqual(expect.arrayContaining(made));
      expect(await wrongIn(origin.directory, images)).toEqual([]);
      for (const name of made) expect(statSync(origin.path(name)).mode & 0o7777).toBe(0o444);
      expect(stdout).toStartWith("VERSION  ");
      // The chain from the oldest is there, the last step first.
      const chain = [fourth, third, second, first];
      const lines = origin.list(newest).filter((line) => line.startsWith("patch "));
      const steps = lines.map((line) => line.split(" ").slice(1, 3));
      for (const [at, old] of chain.entries()) {
        expect(steps).toContainEqual([old.digest, [newest, ...chain][at]?.digest ?? ""]);
      }
      expect(steps[0]).toEqual([fourth.digest, newest.digest]);
    });

    test("PCK-68, PCK-71, PCK-72: a dry run says what would be made, and a second run makes nothing", async () => {
      await using origin = await Origin.of(images);
      const words = ["pack", "-o", "origin", "--patches=1", newest.version];
      const planned = await origin.run(program, ...words, "--dry-run");
      expect(planned).toEqual({
        status: 0,
        stdout: "would make 1.4.0 as .zst\nwould make the patch from 1.3.0 to 1.4.0\n",
        stderr: "",
      });
      expect(origin.names()).toEqual([...plain].sort());
      const { stdout } = await origin.run(program, ...words);
      expect(origin.names().filter((name) => name.length > 64)).toEqual([
        ...packedNames([newest], 1),
      ]);
      const before = await shell('stat -c "%n %i %Y" "$1"/*', join(origin.directory, "store"));
      const again = await origin.run(program, ...words);
      expect([again.status, again.stdout, again.stderr]).toEqual([
        0,
        stdout,
        "tako: nothing was to be made\n",
      ]);
      expect(await origin.run(program, ...words, "--quiet")).toEqual({
        status: 0,
        stdout: "",
        stderr: "",
      });
      expect(await shell('stat -c "%n %i %Y" "$1"/*', join(origin.directory, "store"))).toBe(
        before,
      );
      const zst = statSync(origin.path(`${newest.digest}.zst`)).size;
      const { size } = statSync(origin.path(patch(fourth, newest)));
      const json = await origin.run(program, ...words, "--json");
      expect(JSON.parse(json.stdout)).toMatchObject({
        event: "result",
        outcome: "nothing",
        made: 0,
        images: [
          {
            version: newest.version,
            sha256: newest.digest,
            zst,
            ways: [
              { from: null, by: "zst", bytes: zst },
              { from: "1.3.0", by: "patches", patches: 1, bytes: size },
            ],
          },
        ],
      });
    });
  });
}

describe.concurrent.skipIf(tools.missing)("pack", () => {
  test("PCK-61, PCK-68: what saves too little is left out, and not made again", async () => {
    // Bytes that cannot be compressed, of which nothing is in the other image.
    const random = (seed: number) =>
      Buffer.from(crypto.getRandomValues(new Uint8Array(50_000 + seed))).toString("latin1");
    const [one, two] = [image("1", random(1)), image("2", random(2))];
    await using origin = await Origin.of([one, two]);
    const { status, stderr } = await origin.run(program, "pack", "-o", "origin");
    expect(status).toBe(0);
    expect(stderr).toMatch(/^tako: left out 2 as \.zst, .*: it saves less than 5 %$/m);
    expect(stderr).toMatch(/^tako: left out the patch from 1 to 2, .*: another way is no larger$/m);
    const kept = [one.digest, `${one.digest}.packed`, two.digest, `${two.digest}.packed`];
    expect(origin.names()).toEqual(kept.toSorted());
    const lines = origin.list(two).map((line) => line.replace(/(tried .*) \d+$/, "$1 N"));
    expect(lines).toEqual(["Tako Packed 1", "tried zst N", `tried ${one.digest} N`]);
    const again = await origin.run(program, "pack", "-o", "origin");
    expect(again.stderr).toBe("tako: nothing was to be made\n");
  });

  test("PCK-61: the level is that of --level, and the window no larger than 8 MiB", async () => {
    const large = image("1", noise(9 * 1024 * 1024, 7));
    await using origin = await Origin.of([large]);
    await origin.run(program, "pack", "-o", "origin", "--level=22");
    const path = origin.path(`${large.digest}.zst`);
    expect(await shell('zstd --list --verbose "$1"', path)).toMatch(/Window Size: 8\.00 MiB/);
    expect(await wrongIn(origin.directory, [large])).toEqual([]);
    const small = statSync(path).size;
    rmSync(path);
    await origin.run(program, "pack", "-o", "origin", "--level=1");
    expect(statSync(path).size).not.toBe(small);
  });

  test("PCK-60, PCK-62, PUB-83: what cannot be asked for", async () => {
    await using origin = await Origin.of(images);
    for (const [words, status, message] of [
      [["9.9"], 1, "version 9.9 is not published"],
      [["--patches=65"], 2, "option --patches takes a whole number from 0 to 64"],
      [["--level=0"], 2, "option --level takes a whole number from 1 to 22"],
    ] as const) {
      const told = await origin.run(program, "pack", "-o", "origin", ...words);
      expect([told.status, told.stdout]).toEqual([status, ""]);
      expect(told.stderr).toStartWith(`tako: ${message}\n`);
    }
    rmSync(origin.path(third.digest));
    const gone = await origin.run(program, "pack", "-o", "origin", third.version);
    expect([gone.status, gone.stderr]).toEqual([
      74,
      expect.stringContaining("the image of 1.2.0 is not here"),
    ]);
    symlinkSync(`store/${first.digest}`, join(origin.directory, "latest"));
    expect((await origin.run(program, "pack", "-o", "origin")).status).toBe(2);
    rmSync(join(origin.directory, "manifest"));
    rmSync(join(origin.directory, "latest"));
    expect((await origin.run(program, "pack", "-o", "origin")).status).toBe(74);
    expect(origin.names().filter((name) => name.length > 64)).toEqual([]);
  });

  test.each([
    [
      "another byte",
      (path: string) => writeFileSync(path, `x${readFileSync(path, "latin1").slice(1)}`, "latin1"),
    ],
    ["a byte less", (path: string) => truncateSync(path, third.content.length - 1)],
  ])(
    "PCK-64: of a damaged image, with %s, nothing is made, neither to it nor from it",
    async (_, harm) => {
      await using origin = await Origin.of(images);
      harm(origin.path(third.digest));
      const { status, stderr } = await origin.run(program, "pack", "-o", "origin");
      expect(status).toBe(74);
      expect(stderr).toContain(`${third.digest}: the image of 1.2.0 is damaged: `);
      const about = origin.names().filter((name) => name.includes(third.digest));
      expect(about).toEqual([third.digest]);
      expect(origin.names()).toContain(patch(second, fourth));
      expect(origin.names()).toContain(`${newest.digest}.zst`);
    },
  );

  test("PCK-68: a file that no list names is kept if it is right, and made anew if not", async () => {
    await using origin = await Origin.of(images);
    await origin.run(program, "pack", "-o", "origin");
    const [zst, step] = [origin.path(`${newest.digest}.zst`), origin.path(patch(fourth, newest))];
    const [ino, bytes] = [statSync(zst).ino, readFileSync(step)];
    rmSync(origin.path(`${newest.digest}.packed`));
    chmodSync(step, 0o644);
    writeFileSync(step, Buffer.from(bytes).fill(7, bytes.length - 10, bytes.length - 5));
    const { status, stderr } = await origin.run(program, "pack", "-o", "origin");
    // The frame was found, and is not new.
    expect([status, stderr]).toEqual([0, expect.stringMatching(/^tako: 1 packed file made$/m)]);
    expect(statSync(zst).ino).toBe(ino);
    expect(readFileSync(step)).toEqual(bytes);
    expect(await wrongIn(origin.directory, images)).toEqual([]);
  });

  test("PUB-85: store --pack has all of it there when the manifest names the image", async () => {
    await using origin = await Origin.of(images.slice(0, 4));
    write(join(origin.folder, "image"), newest.content);
    const words = ["store", "--pack", "-o", "origin", "image", newest.version];
    const child = origin.spawn(program, ...words);
    const manifest = join(origin.directory, "manifest");
    while (child.exitCode === null && !readFileSync(manifest, "latin1").includes(newest.digest)) {
      await Bun.sleep(1);
    }
    // A run that is killed at that moment leaves all of it.
    child.kill("SIGKILL");
    const names = [`${newest.digest}.packed`, `${newest.digest}.zst`, patch(fourth, newest)];
    expect(origin.names()).toEqual(expect.arrayContaining(names));
    expect(await wrongIn(origin.directory, images)).toEqual([]);
    await child.exited;
    const again = await origin.run(program, ...words);
    expect([again.status, again.stdout]).toEqual([0, `${newest.version} -> ${newest.digest}\n`]);
    const rotate = await origin.run(
      program,
      "store",
      "--pack",
      "--rotate-key",
      "x",
      "-o",
      "origin",
    );
    expect(rotate.status).toBe(2);
  });

  test("PUB-85: what keeps it from being packed keeps it from being published; an older image that is damaged does not", async () => {
    await using origin = await Origin.of(images.slice(0, 4));
    write(join(origin.folder, "image"), newest.content);
    const words = ["store", "--pack", "--json", "-o", "origin", "image", newest.version];
    write(join(origin.path(`${newest.digest}.zst`), "in the way"), "");
    const before = readFileSync(join(origin.directory, "manifest"), "latin1");
    expect((await origin.run(program, ...words)).status).toBe(74);
    expect(readFileSync(join(origin.directory, "manifest"), "latin1")).toBe(before);
    rmSync(origin.path(`${newest.digest}.zst`), { recursive: true });
    truncateSync(origin.path(fourth.digest), 10);
    const { status, stdout } = await origin.run(program, ...words);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/"event":"warning".* is damaged/)]);
    expect(stdout).toContain('"event":"packed","what":"zst"');
    expect(origin.names()).toContain(patch(third, newest));
  });

  test("PUB-85: without an older image no patch is made, which is told", async () => {
    await using origin = await Origin.of([first, second]);
    for (const { digest } of [first, second]) rmSync(origin.path(digest));
    write(join(origin.folder, "image"), newest.content);
    const words = ["store", "--pack", "-o", "origin", "image", newest.version];
    const { status, stderr } = await origin.run(program, ...words);
    expect([status, stderr]).toEqual([0, expect.stringContaining("no image of an older version")]);
    expect(origin.names().filter((name) => name.endsWith(".patch"))).toEqual([]);
    await using empty = await Origin.of([]);
    write(join(empty.folder, "image"), newest.content);
    const begun = await empty.run(program, "store", "--new", ...words.slice(1));
    expect([begun.status, begun.stderr]).toEqual([0, expect.not.stringContaining("no image of")]);
  });

  test("PCK-72: the table has each image from which patches lead", async () => {
    await using origin = await Origin.of([first, second, third]);
    const { stdout } = await origin.run(program, "pack", "--patches=1", "-o", "origin");
    const rows = stdout.split("\n").map((line) => line.trim().split(/ {2,}/));
    expect(rows).toContainEqual([
      first.version,
      "2 patches",
      ...[expect.any(String), expect.any(String)],
    ]);
  });
});
