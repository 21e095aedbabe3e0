// What `tako verify` finds, in this very process (spec/verify.md): every error with its hint, every warning, and what is
// told of each image. The same by the program is in verify.test.ts.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import type { Event } from "../../src/commands/events.ts";
import type { VerifyResult } from "../../src/commands/verify/result.ts";
import { verifyAll } from "../../src/commands/verify/verify.ts";
import { parsePublicKey } from "../../src/core/keys.ts";
import { type ConfigLines, type Contents, createHost, type Host } from "../support/host.ts";
import {
  bigImage,
  image,
  key,
  manifestOf,
  secondKey,
  sha256sum,
  write,
} from "../support/publishing.ts";
import { failureOf, seen, warningsOf } from "../support/told.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")];
const SIZE = one.content.length;
/** As large as it, with other bytes. */
const other = { ...one, content: one.content.replace("i", "j") };
const isRoot = process.getuid?.() === 0;
const root = test.skipIf(!isRoot);

async function verify(
  paths: readonly string[],
  publicKey?: string,
  onResult: (result: VerifyResult) => void = () => {},
) {
  const events: Event[] = [];
  const results: VerifyResult[] = [];
  const given = publicKey === undefined ? undefined : parsePublicKey(publicKey);
  const report = (event: Event) => void events.push(event);
  await verifyAll({ paths, publicKey: given }, { report }, (result) => {
    results.push(result);
    onResult(result);
  });
  const errors = results.flatMap((result) => result.errors.map(seen));
  return { events, results, errors, warnings: warningsOf(events) };
}

/** A host that uses the newest of two images, unless told. */
function hostWith(
  lines: ConfigLines = {},
  contents: Contents = { published: [one, two], latest: two },
): Host {
  const host = createHost();
  host.configure(lines);
  host.install(contents);
  return host;
}

const at = (host: Host, { digest }: { readonly digest: string }) => host.path(`store/${digest}`);

