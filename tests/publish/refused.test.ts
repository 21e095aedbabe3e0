// What publishers are refused, in this very process (spec/publish.md): each error with all that is shown of it, and that
// nothing was written. The same by the program, and what is written, is in the files beside this one.

import { expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateKeyFile } from "../../src/commands/gen-key.ts";
import { pruneOrigin } from "../../src/commands/prune/prune-origin.ts";
import { publicKeyOf } from "../../src/commands/public-key.ts";
import type { StoreOptions } from "../../src/commands/store-options.ts";
import { parseSha256Hex } from "../../src/core/digest.ts";
import { Bench } from "../fetch/bench.ts";
import {
  image,
  key,
  manifestOf,
  secondKey,
  sha256sum,
  thirdKey,
  write,
} from "../support/publishing.ts";
import { failureOf, type Seen, seen, warningsOf } from "../support/told.ts";
import { Publisher } from "./publisher.ts";

const one = image("1.0.0");

test("PUB-27 to PUB-74: every refusal, as it is shown, and nothing is written", async () => {
  await using publisher = await Publisher.create();
  const { directory } = publisher;
  const file = publisher.file("app.img", one.content);
  const empty = publisher.file("empty.img", "");
  publisher.file("1.0", "");
  const source = join(directory, "manifest");
  const rotates = { rotateKey: secondKey.public };
  const absent = "there is no manifest";
  const cut = "Nothing is published. It may be cut off, or be another file.";
  const digest = (text: string) => parseSha256Hex(sha256sum(text))!;
  const stored = { image: file, version: "1.0.0" };
  const first: readonly (readonly [Partial<StoreOptions>, Seen])[] = [
    [
      { ...stored, isNew: false },
      {
        ...{ kind: "storage", message: absent, source },
        hint: "Get the one that is published: hosts refuse any without its entries. --new begins an origin.",
      },
    ],
    [
      rotates,
      {
        ...{ kind: "storage", message: absent, source },
        hint: "Rotating a key needs the manifest that the old one signed.",
      },
    ],
    [
      { ...rotates, isNew: true },
      { kind: "usage", message: "--new and --rotate-key exclude each other" },
    ],
    [{ version: "1" }, { kind: "usage", message: "IMAGE is missing" }],
    [{ image: file }, { kind: "usage", message: "VERSION is missing" }],
    [{}, { kind: "usage", message: "IMAGE is missing" }],
    [
      { ...rotates, dryRun: true },
      { kind: "usage", message: "IMAGE is missing" },
    ],
    [
      { ...rotates, image: file },
      { kind: "usage", message: "VERSION is missing" },
    ],
    [
      { image: file, version: key.secret },
      {
        ...{ kind: "usage", message: "the version is a secret key, which would be published" },
        hint: "A key is given with --key-file FILE; treat this one as exposed.",
      },
    ],
    [
      { image: join(publisher.folder, "none"), version: join(publisher.folder, "1.0") },
      {
        ...{ kind: "storage", message: "there is no such image" },
        ...{ source: join(publisher.folder, "none"), hint: "IMAGE comes before VERSION." },
      },
    ],
    ...[false, true].flatMap((dryRun): [Partial<StoreOptions>, Seen][] => [
      [
        { image: empty, version: "1.0.0", dryRun },
        {
          ...{ kind: "failed", message: "the image is empty", source: empty },
          hint: "What makes it may have failed. Store it all the same with --allow-empty.",
        },
      ],
      [
        { ...stored, dryRun, expected: { size: 20 } },
        {
          ...{ kind: "digest", source: file, hint: cut },
          message: "the image has another size: expected 20, got 19",
        },
      ],
      [
        { ...stored, dryRun, expected: { size: 19, digest: digest("x") } },
        {
          ...{ kind: "digest", source: file, hint: cut },
          message: `the image has another SHA-256: expected ${digest("x")}, got ${one.digest}`,
        },
      ],
    ]),
  ];
  for (const [options, expected] of first) {
    expect(seen(await publisher.failure(options))).toEqual(expected);
    expect([existsSync(source), publisher.names().filter((name) => name !== "store")]).toEqual([
      false,
      [],
    ]);
  }
  expect(seen(await publisher.failure({ ...rotates, rotateKey: "x" }))).toMatchObject({
    ...{ kind: "key", source: "--rotate-key" },
  });

  await publisher.store(stored);
  const before = publisher.snapshot();
  const then: readonly (readonly [Partial<StoreOptions>, string, Seen])[] = [
    [
      { image: file, version: "1.1.0", isNew: true },
      key.secret,
      {
        ...{ kind: "failed", message: "it is not new: version 1.0.0 is in it", source },
        hint: "--new is for the first version of an origin alone; leave it out.",
      },
    ],
    [
      stored,
      secondKey.secret,
      {
        ...{ kind: "signature", message: "the manifest is signed by another key", source },
        hint: "Use that key, or, after all hosts have the new PublicKey=, change to this one: tako store --rotate-key OLD_PUBLIC_KEY.",
      },
    ],
    [
      { rotateKey: thirdKey.public },
      secondKey.secret,
      {
        ...{ kind: "signature", source },
        message: "the manifest is signed neither by the old nor by the new key",
        hint: "OLD_PUBLIC_KEY is the one that hosts have now, in their PublicKey=.",
      },
    ],
  ];
  for (const [options, secret, expected] of then) {
    for (const dryRun of options.image === undefined ? [false] : [false, true]) {
      const environment = { TAKO_SECRET_KEY: secret };
      expect(seen(await publisher.failure({ ...options, dryRun }, environment))).toEqual(expected);
      expect(publisher.snapshot()).toEqual(before);
    }
  }
  write(source, manifestOf([image("2.0"), image("1.0")]));
  expect(seen(await publisher.failure(stored))).toEqual({
    ...{ kind: "storage", source, line: 4 },
    message: expect.stringMatching(/^the manifest is damaged: ./),
    hint: "Restore it from a copy, such as a host's: hosts refuse a manifest without its entries.",
  });
});

