// What Tako does to a directory, as stories that can be disturbed at any call: how each begins, how it
// must end, and what must hold in between (spec/destination.md, DST-10 to DST-16).

import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { etagFile, type Site } from "../fetch/site.ts";
import { type FakeSystemctl, fakeSystemctl } from "../fetch/systemctl.ts";
import { PackedOrigin, versionsOf } from "../packed/origin.ts";
import {
  type ConfigLines,
  type Contents,
  createHost,
  type Host,
  stateOf,
} from "../support/host.ts";
import { environment, type Program } from "../support/program.ts";
import {
  bigImage,
  type Image,
  image,
  key,
  manifestOf,
  publishTo,
  secondKey,
  sha256sum,
  write,
} from "../support/publishing.ts";
import type { TreeKind } from "./durability.ts";
import type { Command, Point } from "./strace.ts";

export interface Story {
  readonly name: string;
  readonly kind: TreeKind;
  /** The command line, of which `HOST` is the config and `TREE` the directory. */
  readonly args: readonly string[];
  /** That of the run after it; the same unless given. */
  readonly nextArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: ConfigLines;
  readonly before: Contents;
  /** The disturbed run is one in which systemctl does so; `TREE` is the directory. */
  readonly systemctl?: string;
  /** The run after it, too. */
  readonly nextSystemctl?: string;
  /** The exit status when nothing disturbs it; 0 unless given. */
  readonly status?: number;
  /** That of the run after it, if it is not 0; one of several where it depends on what was left to do. */
  readonly nextStatus?: number | readonly number[];
  readonly after: Contents;
  /** What systemctl must have been asked for when all is done. */
  readonly restart?: string;
  /** What is in use for a while besides the images of `before` and `after`. */
  readonly between?: Image;
  /** Nothing whole can be in use for a while (FET-56). */
  readonly mayLackLatest?: boolean;
  /** Of all its calls, those that are tried; all unless given. */
  readonly tried?: (point: Point) => boolean;
  /** A call whose error changes nothing. */
  readonly dispensable?: Pick<Point, "name" | "path">;
  /** More than `before` can say. */
  prepare?(tree: string): void;
}

const one = image("1.0.0");
const two = bigImage("1.1.0", 200_000);
/** Versions that came before. */
const [older, old] = [image("0.8.0"), image("0.9.0")] as const;
const all = [older, old, one, two];
const mark = ({ digest }: Image) => ({ [`store/${digest}.gone`]: `${digest}\n` });
const half = two.content.slice(0, 100_000);
const partial = `store/${two.digest}.partial`;
const damaged = two.content.replace("1.1.0 7", "1.1.0 8");
const damagedGood = one.content.toUpperCase();
/** The image 1.1.0 does not work. */
const failing = `if [ $1 = restart ]; then case $(readlink TREE/latest) in
  store/${two.digest}) printf 'ActiveState=failed\\nResult=exit-code\\nExecMainStatus=3\\n' > $UNITS/app.service; exit 1;;
  *) rm -f $UNITS/app.service;;
esac; fi`;
const IMAGE = /^store\/([0-9a-f]{64})$/;
const restart = "restart -- app.service";
const both = { published: [one, two], latest: two };

