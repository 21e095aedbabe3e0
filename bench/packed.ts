// What an update costs by the packed files of an origin, against what other programs make of the same two images: the bytes
// that travel, and the time and the memory of publisher and host.
//
//   bun run build && bun bench/packed.ts [NAME...]
//
// It needs root, zstd, xdelta3, bsdiff, casync, zsync, squashfs-tools, debootstrap and about 20 GiB of disk. Bytes do not
// differ from run to run; the times of the table are of one run each, those of the host at the end are medians.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveWithNginx } from "../tests/support/nginx.ts";
import { sha256sumOfFile } from "../tests/support/publishing.ts";
import { compare, type Program, run, shell } from "./measure.ts";
import { millions, publish, resetHost, sample, sizeOf, tako } from "./packed-host.ts";
import { PAIRS, type Pair } from "./packed-pairs.ts";

const RUNS = 5;

/** A program that turns the one image into the other. */
interface Way {
  readonly name: string;
  /** What a publisher runs. */
  readonly make: string;
  /** What a host runs, if that is measured. */
  readonly apply?: Program;
  /** How many bytes travel, once it is made. */
  readonly bytes: () => number | Promise<number>;
  /** In bytes; of a larger image it would take a quarter of an hour. */
  readonly largestImage?: number;
}

const WAYS: readonly Way[] = [
  {
    name: "tako pack",
    make: `${tako} pack --quiet -o origin 1.1`,
    apply: { command: `${tako} fetch --no-activate host.tako`, prepare: resetHost },
    bytes: () => packedSize("patch") ?? packedSize("zst") ?? sizeOf("new"),
  },
  ...[9, 19].map((level) => ({
    name: `zstd --patch-from -${level}`,
    make: `zstd -q -f -${level} --long=31 --patch-from=old new -o delta`,
    apply: { command: "zstd -q -f -d --long=31 --memory=2048MB --patch-from=old delta -o out" },
    bytes: () => sizeOf("delta"),
    ...(level === 19 && { largestImage: 200e6 }),
  })),
  {
    name: "xdelta3 -9",
    make: "xdelta3 -e -9 -f -B 1073741824 -s old new delta",
    apply: { command: "xdelta3 -d -f -B 1073741824 -s old delta out" },
    bytes: () => sizeOf("delta"),
  },
  {
    name: "bsdiff",
    make: "bsdiff old new delta",
    apply: { command: "bspatch old out delta" },
    bytes: () => sizeOf("delta"),
    largestImage: 200e6,
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
  await publish(server.url);
  console.log(`${pair.name}: ${millions(sizeOf("new"))} MB`);
  for (const { name, make, apply, bytes, largestImage = Infinity } of WAYS) {
    if (sizeOf("new") > largestImage) continue;
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