describe("a host", () => {
  test("VFY-10, VFY-12: each way in which an image is damaged, and what repairs it", async () => {
    using host = hostWith({}, { published: [one, two, three], latest: three });
    write(host.path(".hold"), `${two.digest}\n`);
    write(at(host, one), other.content, 0o444);
    write(at(host, two), "cut", 0o444);
    write(at(host, three), three.content.replace("i", "j"), 0o444);
    const stray = image("stray");
    write(at(host, stray), "other", 0o444);
    const { results, errors, events } = await verify([host.file]);
    const anew = `tako fetch ${host.file} gets it anew, or a newer one in its place.`;
    const kind = "storage";
    expect(errors).toEqual([
      {
        ...{ kind, source: at(host, one) },
        message: `the image of 1.0.0 is damaged: its SHA-256 is ${sha256sum(other.content)}`,
        hint: `It is not in use. Remove it: rm ${at(host, one)}`,
      },
      {
        ...{ kind, source: at(host, two) },
        message: `the image of 1.1.0 is damaged: it has 3 bytes, and the manifest says ${SIZE}`,
        hint: anew,
      },
      {
        ...{ kind, source: at(host, three), hint: anew },
        message: `the image of 1.2.0 is damaged: its SHA-256 is ${sha256sum(three.content.replace("i", "j"))}`,
      },
      {
        ...{ kind, source: at(host, stray) },
        message: `this image is damaged: its SHA-256 is ${sha256sum("other")}`,
        hint: `It is not in use. Remove it: rm ${at(host, stray)}`,
      },
    ]);
    expect(results).toMatchObject([{ of: { config: host.file }, inUse: "1.2.0" }]);
    const damaged = "damaged";
    expect(
      results[0]?.images.map(({ sha256, version, size, state }) => [sha256, version, size, state]),
    ).toEqual([
      [one.digest, "1.0.0", SIZE, damaged],
      [two.digest, "1.1.0", 3, damaged],
      [three.digest, "1.2.0", SIZE, damaged],
      [stray.digest, undefined, 5, damaged],
    ]);
    // VFY-40: an event for each, with the config; what is no longer than it should be is not read.
    const told = events.filter(({ event }) => event === "image");
    expect(told).toHaveLength(4);
    expect(told).toContainEqual({
      ...{ event: "image", config: host.file, version: "1.1.0", sha256: two.digest },
      ...{ size: 3, path: at(host, two), state: damaged },
    });
    const read = events.flatMap((event) => (event.event === "hashing" ? [event] : []));
    expect(new Set(read.map(({ sha256 }) => sha256))).toEqual(
      new Set([one, three, stray].map(({ digest }) => digest)),
    );
    expect(read).toContainEqual({
      ...{ event: "hashing", config: host.file, version: "1.0.0", sha256: one.digest },
      ...{ size: SIZE, done: SIZE },
    });
  });

  test("VFY-5, VFY-10: images are told in the order of the manifest, by the newest of their versions, and the largest is read first", async () => {
    const [small, large] = [image("2.0.0", "x"), bigImage("1.0.0", 3000)];
    const again = image("3.0.0", large.content);
    using host = hostWith({}, { published: [large, small, again], latest: small });
    for (const content of ["a", "bb", "ccc"]) {
      write(at(host, { digest: sha256sum(content) }), content, 0o444);
    }
    const { events, results } = await verify([host.file]);
    expect(results[0]?.images.map(({ version, state }) => [version, state])).toEqual([
      ["3.0.0", "whole"],
      ["2.0.0", "whole"],
      ...Array.from({ length: 3 }, () => [undefined, "whole"]),
    ]);
    const sizes = events.flatMap((event) => (event.event === "image" ? [event.size] : []));
    expect(sizes).toEqual([3000, 3, 2, 1, 1]);
  });

  root("VFY-11, DST-34: who else could change an image", async () => {
    using host = hostWith({}, { published: [one, two, three], latest: three });
    chmodSync(at(host, one), 0o464);
    linkSync(at(host, two), host.at("backup"));
    chownSync(at(host, three), 1234, 1234);
    const { errors, results } = await verify([host.file]);
    const exposed = "can be changed by others: by its owner, or by its mode";
    const named = "has another name, too (a hard link), by which it can be changed";
    expect(errors.map(({ message, hint }) => [message, hint])).toEqual([
      [`the image of 1.0.0 ${exposed}`, `It is not in use. Remove it: rm ${at(host, one)}`],
      [`the image of 1.1.0 ${named}`, `It is not in use. Remove it: rm ${at(host, two)}`],
      [
        `the image of 1.2.0 ${exposed}`,
        `tako fetch ${host.file} gets it anew, or a newer one in its place.`,
      ],
    ]);
    expect(results[0]?.images.map(({ state }) => state)).toEqual(["exposed", "linked", "exposed"]);
  });

  test("VFY-13, VFY-20, DST-27: what is not of its kind", async () => {
    using host = hostWith();
    const records = [".owed", ".good", ".refused", ".hold", ".etag", ".seen"];
    for (const name of records) mkdirSync(host.path(name));
    unlinkSync(at(host, one));
    mkdirSync(at(host, one));
    unlinkSync(host.path("latest"));
    writeFileSync(host.path("latest"), "");
    const { errors, results, warnings } = await verify([host.file]);
    const hint = "Tako did not make it and leaves it untouched; look at it and move it away.";
    const not = (path: string, kind = "regular file") => ({
      ...{ kind: "storage", source: path, message: `it is not a ${kind}`, hint },
    });
    expect(errors).toEqual([
      not(host.path("latest"), "symbolic link"),
      ...records.map((name) => not(host.path(name))),
      not(at(host, one)),
    ]);
    expect(results[0]?.images.map(({ state }) => state)).toEqual(["unreadable", "whole"]);
    expect(warnings).toEqual([]);
    rmSync(host.path("store"), { recursive: true });
    writeFileSync(host.path("store"), "");
    rmSync(host.path("manifest"));
    mkdirSync(host.path("manifest"));
    const again = await verify([host.file]);
    expect(again.errors.slice(0, 2)).toEqual([
      not(host.path("manifest")),
      not(host.path("store"), "directory"),
    ]);
    expect(again.results[0]).toMatchObject({ images: [], inUse: undefined });
  });

  test("VFY-20, DST-5: a destination that is not there, and a latest that leads nowhere", async () => {
    using host = hostWith();
    const hint = `tako fetch ${host.file} puts an image into use.`;
    const latest = { kind: "storage", source: host.path("latest"), hint };
    unlinkSync(at(host, two));
    const gone = await verify([host.file]);
    expect(gone.errors).toEqual([
      { ...latest, message: `it names ${two.digest}, and there is no such image` },
    ]);
    unlinkSync(host.path("latest"));
    symlinkSync("/etc/passwd", host.path("latest"));
    const elsewhere = await verify([host.file]);
    expect(elsewhere.errors).toEqual([{ ...latest, message: "it names no image of store/" }]);
    expect(elsewhere.results[0]?.inUse).toBeUndefined();
    unlinkSync(host.path("latest"));
    expect((await verify([host.file])).errors).toEqual([]);
    rmSync(host.destination, { recursive: true });
    const missing = await verify([host.file]);
    expect(missing.errors).toEqual([
      {
        ...{ kind: "storage", source: host.destination, message: "there is no such directory" },
        hint: "Tako does not make it: mkdir it with the owner and mode that it should have.",
      },
    ]);
    expect(missing.results).toMatchObject([
      { of: { config: host.file }, images: [], inUse: undefined },
    ]);
  });

  test("VFY-3: a manifest of another key, changed or cut, and none", async () => {
    using host = hostWith({}, { published: [one, two], signer: secondKey, latest: two });
    const source = host.path("manifest");
    const foreign = await verify([host.file]);
    expect(foreign.errors).toEqual([
      {
        ...{ kind: "signature", source },
        message: "the manifest is not signed by any PublicKey= of the config",
        hint: `tako fetch ${host.file} takes the origin's, unless that lacks an entry of this one: then rm ${host.path("manifest")}`,
      },
    ]);
    expect(foreign.results[0]).toMatchObject({
      inUse: "1.1.0",
      images: [{ version: "1.0.0" }, {}],
    });
    host.replace("manifest", manifestOf([two, one]));
    const damaged = await verify([host.file]);
    expect(damaged.errors).toMatchObject([
      {
        ...{ kind: "manifest", source, line: 4 },
        hint: `Restore it, or remove it to start the history anew: tako fetch ${host.file} gets it.`,
      },
    ]);
    // Nothing says which versions they are, so none of them is one too many.
    expect(damaged.warnings).toEqual([]);
    expect(damaged.results[0]).toMatchObject({
      inUse: two.digest,
      images: [{ state: "whole" }, { state: "whole" }],
    });
    unlinkSync(source);
    const absent = await verify([host.file]);
    expect([absent.errors, absent.warnings]).toEqual([[], []]);
    expect(absent.results[0]).toMatchObject({ inUse: two.digest, images: [{}, {}] });
  });

  root(
    "VFY-15, VFY-21: what is loose, odd or not Tako's, each time one warning for all, in this order",
    async () => {
      using host = hostWith({}, { published: [one], latest: one });
      const loose = "others can change it, by its owner or by its mode";
      for (const name of ["d", "c", "b", "a"]) writeFileSync(host.path(`store/${name}`), "");
      const strays = ["1", "2", "3", "4", "5"].map((version) => image(version, version));
      for (const each of strays.slice(0, 3)) write(at(host, each), each.content, 0o444);
      for (const each of strays.slice(3)) write(at(host, each), each.content, 0o644);
      write(host.path(`store/${two.digest}.partial`), "half", 0o600);
      const names = [".good", ".hold"];
      for (const name of names) write(host.path(name), `${one.digest}\n`, 0o664);
      write(host.path(".owed"), "x", 0o644);
      chownSync(host.path(".owed"), 1234, 0);
      chmodSync(host.path(".lock"), 0o622);
      chmodSync(host.file, 0o666);
      chmodSync(host.destination, 0o775);
      chownSync(host.path("store"), 1234, 0);
      const { errors, warnings } = await verify([host.file]);
      expect(errors).toEqual([]);
      const unlisted = `in ${host.path("store")} is an image that the manifest does not list`;
      expect(warnings).toEqual([
        "it can be written by its group or by others, who can change the config",
        `a, b, c and 1 more: in ${host.path("store")} is not Tako's, and is left alone`,
        expect.stringMatching(
          new RegExp(`^([0-9a-f]{64}, ){2}[0-9a-f]{64} and 2 more: ${unlisted}$`),
        ),
        `${host.destination} can be written by its group or by others`,
        `${host.path("store")} belongs to another user (uid 1234), who can change images`,
        `${host.path(".owed")}, ${host.path(".good")}, ${host.path(".hold")} and 1 more: ${loose}`,
        expect.stringMatching(/^\S+[0-9a-f]{64}, \S+[0-9a-f]{64}: its mode is not 0444$/),
        `${host.path(".owed")} is damaged, and counts as owing a restart to every unit`,
      ]);
      for (const { digest } of strays.slice(3)) expect(warnings[6]).toContain(at(host, { digest }));
      // Three are all named.
      unlinkSync(host.path("store/d"));
      const fewer = await verify([host.file]);
      expect(fewer.warnings[1]).toStartWith("a, b, c: in ");
    },
  );

  test("VFY-30 to VFY-35: records that do not fit, by their versions or else by their digests", async () => {
    const stray = image("stray");
    using host = hostWith(
      { Slots: "a b", Restart: "app@.service", Check: "web.service", WatchSec: "1s" },
      { published: [one, two], store: [one, stray], latest: stray },
    );
    write(host.path(".good"), `${two.digest}\n`);
    write(host.path(".hold"), `${one.digest}\n`);
    write(host.path(".refused"), `${stray.digest} ${one.digest} 1700000000 failed\n`);
    write(host.path(".owed"), `${stray.digest}\n`);
    symlinkSync(`store/${one.digest}`, host.path("a"));
    const { warnings, errors, results } = await verify([host.file]);
    expect([errors, results[0]?.inUse]).toEqual([[], stray.digest]);
    expect(warnings).toEqual([
      `${stray.digest}: in ${host.path("store")} is an image that the manifest does not list`,
      `latest names ${stray.digest}, which the manifest does not list: tako fetch decides`,
      "a restart of app@a.service app@b.service is owed: tako fetch does it",
      `${stray.digest} is in use, and did not work here: tako fetch goes back, tako release lets it be`,
      `the host is held on 1.0.0, and ${stray.digest} is in use: tako fetch follows the hold, tako release ends it`,
      "1.1.0, the version to go back to, has no image here",
      "not one slot is linked as latest is (linked as slots are a): tako fetch settles it",
    ]);
    unlinkSync(host.path("a"));
    expect((await verify([host.file])).warnings.at(-1)).toBe(
      "not one slot is linked as latest is (no slot is): tako fetch settles it",
    );
  });
});

