// From the words of a command line to configs: files, and directories of them (FET-1 to FET-6).

import { existsSync, lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type Config, MAX_CONFIG_BYTES, parseConfig } from "../../core/config.ts";
import { TakoError } from "../../core/error.ts";
import { shownPath } from "../../core/text.ts";
import { readPipe, readRegularFile } from "../../shell/disk/read-files.ts";
import { isErrno, storageError } from "../../shell/disk/storage-error.ts";

/** Where the configs of a host are, by custom. */
export const CONFIGS = "/etc/tako";

const CONFIG_IS = "A CONFIG is a file, a pipe, or a directory with *.tako files.";

/** A config file, and what is in it or what is wrong with it. */
export type LoadedConfig = Readable | { readonly file: string; readonly error: TakoError };

export interface Readable {
  readonly file: string;
  /** Its bytes. */
  readonly source: Uint8Array;
  readonly config: Config;
  /** Who else could change it, or read a password in it (FET-18). */
  readonly warnings: readonly string[];
}

/** Loads every config. What is wrong with one is its own result and stops no other. */
export function loadConfigs(paths: readonly string[]): readonly LoadedConfig[] {
  return refuseSharedDestinations(readConfigs(paths));
}

/** The same, each by itself: whether they fight over a destination is not looked at. */
export function readConfigs(paths: readonly string[]): readonly LoadedConfig[] {
  // The same file twice, as by `/etc/tako /etc/tako/*`, is one config (FET-11).
  const found = paths.map(pathOf).flatMap(configFiles);
  const once = new Map(found.map((each) => [typeof each === "string" ? each : each.file, each]));
  return [...once.values()].map(loadConfig);
}

/** `web` is /etc/tako/web.tako, if that is there and nothing of that name is here (FET-108). */
export function pathOf(word: string): string {
  const isNeeded = isName(word) && !existsSync(word) && existsSync(customaryPath(word));
  return isNeeded ? customaryPath(word) : word;
}

function isName(word: string): boolean {
  return word !== "" && !word.includes("/") && !word.endsWith(".tako");
}

function customaryPath(name: string): string {
  return join(CONFIGS, `${name}.tako`);
}

/** A path and, for a directory, the `*.tako` in it; or what is wrong with the path. */
function configFiles(path: string): readonly (string | { file: string; error: TakoError })[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    // As a shell reads `*.tako`: an editor's `.#app.tako` is no config.
    const names = readdirSync(path).filter((name) => /^[^.].*\.tako$/s.test(name));
    if (names.length > 0) return names.sort().flatMap((name) => configIn(join(path, name)));
    return [
      {
        file: path,
        error: configError(path, "there is no *.tako file in this directory", "FET-2"),
      },
    ];
  } catch (cause) {
    return [{ file: path, error: asConfigError(path, cause) }];
  }
}

/** A config of a directory; none if it is masked as in systemd, by a link to /dev/null (FET-16). */
function configIn(file: string): readonly (string | { file: string; error: TakoError })[] {
  try {
    if (lstatSync(file).isSymbolicLink() && realpathSync(file) === "/dev/null") return [];
    // Whoever put it there would keep the run waiting (FET-17).
    if (statSync(file).isFIFO())
      return [{ file, error: configError(file, "it is not a regular file", "FET-17") }];
  } catch {
    // What is wrong with it is told when it is read.
  }
  return [file];
}

function loadConfig(found: string | LoadedConfig): LoadedConfig {
  if (typeof found !== "string") return found;
  try {
    // A link to a config file is followed, unlike one in the place of a file of Tako's own.
    // A pipe as of `<(...)` has no other path than this (FET-17).
    const source = statSync(found).isFIFO()
      ? readPipe(found, MAX_CONFIG_BYTES)
      : readRegularFile(realpathSync(found), MAX_CONFIG_BYTES);
    if (source === undefined) throw configError(found, "there is no such file", "FET-5");
    const config = parseConfig(source, found);
    return { file: found, source, config, warnings: permissionWarnings(found, config) };
  } catch (error) {
    return { file: found, error: asConfigError(found, error) };
  }
}

/** Root does what a config says, so who can write it is as good as root. */
function permissionWarnings(file: string, { origin }: Config): readonly string[] {
  const stats = statSync(file);
  if (!stats.isFile()) return [];
  const hasPassword = (origin.credentials?.password ?? "") !== "";
  const readable = hasPassword && (stats.mode & 0o004) !== 0;
  const directory = dirname(realpathSync(file));
  return [
    ...(readable ? ["it has a password, and every user can read it: make its mode 0600"] : []),
    ...(process.geteuid?.() === 0
      ? [...writersOf(file, "it"), ...writersOf(directory, shownPath(directory))]
      : []),
  ];
}

/**
 * How others could change a config that root reads. In a sticky directory they can't replace it.
 *
 * @param shown what it is in a warning that names the config already (CLI-34)
 */
function writersOf(path: string, shown: string): readonly string[] {
  const { uid, mode } = statSync(path);
  if (uid !== 0)
    return [`${shown} belongs to another user (uid ${uid}), who can change the config`];
  const isOpen = (mode & 0o022) !== 0 && (mode & 0o1000) === 0;
  return isOpen
    ? [`${shown} can be written by its group or by others, who can change the config`]
    : [];
}

/** Two configs that would fight over one directory are both wrong (FET-6). */
function refuseSharedDestinations(configs: readonly LoadedConfig[]): readonly LoadedConfig[] {
  const others = sharedDestinations(configs);
  return configs.map((loaded) => {
    const error = others.get(loaded);
    return error === undefined ? loaded : { file: loaded.file, error };
  });
}

/** The error of each config whose destination is that of another, too (FET-6). */
export function sharedDestinations(
  configs: readonly LoadedConfig[],
): ReadonlyMap<LoadedConfig, TakoError> {
  const users = Map.groupBy(configs, (loaded) =>
    "config" in loaded ? identity(loaded.config.destination) : undefined,
  );
  const errors = configs.flatMap((loaded): [LoadedConfig, TakoError][] => {
    if (!("config" in loaded)) return [];
    const { file, config } = loaded;
    const id = identity(config.destination);
    const other = id === undefined ? undefined : users.get(id)?.find((user) => user !== loaded);
    if (other === undefined) return [];
    const message = `its destination ${config.destination} is also that of ${other.file}`;
    return [[loaded, configError(file, message, "FET-6", "Neither of them is touched.")]];
  });
  return new Map(errors);
}

/** The directory's device and inode; `undefined` for one that can't be found, which fails later. */
export function identity(directory: string): string | undefined {
  try {
    const { dev, ino } = statSync(directory, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    // Its own run tells why.
    return undefined;
  }
}

/** Where the file of a word of the command line was looked for. */
export function lookedFor(source: string): string {
  const path = shownPath(resolve(source));
  return isName(source) ? `${path} and ${shownPath(customaryPath(source))}` : path;
}

function configError(source: string, message: string, rule: string, hint?: string): TakoError {
  return new TakoError("config", message, { source, rule, hint });
}

/** A config that cannot be read is as wrong as one that says nothing valid (FET-5). */
function asConfigError(source: string, thrown: unknown): TakoError {
  const error = storageError(thrown, "read", source);
  if (!(error instanceof TakoError)) throw error;
  if (error.kind === "config") return error;
  const isMissing = isErrno(thrown, "ENOENT");
  const isNoConfig = error.rule === "DST-27" || (isMissing && source.includes("://"));
  const hint = isMissing ? `Looked for ${lookedFor(source)}.` : error.hint;
  return configError(source, error.message, "FET-5", isNoConfig ? CONFIG_IS : hint);
}
