// Storing images: what is in the directory after, byte for byte, and what is refused.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { TakoError } from "../../src/core/error.ts";
import { systemClock } from "../../src/shell/clock.ts";
import { lockDirectoryPublication } from "../../src/shell/publication/directory.ts";
import { key, manifestOf, secondKey, sha256sum, sha256sumOfFile } from "../support/publishing.ts";
import { Publisher } from "./publisher.ts";

function mode(path: string): string {
  return (statSync(path).mode & 0o7777).toString(8);
}

test("PUB-10, PUB-15: image and manifest are those that sha256sum and openssl make", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const result = await publisher.store({ image, version: "1.0" });
  const digest = sha256sum("one");
  expect(result).toEqual({
    stored: "image",
    version: "1.0",
    sha256: digest as never,
    isKept: true,
    isUnmarked: false,
    changed: true,
  });
  expect(publisher.manifest()).toBe(manifestOf([["1.0", "one"]]));
  expect(readFileSync(join(publisher.directory, "store", digest), "latin1")).toBe("one");
  expect(publisher.names()).toEqual(["manifest", "store"]);
  expect(readdirSync(join(publisher.directory, "store"))).toEqual([digest]);
});

test("PUB-15: entries go to their place in the order, and the others stay", async () => {
  await using publisher = await Publisher.create();
  for (const version of ["1.10", "1.9", "2-beta", "2"]) {
    await publisher.store({ image: publisher.file("image", version), version });
  }
  expect(publisher.manifest()).toBe(
    manifestOf([
      ["1.9", "1.9"],
      ["1.10", "1.10"],
      ["2-beta", "2-beta"],
      ["2", "2"],
    ]),
  );
});

test("PUB-10: images of no bytes, of a block and a byte, and of many blocks", async () => {
  await using publisher = await Publisher.create();
  const sizes = [0, 1, 1024 * 1024, 1024 * 1024 + 1, 40 * 1024 * 1024 + 12345];
  for (const [index, size] of sizes.entries()) {
    const image = publisher.file("image", Buffer.alloc(size, "the image\n"));
    const digest = sha256sumOfFile(image);
    const expected = { mayBeEmpty: true };
    const result = await publisher.store({ image, version: `${index + 1}`, expected });
    expect(result).toMatchObject({ sha256: digest });
    expect(sha256sumOfFile(join(publisher.directory, "store", digest))).toBe(digest);
    expect(publisher.manifest()).toContain(`\n${index + 1} ${size} ${digest}\n`);
  }
});

test("PUB-10: an image that changes and grows while it is copied is stored as it was copied", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", Buffer.alloc(64 * 1024 * 1024));
  const fd = openSync(image, "r+");
  let writes = 0;
  const timer = setInterval(() => {
    const start = (writes * 7919 * 4096) % (64 * 1024 * 1024);
    writeSync(fd, `changed ${writes}`, start);
    writeSync(fd, "grown", 64 * 1024 * 1024 + 5 * writes);
    writes += 1;
  }, 1);
  const result = await publisher.store({ image, version: "1" });
  const digest = result.stored === "image" ? result.sha256 : "";
  clearInterval(timer);
  closeSync(fd);
  const stored = join(publisher.directory, "store", digest);
  expect(writes).toBeGreaterThan(2);
  expect(sha256sumOfFile(stored)).toBe(digest);
  expect(publisher.manifest()).toContain(`\n1 ${statSync(stored).size} ${digest}\n`);
});

test("PUB-11, PUB-12, PUB-14: modes are 0444 and 0755, whatever the umask", async () => {
  const umask = process.umask(0o077);
  try {
    await using publisher = await Publisher.create();
    chmodSync(publisher.directory, 0o750);
    await publisher.store({ image: publisher.file("image", "one"), version: "1" });
    expect(mode(publisher.directory)).toBe("750");
    expect(mode(join(publisher.directory, "store"))).toBe("755");
    expect(mode(join(publisher.directory, "store", sha256sum("one")))).toBe("444");
    expect(mode(join(publisher.directory, "manifest"))).toBe("444");
  } finally {
    process.umask(umask);
  }
});

