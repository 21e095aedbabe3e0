// The ratios that Tako answers for: each against another program in the same run, the median of
// five pairs or more, with both commands and the peak memory of each. Nothing here passes or fails.
//
//   bun run bench                   everything, with images of 1 and 3 GiB
//   bun bench/bench.ts --mib 64     quicker, with smaller images

import { randomFillSync } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { serveWithNginx } from "../tests/support/nginx.ts";
import { compareManifests } from "./manifests.ts";
import { type Comparison, compare, type Program, run } from "./measure.ts";
import { compareStatus } from "./status.ts";
import { compareVerdict } from "./verdict.ts";
import { compareVerify } from "./verify.ts";

const MIB = 1024 * 1024;
const { values } = parseArgs({ options: { mib: { type: "string", default: "1024" } } });
const imageBytes = Number(values.mib) * MIB;
const IMAGES = ["small", "big", "bigger"];
/** What the programs make: a destination for each image, and an origin. */
const OUTPUT_FOLDERS = [...IMAGES.map((name) => `${name}.dest`), "G.origin"];
const OUTPUTS = [...OUTPUT_FOLDERS, "F", "G"];
const FEW = 5;
const MANY = 21;

const tako = join(import.meta.dir, "../dist/tako");
const folder = mkdtempSync(join(tmpdir(), "tako-bench-"));
process.chdir(folder);
try {
  await main();
} finally {
  process.chdir("/");
  rmSync(folder, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const generated = Bun.spawnSync([tako, "gen-key", "--output", "secret-key"]).stdout.toString();
  const publicKey = /\S{43}=/.exec(generated)?.[0] ?? "";

  const server = await serveWithNginx(folder);
  try {
    /** Publishes an image of random bytes, and writes the config of a host that wants it. */
    const publish = async (name: string, size: number) => {
      writeRandom(`${name}.img`, size);
      mkdirSync(name);
      await run({ command: `${tako} store --new -f secret-key -o ${name} ${name}.img 1.0.0` });
      const lines = [
        `Origin=${server.url}/${name}`,
        `PublicKey=${publicKey}`,
        `Destination=${name}.dest`,
        "Version=*",
      ];
      await Bun.write(`${name}.tako`, `${lines.join("\n")}\n`);
    };
    const imageUrl = (name: string) =>
      `${server.url}/${name}/store/${readdirSync(`${name}/store`)[0]}`;
    const fetchNew = (name: string) => afresh(`${tako} fetch ${name}.tako`);
    const curlAndHash = (name: string) =>
      afresh(`curl -s -o F ${imageUrl(name)} && openssl dgst -sha256 F`);
    const storeNew = (name: string) =>
      afresh(`${tako} store --new -f secret-key -o G.origin ${name}.img 1.0.0`);
    const copyAndHash = (name: string) => afresh(`cp ${name}.img G && openssl dgst -sha256 G`);
    const syncedCopy = (name: string) =>
      afresh(`dd if=${name}.img of=G bs=4M conv=fsync status=none`);

    await publish("big", imageBytes);
    print(await compare(`store of ${values.mib} MiB`, storeNew("big"), copyAndHash("big"), FEW));
    // `store` waits for the disk, which cp leaves to the kernel: how long is that by itself?
    print(await compare("a copy that is synced", syncedCopy("big"), copyAndHash("big"), FEW));
    print(await compare(`fetch of ${values.mib} MiB`, fetchNew("big"), curlAndHash("big"), FEW));
    await publish("bigger", 3 * imageBytes);
    print(await compare("fetch of three times that", fetchNew("bigger"), curlAndHash("bigger"), 1));
    print(await compare("store of three times that", storeNew("bigger"), copyAndHash("bigger"), 1));

    await publish("small", 64 * 1024);
    await run(fetchNew("small"));
    const checkAgain = { command: `${tako} fetch small.tako` };
    const curlManifest = { command: `curl -s -o F ${server.url}/small/manifest` };
    print(await compare("check with nothing new", checkAgain, curlManifest, MANY));
    print(
      await compare(
        "--version",
        { command: `${tako} --version` },
        { command: "curl --version" },
        MANY,
      ),
    );
  } finally {
    await server.stop();
  }
  for (const each of await compareVerify(tako, writeRandom, imageBytes, FEW)) print(each);
  for (const line of await compareVerdict(tako, FEW)) console.log(line);
  for (const line of await compareManifests(FEW)) console.log(line);
  for (const line of await compareStatus(tako, FEW)) console.log(line);
}

function print({ name, ours, theirs, ratio, median, pairs }: Comparison): void {
  console.log(`${name}: ${ratio.toFixed(2)} of the other (median of ${pairs} pairs)`);
  for (const [program, { milliseconds, peakBytes }] of [
    [ours, median.ours],
    [theirs, median.theirs],
  ] as const) {
    const time = `${milliseconds.toFixed(1)} ms`.padStart(12);
    const memory = `${(peakBytes / MIB).toFixed(0)} MiB`.padStart(9);
    console.log(`${time}${memory}  ${program.command.replaceAll(tako, "tako")}`);
  }
}

function writeRandom(path: string, size: number): void {
  const fd = openSync(path, "w");
  const block = new Uint8Array(Math.min(size, 16 * MIB));
  for (let written = 0; written < size; written += block.length)
    writeSync(fd, randomFillSync(block));
  closeSync(fd);
}

/**
 * Without what any program before it has made. That goes before it is written to the disk, if the
 * kernel still holds it: else the next program would wait for it.
 */
function afresh(command: string): Program {
  const prepare = () => {
    for (const path of OUTPUTS) rmSync(path, { recursive: true, force: true });
    for (const path of OUTPUT_FOLDERS) mkdirSync(path);
    Bun.spawnSync(["sync"]);
  };
  return { command, prepare };
}
