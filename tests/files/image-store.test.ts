// The store and the records of a destination, by the values that read and write them: what counts as whole, what is
// continued, and that nothing changes once somebody has removed the lock.

import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSha256Hex, type Sha256Hex } from "../../src/core/digest.ts";
import { parsePublicKey } from "../../src/core/keys.ts";
import { systemClock } from "../../src/shell/clock.ts";
import {
  type LockedDestination,
  lockDestination,
  openDestination,
} from "../../src/shell/destination.ts";
import { image, key, manifestOf, secondKey, sha256sum } from "../support/publishing.ts";

const [one, two] = [image("1.0.0"), image("1.1.0")];
const isRoot = process.getuid?.() === 0;

let directory: string;
let destination: LockedDestination;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tako-store-"));
  destination = await lockDestination(directory, { clock: systemClock, onWait: () => {} });
});
afterEach(() => {
  destination[Symbol.dispose]();
  return rm(directory, { recursive: true });
});

const at = (name: string) => join(directory, name);
const digestOf = (text: string) => parseSha256Hex(text) as Sha256Hex;
const identity = ({ digest, content }: typeof one) => ({
  digest: digestOf(digest),
  size: content.length,
});
const put = (name: string, content: string, mode = 0o444) => {
  mkdirSync(at("store"), { recursive: true });
  writeFileSync(at(name), content, { mode });
  return at(name);
};
const noProgress = () => {};

test("DST-34, FET-54: what is in the store is whole, damaged, linked or exposed", async () => {
  const { images } = destination;
  const check = (verify = true) => images.check(identity(one), verify);
  expect(await check()).toBe("absent");
  mkdirSync(at("store"));
  expect(await check()).toBe("absent");
  const path = put(`store/${one.digest}`, one.content);
  expect([await check(), await check(false)]).toEqual(["present", "present"]);
  for (const mode of [0o464, 0o446]) {
    chmodSync(path, mode);
    expect([await check(), await check(false)]).toEqual(["exposed", "exposed"]);
  }
  chmodSync(path, 0o755);
  expect(await check()).toBe("present");
  linkSync(path, at("other"));
  expect([await check(), await check(false)]).toEqual(["linked", "linked"]);
  chmodSync(path, 0o644);
  rmSync(at("other"));
  writeFileSync(path, one.content.toUpperCase());
  expect([await check(), await check(false)]).toEqual(["damaged", "present"]);
  linkSync(path, at("other"));
  expect([await check(), await check(false)]).toEqual(["damaged", "damaged"]);
  writeFileSync(path, `${one.content} `);
  expect([await check(), await check(false)]).toEqual(["damaged", "damaged"]);
});

test.skipIf(!isRoot)(
  "DST-34: nobody else can change an image of this user, of root or of who owns the store",
  async () => {
    const path = put(`store/${one.digest}`, one.content);
    const check = () => destination.images.check(identity(one), true);
    chownSync(path, 65534, 65534);
    expect(await check()).toBe("exposed");
    chownSync(at("store"), 65534, 65534);
    expect(await check()).toBe("present");
    chownSync(path, 0, 0);
    expect(await check()).toBe("present");
  },
);

test("ACT-72: the images are those with a digest for a name", () => {
  expect(destination.images.digests()).toEqual(new Set());
  put(`store/${one.digest}`, "");
  put(`store/${two.digest}.partial`, "");
  put("store/notes", "");
  expect(destination.images.digests()).toEqual(new Set([digestOf(one.digest)]));
});

test("FET-60, FET-61, FET-67: a partial is continued, unless it is too long or others could change it", async () => {
  const name = `store/${one.digest}.partial`;
  const size = one.content.length;
  for (const [content, change, continued] of [
    ["abc", () => {}, 3],
    ["x".repeat(size), () => {}, size],
    ["x".repeat(size + 1), () => {}, 0],
    ["abc", () => chmodSync(at(name), 0o666), 0],
    ["abc", () => linkSync(at(name), at("other")), 0],
    ["abc", () => isRoot || chmodSync(at(name), 0o620), isRoot ? 3 : 0],
  ] as const) {
    put(name, content, 0o600);
    change();
    const writer = await destination.images.openPartial(identity(one), noProgress);
    expect(writer.size).toBe(continued);
    expect(lstatSync(at(name)).nlink).toBe(1);
    await writer.close();
    rmSync(at(name));
    rmSync(at("other"), { force: true });
  }
});

test.skipIf(!isRoot)(
  "FET-67: a partial of another user is not continued, whoever owns the store",
  async () => {
    put(`store/${one.digest}.partial`, "abc", 0o600);
    chownSync(at(`store/${one.digest}.partial`), 65534, 65534);
    chownSync(at("store"), 65534, 65534);
    const writer = await destination.images.openPartial(identity(one), noProgress);
    expect([writer.size, lstatSync(at(`store/${one.digest}.partial`)).uid]).toEqual([0, 0]);
    await writer.close();
  },
);