test("PUB-12: an existing store keeps its mode, a missing DIR is not made", async () => {
  await using publisher = await Publisher.create();
  mkdirSync(join(publisher.directory, "store"), { mode: 0o700 });
  const image = publisher.file("image", "one");
  await publisher.store({ image, version: "1" });
  expect(mode(join(publisher.directory, "store"))).toBe("700");

  const directory = join(publisher.folder, "missing");
  const error = await publisher.failure({ image, version: "1", directory });
  expect(error.kind).toBe("storage");
  expect(error.source).toBe(directory);
  expect(error.hint).toContain("mkdir it first");
  expect(existsSync(directory)).toBe(false);
  const none = await publisher.failure({ image, version: "1", directory: image });
  expect([none.message, none.hint]).toEqual([
    "it is not a directory",
    expect.stringContaining("An origin is a directory"),
  ]);
});

test("PUB-11: what a killed run left is removed or replaced", async () => {
  await using publisher = await Publisher.create();
  mkdirSync(join(publisher.directory, "store"));
  writeFileSync(join(publisher.directory, "store/.new"), "half an image", { mode: 0o444 });
  writeFileSync(join(publisher.directory, ".manifest.new"), "half a manifest", { mode: 0o444 });
  await publisher.store({ image: publisher.file("image", "one"), version: "1" });
  expect(publisher.names()).toEqual(["manifest", "store"]);
  expect(readdirSync(join(publisher.directory, "store"))).toEqual([sha256sum("one")]);
});