describe("the directory of an origin", () => {
  test("VFY-4, VFY-12, VFY-14: what is wrong with it, and what repairs it", async () => {
    using host = createHost();
    const origin = host.originDirectory;
    host.publish(one, two, three);
    const inStore = ({ digest }: typeof one) => `${origin}/store/${digest}`;
    const { results, warnings } = await verify([origin], key.public);
    expect(warnings).toEqual([]);
    expect(results).toMatchObject([{ of: { directory: origin }, inUse: undefined, errors: [] }]);
    expect(results[0]?.images.map(({ version, state }) => [version, state])).toEqual(
      [one, two, three].map(({ version }) => [version, "whole"]),
    );
    unlinkSync(inStore(one));
    write(inStore(two), "cut");
    unlinkSync(inStore(three));
    writeFileSync(`${inStore(three)}.gone`, `${three.digest}\n`);
    writeFileSync(`${inStore(two)}.gone`, `${two.digest}\n`);
    // What is no mark to a host is none here (FET-111).
    writeFileSync(`${inStore(one)}.gone`, `${three.digest}\n`);
    const stray = image("stray");
    write(inStore(stray), "other");
    const again = (version: string) =>
      `tako store -o ${origin} IMAGE ${version} puts the same bytes there again`;
    const kind = "storage";
    const wrong = await verify([origin], key.public);
    expect(wrong.errors).toEqual([
      {
        ...{ kind, source: inStore(two), hint: `${again("1.1.0")}.` },
        message: `the image of 1.1.0 is damaged: it has 3 bytes, and the manifest says ${SIZE}`,
      },
      {
        ...{
          kind,
          source: inStore(stray),
          hint: `The manifest does not list it. Remove it: rm ${inStore(stray)}`,
        },
        message: `this image is damaged: its SHA-256 is ${sha256sum("other")}`,
      },
      {
        ...{ kind, source: inStore(one), message: "the image of 1.0.0 is missing" },
        hint: `${again("1.0.0")}; removed on purpose, it is marked by a file ${one.digest}.gone.`,
      },
    ]);
    expect(wrong.results[0]?.images.at(-1)).toMatchObject({
      ...{ sha256: one.digest, version: "1.0.0", size: SIZE, state: "missing" },
    });
    expect(wrong.warnings).toEqual([
      `${stray.digest}: in ${origin}/store is an image that the manifest does not list`,
      `${inStore(two)}.gone: it marks an image as removed that is here: tako prune removes the image, tako store the mark`,
    ]);
    // Of versions that share a missing image, the newest is named, once.
    host.publish(one, image("1.0.1", one.content));
    unlinkSync(inStore(one));
    const shared = await verify([origin], key.public);
    expect(shared.errors.filter(({ source }) => source === inStore(one))).toMatchObject([
      { message: "the image of 1.0.1 is missing" },
    ]);
  });

  test("VFY-3, VFY-4: whose manifest it is, that nobody looked, and none", async () => {
    using host = createHost();
    const origin = host.originDirectory;
    host.publish(one);
    const unchecked = await verify([origin]);
    expect([unchecked.errors, unchecked.warnings]).toEqual([
      [],
      ["the signature of the manifest was not checked: that takes --public-key"],
    ]);
    const source = `${origin}/manifest`;
    const foreign = await verify([origin], secondKey.public);
    expect(foreign.errors).toEqual([
      {
        ...{ kind: "signature", source },
        message: `the manifest is not signed by ${secondKey.public}`,
      },
    ]);
    expect(foreign.results[0]?.images).toMatchObject([{ version: "1.0.0", state: "whole" }]);
    write(source, manifestOf([two, one]));
    const damaged = await verify([origin], key.public);
    expect(damaged.errors).toMatchObject([
      { kind: "manifest", source, line: 4, hint: "Restore it from a copy, such as a host's." },
    ]);
    expect(damaged.results[0]?.images).toMatchObject([{ state: "whole" }]);
    expect(damaged.warnings).toEqual([]);
    // The key may be another's and an image damaged: both are told.
    write(source, manifestOf([one]));
    rmSync(`${origin}/store`, { recursive: true });
    writeFileSync(`${origin}/store`, "");
    const both = await verify([origin], secondKey.public);
    expect(both.errors.map(({ kind, source }) => [kind, source])).toEqual([
      ["signature", source],
      ["storage", `${origin}/store`],
    ]);
    expect(both.results).toMatchObject([
      { of: { directory: origin }, images: [], inUse: undefined },
    ]);
  });

  root(
    "VFY-11, VFY-13: who else may write there is a warning, what cannot be read an error",
    async () => {
      using host = createHost();
      const origin = host.originDirectory;
      host.publish(one, two, three);
      chmodSync(`${origin}/manifest`, 0o664);
      chmodSync(`${origin}/store/${one.digest}`, 0o646);
      linkSync(`${origin}/store/${two.digest}`, host.at("backup"));
      const path = `${origin}/store/${three.digest}`;
      unlinkSync(path);
      mkdirSync(path);
      const { errors, warnings, results } = await verify([origin], key.public);
      expect(errors).toMatchObject([{ source: path, message: "it is not a regular file" }]);
      expect(warnings).toEqual([
        `${origin}/manifest, ${origin}/store/${one.digest}: others can change it, by its owner or by its mode`,
      ]);
      expect(results[0]?.images.map(({ state }) => state)).toEqual([
        "exposed",
        "linked",
        "unreadable",
      ]);
    },
  );
});

