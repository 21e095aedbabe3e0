// How long `tako status` takes beside its start, against a list of the same files by find, and with how much memory: for many
// configs with some versions each, and with many. Hosts are made by hand: all images of one are a few bytes.

import { createHash } from "node:crypto";
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { key, signed } from "../tests/support/publishing.ts";
import { median, run, type Sample } from "./measure.ts";

const FIND = "find DEST -type f | wc -l";

/** @param tako the compiled binary */
export async function compareStatus(tako: string, pairs: number): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const [configs, versions] of [
    [200, 50],
    [200, 10_000],
  ] as const) {
    const folder = `status-${versions}`;
    makeHosts(folder, configs, versions);
    rows.push(
      ...(await compareOne(tako, folder, `${configs} configs, ${versions} versions each`, pairs)),
    );
  }
  return rows;
}

async function compareOne(
  tako: string,
  folder: string,
  name: string,
  pairs: number,
): Promise<readonly string[]> {
  const commands = [
    `${tako} status ${folder}`,
    `${tako} status ${folder}/none.tako`,
    FIND.replace("DEST", `${folder}/dest`),
  ] as const;
  const samples: (readonly [Sample, Sample, Sample])[] = [];
  for (let pair = 0; pair <= pairs; pair++) {
    const [all, start, find] = commands.map((command) => () => run({ command }));
    const order = [await all!(), await start!(), await find!()] as const;
    if (pair > 0) samples.push(order);
  }
  const ratio = median(
    samples.map(
      ([all, start, find]) => (all.milliseconds - start.milliseconds) / find.milliseconds,
    ),
  );
  const row = (index: 0 | 1 | 2) => {
    const own = samples.map((sample) => sample[index]);
    const time = `${median(own.map(({ milliseconds }) => milliseconds)).toFixed(1)} ms`.padStart(
      12,
    );
    const peak = Math.max(...own.map(({ peakBytes }) => peakBytes));
    const memory = `${(peak / 1024 / 1024).toFixed(0)} MiB`.padStart(9);
    return `${time}${memory}  ${commands[index].replaceAll(tako, "tako")}`;
  };
  return [
    `status of ${name}: without its start ${ratio.toFixed(2)} of the other (median of ${pairs} pairs)`,
    ...[row(0), row(1), row(2)],
  ];
}

/** Configs whose destinations have all versions of one manifest, and one whose destination has nothing. */
function makeHosts(folder: string, configs: number, versions: number): void {
  mkdirSync(join(folder, "images"), { recursive: true });
  const lines: string[] = [];
  const digests: string[] = [];
  for (let minor = 0; minor < versions; minor++) {
    const content = `${minor}`;
    const digest = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(folder, "images", digest), content);
    lines.push(`1.${minor} ${content.length} ${digest}\n`);
    digests.push(digest);
  }
  const manifest = signed(`Tako Manifest 1\n\n${lines.join("")}\n`);
  const config = (name: string) => {
    const destination = join(process.cwd(), folder, "dest", name);
    mkdirSync(destination, { recursive: true });
    const text = `Origin=file:///nowhere\nPublicKey=${key.public}\nDestination=${destination}\nVersion=1.*\n`;
    writeFileSync(join(folder, `${name}.tako`), text);
    return destination;
  };
  config("none");
  for (let index = 0; index < configs; index++) {
    const destination = config(`app${index}`);
    writeFileSync(join(destination, "manifest"), manifest);
    mkdirSync(join(destination, "store"));
    for (const digest of digests) {
      linkSync(join(folder, "images", digest), join(destination, "store", digest));
    }
    symlinkSync(`store/${digests.at(-1)}`, join(destination, "latest"));
  }
}