test("PUB-16: - reads standard input, a pipe or a file", async () => {
  await using publisher = await Publisher.create();
  const fifo = join(publisher.folder, "fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  const writer = Bun.spawn(["sh", "-c", 'printf "from a pipe" >"$0"', fifo]);
  await publisher.store({ image: "-", version: "1" }, undefined, openSync(fifo, "r"));
  await writer.exited;
  const file = openSync(publisher.file("image", "from a file"), "r");
  await publisher.store({ image: "-", version: "2" }, undefined, file);
  expect(publisher.manifest()).toBe(
    manifestOf([
      ["1", "from a pipe"],
      ["2", "from a file"],
    ]),
  );
});

test("PUB-16: a standard input that does not wait is read to its end", async () => {
  await using publisher = await Publisher.create();
  const fifo = join(publisher.folder, "fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  const { O_RDONLY, O_NONBLOCK } = await import("node:constants");
  const reader = openSync(fifo, O_RDONLY | O_NONBLOCK);
  const script = '{ printf "slowly "; sleep 0.3; printf "written"; } >"$0"';
  const writer = Bun.spawn(["sh", "-c", script, fifo]);
  await Bun.sleep(100);
  await publisher.store({ image: "-", version: "1" }, undefined, reader);
  await writer.exited;
  expect(publisher.manifest()).toBe(manifestOf([["1", "slowly written"]]));
});

test("PUB-16: a named pipe and a link to an image are taken too", async () => {
  await using publisher = await Publisher.create();
  const fifo = join(publisher.folder, "fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  const writer = Bun.spawn(["sh", "-c", 'printf "from a pipe" >"$0"', fifo]);
  await publisher.store({ image: fifo, version: "1" });
  await writer.exited;
  symlinkSync(publisher.file("image", "by a link"), join(publisher.folder, "link"));
  await publisher.store({ image: join(publisher.folder, "link"), version: "2" });
  expect(publisher.manifest()).toBe(
    manifestOf([
      ["1", "from a pipe"],
      ["2", "by a link"],
    ]),
  );
});

test("PUB-17: an image that is missing, a directory or a device is refused, and nothing written", async () => {
  await using publisher = await Publisher.create();
  for (const image of [join(publisher.folder, "missing"), publisher.folder, "/dev/zero"]) {
    const error = await publisher.failure({ image, version: "1" });
    expect([image, error.kind, error.source]).toEqual([image, "storage", image]);
    expect(publisher.names()).toEqual([]);
  }
});

test("PUB-18: an invalid version is refused, and nothing written", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  for (const version of ["", "...", "1.*", "1 0", "1<2", "1\n", "ü", "x".repeat(256)]) {
    const error = await publisher.failure({ image, version });
    expect([version, error.kind]).toEqual([version, "version"]);
    expect(publisher.names()).toEqual([]);
  }
});

test("PUB-19: only the first version is told to start a new manifest", async () => {
  await using publisher = await Publisher.create();
  await publisher.store({ image: publisher.file("image", "one"), version: "1" });
  expect(publisher.warnings()).toHaveLength(1);
  expect(publisher.warnings()[0]).toContain(`new manifest, ${publisher.directory}/manifest`);
  await publisher.store({ image: publisher.file("image", "two"), version: "2" });
  expect(publisher.warnings()).toHaveLength(1);
});

test("PUB-22: what is not Tako's in the place of its files is refused and untouched", async () => {
  const places = ["manifest", ".manifest.new", "store", "store/.new", `store/${sha256sum("one")}`];
  for (const place of places) {
    for (const kind of ["directory", "link", "fifo"]) {
      if (place === "store" && kind === "directory") continue;
      await using publisher = await Publisher.create();
      const target = publisher.file("target", "the target of the link");
      const path = join(publisher.directory, place);
      if (place.startsWith("store/")) mkdirSync(join(publisher.directory, "store"));
      if (kind === "directory") mkdirSync(path);
      if (kind === "link") symlinkSync(target, path);
      if (kind === "fifo") Bun.spawnSync(["mkfifo", path]);
      const before = publisher.snapshotOfNames();

      const error = await publisher.failure({
        image: publisher.file("image", "one"),
        version: "1",
      });
      expect([place, kind, error.kind, error.source]).toEqual([place, kind, "storage", path]);
      expect(publisher.snapshotOfNames()).toEqual(before);
      expect(readFileSync(target, "latin1")).toBe("the target of the link");
    }
  }
});

test("PUB-21: a manifest that would exceed 64 MiB is refused before anything is written", async () => {
  await using publisher = await Publisher.create();
  const line = (index: number) => `${`x${index}`.padStart(255, "y")} 0 ${sha256OfNothing}\n`;
  const sha256OfNothing = sha256sum("");
  const room = 64 * 1024 * 1024 - "Tako Manifest 1\n\n\n".length - 89;
  const count = Math.floor(room / line(0).length);
  const lines = Array.from({ length: count }, (_, index) => line(1_000_000 + index));
  const manifest = manifestOf(lines.map((each) => each.trimEnd()));
  expect(manifest.length).toBeLessThanOrEqual(64 * 1024 * 1024);
  expect(manifest.length + line(0).length).toBeGreaterThan(64 * 1024 * 1024);
  writeFileSync(join(publisher.directory, "manifest"), manifest);
  const before = publisher.snapshot();

  const image = publisher.file("image", "one");
  const error = await publisher.failure({ image, version: "x".repeat(255) });
  expect(error.kind).toBe("failed");
  expect(error.rule).toBe("PUB-21");
  expect(publisher.snapshot()).toEqual(before);
}, 60_000);

test("PUB-30: the same version with the same bytes again changes nothing", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  await publisher.store({ image, version: "1" });
  await publisher.store({ image: publisher.file("other", "two"), version: "2" });
  const before = publisher.snapshot();
  const result = await publisher.store({ image, version: "1" });
  expect(result).toEqual({
    stored: "image",
    version: "1",
    sha256: sha256sum("one") as never,
    isKept: false,
    isUnmarked: false,
    changed: false,
  });
  expect(publisher.snapshot()).toEqual(before);
});

test("PUB-31 to PUB-33: other bytes or another spelling of a version are refused", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  await publisher.store({ image, version: "1.0" });
  const before = publisher.snapshot();
  const other = publisher.file("other", "two");
  for (const again of [
    { image: other, version: "1.0" },
    { image: other, version: "1.0.0" },
    { image, version: "1.0.0" },
    { image, version: "1-0" },
    { image, version: "1" },
  ]) {
    const error = await publisher.failure(again);
    expect(error.kind).toBe("failed");
    expect(error.message).toContain(`1.0 3 ${sha256sum("one")}`);
    expect(publisher.snapshot()).toEqual(before);
  }
});