/** The stories of a destination, with their origins on a site. */
export async function fetchStories(site: Site): Promise<readonly Story[]> {
  const origin = site.origin(one, two);
  const rotated = site.origin(one, two);
  rotated.publishManifest(manifestOf([one, two], secondKey));
  const lost = site.origin(one, two);
  lost.remove(two);
  const bulky = bigImage("1.2.0", 40 * 1024 * 1024);
  const big = site.origin(one, bulky);
  const packed = await packedOrigin(site);
  const files = { ".etag": await etagFile(origin, manifestOf([one, two])) };
  const local = (origin: { readonly directory: string }) => `file://${origin.directory}`;
  const base = { kind: "destination", args: ["fetch", "HOST"], restart } as const;
  const config = { Origin: origin.url, Restart: "app.service" };
  const localConfig = { ...config, Origin: local(origin) };
  const good = (image: Image) => ({ ".good": `${image.digest}\n` });
  const wayBack = {
    ...base,
    config: { ...localConfig, WatchSec: "1" },
    before: { published: [one], latest: one, files: good(one) },
    systemctl: failing,
    nextSystemctl: failing,
    status: 75,
    // Nothing may have been left to do, or the way back.
    nextStatus: [0, 75],
    between: two,
    after: {
      ...both,
      latest: one,
      files: {
        ...good(one),
        ".refused": `${two.digest} ${one.digest} TIME app.service: failed (exit-code), status 3\n`,
      },
    },
  } as const;

  return [
    {
      ...base,
      name: "first install",
      config,
      before: {},
      after: { ...both, store: [two], files },
    },
    {
      ...base,
      name: "update",
      config,
      before: { published: [one], latest: one },
      after: { ...both, files },
    },
    {
      ...base,
      name: "manifest alone",
      config: { ...localConfig, Version: "1.0.*" },
      before: { published: [one], latest: one },
      after: { ...both, store: [one], latest: one },
      restart: "",
    },
    {
      ...base,
      name: "owed restart",
      config: localConfig,
      before: { ...both, files: { ".owed": `${two.digest}\n` } },
      after: both,
    },
    {
      ...base,
      name: "owed restart that fails for one unit",
      config: { ...localConfig, Restart: "app.service web.service" },
      before: { ...both, files: { ".owed": `${two.digest}\n` } },
      systemctl: `[ "$1" = restart ] || printf 'active\\ninactive\\n'; exit 1`,
      status: 70,
      after: both,
      restart: "web.service",
    },
    {
      ...base,
      name: "key rotation",
      config: { ...config, Origin: rotated.url, PublicKey: [key.public, secondKey.public] },
      before: { published: [one], latest: one },
      after: {
        ...both,
        signer: secondKey,
        files: { ".etag": await etagFile(rotated, manifestOf([one, two], secondKey)) },
      },
    },
    {
      ...base,
      name: "resumed download",
      config,
      before: { published: [one, two], store: [one], latest: one, files: { [partial]: half } },
      after: { ...both, files },
    },
    {
      ...base,
      name: "resumed download of wrong bytes",
      config: localConfig,
      before: {
        published: [one, two],
        store: [one],
        latest: one,
        files: { [partial]: "x".repeat(1000) },
      },
      after: both,
    },
    {
      ...base,
      name: "repair of a damaged image",
      config: localConfig,
      before: both,
      prepare: (tree) => write(join(tree, "store", two.digest), damaged, 0o444),
      after: both,
      mayLackLatest: true,
    },
    {
      ...base,
      name: "damaged image that the origin has no more",
      config: { ...config, Origin: local(lost), Version: "1.1.*" },
      before: both,
      prepare: (tree) => write(join(tree, "store", two.digest), damaged, 0o444),
      status: 69,
      nextStatus: 69,
      // What runs is still owed its restart (DST-66).
      after: { published: [one, two], store: [one], files: { ".owed": `${two.digest}\n` } },
      restart: "",
      // Of an empty partial, which the next download takes.
      dispensable: { name: "unlink", path: partial },
      mayLackLatest: true,
    },
    {
      ...base,
      name: "move back",
      config: { ...localConfig, Version: "1.0.*" },
      before: both,
      after: { ...both, latest: one },
    },
    {
      ...base,
      name: "update on trial",
      config: { ...localConfig, WatchSec: "1" },
      before: { published: [one], latest: one, files: good(one) },
      after: { ...both, files: good(two) },
    },
    { ...wayBack, name: "way back" },
    {
      ...wayBack,
      name: "way back to a damaged image",
      prepare: (tree) => write(join(tree, "store", one.digest), damagedGood, 0o444),
      mayLackLatest: true,
    },
    {
      ...base,
      name: "leftovers of a killed run",
      config: localConfig,
      before: {
        published: [one],
        latest: one,
        files: {
          ".manifest.new": "x",
          ".etag.new": "x",
          ".owed.new": "x",
          [`store/${"0".repeat(64)}.partial`]: "x",
        },
      },
      prepare: (tree) => symlinkSync("store/x", join(tree, ".latest.new")),
      after: both,
    },
    {
      ...base,
      name: "update by --init",
      args: ["fetch", "--init", "HOST"],
      nextArgs: base.args,
      config: { ...localConfig, Version: "1.1.*" },
      before: { published: [one], latest: one },
      after: both,
    },
    {
      ...base,
      name: "update with Keep=",
      config: { ...localConfig, Origin: local(site.origin(...all)), Keep: "0" },
      before: { published: [older, old, one], latest: one },
      after: { published: all, store: [one, two], latest: two },
    },
    {
      ...base,
      name: "prune",
      args: ["prune", "--keep=0", "HOST"],
      before: {
        published: all,
        latest: two,
        files: { [`store/${"0".repeat(64)}.partial`]: "x", ".owed.new": "x" },
      },
      after: { published: all, store: [one, two], latest: two },
      restart: "",
    },
    {
      ...base,
      name: "rollback",
      args: ["rollback", "HOST"],
      // Named, it is the same one, how far the first had come.
      nextArgs: ["rollback", "HOST", one.version],
      config: localConfig,
      before: both,
      after: { ...both, latest: one, files: { ".hold": `${one.digest}\n` } },
    },
    {
      ...base,
      name: "rollback on trial",
      args: ["rollback", "HOST"],
      nextArgs: ["rollback", "HOST", one.version],
      config: { ...localConfig, WatchSec: "1" },
      before: { ...both, files: good(two) },
      after: { ...both, latest: one, files: { ...good(one), ".hold": `${one.digest}\n` } },
    },
    {
      ...base,
      name: "hold",
      args: ["hold", "HOST"],
      before: both,
      after: { ...both, files: { ".hold": `${two.digest}\n` } },
      restart: "",
    },
    {
      ...base,
      name: "release",
      args: ["release", "HOST"],
      before: {
        ...both,
        files: {
          ".hold": `${two.digest}\n`,
          ".refused": `${old.digest} ${one.digest} 1790000000 failed\n`,
        },
      },
      after: both,
      restart: "",
    },
    {
      ...base,
      name: "update of 40 MiB",
      config: { ...config, Origin: local(big) },
      before: { published: [one], latest: one },
      after: { published: [one, bulky], latest: bulky },
      tried: ({ name }) => name === "fdatasync",
    },
    {
      ...base,
      name: "update of 40 MiB over HTTP",
      config: { ...config, Origin: big.url },
      before: { published: [one], latest: one },
      after: {
        published: [one, bulky],
        latest: bulky,
        files: { ".etag": await etagFile(big, manifestOf([one, bulky])) },
      },
      tried: ({ name, path }) => name === "write" && path.endsWith(".partial"),
    },
    {
      ...base,
      name: "update by a patch",
      config: { ...config, Origin: local(packed.patched) },
      before: { published: [packed.middle], latest: packed.middle },
      after: { published: packed.all, store: [packed.middle, packed.last], latest: packed.last },
    },
    {
      ...base,
      name: "update by two patches, with a partial download",
      config: { ...config, Origin: local(packed.patched) },
      before: {
        published: [packed.first],
        latest: packed.first,
        files: { [`store/${packed.last.digest}.partial`]: packed.last.content.slice(0, 1000) },
      },
      after: { published: packed.all, store: [packed.first, packed.last], latest: packed.last },
      // Of the image on the way, which goes with all else before the last one gets its name.
      dispensable: { name: "unlink", path: `store/${packed.last.digest}.part-image-1` },
    },
    {
      ...base,
      name: "first install by the rest of a frame",
      config: { ...config, Origin: local(packed.framed) },
      before: { files: packed.begun },
      after: { published: packed.all, store: [packed.last], latest: packed.last },
    },
  ];
}

