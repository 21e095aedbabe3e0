// Where the secret key comes from, and that nothing shows it.

import { expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { StoreOptions } from "../../src/commands/store-options.ts";
import { key, manifestOf, secondKey, thirdKey } from "../support/publishing.ts";
import { Publisher } from "./publisher.ts";

/** Stores an image and tells which of the keys signed the manifest. */
async function signer(
  publisher: Publisher,
  options: Partial<StoreOptions>,
  environment: Record<string, string>,
): Promise<string> {
  await using origin = await Publisher.create();
  const image = publisher.file("image", "one");
  await publisher.store(
    { image, version: "1", directory: origin.directory, ...options },
    environment,
  );
  const signers = { key, secondKey, thirdKey };
  const found = Object.entries(signers).find(([, pair]) => {
    return manifestOf([["1", "one"]], pair) === origin.manifest();
  });
  return found?.[0] ?? "nobody";
}

/** A directory as systemd makes it for a unit with LoadCredential=. */
function credentials(publisher: Publisher, secret: string): string {
  const directory = join(publisher.folder, "credentials");
  mkdirSync(directory, { recursive: true });
  publisher.file("credentials/tako-secret-key", secret);
  return directory;
}

test("PUB-1: option before environment before credential", async () => {
  await using publisher = await Publisher.create();
  const CREDENTIALS_DIRECTORY = credentials(publisher, thirdKey.secret);
  const TAKO_SECRET_KEY = secondKey.secret;
  const both = { TAKO_SECRET_KEY, CREDENTIALS_DIRECTORY };
  const keyFile = publisher.file("key", key.secret);
  expect(await signer(publisher, { key: key.secret }, both)).toBe("key");
  expect(await signer(publisher, { keyFile }, both)).toBe("key");
  expect(await signer(publisher, {}, both)).toBe("secondKey");
  expect(await signer(publisher, {}, { TAKO_SECRET_KEY: "", CREDENTIALS_DIRECTORY })).toBe(
    "thirdKey",
  );
});

test("PUB-1: white space around the key, a final line feed and CRLF are ignored", async () => {
  await using publisher = await Publisher.create();
  for (const text of [`${key.secret}\n`, `${key.secret}\r\n`, ` \t${key.secret} \n\n`]) {
    const keyFile = publisher.file("key", text);
    expect(await signer(publisher, { keyFile }, {})).toBe("key");
    expect(await signer(publisher, {}, { TAKO_SECRET_KEY: text })).toBe("key");
    const CREDENTIALS_DIRECTORY = credentials(publisher, text);
    expect(await signer(publisher, {}, { CREDENTIALS_DIRECTORY })).toBe("key");
  }
});

test("PUB-1: a key file may be a pipe, as <(pass show key) is", async () => {
  await using publisher = await Publisher.create();
  const keyFile = join(publisher.folder, "fifo");
  Bun.spawnSync(["mkfifo", keyFile]);
  const writer = Bun.spawn(["sh", "-c", 'echo "$1" >"$0"', keyFile, key.secret]);
  expect(await signer(publisher, { keyFile }, {})).toBe("key");
  await writer.exited;
  expect(publisher.warnings().filter((warning) => warning.includes("key file"))).toEqual([]);
});

test("PUB-2: -k and -f exclude each other", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const keyFile = publisher.file("key", key.secret);
  const error = await publisher.failure({ image, version: "1", key: key.secret, keyFile });
  expect(error.kind).toBe("usage");
  expect(publisher.names()).toEqual([]);
});

test("PUB-3: without a key, the error lists the four ways to give one", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  for (const environment of [{}, { CREDENTIALS_DIRECTORY: publisher.folder }]) {
    const error = await publisher.failure({ image, version: "1" }, environment);
    expect(error.kind).toBe("usage");
    for (const way of [
      "--key ",
      "--key-file",
      "TAKO_SECRET_KEY",
      "LoadCredential=tako-secret-key",
    ]) {
      expect(error.hint).toContain(way);
    }
  }
});

test("PUB-4: only --key warns that others can see it", async () => {
  await using publisher = await Publisher.create();
  const keyFile = publisher.file("key", key.secret);
  chmodSync(keyFile, 0o600);
  await signer(publisher, { keyFile }, {});
  await signer(publisher, {}, { TAKO_SECRET_KEY: key.secret });
  expect(publisher.warnings().join("\n")).not.toContain("other users");
  await signer(publisher, { key: key.secret }, {});
  expect(publisher.warnings().filter((warning) => warning.includes("other users"))).toHaveLength(1);
});

test("PUB-4: a key file that others may read is warned about", async () => {
  await using publisher = await Publisher.create();
  const keyFile = publisher.file("key", key.secret);
  for (const mode of [0o640, 0o604]) {
    chmodSync(keyFile, mode);
    publisher.events.length = 0;
    await signer(publisher, { keyFile }, {});
    const about = publisher.warnings().filter((warning) => warning.includes(keyFile));
    expect(about).toHaveLength(1);
    expect(about[0]).toContain("chmod 600");
  }
});

test("PUB-4: what is no key is not to be protected, but refused alone", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const keyFile = publisher.file("key", key.public);
  chmodSync(keyFile, 0o644);
  expect((await publisher.failure({ image, version: "1", keyFile })).kind).toBe("key");
  expect(publisher.warnings()).toEqual([]);
});