test("PUB-66, PUB-78: a dry run says whether it is the very version that is published", async () => {
  await using publisher = await Publisher.create();
  for (const version of ["1.0.0", "1.1.0"]) {
    await publisher.store({ image: publisher.file(version, version), version });
  }
  const plan = (version: string, content: string) =>
    publisher.store({ image: publisher.file("app.img", content), version, dryRun: true });
  const changed = { stored: "nothing", changed: false };
  expect(await plan("1.0.0", "1.0.0")).toMatchObject({
    ...{ ...changed, version: "1.0.0", sha256: sha256sum("1.0.0"), size: 5 },
    published: "1.0.0",
  });
  for (const [version, content] of [
    ["1.0", "1.0.0"],
    ["1.0.0", "other"],
  ] as const) {
    expect(await failureOf(() => plan(version, content))).toMatchObject({
      ...{
        kind: "failed",
        hint: "Published versions never change; publish under a newer version.",
      },
    });
  }
  expect(await plan("1.2.0", "1.0.0")).toMatchObject({ published: undefined });
  expect(publisher.warnings().at(-1)).toBe(
    "1.2.0 has the same bytes as 1.0.0, which is published already",
  );
});

test("PUB-61, PUB-62, PUB-65, PUB-81: a key pair is two new files, or none", async () => {
  await using publisher = await Publisher.create();
  const path = join(publisher.folder, "new.key");
  const randomBytes = () => key.seed;
  const hint = "It is never overwritten: it may be a key in use. Choose another name.";
  for (const taken of [path, `${path}.pub`]) {
    writeFileSync(taken, "mine");
    chmodSync(taken, 0o640);
    expect(await failureOf(() => generateKeyFile(path, { randomBytes }))).toEqual({
      ...{ kind: "storage", message: "it exists already", source: taken, hint },
    });
    expect([readFileSync(taken, "utf8"), statSync(taken).mode & 0o777]).toEqual(["mine", 0o640]);
    expect(existsSync(taken === path ? `${path}.pub` : path)).toBe(false);
    await Bun.file(taken).delete();
  }
  const made = await generateKeyFile(path, { randomBytes });
  expect(made).toMatchObject({ secretFile: path, publicFile: `${path}.pub` });
  expect(made.publicKey.text).toBe(key.public);
  const of = (name: string) => [readFileSync(name, "utf8"), statSync(name).mode & 0o777];
  expect(of(path)).toEqual([`${key.secret}\n`, 0o600]);
  expect(of(`${path}.pub`)).toEqual([`${key.public}\n`, 0o644]);
  // Too long with its ending alone.
  const long = join(publisher.folder, "x".repeat(253));
  expect(await failureOf(() => generateKeyFile(long, { randomBytes }))).toEqual({
    ...{ kind: "storage", message: "cannot read it: the name is too long", source: `${long}.pub` },
  });
  const missing = join(publisher.folder, "none", "new.key");
  expect(await failureOf(() => generateKeyFile(missing, { randomBytes }))).toMatchObject({
    ...{ kind: "storage", source: missing },
  });
});