test("PUB-34: a damaged or missing file of the store is replaced", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  await publisher.store({ image, version: "1" });
  const manifest = publisher.manifest();
  const stored = join(publisher.directory, "store", sha256sum("one"));
  const damages = [
    () => rmSync(stored),
    () => truncateSync(stored, 2),
    () => writeFileSync(stored, "onf"),
  ];
  for (const damage of damages) {
    chmodSync(stored, 0o644);
    damage();
    const result = await publisher.store({ image, version: "1" });
    expect(result.changed).toBe(false);
    expect(readFileSync(stored, "latin1")).toBe("one");
    expect(mode(stored)).toBe("444");
    expect(publisher.manifest()).toBe(manifest);
  }
});

test("PUB-35: versions with the same bytes share one file", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  await publisher.store({ image, version: "1" });
  await publisher.store({ image, version: "2" });
  expect(publisher.manifest()).toBe(
    manifestOf([
      ["1", "one"],
      ["2", "one"],
    ]),
  );
  expect(readdirSync(join(publisher.directory, "store"))).toEqual([sha256sum("one")]);
});

test("PUB-40: a manifest of another key is refused, and the hint is --rotate-key", async () => {
  await using publisher = await Publisher.create();
  const path = join(publisher.directory, "manifest");
  writeFileSync(path, manifestOf([["1", "one"]], secondKey));
  const before = publisher.snapshot();
  const error = await publisher.failure({ image: publisher.file("image", "two"), version: "2" });
  expect([error.kind, error.source]).toEqual(["signature", path]);
  expect(error.hint).toContain("--rotate-key");
  expect(publisher.snapshot()).toEqual(before);
});

test("PUB-41: a manifest that cannot be decoded is refused and stays", async () => {
  const good = manifestOf([
    ["1", "one"],
    ["2", "two"],
  ]);
  const foreign = manifestOf(
    [
      ["1", "one"],
      ["2", "two"],
    ],
    secondKey,
  );
  for (const bad of [
    "",
    "<html>404</html>\n",
    good.slice(0, -1),
    `${good}\n`,
    good.replace("Manifest 1", "Manifest 2"),
    foreign.replace("2 3 ", "2 x "),
    manifestOf([
      ["2", "two"],
      ["1", "one"],
    ]),
  ]) {
    await using publisher = await Publisher.create();
    writeFileSync(join(publisher.directory, "manifest"), bad);
    const error = await publisher.failure({ image: publisher.file("image", "3"), version: "3" });
    expect([bad, error.kind]).toEqual([bad, "storage"]);
    expect(publisher.manifest()).toBe(bad);
    expect(publisher.names()).toEqual(["manifest"]);
  }
});

test("PUB-25: a version such as v1.0.0 gets a warning, other letters do not", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  for (const [version, warned] of [
    ["v1.0.0", "publish 1.0.0 instead"],
    ["V2", "publish 2 instead"],
    ["vista", undefined],
    ["1.v2", undefined],
  ] as const) {
    publisher.events.length = 0;
    await publisher.store({ image, version });
    const about = publisher.warnings().find((warning) => warning.includes("v10 sorts before v9"));
    expect([version, about?.slice(-(warned?.length ?? 0))]).toEqual([version, warned]);
  }
});