/** Origins with images of more than 1 MiB: one has patches of each to the next, the other a frame of the last. */
async function packedOrigin(site: Site) {
  const all = versionsOf(["1.0.0", "1.1.0", "1.2.0"], 1_200_000);
  const [first, middle, last] = all as [Image, Image, Image];
  const [patched, framed] = [site.origin(...all), site.origin(...all)];
  const patches = new PackedOrigin(patched.directory);
  patches.list(last, await patches.patch(first, middle), await patches.patch(middle, last));
  const frames = new PackedOrigin(framed.directory);
  const frame = frames.zst(last);
  frames.list(last, frame);
  const part = `store/${last.digest}.part-zst-${frames.size(frame)}`;
  const begun = { [part]: frames.read(frame).subarray(0, 500_000).toString("latin1") };
  return { all, first, middle, last, patched, framed, begun };
}

/** The stories of a publisher's directory, with an image that is in the folder of the site. */
export function storeStories(folder: string): readonly Story[] {
  const file = join(folder, "image");
  write(file, two.content);
  const base = {
    kind: "origin",
    args: ["store", "-o", "TREE", file, two.version],
    env: { TAKO_SECRET_KEY: key.secret },
  } as const;
  const published = [one, two];
  const rotation = {
    ...base,
    env: { TAKO_SECRET_KEY: secondKey.secret },
    args: ["store", "--rotate-key", key.public, "-o", "TREE"],
  };
  return [
    {
      ...base,
      name: "store to an empty origin",
      args: ["store", "--new", ...base.args.slice(1)],
      before: {},
      after: { published: [two] },
    },
    {
      ...base,
      name: "store to an existing origin",
      before: { published: [one] },
      after: { published },
    },
    {
      ...rotation,
      name: "rotation of the key",
      before: { published },
      after: { published, signer: secondKey },
    },
    {
      ...rotation,
      name: "rotation of the key with an image",
      args: [...rotation.args, file, two.version],
      before: { published: [one] },
      after: { published, signer: secondKey },
    },
    {
      ...base,
      name: "store of an image that is damaged there",
      before: { published },
      prepare: (tree) => write(join(tree, "store", two.digest), damaged, 0o444),
      after: { published },
    },
    {
      ...base,
      name: "store of an image that was pruned",
      before: { published, store: [one], files: mark(two) },
      after: { published },
    },
    {
      ...base,
      name: "prune of an origin",
      args: ["prune", "-o", "TREE", "--keep=1", "--pattern", "1.*"],
      before: { published: [old, one, image("1.0.1"), two] },
      after: {
        published: [old, one, image("1.0.1"), two],
        store: [old, two],
        files: { ...mark(one), ...mark(image("1.0.1")) },
      },
    },
    {
      ...base,
      name: "store after a killed run",
      before: { published: [one], files: { ".manifest.new": "x", "store/.new": "x" } },
      after: { published },
    },
  ];
}