describe("the command", () => {
  test("VFY-1, VFY-4: usage errors", async () => {
    using host = hostWith();
    host.publish(one);
    expect(await failureOf(() => verify([host.destination]))).toEqual({
      ...{ kind: "usage", message: `${host.destination} is the destination of a host` },
      hint: "For a host, commands take its config; an origin is another directory.",
    });
    const forOrigin = "option --public-key is for the directory of an origin";
    for (const paths of [[host.file], [], [host.originDirectory, host.originDirectory]]) {
      expect(await failureOf(() => verify(paths, key.public))).toEqual({
        ...{ kind: "usage", message: forOrigin },
      });
    }
    // Two directories are those of configs.
    const { errors } = await verify([host.originDirectory, host.destination]);
    expect(errors.map(({ message }) => message)).toEqual(
      Array(2).fill("there is no *.tako file in this directory"),
    );
  });

  test("VFY-5: results in the order of the configs, also where the first takes longest and many follow", async () => {
    const large = bigImage("1.0.0", 3_000_000);
    using host = hostWith({}, { published: [large], latest: large });
    const others = Array.from({ length: 12 }, (_, index) => host.config(`b${index}`));
    const files = [host.file, ...others.map((name) => host.at(name)), host.at("gone.tako")];
    const { results, errors } = await verify(files);
    expect(results.map(({ of }) => of)).toEqual(files.map((config) => ({ config })));
    expect(errors).toMatchObject([{ kind: "config", source: host.at("gone.tako") }]);
    expect(results.at(-1)).toMatchObject({ images: [], inUse: undefined });
  });

  test("VFY-5: a fault of one ends the run in its turn, after what came before it was told", async () => {
    const large = bigImage("1.0.0", 3_000_000);
    using host = hostWith({}, { published: [large], latest: large });
    host.config("b");
    writeFileSync(host.at("b", ".hold"), "x");
    const told: VerifyResult[] = [];
    const report = (event: Event) => {
      if (event.event === "warning") throw new Error("a fault");
    };
    const paths = [host.file, host.at("b.tako")];
    const run = verifyAll({ paths, publicKey: undefined }, { report }, (result) =>
      told.push(result),
    );
    await expect(run).rejects.toThrow("a fault");
    expect(told).toMatchObject([{ of: { config: host.file }, errors: [] }]);
  });
});
