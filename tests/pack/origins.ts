// Origins for the tests of `tako pack`: images that are alike from version to version, and what of an origin's packed files
// is not as it should be, by other programs (`zstd`, the adapter in Python, sha256sum, stat).

import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environment, type Program } from "../support/program.ts";
import { type Image, image, key, publishTo } from "../support/publishing.ts";

const SIZE = 200_000;

/** Text of 64 letters that repeats nothing, so that it gets about a fourth smaller. */
export function noise(length: number, seed: number): string {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = 32 + (state >>> 26);
  }
  return Buffer.from(bytes).toString("latin1");
}

/** 1.0.0, 1.1.0, ...: each with something new within what the one before had. */
export function series(count: number, size = SIZE): readonly Image[] {
  const images: Image[] = [];
  let content = noise(size, 1);
  for (let number = 0; number < count; number++) {
    images.push(image(`1.${number}.0`, content));
    const place = Math.floor(((number + 1) * content.length) / (count + 1));
    content = content.slice(0, place) + noise(2000, number + 2) + content.slice(place + 100);
  }
  return images;
}

export class Origin implements AsyncDisposable {
  readonly folder: string;
  readonly directory: string;

  private constructor(folder: string, images: readonly Image[]) {
    this.folder = folder;
    this.directory = join(folder, "origin");
    mkdirSync(this.directory);
    publishTo(this.directory, images);
  }

  static async of(images: readonly Image[]): Promise<Origin> {
    return new Origin(await mkdtemp(join(tmpdir(), "tako-pack-")), images);
  }

  path(name: string): string {
    return join(this.directory, "store", name);
  }

  /** The names in `store/`, in order. */
  names(): readonly string[] {
    return readdirSync(join(this.directory, "store")).sort();
  }

  list({ digest }: Image): readonly string[] {
    return readFileSync(this.path(`${digest}.packed`), "latin1")
      .split("\n")
      .slice(0, -1);
  }

  run(program: Program, ...words: readonly string[]) {
    return program.run(words, { cwd: this.folder, env: { TAKO_SECRET_KEY: key.secret } });
  }

  spawn(program: Program, ...words: readonly string[]) {
    return Bun.spawn(program.command(words), {
      cwd: this.folder,
      env: environment({ TAKO_SECRET_KEY: key.secret }),
      stdio: ["ignore", "ignore", "pipe"],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

export const patch = (old: Image, next: Image) => `${next.digest}.from-${old.digest}.patch`;

/** What a shell says, without the line's end. */
export async function shell(script: string, ...words: readonly string[]): Promise<string> {
  const child = Bun.spawn(["sh", "-ec", script, "sh", ...words], { stdout: "pipe" });
  const text = await child.stdout.text();
  return (await child.exited) === 0 ? text.trim() : "failed";
}

/** Applies a patch by the modules of the adapter: where they are, the old image, the patch, and the size of the new image. */
const APPLY = `
import sys
modules, old, patch, size = sys.argv[1:]
sys.path.insert(0, modules)
from tako.packed import apply_patch
sys.stdout.buffer.write(apply_patch(open(old, "rb").read(), open(patch, "rb").read(), int(size)))`;

/** What is wrong with an origin's packed files: ones that make another image, and lists that do not say what is there. */
export async function wrongIn(
  directory: string,
  images: readonly Image[],
): Promise<readonly string[]> {
  const wrong: string[] = [];
  const modules = join(import.meta.dir, "../../docs/adapters/python");
  const known = new Map(images.map((each) => [each.digest, each]));
  for (const name of readdirSync(join(directory, "store"))) {
    const path = join(directory, "store", name);
    const { content = "" } = known.get(name.slice(0, 64)) ?? {};
    const digest = name.slice(0, 64);
    if (name.endsWith(".zst")) {
      const made = await shell('zstd -dqc "$1" | sha256sum | cut -c-64', path);
      if (made !== digest) wrong.push(`${name} makes ${made}`);
    }
    if (name.endsWith(".patch")) {
      const old = join(directory, "store", name.slice(70, 134));
      const words = [APPLY, modules, old, path, `${content.length}`];
      const made = await shell('/usr/bin/python3 -B -c "$@" | sha256sum | cut -c-64', ...words);
      if (made !== digest) wrong.push(`${name} makes ${made}`);
    }
    if (name.endsWith(".packed")) wrong.push(...wrongLines(directory, name));
  }
  return wrong;
}

function wrongLines(directory: string, name: string): readonly string[] {
  const [head, ...lines] = readFileSync(join(directory, "store", name), "latin1").split("\n");
  const wrong = head === "Tako Packed 1" && lines.at(-1) === "" ? [] : [`${name} is no list`];
  for (const line of lines.slice(0, -1)) {
    const [word, ...values] = line.split(" ");
    if (word === "tried") continue;
    const file =
      word === "zst" ? name.replace(/packed$/, "zst") : `${values[1]}.from-${values[0]}.patch`;
    const stats = statSync(join(directory, "store", file), { throwIfNoEntry: false });
    if (`${stats?.size}` !== values.at(-1)) wrong.push(`${name}: ${line}: ${stats?.size} bytes`);
  }
  return wrong;
}