test("PUB-74: an image of 0 bytes is refused unless it is asked for, and one of a byte is not", async () => {
  await using publisher = await Publisher.create();
  await publisher.store({ image: publisher.file("image", "x"), version: "1" });
  const before = publisher.snapshot();
  const image = publisher.file("image", "");
  for (const dryRun of [true, false]) {
    const error = await publisher.failure({ image, version: "2", dryRun });
    expect([error.kind, error.rule, error.source]).toEqual(["failed", "PUB-74", image]);
    expect(error.hint).toContain("--allow-empty");
    expect(publisher.snapshot()).toEqual(before);
  }
  await publisher.store({ image, version: "2", expected: { mayBeEmpty: true } });
  expect(publisher.manifest()).toBe(
    manifestOf([
      ["1", "x"],
      ["2", ""],
    ]),
  );
});

test("PUB-73: bytes that are not what was expected leave everything as it was, those that are do not matter else", async () => {
  await using publisher = await Publisher.create();
  await publisher.store({ image: publisher.file("image", "one"), version: "1" });
  const before = publisher.snapshot();
  const image = publisher.file("image", "two");
  const digest = sha256sum("two") as never;
  for (const dryRun of [true, false]) {
    for (const expected of [
      { digest: sha256sum("tw") as never },
      { size: 4 },
      { digest, size: 2 },
    ]) {
      const error = await publisher.failure({ image, version: "2", expected, dryRun });
      expect([error.kind, error.rule, error.source]).toEqual(["digest", "PUB-73", image]);
      expect(publisher.snapshot()).toEqual(before);
    }
  }
  await publisher.store({ image, version: "2", expected: { digest, size: 3 } });
  expect(publisher.manifest()).toContain(`2 3 ${digest}`);
});

describe("PUB-70: a first manifest", () => {
  test("is begun by --new, or where somebody looks on and there is nothing at all", async () => {
    for (const [given, hasStore, begins] of [
      [{ isNew: true, isWatched: false }, false, true],
      [{ isNew: true, isWatched: false }, true, true],
      [{ isNew: false, isWatched: true }, false, true],
      [{ isNew: false, isWatched: true }, true, false],
      [{ isNew: false, isWatched: false }, false, false],
      [{ isNew: false, isWatched: false }, true, false],
    ] as const) {
      await using publisher = await Publisher.create();
      if (hasStore) mkdirSync(join(publisher.directory, "store"));
      const before = publisher.snapshot();
      const options = { image: publisher.file("image", "one"), version: "1", ...given };
      if (begins) {
        await publisher.store({ ...options, dryRun: true });
        expect(publisher.snapshot()).toEqual(before);
        await publisher.store(options);
        expect(publisher.manifest()).toBe(manifestOf([["1", "one"]]));
        continue;
      }
      for (const dryRun of [true, false]) {
        const error = await publisher.failure({ ...options, dryRun });
        expect([error.kind, error.rule]).toEqual(["storage", "PUB-70"]);
        expect(error.source).toBe(join(publisher.directory, "manifest"));
        expect(error.hint).toContain("--new");
        expect(publisher.snapshot()).toEqual(before);
      }
    }
  });

  test("of another key, or damaged, is not begun anew", async () => {
    for (const [text, kind] of [
      [manifestOf([], secondKey), "signature"],
      ["", "storage"],
    ] as const) {
      await using publisher = await Publisher.create();
      writeFileSync(join(publisher.directory, "manifest"), text);
      const image = publisher.file("image", "one");
      expect((await publisher.failure({ image, version: "1", isNew: true })).kind).toBe(kind);
      expect(publisher.manifest()).toBe(text);
    }
  });
});

test("PUB-71: --new does the same once more, and nothing where there is another version", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  await publisher.store({ image, version: "1", isNew: true });
  const before = publisher.snapshot();
  expect(await publisher.store({ image, version: "1", isNew: true })).toMatchObject({
    changed: false,
  });
  for (const dryRun of [true, false]) {
    const error = await publisher.failure({ image, version: "2", isNew: true, dryRun });
    expect([error.kind, error.rule]).toEqual(["failed", "PUB-71"]);
    expect(error.message).toContain("version 1 is in it");
  }
  expect(publisher.snapshot()).toEqual(before);
});

