// Rotating the key: the same entries, signed anew.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { key, manifestOf, secondKey, sha256sum, thirdKey } from "../support/publishing.ts";
import { Publisher } from "./publisher.ts";

const ENTRIES: [string, string][] = [
  ["1.0", "one"],
  ["2.0", "two"],
];

/** An origin whose manifest the old key signed. */
async function published(): Promise<Publisher> {
  const publisher = await Publisher.create();
  writeFileSync(join(publisher.directory, "manifest"), manifestOf(ENTRIES, secondKey));
  return publisher;
}

test("PUB-50, PUB-53: the manifest is signed anew, entries and store stay", async () => {
  await using publisher = await published();
  const result = await publisher.store({ rotateKey: secondKey.public });
  expect(result).toMatchObject({
    stored: "signature",
    publicKey: { text: key.public },
    changed: true,
  });
  expect(publisher.manifest()).toBe(manifestOf(ENTRIES));
  expect(publisher.names()).toEqual(["manifest"]);
});

test("PUB-53: with an image, it is in the same new manifest", async () => {
  await using publisher = await published();
  const image = publisher.file("image", "three");
  const result = await publisher.store({ rotateKey: secondKey.public, image, version: "1.5" });
  expect(result).toEqual({
    stored: "image",
    version: "1.5",
    sha256: sha256sum("three") as never,
    isKept: true,
    isUnmarked: false,
    changed: true,
  });
  expect(publisher.manifest()).toBe(
    manifestOf([
      ["1.0", "one"],
      ["1.5", "three"],
      ["2.0", "two"],
    ]),
  );
});

test("PUB-53: an image that is in the manifest already does not keep the old signature", async () => {
  await using publisher = await published();
  const image = publisher.file("image", "two");
  const result = await publisher.store({ rotateKey: secondKey.public, image, version: "2.0" });
  expect(result.changed).toBe(true);
  expect(publisher.manifest()).toBe(manifestOf(ENTRIES));
});

test("PUB-31: with an image in conflict, the manifest keeps the old signature", async () => {
  await using publisher = await published();
  const image = publisher.file("image", "three");
  const error = await publisher.failure({ rotateKey: secondKey.public, image, version: "2.0.0" });
  expect(error.kind).toBe("failed");
  expect(publisher.manifest()).toBe(manifestOf(ENTRIES, secondKey));
});

test("PUB-51: a manifest of a third key is refused and stays", async () => {
  await using publisher = await published();
  const before = publisher.snapshot();
  const error = await publisher.failure({ rotateKey: thirdKey.public });
  expect(error.kind).toBe("signature");
  expect(error.hint).toContain("the one that hosts have now");
  expect(publisher.snapshot()).toEqual(before);
});

test("PUB-52: rotating again changes nothing, and storing goes on with the new key", async () => {
  await using publisher = await published();
  await publisher.store({ rotateKey: secondKey.public });
  const before = publisher.snapshot();
  expect(await publisher.store({ rotateKey: secondKey.public })).toMatchObject({
    stored: "signature",
    publicKey: { text: key.public },
    changed: false,
  });
  expect(publisher.snapshot()).toEqual(before);
  await publisher.store({ image: publisher.file("image", "three"), version: "3" });
  expect(publisher.manifest()).toBe(manifestOf([...ENTRIES, ["3", "three"]]));
});

test("PUB-55: there must be a manifest to rotate", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", "one");
  for (const options of [{}, { image, version: "1" }]) {
    const error = await publisher.failure({ rotateKey: secondKey.public, ...options });
    expect(error.kind).toBe("storage");
    expect(error.hint).toBe("Rotating a key needs the manifest that the old one signed.");
    expect(publisher.names()).toEqual([]);
  }
});

test("PUB-9, PUB-56: an old key that is not a public key is refused", async () => {
  await using publisher = await published();
  for (const rotateKey of ["", "key", secondKey.public.slice(0, -1), secondKey.secret]) {
    const error = await publisher.failure({ rotateKey });
    expect([error.kind, error.source]).toEqual(["key", "--rotate-key"]);
    expect(Bun.inspect(error)).not.toContain(secondKey.secret.slice(7, 20));
  }
  expect(publisher.manifest()).toBe(manifestOf(ENTRIES, secondKey));
});