test("PUB-1, PUB-4, PUB-80: the public key of a secret one, with the warnings of a store", async () => {
  using bench = new Bench();
  const found = await publicKeyOf({ key: key.secret }, bench.effects);
  expect([found.text, warningsOf(bench.events).length]).toEqual([key.public, 1]);
  const environment = { TAKO_SECRET_KEY: secondKey.secret };
  const keyFile = bench.host.write("key", `${key.secret}\n`);
  chmodSync(keyFile, 0o600);
  expect((await publicKeyOf({ keyFile }, { ...bench.effects, environment })).text).toBe(key.public);
  expect((await publicKeyOf({}, { ...bench.effects, environment })).text).toBe(secondKey.public);
});

test("PRU-20, PRU-21, PRU-22: what goes from an origin, whose manifest anybody signed, and what it is refused for", async () => {
  using bench = new Bench();
  const { host, effects } = bench;
  const images = ["1.0.0", "1.1.0"].map((version) => image(version));
  host.publish(...images);
  const directory = host.originDirectory;
  const source = join(directory, "manifest");
  const prune = (options = {}) =>
    pruneOrigin({ directory, keep: 1, pattern: "*", dryRun: false, ...options }, effects);
  expect(await failureOf(() => prune({ pattern: "1 2" }))).toMatchObject({ kind: "pattern" });
  expect((await prune({ dryRun: true })).outcome).toBe("planned");
  expect((await prune({ dryRun: true, keep: 2 })).outcome).toBe("nothing");
  write(source, manifestOf(images, secondKey));
  expect((await prune()).outcome).toBe("pruned");
  const { version, digest, content } = images[0]!;
  expect(bench.events).toEqual([
    {
      event: "removed",
      what: "image",
      version,
      sha256: parseSha256Hex(digest)!,
      size: content.length,
    },
  ]);
  expect((await prune()).outcome).toBe("nothing");
  write(source, manifestOf([...images].reverse()));
  expect(await failureOf(prune)).toEqual({
    ...{ kind: "storage", source, line: 4 },
    message: expect.stringMatching(/^the manifest is damaged: ./),
    hint: "Restore it from a copy, such as a host's: hosts refuse a manifest without its entries.",
  });
  await Bun.file(source).delete();
  for (const dryRun of [false, true]) {
    expect(await failureOf(() => prune({ dryRun }))).toEqual({
      ...{ kind: "storage", message: "there is no manifest", source },
      hint: "--output is an origin that tako store has made; without it, tako prune is for hosts.",
    });
  }
});
