// What a publisher makes, for all tests: keys, digests, signed manifests and the files of an origin. Nothing here
// is made by Tako: digests are by sha256sum, signatures by openssl with the keys of RFC 8032 section 7.1.
//
//   const [one, two] = [image("1.0.0"), image("1.1.0")];
//   publishTo(directory, [one, two]);
//   expect(readFileSync(join(directory, "manifest"), "latin1")).toBe(manifestOf([one, two]));

import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface KeyPair {
  /** As in `PublicKey=`. */
  readonly public: string;
  /** As in `TAKO_SECRET_KEY` (KEY-4): the seed, and the public key twice. */
  readonly secret: string;
  readonly seed: Uint8Array;
}

/** TEST 1, 2 and 3 of RFC 8032 section 7.1. */
export const key = rfc8032Key(
  "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
);
export const secondKey = rfc8032Key(
  "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
);
export const thirdKey = rfc8032Key(
  "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
);

function rfc8032Key(seed: string, publicKey: string): KeyPair {
  return {
    public: Buffer.from(publicKey, "hex").toString("base64"),
    secret: `SECRET+${Buffer.from(seed + publicKey + publicKey, "hex").toString("base64")}`,
    seed: Uint8Array.fromHex(seed),
  };
}

export interface Image {
  readonly version: string;
  /** One byte a character. */
  readonly content: string;
  readonly digest: string;
}

/** An image, or what {@link image} makes one of. */
export type Published = Image | readonly [version: string, content: string];

export function image(version: string, content = `the image of ${version}\n`): Image {
  return { version, content, digest: sha256sum(content) };
}

/** As {@link image}, with content of this many bytes that repeats nothing for a while. */
export function bigImage(version: string, size: number): Image {
  const lines = Array.from({ length: Math.ceil(size / 16) }, (_, i) =>
    `${version} ${i}`.padEnd(15).concat("\n"),
  );
  return image(version, lines.join("").slice(0, size));
}

function imageOf(published: Published): Image {
  return "digest" in published ? published : image(...published);
}

/** The line of an image in a manifest. */
export function entry(published: Published): string {
  const { version, content, digest } = imageOf(published);
  return `${version} ${content.length} ${digest}`;
}

/** The manifest of these images, or of lines that need not be valid, in this order. */
export function manifestOf(entries: readonly (Published | string)[], signer = key): string {
  const lines = entries.map((each) => `${typeof each === "string" ? each : entry(each)}\n`);
  return signed(`Tako Manifest 1\n\n${lines.join("")}\n`, signer);
}

/** A text and its signature in a line of its own. */
export function signed(body: string, signer = key): string {
  return `${body}${opensslSign(body, signer)}\n`;
}

/** By sha256sum. @param content bytes, or a text of one byte a character */
export function sha256sum(content: string | Uint8Array): string {
  return digestOf(typeof content === "string" ? content : Buffer.from(content).toString("latin1"));
}

/** The same for a file, whatever its size. */
export function sha256sumOfFile(path: string): string {
  return run(["sha256sum", "--", path]).toString().slice(0, 64);
}

const digestOf = remembered((content) =>
  run(["sha256sum"], bytesOf(content)).toString().slice(0, 64),
);

/** What stands before the 32 bytes of a seed in PKCS #8 (RFC 8410 section 7). */
const PKCS8 = Uint8Array.fromHex("302e020100300506032b657004220420");

const opensslSign = remembered((body, { seed }) => {
  // openssl reads what it signs with Ed25519 from a file only.
  const folder = mkdtempSync(join(tmpdir(), "tako-sign-"));
  try {
    writeFileSync(join(folder, "key"), Buffer.concat([PKCS8, seed]));
    writeFileSync(join(folder, "body"), bytesOf(body));
    const command = "openssl pkeyutl -sign -rawin -keyform DER -inkey key -in body";
    return run(command.split(" "), undefined, folder).toString("base64");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** A function that starts a program, for questions of which the same one need not be asked twice. */
function remembered(answer: (text: string, signer: KeyPair) => string) {
  const answers = new Map<string, string>();
  return (text: string, signer = key): string => {
    const question = `${signer.public} ${text}`;
    const known = answers.get(question) ?? answer(text, signer);
    answers.set(question, known);
    return known;
  };
}

function run(command: string[], input?: Uint8Array, cwd?: string): Buffer {
  const { stdout, stderr, success } = Bun.spawnSync(command, {
    stdin: input ?? "ignore",
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (!success) throw new Error(`${command[0]} failed: ${stderr}`);
  return stdout;
}

function bytesOf(content: string): Buffer {
  const bytes = Buffer.from(content, "latin1");
  if (bytes.toString("latin1") !== content) throw new Error("a character is more than a byte");
  return bytes;
}

/** Time stamps move on with each manifest: nginx makes its ETags of seconds. */
let published = 1_700_000_000;

/** Writes the files of an origin into a directory. */
export function publishTo(directory: string, images: readonly Published[], signer = key): void {
  for (const { digest, content } of images.map(imageOf))
    write(join(directory, "store", digest), content);
  publishManifest(directory, manifestOf(images, signer));
}

export function publishManifest(directory: string, manifest: string): void {
  const path = join(directory, "manifest");
  write(path, manifest);
  published += 1;
  utimesSync(path, published, published);
}

/** Writes a file anew, with its directories. */
export function write(path: string, content: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  rmSync(path, { force: true });
  writeFileSync(path, bytesOf(content));
  chmodSync(path, mode);
}