test("PUB-72: what is signed anew is not new", async () => {
  await using publisher = await Publisher.create();
  const error = await publisher.failure({ rotateKey: secondKey.public, isNew: true });
  expect([error.kind, error.rule]).toEqual(["usage", "PUB-72"]);
});

test("PUB-79: that an image is read is told once, and then how far it is, of what has a size", async () => {
  await using publisher = await Publisher.create();
  const content = new Uint8Array(5_000_000);
  const image = publisher.file("image", content);
  await publisher.store({ image, version: "1.0", dryRun: true, isNew: true });
  const { length: size } = content;
  const [first, ...more] = publisher.events.filter(({ event }) => event !== "warning");
  expect(first).toEqual({ event: "reading", version: "1.0", size });
  expect(more.length).toBeGreaterThan(1);
  expect(more.map(({ event }) => event)).toEqual(Array(more.length).fill("progress"));
  expect(more.at(-1)).toEqual({ event: "progress", version: "1.0", size, done: size });
});

test("PUB-83: the destination of a host is no origin", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  await publisher.store({ image, version: "1.0" });
  symlinkSync(`store/${sha256sum("one")}`, join(publisher.directory, "latest"));
  const before = publisher.snapshot();
  for (const options of [
    { image, version: "1.1" },
    { image, version: "1.1", dryRun: true },
    { rotateKey: secondKey.public },
  ]) {
    const error = await publisher.failure(options);
    expect([error.kind, error.rule]).toEqual(["usage", "PUB-83"]);
    expect(error.message).toBe(`${publisher.directory} is the destination of a host`);
  }
  expect(publisher.snapshot()).toEqual(before);
});

test("PUB-82: what an image has to be is nothing to say of none", async () => {
  await using publisher = await Publisher.create();
  await publisher.store({ image: publisher.file("image", "one"), version: "1" });
  const before = publisher.snapshot();
  for (const [option, expected] of [
    ["--sha256", { digest: sha256sum("one") as never }],
    ["--size", { size: 0 }],
    ["--allow-empty", { mayBeEmpty: true }],
  ] as const) {
    const error = await publisher.failure({ rotateKey: secondKey.public, expected });
    expect([error.kind, error.rule]).toEqual(["usage", "PUB-82"]);
    expect(error.message).toContain(`option ${option} `);
  }
  expect(publisher.snapshot()).toEqual(before);
});

test("PUB-76: the bytes of another version are a warning, of the same one they are not", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const twins = async (version: string, dryRun = false) => {
    publisher.events.length = 0;
    await publisher.store({ image, version, dryRun });
    return publisher.warnings().filter((warning) => warning.includes("same bytes"));
  };
  expect(await twins("1.0")).toEqual([]);
  expect(await twins("1.0")).toEqual([]);
  expect(await twins("1.1", true)).toEqual([
    "1.1 has the same bytes as 1.0, which is published already",
  ]);
  expect(await twins("1.1")).toHaveLength(1);
  expect(await twins("1.1")).toEqual([]);
  expect(await twins("1.2")).toEqual([expect.stringContaining("as 1.1,")]);
});

test("PUB-57: image and version in the wrong order get a hint, and nothing is written", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const error = await publisher.failure({ image: "1.0.0", version: image });
  expect([error.kind, error.source]).toEqual(["storage", "1.0.0"]);
  expect(error.hint).toBe("IMAGE comes before VERSION.");
  expect(publisher.names()).toEqual([]);
});

test("PUB-57: a file that has the version's name is no slip where there is such an image", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  publisher.file("1.0.0", "a note");
  const before = process.cwd();
  process.chdir(publisher.folder);
  try {
    expect(await publisher.store({ image, version: "1.0.0" })).toMatchObject({ stored: "image" });
  } finally {
    process.chdir(before);
  }
});

test("PUB-11, PUB-14: what a run that was killed left is gone after the next, also if that adds nothing", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  await publisher.store({ image, version: "1" });
  const before = publisher.snapshot();
  publisher.file("origin/.manifest.new", "half");
  publisher.file("origin/store/.new", "half");
  await publisher.store({ image, version: "1" });
  expect(publisher.snapshot()).toEqual(before);
});

