// What a unit of systemd lets its processes write to, as `systemctl show` has its settings (systemd.exec(5)).

/** What to ask for: `systemctl show --property=...`. */
export const SANDBOX_PROPERTIES =
  "LoadState,ProtectSystem,ProtectHome,ReadWritePaths,ReadOnlyPaths,InaccessiblePaths,StateDirectory,CacheDirectory,LogsDirectory";

/** A directory, and whether what is below may be written: the deepest one that fits counts. */
interface Area {
  readonly path: string;
  readonly isWritable: boolean;
  /** The setting that says so. */
  readonly by: string;
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

/**
 * Reads the answer for one unit.
 *
 * @returns `undefined` if systemd has no such unit
 */
export function parseSandbox(answer: string): Sandbox | undefined {
  const values = new Map(
    answer.split("\n").map((line) => {
      const [name = "", ...value] = line.split("=");
      return [name, value.join("=")] as const;
    }),
  );
  if (values.get("LoadState") !== "loaded") return undefined;
  const paths = (name: string) =>
    (values.get(name) ?? "").split(" ").flatMap((word) => {
      // "-" is for one that may be missing, "+" for one below the root directory of the unit.
      const path = word.replace(/^[-+]+/, "").replace(/\/+$/, "");
      return word === "" ? [] : [path || "/"];
    });
  const areas = (by: string, found: readonly string[], isWritable: boolean): Sandbox =>
    found.map((path) => ({ path, isWritable, by }));
  const system = values.get("ProtectSystem") ?? "";
  const home = values.get("ProtectHome") ?? "no";
  return [
    ...areas(`ProtectSystem=${system}`, SYSTEM[system] ?? [], false),
    ...areas("", ["/dev", "/proc", "/sys"], true),
    ...areas(
      `ProtectHome=${home}`,
      home === "no" || home === "" ? [] : ["/home", "/root", "/run/user"],
      false,
    ),
    ...areas("ReadOnlyPaths=", paths("ReadOnlyPaths"), false),
    ...areas("InaccessiblePaths=", paths("InaccessiblePaths"), false),
    ...Object.entries(OWN_DIRECTORIES).flatMap(([name, parent]) =>
      areas(
        name,
        paths(name).map((path) => `${parent}/${path}`),
        true,
      ),
    ),
    ...areas("ReadWritePaths=", paths("ReadWritePaths"), true),
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
  const deepest = fitting.at(-1);
  return deepest === undefined || deepest.isWritable ? undefined : deepest.by;
}
