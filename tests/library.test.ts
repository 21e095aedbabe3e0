// The library as another program imports it, by the package's name.

import { expect, test } from "bun:test";
import {
  decodeManifest,
  EMPTY_MANIFEST,
  encodeManifest,
  firstLost,
  imageLocation,
  insertEntry,
  newestMatch,
  parseOriginUrl,
  parsePattern,
  parsePublicKey,
  parseSecretKey,
  parseSha256Hex,
  parseSize,
  parseVersion,
  TakoError,
} from "tako";
import { key, manifestOf, secondKey, sha256sum } from "./support/publishing.ts";

test("a client: from a manifest's bytes to the URL of the image to use", () => {
  const bytes = Buffer.from(
    manifestOf([
      ["1.0", "old"],
      ["1.1", "new"],
      ["2.0", "next"],
    ]),
  );
  const manifest = decodeManifest(bytes, [parsePublicKey(key.public)]);
  const entry = newestMatch(manifest, parsePattern("1.*"));
  expect(entry).toMatchObject({ version: { text: "1.1" }, size: 3, digest: sha256sum("new") });
  const origin = parseOriginUrl("https://images.example.com/app/");
  expect(entry && imageLocation(origin, entry.digest).href).toBe(
    `https://images.example.com/app/store/${sha256sum("new")}`,
  );
});

test("a publisher: from an image's digest to the signed manifest", () => {
  const digest = parseSha256Hex(sha256sum("image"));
  if (digest === undefined) throw new Error("sha256sum gives a digest");
  const entry = { version: parseVersion("1.0"), size: parseSize(5), digest };
  const bytes = encodeManifest(insertEntry(EMPTY_MANIFEST, entry), parseSecretKey(key.secret));
  expect(Buffer.from(bytes).toString()).toBe(manifestOf([["1.0", "image"]]));
});

test("an auditor: what a manifest lost, and by which key it is not signed", () => {
  const before = Buffer.from(
    manifestOf([
      ["1.0", "old"],
      ["1.1", "new"],
    ]),
  );
  const after = Buffer.from(manifestOf([["1.1", "new"]]));
  const keys = [parsePublicKey(key.public)];
  const lost = firstLost(decodeManifest(before, keys), decodeManifest(after, keys));
  expect(lost?.entry.version.text).toBe("1.0");
  try {
    decodeManifest(after, [parsePublicKey(secondKey.public)]);
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(TakoError);
    expect(error).toMatchObject({ kind: "signature" });
  }
});
