// An origin with an older and a newer image, and a host that has the older one, all of them in the working directory: for
// packed.ts and slow-link.ts.

import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { key } from "../tests/support/publishing.ts";
import { type Sample, shell } from "./measure.ts";

export const tako = join(import.meta.dir, "../dist/tako");

/** An origin with both images, of which the older one is packed, and a host that has that one. */
export async function publish(server: string): Promise<void> {
  for (const name of ["origin", "installed", "dest"])
    rmSync(name, { recursive: true, force: true });
  for (const name of ["origin", "dest"]) mkdirSync(name);
  writeFileSync("key", `${key.secret}\n`, { mode: 0o600 });
  await shell(`${tako} store --new --pack -f key -o origin old 1.0`);
  const lines = [`Origin=${server}/origin`, `PublicKey=${key.public}`, "Version=*"];
  writeFileSync("host.tako", `${lines.join("\n")}\nDestination=${join(process.cwd(), "dest")}\n`);
  await shell(`${tako} fetch host.tako`);
  cpSync("dest", "installed", { recursive: true, verbatimSymlinks: true });
  await shell(`${tako} store -f key -o origin new 1.1`);
}

export function resetHost(): void {
  rmSync("dest", { recursive: true });
  cpSync("installed", "dest", { recursive: true, verbatimSymlinks: true });
}

export function sizeOf(...paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + statSync(path).size, 0);
}

export function millions(bytes: number): string {
  return (bytes / 1e6).toFixed(2);
}

export function sample({ milliseconds, peakBytes }: Sample): string {
  return `${(milliseconds / 1000).toFixed(2)} s ${(peakBytes / 2 ** 20).toFixed(0)} MiB`;
}
