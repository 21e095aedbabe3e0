// What the tests of publishing share: a publisher's directory, keys and the manifests that are
// expected, both made by openssl and sha256sum, never by Tako.

import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Event } from "../../src/commands/events.ts";
import { type StoreOptions, store } from "../../src/commands/store.ts";
import { TakoError } from "../../src/core/error.ts";

/** RFC 8410: an Ed25519 private key in DER is this and its 32 bytes, a public key is the other. */
const PRIVATE_DER = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_DER_LENGTH = 12;

export interface KeyPair {
  readonly secret: string;
  readonly public: string;
  sign(message: string): string;
}

/** The key pair of a seed of 32 equal bytes, by openssl. */
export function keyPair(byte: number): KeyPair {
  const seed = Buffer.alloc(32, byte);
  const der = Buffer.concat([PRIVATE_DER, seed]);
  const publicDer = run(["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"], der);
  const publicBytes = publicDer.subarray(PUBLIC_DER_LENGTH);
  return {
    secret: `SECRET+${Buffer.concat([seed, publicBytes, publicBytes]).toString("base64")}`,
    public: publicBytes.toString("base64"),
    sign: (message) => signWith(der, message).toString("base64"),
  };
}

function signWith(der: Uint8Array, message: string): Buffer {
  // openssl reads what it signs with Ed25519 from a file only.
  const key = join(tmpdir(), `tako-key-${process.pid}.der`);
  const text = join(tmpdir(), `tako-text-${process.pid}`);
  writeFileSync(key, der, { mode: 0o600 });
  writeFileSync(text, message);
  try {
    return run(
      `openssl pkeyutl -sign -rawin -keyform DER -inkey ${key} -in ${text}`.split(" "),
      Buffer.alloc(0),
    );
  } finally {
    run(["rm", key, text], Buffer.alloc(0));
  }
}

function run(command: string[], input: Uint8Array): Buffer {
  const { stdout, stderr, success } = Bun.spawnSync(command, { stdin: input });
  if (!success) throw new Error(`${command[0]} failed: ${stderr}`);
  return stdout;
}

/** The digest of some bytes, by sha256sum. */
export function sha256(bytes: string | Uint8Array): string {
  return run(["sha256sum"], Buffer.from(bytes)).toString().slice(0, 64);
}

/** The digest of a file, by sha256sum. */
export function sha256OfFile(path: string): string {
  return run(["sha256sum", "--", path], Buffer.alloc(0)).toString().slice(0, 64);
}

/** The manifest that lists these versions in this order, signed by openssl. */
export function manifestOf(key: KeyPair, ...entries: [version: string, image: string][]): string {
  const lines = entries.map(([version, image]) => {
    return `${version} ${Buffer.byteLength(image)} ${sha256(image)}\n`;
  });
  const signed = `Tako Manifest 1\n\n${lines.join("")}\n`;
  return `${signed}${key.sign(signed)}\n`;
}

export const key = keyPair(1);
export const otherKey = keyPair(2);

/** A folder with the directory of an origin in it, and the events of the stores into it. */
export class Publisher implements AsyncDisposable {
  readonly folder: string;
  readonly directory: string;
  readonly events: Event[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.directory = join(folder, "origin");
    mkdirSync(this.directory);
  }

  static async create(): Promise<Publisher> {
    return new Publisher(await mkdtemp(join(tmpdir(), "tako-publish-")));
  }

  /** Makes a file beside the origin. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  /** Stores with the key in the environment, unless the options say otherwise. */
  store(options: Partial<StoreOptions>, environment?: Record<string, string>, stdin = -1) {
    return store(
      { directory: this.directory, ...options },
      {
        environment: environment ?? { TAKO_SECRET_KEY: key.secret },
        stdin,
        report: (event) => this.events.push(event),
      },
    );
  }

  /** Stores what is to fail. */
  async failure(
    options: Partial<StoreOptions>,
    environment?: Record<string, string>,
  ): Promise<TakoError> {
    const ended = await this.store(options, environment).catch((error: unknown) => error);
    if (ended instanceof TakoError) return ended;
    throw new Error(`expected a TakoError, not ${JSON.stringify(ended)}`, { cause: ended });
  }

  manifest(): string {
    return readFileSync(join(this.directory, "manifest"), "latin1");
  }

  warnings(): string[] {
    return this.events.flatMap((event) => (event.event === "warning" ? [event.message] : []));
  }

  /** Everything below the directory: path, inode, mode, time and content, to be compared as a whole. */
  snapshot(): Record<string, string> {
    const names = readdirSync(this.directory, { recursive: true }) as string[];
    return Object.fromEntries(
      names.sort().map((name) => {
        const path = join(this.directory, name);
        const { ino, mode, mtimeMs } = statSync(path);
        // A directory's time changes with a temporary file in it.
        if (statSync(path).isDirectory()) return [name, `${ino} ${mode.toString(8)}`];
        return [name, `${ino} ${mode.toString(8)} ${mtimeMs} ${sha256OfFile(path)}`];
      }),
    );
  }

  /** Every path below the directory, with its inode. */
  snapshotOfNames(): string[] {
    const names = readdirSync(this.directory, { recursive: true }) as string[];
    return names.sort().map((name) => `${name} ${lstatSync(join(this.directory, name)).ino}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