const three = image("1.2.0", two.content.replaceAll(" 77", " 78"));
/** An image that is packed, and one that a patch makes of it. */
const alike = [two, three];

/** The stories of packed files. What a run makes that nothing disturbs is held against other programs by tests/pack/. */
export function packStories(folder: string, program: Runnable): readonly Story[] {
  const file = join(folder, "next");
  write(file, three.content);
  const files = packedFiles(join(folder, "packed"), alike, program);
  const of = (image: Image) =>
    Object.fromEntries(Object.entries(files).filter(([path]) => path.includes(image.digest)));
  const first = packedFiles(join(folder, "first"), [two], program);
  const base = { kind: "origin", args: ["pack", "-o", "TREE"] } as const;
  return [
    {
      ...base,
      name: "pack of an origin",
      before: { published: alike },
      after: { published: alike, files },
    },
    {
      ...base,
      name: "pack after a killed run",
      before: {
        published: alike,
        files: { [`store/.${two.digest}.zst.new`]: "x", "store/.new": "x" },
      },
      after: { published: alike, files },
    },
    {
      ...base,
      name: "store with packed files",
      args: ["store", "--pack", "-o", "TREE", file, three.version],
      env: { TAKO_SECRET_KEY: key.secret },
      before: { published: [two], files: first },
      after: { published: alike, files },
    },
    {
      ...base,
      name: "prune of packed files",
      args: ["prune", "-o", "TREE", "--keep=1", "--pattern", "*"],
      before: { published: alike, files },
      after: {
        published: alike,
        store: [three],
        files: {
          ...mark(two),
          [`store/${three.digest}.zst`]: of(three)[`store/${three.digest}.zst`] ?? "",
          [`store/${three.digest}.packed`]: withoutPatches(
            of(three)[`store/${three.digest}.packed`] ?? "",
          ),
        },
      },
    },
  ];
}