test("PUB-54: image and version come together", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  for (const options of [{}, { image }, { version: "1" }, { image, rotateKey: secondKey.public }]) {
    const error = await publisher.failure(options);
    expect(error).toBeInstanceOf(TakoError);
    expect(error.kind).toBe("usage");
  }
  expect(publisher.names()).toEqual([]);
});

test("PUB-67, PUB-29, PUB-75: what surprises in a new version is a warning, one line each, and none when it is there", async () => {
  await using publisher = await Publisher.create();
  const warningsOf = async (version: string) => {
    publisher.events.length = 0;
    await publisher.store({ image: publisher.file("image", version), version });
    return publisher.warnings();
  };
  await warningsOf("1.2.0");
  expect(await warningsOf("1.3.0")).toEqual([]);
  expect(await warningsOf("1.2.4")).toEqual([expect.stringContaining("1.3.0 is")]);
  expect(await warningsOf("1.2.4")).toEqual([]);
  expect(await warningsOf("1.3.1+build.7")).toEqual([
    expect.stringContaining('"1+build" in 1.3.1+build.7 is no number'),
    expect.stringContaining("1.3.1+build.7 is not the newest, 1.3.0 is"),
  ]);
  expect(await warningsOf("3.0")).toEqual(["3.0 skips 2: the newest version so far is 1.3.0"]);
  expect(await warningsOf("2024.01.15")).toEqual([expect.stringContaining("a later 4 would")]);
});

describe("PUB-66: a dry run", () => {
  test("writes nothing, and does not wait for the lock", async () => {
    await using publisher = await Publisher.create();
    const image = publisher.file("image", "one");
    for (const version of ["1.2.3", "1.3.0"])
      await publisher.store({ image: publisher.file("other", version), version });
    const before = publisher.snapshot();
    const waiting = { clock: systemClock, onWait: () => {} };
    await using _lock = await lockDirectoryPublication(publisher.directory, waiting);
    const result = await publisher.store({ image, version: "1.2.4", dryRun: true });
    if (result.stored !== "nothing") throw new Error("it has stored");
    expect(result.changed).toBe(false);
    expect([result.place.after?.text, result.place.before?.text]).toEqual(["1.2.3", "1.3.0"]);
    expect(publisher.snapshot()).toEqual(before);
    expect(publisher.warnings().at(-1)).toContain("is not the newest");
  });

  test("of a version that is there says so, and does not count it twice", async () => {
    await using publisher = await Publisher.create();
    const image = publisher.file("image", "one");
    await publisher.store({ image, version: "1.0" });
    const result = await publisher.store({ image, version: "1.0", dryRun: true });
    expect(result).toMatchObject({ stored: "nothing", published: "1.0", place: { patterns: {} } });
    if (result.stored !== "nothing") throw new Error("it has stored");
    expect([result.place.after, result.place.before]).toEqual([undefined, undefined]);
  });

  test("fails for what a run would fail for", async () => {
    await using publisher = await Publisher.create();
    const image = publisher.file("image", "one");
    const dryRun = true;
    await publisher.store({ image, version: "1.0" });
    const kinds = [
      await publisher.failure({ image, version: "1*", dryRun }),
      await publisher.failure({ image, version: "2", dryRun }, {}),
      await publisher.failure(
        { image, version: "2", dryRun },
        { TAKO_SECRET_KEY: secondKey.secret },
      ),
      await publisher.failure({ image: join(publisher.folder, "absent"), version: "2", dryRun }),
      await publisher.failure({
        image,
        version: "2",
        directory: join(publisher.folder, "absent"),
        dryRun,
      }),
      await publisher.failure({ rotateKey: key.public, dryRun }),
    ].map(({ kind }) => kind);
    expect(kinds).toEqual(["version", "usage", "signature", "storage", "storage", "usage"]);
  });
});
