// The units of systemd/, as the tests of this folder install and read them.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Machine } from "./machine.ts";

const folder = join(import.meta.dir, "../../systemd");
const UNITS = new Bun.Glob("**/*.{service,socket,timer}");

/** Where docs/hosts.md installs them. */
export const INSTALLED = "/usr/local/lib/systemd/system";

/** The paths in systemd/ of all units. */
export const unitPaths: readonly string[] = [...UNITS.scanSync(folder)].sort();

/** The text of a file of systemd/. */
export function shipped(path: string): string {
  return readFileSync(join(folder, path), "utf8");
}

/** Installs all of them in a machine, those of examples/ included. */
export async function installUnits(machine: Machine): Promise<void> {
  for (const path of unitPaths) await machine.write(join(INSTALLED, basename(path)), shipped(path));
  await machine.must("systemctl", "daemon-reload");
}

/** The lines of a unit that count, comments left out. */
export function settingsOf(path: string): string[] {
  return shipped(path)
    .split("\n")
    .filter((line) => /^[^#]/.test(line));
}