test("PUB-7: a file as --key gets the hint that files have another option", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const error = await publisher.failure({ image, version: "1", key: "secret.key" });
  expect(error.hint).toBe("A file that holds the key is given with --key-file.");
});

/** What `gen-key` prints for a pair (PUB-60). */
const printed = (pair: { readonly secret: string; readonly public: string }) =>
  `Secret key\n${pair.secret}\n\nPublic key\n${pair.public}\n`;

test("PUB-8: what gen-key prints is a key, in a file, the environment and a credential", async () => {
  await using publisher = await Publisher.create();
  for (const text of [printed(key), printed(key).replaceAll("\n", "\r\n")]) {
    const CREDENTIALS_DIRECTORY = credentials(publisher, text);
    expect(await signer(publisher, { keyFile: publisher.file("key", text) }, {})).toBe("key");
    expect(await signer(publisher, {}, { TAKO_SECRET_KEY: text })).toBe("key");
    expect(await signer(publisher, {}, { CREDENTIALS_DIRECTORY })).toBe("key");
  }
});

test("PUB-8: but not with another's public key, half of it, or twice", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const mixed = printed({ secret: key.secret, public: secondKey.public });
  for (const text of [mixed, printed(key).slice(0, -46), printed(key) + printed(key)]) {
    const keyFile = publisher.file("key", text);
    const error = await publisher.failure({ image, version: "1", keyFile });
    expect([error.kind, error.source]).toEqual(["key", keyFile]);
    expect(Bun.inspect(error)).not.toContain(key.secret.slice(7, 30));
  }
});

test("PUB-9: the error names the option, the variable or the file", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const keyFile = publisher.file("key", "no key");
  const CREDENTIALS_DIRECTORY = credentials(publisher, "no key");
  for (const [options, environment, source] of [
    [{ key: "no key" }, {}, "--key"],
    [{ keyFile }, {}, keyFile],
    [{}, { TAKO_SECRET_KEY: "no key" }, "TAKO_SECRET_KEY"],
    [{}, { CREDENTIALS_DIRECTORY }, join(CREDENTIALS_DIRECTORY, "tako-secret-key")],
  ] as const) {
    const error = await publisher.failure({ image, version: "1", ...options }, environment);
    expect([error.kind, error.source]).toEqual(["key", source]);
  }
});

test.each([
  [key.public, "public key"],
  ["-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n", "gen-key"],
  ["\n", "empty"],
  [`# the key\n${key.secret}\n`, "alone"],
])("PUB-9: %j is told for what it is", async (text, hint) => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const keyFile = publisher.file("key", text);
  const error = await publisher.failure({ image, version: "1", keyFile });
  expect([error.kind, error.hint]).toEqual(["key", expect.stringContaining(hint)]);
});

test("PUB-27: a key in the place of the version is never published, nor shown", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  for (const version of [key.secret, `v${key.secret}`, "1.0.0-SECRET+x"]) {
    const error = await publisher.failure({ image, version, key: key.secret });
    expect(error).toMatchObject({ kind: "usage", rule: "PUB-27" });
    for (const part of pieces(key.secret)) expect(Bun.inspect(error)).not.toContain(part);
  }
  expect(publisher.names()).toEqual([]);
});

test("PUB-5, PUB-6: a key that is not valid is refused, and no error or event shows any of it", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const { secret } = key;
  const invalid = [
    secret.slice("SECRET+".length),
    secret.slice(0, -1),
    `${secret.slice(0, -4)}AAAA`,
    secret.replace("SECRET+", "secret+"),
    `${secret}${secret}`,
    key.public,
  ];
  for (const text of invalid) {
    const CREDENTIALS_DIRECTORY = credentials(publisher, text);
    const errors = [
      await publisher.failure({ image, version: "1", key: text }),
      await publisher.failure({ image, version: "1", keyFile: publisher.file("key", text) }),
      await publisher.failure({ image, version: "1" }, { TAKO_SECRET_KEY: text }),
      await publisher.failure({ image, version: "1" }, { CREDENTIALS_DIRECTORY }),
    ];
    for (const error of errors) {
      expect(error.kind).toBe("key");
      const shown = Bun.inspect([error, error.cause, error.stack, publisher.events]);
      for (const part of pieces(text)) expect(shown).not.toContain(part);
    }
  }
  expect(publisher.names()).toEqual([]);
});

/** Every run of 12 characters of the key's base64. */
function pieces(text: string): string[] {
  const base64 = text.replace(/^secret\+/i, "");
  return Array.from({ length: base64.length - 12 }, (_, start) => base64.slice(start, start + 12));
}

test("PUB-5: a key file of any size, and one that is missing or a directory, ends well", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  const large = publisher.file("large", Buffer.alloc(10 * 1024 * 1024, "x"));
  const cases = [
    [large, "key"],
    ["/dev/zero", "key"],
    [join(publisher.folder, "missing"), "storage"],
    [publisher.folder, "storage"],
  ] as const;
  for (const [keyFile, kind] of cases) {
    const error = await publisher.failure({ image, version: "1", keyFile });
    expect([keyFile, error.kind, error.source]).toEqual([keyFile, kind, keyFile]);
  }
});
