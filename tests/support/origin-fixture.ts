// An origin and the hosts that fetch from it, for tests. Nothing here is made by Tako: digests are
// by sha256sum, signatures by openssl with the keys of RFC 8032 section 7.1, and what an earlier run
// left on a host is written down by hand, as spec/destination.md has it.
//
//   await using host = createHost();
//   const [one, two] = [image("1.0.0"), image("1.1.0")];
//   host.publish(one, two);                        // the origin is file://…/origin
//   host.install({ published: [one], latest: one });
//   host.configure({ version: "1.*" });
//   const { status } = await program.run(["fetch", host.file]);
//   expect(host.state()).toEqual(stateOf({ published: [one, two], latest: two, store: [one, two] }));

import {
  chmodSync,
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
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface SigningKey {
  /** As in `PublicKey=`. */
  readonly publicKey: string;
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

function rfc8032Key(seed: string, publicKey: string): SigningKey {
  return {
    seed: Uint8Array.fromHex(seed),
    publicKey: Uint8Array.fromHex(publicKey).toBase64(),
  };
}

export interface Image {
  readonly version: string;
  readonly content: string;
  readonly digest: string;
}

/** An image, the bytes of whose content are one a character. */
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

/** The line of an image in a manifest. */
export function entry({ version, content, digest }: Image): string {
  return `${version} ${content.length} ${digest}`;
}

/** The manifest of these images, or of lines that need not be valid, in this order. */
export function manifestOf(entries: readonly (Image | string)[], signer = key): string {
  const lines = entries.map((each) => `${typeof each === "string" ? each : entry(each)}\n`);
  return signed(`Tako Manifest 1\n\n${lines.join("")}\n`, signer);
}

/** A text and its signature in a line of its own. */
export function signed(body: string, signer = key): string {
  return `${body}${opensslSign(body, signer)}\n`;
}

/** By sha256sum. @param content one byte a character */
export const sha256sum = remembered((content: string) =>
  run(["sha256sum"], bytesOf(content)).toString().slice(0, 64),
);

/** What stands before the 32 bytes of a seed in PKCS #8 (RFC 8410 section 7). */
const PKCS8 = Uint8Array.fromHex("302e020100300506032b657004220420");

const opensslSign = remembered((body: string, { seed }: SigningKey) => {
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
function remembered(answer: (text: string, signer: SigningKey) => string) {
  const answers = new Map<string, string>();
  return (text: string, signer = key): string => {
    const question = `${signer.publicKey} ${text}`;
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
  return Buffer.from(content, "latin1");
}

/** Time stamps move on with each manifest: nginx makes its ETags of seconds. */
let published = 1_700_000_000;

/** Writes the files of an origin into a directory. */
export function publishTo(directory: string, images: readonly Image[], signer = key): void {
  for (const each of images) write(join(directory, "store", each.digest), each.content);
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

/** The lines of a config, besides `Destination`. */
export interface ConfigLines {
  /** A URL; that of the host's own origin unless given. */
  readonly origin?: string;
  readonly version?: string;
  readonly restart?: string;
  readonly keys?: readonly SigningKey[];
  readonly destination?: string;
}

/** What is in a destination. */
export interface Contents {
  /** Of the manifest, in its order; no manifest unless given. */
  readonly published?: readonly (Image | string)[];
  readonly signer?: SigningKey;
  /** In `store/`: those that are published unless given. Null: there is no `store/`. */
  readonly store?: readonly Image[] | null;
  readonly latest?: Image;
  /** By their paths in the destination: whatever else there is. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A folder with a config, a destination, and an origin to be read by `file:`. */
export function createHost(): Host {
  return new Host(mkdtempSync(join(tmpdir(), "tako-host-")));
}

export class Host implements AsyncDisposable {
  readonly folder: string;
  /** The config. */
  readonly file: string;
  readonly destination: string;
  readonly originDirectory: string;

  constructor(folder: string, destination = join(folder, "app")) {
    this.folder = folder;
    this.file = join(folder, "app.tako");
    this.destination = destination;
    this.originDirectory = join(folder, "origin");
    mkdirSync(this.destination, { recursive: true });
    chmodSync(this.destination, 0o755);
    mkdirSync(this.originDirectory, { recursive: true });
    this.configure();
  }

  configure(lines: ConfigLines = {}): void {
    const {
      origin = `file://${this.originDirectory}`,
      version = "*",
      restart,
      keys = [key],
    } = lines;
    const text = [
      `Origin=${origin}`,
      ...keys.map(({ publicKey }) => `PublicKey=${publicKey}`),
      `Destination=${lines.destination ?? this.destination}`,
      `Version=${version}`,
      ...(restart === undefined ? [] : [`Restart=${restart}`]),
    ];
    write(this.file, `${text.join("\n")}\n`);
  }

  publish(...images: readonly Image[]): void {
    publishTo(this.originDirectory, images);
  }

  /** The same host with another destination. */
  withDestination(destination: string): Host {
    return new Host(this.folder, destination);
  }

  /** A file of the destination. */
  path(name: string): string {
    return join(this.destination, name);
  }

  /** Writes down what an earlier run left. */
  install(contents: Contents): void {
    const { published, signer, latest, files = {} } = contents;
    if (published !== undefined) write(this.path("manifest"), manifestOf(published, signer), 0o444);
    for (const each of imagesIn(contents) ?? [])
      write(this.path(`store/${each.digest}`), each.content, 0o444);
    if (latest !== undefined) symlinkSync(`store/${latest.digest}`, this.path("latest"));
    for (const [name, content] of Object.entries(files))
      write(this.path(name), content, Number.parseInt(modeOf(name), 8));
  }

  /** Writes other bytes into a file that is there, as a failing disk would. */
  replace(name: string, content: string): void {
    write(this.path(name), content, lstatSync(this.path(name)).mode & 0o7777);
  }

  /** What the destination holds: see {@link stateOf}. */
  state(): Record<string, string> {
    return describeTree(this.destination, describeContent);
  }

  /** As {@link state}, with all that shows that something was written. */
  snapshot(): Record<string, string> {
    return describeTree(this.destination, (path) => {
      const { ino, size, mtimeNs, ctimeNs, uid, gid } = lstatSync(path, { bigint: true });
      return `${describeContent(path)} ${[ino, size, mtimeNs, ctimeNs, uid, gid].join(" ")}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.folder, { recursive: true });
  }
}

/** Of the files that are no images: downloads are for nobody else until they are verified. */
function modeOf(name: string): string {
  return name.endsWith(".partial") ? "600" : "644";
}

/** What is in `store/`; null when there is none. */
function imagesIn({ published, store }: Contents): readonly Image[] | null {
  if (store !== undefined) return store;
  return published?.filter((each) => typeof each !== "string") ?? null;
}

/** What {@link Host.state} gives for a destination in order: every path with its type, mode and content. */
export function stateOf(contents: Contents): Record<string, string> {
  const { published, signer, latest, files = {} } = contents;
  const store = imagesIn(contents);
  return {
    ".": "755 directory",
    ...(published === undefined ? {} : { manifest: `444 ${manifestOf(published, signer)}` }),
    ...(store === null ? {} : { store: "755 directory" }),
    ...Object.fromEntries(
      (store ?? []).map(({ digest, content }) => [`store/${digest}`, `444 ${shortened(content)}`]),
    ),
    ...(latest === undefined ? {} : { latest: `-> store/${latest.digest}` }),
    ...Object.fromEntries(
      Object.entries(files).map(([name, content]) => [
        name,
        `${modeOf(name)} ${shortened(content)}`,
      ]),
    ),
  };
}

function describeTree(
  directory: string,
  describe: (path: string) => string,
): Record<string, string> {
  const names = [".", ...readdirSync(directory, { recursive: true, encoding: "utf8" }).sort()];
  return Object.fromEntries(names.map((name) => [name, describe(join(directory, name))]));
}

function describeContent(path: string): string {
  const stats = lstatSync(path);
  const mode = (stats.mode & 0o7777).toString(8);
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(path)}`;
  if (stats.isDirectory()) return `${mode} directory`;
  if (stats.isFIFO()) return `${mode} FIFO`;
  return `${mode} ${shortened(readFileSync(path, "latin1"))}`;
}

/** Long contents as their size and digest, so that a difference can be read. */
function shortened(content: string): string {
  return content.length < 2000 ? content : `${content.length} bytes ${sha256sum(content)}`;
}
