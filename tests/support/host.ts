// A host for all tests: its configs, its destinations, and an origin that it reads by `file:`. What an earlier run
// left on it is written down by hand, as spec/destination.md has it, and what it holds is compared as a whole.
//
//   using host = createHost();
//   const [one, two] = [image("1.0.0"), image("1.1.0")];
//   host.publish(one, two);                        // the origin is file://…/origin
//   host.install({ published: [one], latest: one });
//   host.configure({ Version: "1.*" });
//   const { status } = await program.run(["fetch", host.file]);
//   expect(host.state()).toEqual(stateOf({ published: [one, two], latest: two, store: [one, two] }));

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Image,
  type KeyPair,
  key,
  manifestOf,
  type Published,
  publishTo,
  sha256sum,
  write,
} from "./publishing.ts";

/** The lines of a config by their keys: a list is a line for each. */
export type ConfigLines = Readonly<Record<string, string | readonly string[]>>;

/** What is in a destination. */
export interface Contents {
  /** Of the manifest, in its order; no manifest unless given. */
  readonly published?: readonly (Image | string)[];
  readonly signer?: KeyPair;
  /** In `store/`: those that are published unless given. Null: there is no `store/`. */
  readonly store?: readonly Image[] | null;
  readonly latest?: Image;
  /** By their paths in the destination: whatever else there is. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A host with `app.tako`, its destination `app`, and an empty origin. */
export function createHost(): Host {
  const host = emptyHost();
  host.configure();
  return host;
}

/** The same without a config, and with no destination. */
export function emptyHost(): Host {
  return new Host(mkdtempSync(join(tmpdir(), "tako-host-")));
}

export class Host implements Disposable {
  /** Where everything is. The tests of the command line run the program here. */
  readonly folder: string;
  readonly originDirectory: string;
  /** The config `app.tako` and its destination. */
  readonly file: string;
  readonly destination: string;

  constructor(folder: string, destination = join(folder, "app")) {
    this.folder = folder;
    this.originDirectory = join(folder, "origin");
    this.file = join(folder, "app.tako");
    this.destination = destination;
    mkdirSync(this.originDirectory, { recursive: true });
  }

  /** Writes the host's config; these lines replace the usual ones, or follow. */
  configure(lines: ConfigLines = {}): void {
    this.#configure(this.file, this.destination, lines);
  }

  /** As {@link configure} for a config of another name, with a destination beside it. */
  config(name: string, lines: ConfigLines = {}): string {
    this.#configure(this.at(`${name}.tako`), this.at(name), lines);
    return `${name}.tako`;
  }

  #configure(file: string, destination: string, lines: ConfigLines): void {
    mkdirSync(destination, { recursive: true });
    chmodSync(destination, 0o755);
    // As an earlier run left it: what a run that changes nothing leaves is all as it was.
    if (!existsSync(join(destination, ".lock"))) write(join(destination, ".lock"), "", 0o600);
    const all: ConfigLines = {
      Origin: `file://${this.originDirectory}`,
      PublicKey: key.public,
      Destination: destination,
      Version: "*",
      ...lines,
    };
    const text = Object.entries(all).flatMap(([name, values]) =>
      [values].flat().map((value) => `${name}=${value}\n`),
    );
    writeFileSync(file, text.join(""));
    // As an admin has it who reads the warnings (FET-18).
    if (/^Origin=[^/]*\/\/[^/@]*:[^/@]*@/m.test(text.join(""))) chmodSync(file, 0o600);
  }

  publish(...images: readonly Published[]): void {
    publishTo(this.originDirectory, images);
  }

  /** A path in the folder. */
  at(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** Makes a file in the folder. */
  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.at(name), content);
    return this.at(name);
  }

  /** The text of a file in the folder. */
  read(...names: readonly string[]): string {
    return readFileSync(this.at(...names), "utf8");
  }

  /** The same host with another destination. */
  withDestination(destination: string): Host {
    const host = new Host(this.folder, destination);
    host.configure();
    return host;
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

  /** What the destination holds, the file of the lock and the time of the last look aside: see {@link stateOf}. */
  state(): Record<string, string> {
    const {
      ".lock": _,
      ".checked": __,
      ...state
    } = describeTree(this.destination, describeContent);
    return state;
  }

  /** As {@link state}, with all that shows that something was written but `.checked`, of any run that had the lock. */
  snapshot(): Record<string, string> {
    const { ".checked": _, ...state } = this.everything();
    return { ...state, ".": describeContent(this.destination) };
  }

  /** All that there is, with all that shows that something was written. */
  everything(): Record<string, string> {
    return describeTree(this.destination, (path) => {
      const { ino, size, mtimeNs, ctimeNs, uid, gid } = lstatSync(path, { bigint: true });
      return `${describeContent(path)} ${[ino, size, mtimeNs, ctimeNs, uid, gid].join(" ")}`;
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Of the files that are no images: downloads are for nobody else until they are verified. */
function modeOf(name: string): string {
  if (/\.(gone|zst|patch|packed)$/.test(name)) return "444";
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