/** What `tako pack` makes of an origin with these images, by their paths in it. */
function packedFiles(
  directory: string,
  images: readonly Image[],
  program: Runnable,
): Readonly<Record<string, string>> {
  publishTo(directory, images);
  const words = program.command(["pack", "-o", directory]);
  const { success, stderr } = Bun.spawnSync(words, { env: environment() });
  if (!success) throw new Error(`pack failed: ${stderr}`);
  const packed = readdirSync(join(directory, "store")).filter((name) => name.length > 64);
  return Object.fromEntries(
    packed.map((name) => [`store/${name}`, readFileSync(join(directory, "store", name), "latin1")]),
  );
}

function withoutPatches(list: string): string {
  return list.replace(/^patch .*\n/gm, "");
}

export type Runnable = Pick<Program, "command">;

/** A story that has begun: a directory of its own, to be run on and judged. */
export class Scene implements AsyncDisposable {
  readonly story: Story;
  readonly tree: string;
  readonly #host: Host;
  readonly #program: Runnable;
  readonly #fakes: FakeSystemctl[] = [];

  constructor(story: Story, program: Runnable) {
    this.story = story;
    this.#program = program;
    this.#host = createHost();
    this.tree = this.#host.destination;
    this.#host.configure(story.config);
    this.#host.install(story.before.published === undefined ? { store: null } : story.before);
    story.prepare?.(this.tree);
  }

  /** The run that is disturbed. */
  first(): Command {
    return this.#command(this.story.args, this.story.systemctl);
  }

  /** The one after it. */
  next(): Command {
    return this.#command(this.story.nextArgs ?? this.story.args, this.story.nextSystemctl);
  }

  #command(args: readonly string[], script?: string): Command {
    const places: Record<string, string> = { HOST: this.#host.file, TREE: this.tree };
    const fake = fakeSystemctl(script?.replaceAll("TREE", this.tree));
    this.#fakes.push(fake);
    return {
      words: this.#program.command(args.map((word) => places[word] ?? word)),
      env: environment({ ...this.story.env, ...fake.env }),
      tree: this.tree,
    };
  }