test("FET-65: partials of other images go before a download, and nothing else does", async () => {
  expect(destination.images.removeStalePartials(undefined)).toBe(false);
  put(`store/${two.digest}.partial`, "abc");
  put(`store/${one.digest}.partial`, "abc", 0o600);
  put(`store/${two.digest}`, two.content);
  const writer = await destination.images.openPartial(identity(one), noProgress);
  await writer.close();
  const left = [two.digest, `${one.digest}.partial`].toSorted();
  expect(readdirSync(at("store")).toSorted()).toEqual(left);
  expect(destination.images.removeStalePartials(digestOf(one.digest))).toBe(false);
  expect(destination.images.removeStalePartials(undefined)).toBe(true);
  expect(readdirSync(at("store"))).toEqual([two.digest]);
});

test("DST-30, FET-66: an image that is kept has its name and mode, the store its own", async () => {
  const writer = await destination.images.openPartial(identity(one), noProgress);
  await writer.write(Buffer.from(one.content));
  await destination.images.keep(writer);
  expect(readdirSync(at("store"))).toEqual([one.digest]);
  expect((lstatSync(at(`store/${one.digest}`)).mode & 0o7777).toString(8)).toBe("444");
  expect((lstatSync(at("store")).mode & 0o7777).toString(8)).toBe("755");
});

