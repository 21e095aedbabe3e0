// What a unit of systemd lets its processes write to, as `systemctl show` has its settings (systemd.exec(5)).

import { readProperties } from "./unit-state.ts";

/** What to ask for: `systemctl show --property=...`. */
export const SANDBOX_PROPERTIES =
  "LoadState,ProtectSystem,ProtectHome,ReadWritePaths,ReadOnlyPaths,InaccessiblePaths,StateDirectory,CacheDirectory,LogsDirectory";

/** A directory, and whether what is below may be written: the deepest one that fits counts. */
interface Area {
  readonly path: string;
  /** The setting that keeps from it; `undefined` where it may be written. */
  readonly closedBy: string | undefined;
}

export type Sandbox = readonly Area[];

/** Where systemd makes what these settings name. */
const OWN_DIRECTORIES = {
  StateDirectory: "/var/lib",
  CacheDirectory: "/var/cache",
  LogsDirectory: "/var/log",
} as const;

/** What `ProtectSystem=` makes read-only. */
const SYSTEM: Readonly<Record<string, readonly string[]>> = {
  yes: ["/usr", "/boot", "/efi"],
  full: ["/usr", "/boot", "/efi", "/etc"],
  strict: ["/"],
};

/** What `ProtectHome=` hides. */
const HOMES = ["/home", "/root", "/run/user"];

/**
 * Reads the answer for one unit.
 *
 * @returns `undefined` if systemd has no such unit
 */
export function parseSandbox(answer: string): Sandbox | undefined {
  const values = readProperties(answer);
  if (values.get("LoadState") !== "loaded") return undefined;
  const paths = (name: string) =>
    (values.get(name) ?? "").split(" ").flatMap((word) => {
      // "-" is for one that may be missing, "+" for one below the root directory of the unit.
      const path = word.replace(/^[-+]+/, "").replace(/\/+$/, "");
      return word === "" ? [] : [path || "/"];
    });
  const areas = (found: readonly string[], closedBy?: string): Sandbox =>
    found.map((path) => ({ path, closedBy }));
  const system = values.get("ProtectSystem") ?? "";
  const home = values.get("ProtectHome") ?? "";
  return [
    ...areas(SYSTEM[system] ?? [], `ProtectSystem=${system}`),
    ...areas(["/dev", "/proc", "/sys"]),
    ...areas(home === "no" || home === "" ? [] : HOMES, `ProtectHome=${home}`),
    ...areas(paths("ReadOnlyPaths"), "ReadOnlyPaths="),
    ...areas(paths("InaccessiblePaths"), "InaccessiblePaths="),
    ...Object.entries(OWN_DIRECTORIES).flatMap(([name, parent]) =>
      areas(paths(name).map((path) => `${parent}/${path}`)),
    ),
    ...areas(paths("ReadWritePaths")),
  ];
}

/**
 * The setting that keeps a unit from writing to a directory, `undefined` if none does.
 *
 * @param path absolute, without links
 */
export function keepsFrom(sandbox: Sandbox, path: string): string | undefined {
  const fitting = sandbox
    .filter((area) => area.path === "/" || path === area.path || path.startsWith(`${area.path}/`))
    // Of two as deep the later one counts: what is to be written to is meant to be.
    .toSorted((a, b) => a.path.length - b.path.length);
  return fitting.at(-1)?.closedBy;
}