  /** What of the invariants does not hold, at whatever moment. */
  broken(): readonly string[] {
    const { before, after, between, mayLackLatest } = this.story;
    const state = this.#state();
    const problems: string[] = [];
    const check = (holds: boolean, problem: string) => {
      if (!holds) problems.push(problem);
    };

    const manifests = [stateOf(before)["manifest"], stateOf(after)["manifest"]];
    check(manifests.includes(state["manifest"]), "manifest is neither the old nor the new one");

    const whole = new Set<string>();
    for (const [path, described] of Object.entries(state)) {
      const digest = IMAGE.exec(path)?.[1];
      if (digest === undefined) continue;
      const content = readFileSync(join(this.tree, path), "latin1");
      const isWhole = sha256sum(content) === digest && described.startsWith("444 ");
      if (isWhole) whole.add(path);
      // What the story is about is no work of the program.
      check(
        isWhole || content === damaged || content === damagedGood,
        `${path} is not a whole image`,
      );
    }
    for (const [path, described] of Object.entries(state)) {
      if (!/\.(zst|patch)$/.test(path)) continue;
      const right = [stateOf(before)[path], stateOf(after)[path]];
      check(right.includes(described), `${path} is not whole`);
    }
    if (this.story.kind === "origin" && state["manifest"] !== undefined) {
      const named = state["manifest"] === stateOf(after)["manifest"] ? after : before;
      for (const path of Object.keys(stateOf(named)).filter((name) => IMAGE.test(name))) {
        const isThere = path in state || `${path}.gone` in state;
        check(isThere, `the manifest names ${path}, which is absent without a mark`);
      }
    }
    for (const path of Object.keys(stateOf(before))) {
      const stays =
        path.startsWith("store/") && path in stateOf(after) && !path.endsWith(".partial");
      check(!stays || mayLackLatest === true || path in state, `${path} is lost`);
    }
    const partialBytes = state[partial] === undefined ? "" : this.#read(partial);
    const isPrefix = two.content.startsWith(partialBytes) || /^x+/.test(partialBytes);
    check(isPrefix, "the partial is not the beginning of the image");

    const link = state["latest"]?.slice("-> ".length);
    if (link === undefined) {
      check(before.latest === undefined || mayLackLatest === true, "latest is lost");
    } else {
      check(whole.has(link) || mayLackLatest === true, "latest names no whole image");
      const allowed = [before.latest, between, after.latest];
      const links = allowed.map((each) => each && `store/${each.digest}`);
      check(links.includes(link), "latest names another image");
    }
    const proven = [stateOf(before)[".good"], stateOf(after)[".good"]];
    check(proven.includes(state[".good"]), ".good names an image that has not proved itself");
    const isOnWayBack =
      between !== undefined && state[".owed"]?.startsWith(`644 ${after.latest?.digest}`) === true;
    check(!isOnWayBack || ".refused" in state, "the image that does not work is not refused");

    const isSwapped = before.latest !== after.latest && link === `store/${after.latest?.digest}`;
    if (this.story.restart && isSwapped && !this.#isRestarted()) {
      check(
        state[".owed"]?.includes(`${after.latest?.digest}\n`) === true,
        "the restart is forgotten",
      );
    }
    check(this.#isUnlocked(), "the lock is still held");
    return problems;
  }

  /** What is not as it must be after all runs. */
  unfinished(): readonly string[] {
    const state = this.#state();
    const expected = stateOf(this.story.after);
    const names = new Set([...Object.keys(state), ...Object.keys(expected)]);
    const different = [...names].filter((name) => state[name] !== expected[name]);
    const problems = different.map((name) => `${name} is ${state[name]?.slice(0, 80) ?? "absent"}`);
    return this.#isRestarted() ? problems : [...problems, "nothing was restarted"];
  }

  /** Temporary files that a run left which could have removed them. @param unsynced a partial may not stay either (FET-68) */
  leftovers(unsynced: boolean): readonly string[] {
    const names = Object.keys(this.#host.state());
    return names.filter(
      (name) => name.endsWith(".new") || name.includes(".part-") || (unsynced && name === partial),
    );
  }

  #isRestarted(): boolean {
    const { restart = "" } = this.story;
    this.#calls.push(...this.#fakes.flatMap((fake) => fake.calls()));
    return restart === "" || this.#calls.some((call) => call.endsWith(restart));
  }

  readonly #calls: string[] = [];

  /** What the directory holds, without the times of refusals. */
  #state(): Record<string, string> {
    const { ".refused": refused, ...state } = this.#host.state();
    if (refused === undefined) return state;
    return { ...state, ".refused": refused.replaceAll(/ \d{10} /g, " TIME ") };
  }

  #read(path: string): string {
    return readFileSync(join(this.tree, path), "latin1");
  }

  #isUnlocked(): boolean {
    return Bun.spawnSync(["flock", "--nonblock", `${this.tree}/.lock`, "true"]).success;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fake of this.#fakes) fake.remove();
    this.#host[Symbol.dispose]();
  }
}