test("PUB-10, PUB-11: a copy begins empty where the file system cannot share blocks, in a store that is made for it", async () => {
  // A tmpfs cannot.
  const folder = mkdtempSync("/dev/shm/tako-store-");
  try {
    const waiting = { clock: systemClock, onWait: () => {} };
    using publication = await lockDestination(folder, waiting);
    const original = put("image", one.content);
    const writer = await publication.images.openCopy(original, () => {});
    expect([writer.size, readdirSync(join(folder, "store"))]).toEqual([0, [".new"]]);
    await writer.close();
    await expect(publication.images.openCopy(undefined, () => {})).rejects.toMatchObject({
      kind: "storage",
    });
    publication.images.removeLeftovers();
    expect(readdirSync(join(folder, "store"))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("DST-24: what a run that was killed left goes with the next lock, and what is not of its kind is told", async () => {
  destination[Symbol.dispose]();
  const left = ["manifest", ".etag", ".owed", ".good", ".refused", ".hold", ".seen"];
  const names = left.map((name) => `${name.startsWith(".") ? name : `.${name}`}.new`);
  for (const name of names) writeFileSync(at(name), "");
  symlinkSync("store/x", at(".latest.new"));
  symlinkSync("store/x", at(".slot.new"));
  const waiting = { clock: systemClock, onWait: () => {} };
  (await lockDestination(directory, waiting))[Symbol.dispose]();
  expect(readdirSync(directory)).toEqual([".lock"]);
  mkdirSync(at(".latest.new"));
  await expect(lockDestination(directory, waiting)).rejects.toMatchObject({ kind: "storage" });
  rmSync(at(".latest.new"), { recursive: true });
  // The lock is free again.
  destination = await lockDestination(directory, waiting);
});

test("DST-37: once somebody has removed the lock, or released it, nothing is written or removed", async () => {
  put(`store/${one.digest}`, one.content);
  symlinkSync(`store/${one.digest}`, at("latest"));
  symlinkSync(`store/${one.digest}`, at("a"));
  writeFileSync(at(".good"), `${one.digest}\n`);
  writeFileSync(at(".etag"), "x");
  put(`store/${one.digest}.gone`, `${one.digest}\n`);
  const writer = await destination.images.openPartial(identity(two), noProgress);
  await writer.write(Buffer.from(two.content));
  const [first, second] = [digestOf(one.digest), digestOf(two.digest)];
  const writes: readonly (() => Promise<unknown>)[] = [
    () => destination.writeManifest(new Uint8Array(1)),
    () => destination.writeEtag("https://example.com/manifest", '"x"', new Uint8Array()),
    () => destination.writeEtag("https://example.com/manifest", undefined, new Uint8Array()),
    () => destination.perform({ step: "swap", image: second }),
    () => destination.perform({ step: "good", image: undefined }),
    () => destination.perform({ step: "record", owed: [{ digest: first, done: [] }] }),
    () => destination.linkSlot("a", second),
    () => destination.linkSlot("a", undefined),
    () => destination.writeHold(first),
    () => destination.writeSeen(new Map([[first, 1]])),
    () => destination.removeDamaged(first),
    () => destination.images.remove(first),
    () => destination.images.openPartial(identity(one), noProgress),
    async () => destination.images.drop(first, "image"),
    async () => destination.images.drop(second, "partial"),
    async () => destination.images.dropParts(second),
    () => destination.images.prepareParts(first),
    () => destination.images.openPart(`${second}.part-zst-1`, 1),
    () => destination.images.openUnpacked(`${second}.part-image-1`, noProgress),
    () => destination.images.mark(second),
    () => destination.images.unmark(first),
  ];
  const before = () =>
    readdirSync(directory, { recursive: true, encoding: "utf8" })
      .filter((name) => name !== ".lock")
      .toSorted();
  const names = before();
  const refused = async () => {
    for (const write of writes) {
      const error = await write().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ kind: "storage", source: at(".lock") });
    }
    expect(before()).toEqual(names);
  };
  rmSync(at(".lock"));
  await refused();
  // Another file of that name locks nobody else out.
  writeFileSync(at(".lock"), "");
  await refused();
  await expect(destination.images.keep(writer)).rejects.toMatchObject({ source: at(".lock") });
  expect(before()).toEqual(names);
});

test("DST-37: nor after the lock was released", async () => {
  destination[Symbol.dispose]();
  await expect(destination.writeHold(digestOf(one.digest))).rejects.toMatchObject({
    message: "the lock was removed while it was held",
  });
  expect(existsSync(at(".hold"))).toBe(false);
});

test("DST-50, DST-53, DST-54, DST-56: an ETag counts for its URL and manifest, and for some time", async () => {
  const bytes = Buffer.from(manifestOf([one]));
  const url = "https://example.com/manifest";
  const now = Date.now() + 60_000;
  const read = (at = now, from = url, of: Uint8Array = bytes) => destination.readEtag(from, of, at);
  expect(read()).toBeUndefined();
  await destination.writeEtag(url, '"x"', bytes);
  expect(readFileSync(at(".etag"), "utf8")).toBe(`${url}\n"x"\n${sha256sum(bytes)}\n`);
  expect((lstatSync(at(".etag")).mode & 0o7777).toString(8)).toBe("644");
  expect(read()).toBe('"x"');
  expect(read(now, `${url}2`)).toBeUndefined();
  expect(read(now, url, Buffer.from("other"))).toBeUndefined();
  expect(read(now + 7 * 86_400_000)).toBeUndefined();
  await destination.writeEtag(url, undefined, bytes);
  expect(existsSync(at(".etag"))).toBe(false);
});

test("FET-23, FET-32: the local manifest, and who signed it of the keys that count", async () => {
  const keys = [key, secondKey].map(({ public: text }) => parsePublicKey(text));
  expect(destination.readManifest(keys)).toBeUndefined();
  const text = manifestOf([one, two], secondKey);
  await destination.writeManifest(Buffer.from(text));
  expect((lstatSync(at("manifest")).mode & 0o7777).toString(8)).toBe("444");
  const local = destination.readManifest(keys);
  expect(local?.signer?.text).toBe(secondKey.public);
  expect(Buffer.from(local?.bytes ?? []).toString("latin1")).toBe(text);
  expect(local?.manifest.entries).toHaveLength(2);
  const foreign = destination.readManifest(keys.slice(0, 1));
  expect([foreign?.signer, foreign?.manifest.entries.length]).toEqual([undefined, 2]);
  chmodSync(at("manifest"), 0o644);
  writeFileSync(at("manifest"), `${text}x`);
  expect(() => destination.readManifest(keys)).toThrow("the local manifest is damaged: ");
});

test("DST-2, DST-11, DST-100, DST-101: latest and the links of slots name images, or none", async () => {
  const [first, second] = [digestOf(one.digest), digestOf(two.digest)];
  expect([destination.readLatest(), destination.readLink("a")]).toEqual([
    undefined,
    { isLinked: false, image: undefined },
  ]);
  await destination.perform({ step: "swap", image: first });
  await destination.linkSlot("a", first);
  await destination.perform({ step: "swap", image: second });
  await destination.linkSlot("a", second);
  expect([readlinkSync(at("latest")), readlinkSync(at("a"))]).toEqual([
    `store/${two.digest}`,
    `store/${two.digest}`,
  ]);
  expect(destination.readLink("a")).toEqual({ isLinked: true, image: second });
  await destination.linkSlot("a", undefined);
  await destination.linkSlot("a", undefined);
  expect(readdirSync(directory).toSorted()).toEqual([".lock", "latest"]);
  rmSync(at("latest"));
  symlinkSync("elsewhere", at("latest"));
  expect(destination.readLink("latest")).toEqual({ isLinked: true, image: undefined });
});

test("FET-56: with a damaged image latest goes, if it names it, and stays, if not", async () => {
  for (const named of [one, two]) {
    put(`store/${one.digest}`, "damaged");
    symlinkSync(`store/${named.digest}`, at("latest"));
    await destination.removeDamaged(digestOf(one.digest));
    expect(readdirSync(at("store"))).toEqual([]);
    expect(readdirSync(directory).includes("latest")).toBe(named === two);
  }
  rmSync(at("latest"));
});

test("DST-62, DST-71, DST-77, DST-82, DST-92: what records say, and what stands for one that is damaged", async () => {
  const first = digestOf(one.digest);
  const empty = { owed: [], good: undefined, refusals: [], hold: undefined, seen: new Map() };
  const read = () => {
    const { owed, good, refusals, hold, seen } = destination.records();
    return { owed, good, refusals, hold, seen };
  };
  expect([read(), destination.recordWarnings()]).toEqual([empty, []]);
  const names = [".owed", ".good", ".refused", ".hold", ".seen"];
  for (const name of names) writeFileSync(at(name), "damaged");
  // Without an image in use there is nothing to owe, nor to hold.
  expect(read()).toEqual({ ...empty, seen: "damaged" as never });
  symlinkSync(`store/${one.digest}`, at("latest"));
  expect(read()).toEqual({
    ...empty,
    ...{ owed: [{ digest: first, done: [] }] as never, hold: first as never },
    seen: "damaged" as never,
  });
  expect(destination.recordWarnings().map((text) => text.split(" is damaged")[0])).toEqual(
    names.map(at),
  );
  await destination.writeHold(undefined);
  await destination.perform({ step: "refuse", refusals: [] });
  await destination.perform({ step: "good", image: first });
  await destination.perform({ step: "record", owed: [] });
  expect(readdirSync(directory).toSorted()).toEqual([".good", ".lock", ".seen", "latest"]);
  expect([read().good, destination.recordWarnings().length]).toEqual([first, 1]);
  await destination.writeSeen(new Map());
  expect(destination.recordWarnings()).toEqual([]);
});

test("DST-92: what .seen says already is not written again", async () => {
  const seen = new Map([[digestOf(one.digest), 1_700_000_000]]);
  await destination.writeSeen(seen);
  const { ino } = lstatSync(at(".seen"));
  await destination.writeSeen(seen);
  expect(lstatSync(at(".seen")).ino).toBe(ino);
  await destination.writeSeen(new Map([[digestOf(two.digest), 1_700_000_000]]));
  expect(readFileSync(at(".seen"), "utf8")).toContain(two.digest);
});

test("ACT-6: since when a restart is owed is when .owed was written", () => {
  expect(destination.owedSince()).toBe(0);
  writeFileSync(at(".owed"), "");
  utimesSync(at(".owed"), 1_700_000_000, 1_700_000_000);
  expect(destination.owedSince()).toBe(1_700_000_000_000);
});

test("FET-102: it can be locked unless somebody has the lock, or it is not to be opened", async () => {
  const other = openDestination(directory);
  expect(other.canBeLocked()).toBe(false);
  destination[Symbol.dispose]();
  expect([other.canBeLocked(), other.canBeLocked()]).toEqual([true, true]);
  rmSync(at(".lock"));
  mkdirSync(at(".lock"));
  expect(other.canBeLocked()).toBe(false);
  rmSync(at(".lock"), { recursive: true });
});

test.skipIf(!isRoot)("DST-33: as root, a directory that others can change gets a warning", () => {
  const warnings = () =>
    openDestination(directory)
      .permissionWarnings()
      .map((text) => text.replace(directory, "."));
  expect(warnings()).toEqual([]);
  mkdirSync(at("store"));
  chmodSync(at("store"), 0o775);
  expect(warnings()).toEqual(["./store can be written by its group or by others"]);
  chmodSync(at("store"), 0o757);
  expect(warnings()).toHaveLength(1);
  chownSync(directory, 65534, 65534);
  chmodSync(at("store"), 0o755);
  expect(warnings()).toEqual([". belongs to another user (uid 65534), who can change images"]);
  chownSync(directory, 0, 0);
});

test("DST-36: that there can be links is tried before the first one, and leaves nothing", () => {
  destination.requireLinks(digestOf(one.digest));
  expect(readdirSync(directory)).toEqual([".lock"]);
  // One that is there is proof enough: what is in the way of the next one is met then.
  symlinkSync(`store/${one.digest}`, at("latest"));
  mkdirSync(at(".latest.new"));
  destination.requireLinks(digestOf(two.digest));
  rmSync(at("latest"));
  expect(() => destination.requireLinks(digestOf(two.digest))).toThrow();
});

test("DST-90: what is known of 30,000 young images is read again", async () => {
  const digits = (index: number) => digestOf(index.toString(16).padStart(64, "0"));
  const seen = new Map(
    Array.from({ length: 30_000 }, (_, index) => [digits(index), 1_700_000_000]),
  );
  await destination.writeSeen(seen);
  expect(openDestination(directory).records().seen).toEqual(seen);
});
