// The surroundings of one case: a folder with an origin, a destination and configs in it, the server of
// the origin, and what earlier steps left. What is expected of the command is not known here.

import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Failure } from "../case.ts";
import { readFixture } from "../fixtures.ts";
import { type HostileOrigin, startHostileOrigin } from "../hostile/origin.ts";
import { beforeSignal } from "../processes.ts";
import { KEYS, type KeyPair, manifestBody, sha256, signed } from "../publisher.ts";
import { configOf, latin1, repeated, servedOf } from "./contents.ts";
import type { ConfigSpec, ImageSpec, Installed, ManifestSpec, Plant, Step } from "./fixture.ts";
import { nodeAt, treeOf } from "./tree.ts";

export interface Image {
  readonly content: Buffer;
  readonly digest: string;
}

const REMOVAL = { stdin: "ignore", stdout: "ignore", stderr: "ignore", timeout: 10_000 } as const;
const removal = (folder: string) => ["rm", "-rf", "--one-file-system", "--", folder];

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), "tako-case-"));
  readonly #forgetSignal = beforeSignal(() => {
    if (!hasMounts(this.folder)) Bun.spawnSync(removal(this.folder), REMOVAL);
  });
  readonly #server: HostileOrigin;
  /** What the server serves: the files of the origin's directory. */
  readonly #files: Record<string, Uint8Array>;
  readonly #images = new Map<string, Image>();
  readonly #keys = new Map(Object.entries(KEYS));
  /** The paths of what the case has put into its folder itself. */
  readonly planted = new Set<string>();
  #origin = "";
  #config: ConfigSpec = {};

  private constructor(server: HostileOrigin, files: Record<string, Uint8Array>) {
    this.#server = server;
    this.#files = files;
    for (const name of ["origin", "app"]) this.#makeDirectory(this.path(name));
    this.#serve("honest");
  }

  static async create(): Promise<World> {
    const files: Record<string, Uint8Array> = {};
    return new World(await startHostileOrigin(files), files);
  }

  /**
   * Removes the folder, unless the command mounted something in it: that is not the suite's.
   *
   * @throws Failure when the folder is still there
   */
  async remove(): Promise<void> {
    await this.#server.stop();
    // A process of its own can be ended, however much there is to remove.
    if (!hasMounts(this.folder)) await Bun.spawn(removal(this.folder), REMOVAL).exited;
    this.#forgetSignal();
    if (nodeAt(this.folder).kind === "absent") return;
    throw new Failure(`the folder of the case cannot be removed: ${this.folder}`);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  get requests() {
    return this.#server.requests;
  }

  /** The image of a version; the usual content if no step says another. */
  image(version: string): Image {
    return this.#images.get(version) ?? this.#know({ version });
  }

  /** The version whose image has the digest. */
  versionOf(digest: string): string | undefined {
    return [...this.#images].find(([, image]) => image.digest === digest)?.[0];
  }

  key(name: string): KeyPair {
    const key = this.#keys.get(name);
    if (key === undefined) throw new Error(`there is no key ${name}`);
    return key;
  }

  nameKey(name: string, key: KeyPair): void {
    this.#keys.set(name, key);
  }

  /** The manifest that lists the versions in this order. */
  manifestOf(versions: readonly string[], key: string): string {
    return this.#manifest(
      versions.map((version) => ({ version })),
      this.key(key),
    );
  }

  /** Puts everything into place that a step says. */
  prepare(step: Step): void {
    for (const each of [...step.images, ...(step.publish ?? [])]) this.#learn(each);
    if (step.publish !== undefined) this.#publish(step.publish, this.key(step.key), step.manifest);
    if (step.serve !== undefined) this.#serve(step.serve);
    for (const installed of step.installed) this.#install(installed);
    for (const name of step.remove) rmSync(this.path(name), { recursive: true, force: true });
    for (const plant of step.plant) this.#plant(plant);
    if (step.config !== undefined) this.#config = step.config;
    this.#writeConfig("app.tako", this.#config);
    for (const [name, config] of Object.entries(step.configs)) this.#writeConfig(name, config);
    this.#syncServer();
  }

  /** A text with the values in place of `{folder}`, `{digest:1.0.0}` and so on. */
  fill(text: string): string {
    return text.replace(/\{(\w+)(?::([^{}]*))?\}/g, (whole, name: string, argument = "") => {
      const value = this.#value(name, argument);
      if (value === undefined) throw new Error(`unknown: ${whole}`);
      return value;
    });
  }

  #value(name: string, argument: string): string | undefined {
    if (name === "folder") return this.folder;
    if (name === "config") return this.path("app.tako");
    if (name === "origin") return this.#origin;
    if (name === "server") return this.#server.url;
    if (name === "port") return new URL(this.#server.url).port;
    if (name === "digest") return this.image(argument).digest;
    if (name === "size") return String(this.image(argument).content.length);
    if (name === "entry") return this.#entry({ version: argument });
    if (name === "public") return this.key(argument).public;
    if (name === "secret") return this.key(argument).secret;
    if (name === "env") return process.env[argument] ?? "";
    if (name === "manifest") return sha256(nodeAt(this.path("origin/manifest")).content ?? "");
    if (name === "times") return repeated(argument);
    if (name === "systemctl") return new TextDecoder().decode(readFixture("cli/systemctl.sh"));
    return undefined;
  }

  /** A version alone never changes what its image is. */
  #learn(spec: ImageSpec): void {
    if (spec.text !== undefined || spec.size !== undefined) this.#know(spec);
  }

  #know({ version, text = `the image of ${version}\n`, size }: ImageSpec): Image {
    const content = size === undefined ? Buffer.from(text) : Buffer.alloc(size, text);
    const known = { content, digest: sha256(content) };
    this.#images.set(version, known);
    return known;
  }

  #entry({ version, listed_size }: ImageSpec): string {
    const { content, digest } = this.image(version);
    return `${version} ${listed_size ?? content.length} ${digest}`;
  }

  #manifest(images: readonly ImageSpec[], key: KeyPair, spec: ManifestSpec = {}): string {
    const lines = spec.lines?.map((line) => this.fill(line));
    const entries = lines ?? images.map((each) => this.#entry(each));
    const body = spec.body === undefined ? manifestBody(entries) : this.fill(spec.body);
    const text = spec.text === undefined ? signed(body, key) : this.fill(spec.text);
    const [from = "", to = ""] = (spec.replace ?? []).map((each) => this.fill(each));
    if (!text.includes(from)) throw new Error(`nothing to replace: ${from}`);
    const changed = `${text.replace(from, () => to)}${spec.append ?? ""}`;
    return changed.slice(0, changed.length - (spec.cut ?? 0));
  }

  #publish(images: readonly ImageSpec[], key: KeyPair, spec?: ManifestSpec): void {
    for (const each of images) {
      const { content, digest } = this.image(each.version);
      const path = this.path(`origin/store/${digest}`);
      rmSync(path, { force: true });
      if (each.served !== "missing") this.#write(path, servedOf(content, each.served), "0444");
    }
    this.#write(this.path("origin/manifest"), latin1(this.#manifest(images, key, spec)), "0444");
  }

  #install({ at, manifest, key, store = manifest ?? [], latest }: Installed): void {
    for (const each of [...(manifest ?? []), ...store]) {
      this.#learn(each);
    }
    if (manifest !== undefined) {
      const text = this.#manifest(manifest, this.key(key));
      this.#write(this.path(`${at}/manifest`), latin1(text), "0444");
    }
    for (const { version } of store) {
      const { content, digest } = this.image(version);
      this.#write(this.path(`${at}/store/${digest}`), content, "0444");
    }
    if (latest !== undefined) {
      rmSync(this.path(`${at}/latest`), { force: true });
      symlinkSync(`store/${this.image(latest).digest}`, this.path(`${at}/latest`));
    }
  }

  #plant(plant: Plant): void {
    const name = this.fill(plant.path);
    this.planted.add(name);
    const path = this.path(name);
    rmSync(path, { recursive: true, force: true });
    this.#makeDirectory(dirname(path));
    if (plant.link !== undefined) symlinkSync(this.fill(plant.link), path);
    else if (plant.hard_link !== undefined) linkSync(this.path(this.fill(plant.hard_link)), path);
    else if (plant.kind === "fifo") Bun.spawnSync(["mkfifo", path]);
    else if (plant.kind === "directory") this.#makeDirectory(path, plant.mode);
    else this.#write(path, this.#contentOf(plant), plant.mode ?? "0644");
  }

  #contentOf({ text = "", hex, more = "", times = 0, image, ...part }: Plant): Buffer {
    if (hex !== undefined) return Buffer.from(hex + more.repeat(times), "hex");
    if (image === undefined) return Buffer.from(this.fill(text));
    const { first, damaged = false, extra = "" } = part;
    const { content } = this.image(image);
    const shown = damaged ? servedOf(content, "damaged") : content;
    return Buffer.concat([shown.subarray(0, first), Buffer.from(this.fill(extra))]);
  }

  #serve(text: string): void {
    if (text === "file") this.#origin = `file://${this.path("origin")}`;
    else if (text === "nothing") this.#origin = "http://127.0.0.1:9";
    else {
      const [scenario = "", ...argument] = text.split("=");
      const filled = encodeURIComponent(this.fill(argument.join("=")));
      this.#origin = `${this.#server.url}/${scenario}${argument.length > 0 ? `=${filled}` : ""}`;
    }
  }

  #writeConfig(name: string, config: ConfigSpec): void {
    this.#write(this.path(name), Buffer.from(this.fill(configOf(config))));
  }

  #write(path: string, content: Uint8Array, mode = "0644"): void {
    this.#makeDirectory(dirname(path));
    rmSync(path, { force: true });
    writeFileSync(path, content);
    chmodSync(path, Number.parseInt(mode, 8));
  }

  #makeDirectory(path: string, mode?: string): void {
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
    mkdirSync(path, { recursive: true });
    chmodSync(path, Number.parseInt(mode ?? "0755", 8));
  }

  /** The server has its files in memory; `store` writes them to the directory. */
  #syncServer(): void {
    for (const name of Object.keys(this.#files)) delete this.#files[name];
    if (nodeAt(this.path("origin")).kind !== "directory") return;
    for (const [name, { content }] of treeOf(this.path("origin"))) {
      if (content !== undefined) this.#files[name] = content;
    }
  }
}

/** Whether something is mounted below a folder, as Linux tells it; a bind mount has no other sign. */
function hasMounts(folder: string): boolean {
  const path = "/proc/self/mountinfo";
  return existsSync(path) && readFileSync(path, "utf8").includes(` ${folder}/`);
}
