// What this host has that a command line may name: its configs, and the versions that one of them knows. Only
// regular files are read, and what cannot be read has nothing to offer (CLI-74 to CLI-76).

import { statSync } from "node:fs";
import { CONFIGS, configNames, pathOf, readConfigs } from "../../commands/fetch/configs.ts";
import { openDestination } from "../../shell/destination.ts";

/** A word that may stand there, and what it is for. */
export interface Candidate {
  readonly word: string;
  readonly description: string;
}

/** The most versions that are offered, the newest. */
const MOST_VERSIONS = 200;

/** The names of the configs in /etc/tako, as a command takes them (FET-108). */
export function hostConfigs(): readonly Candidate[] {
  return orNothing(() =>
    configNames(CONFIGS)
      // A name with a space or a line feed has no place in the answer.
      .filter((file) => /^[\x21-\x7e]*$/.test(file))
      .map((file) => ({ word: file.slice(0, -".tako".length), description: `${CONFIGS}/${file}` })),
  );
}

/**
 * The versions of a config's local manifest, newest first.
 *
 * @param name the config, as a command takes it
 */
export function knownVersions(name: string | undefined): readonly Candidate[] {
  return orNothing(() => {
    // A pipe would be read empty, and a device might never end.
    if (name === undefined || !statSync(pathOf(name)).isFile()) return [];
    const [loaded] = readConfigs([name]);
    if (loaded === undefined || !("config" in loaded)) return [];
    const destination = openDestination(loaded.config.destination);
    const entries = destination.readManifest(loaded.config.publicKeys)?.manifest.entries ?? [];
    const latest = destination.readLatest();
    return entries
      .slice(-MOST_VERSIONS)
      .toReversed()
      .map(({ version, digest }) => ({
        word: version.text,
        description: digest === latest ? "in use" : "",
      }));
  });
}

/** A list for someone who is typing: an error would only be in the way. */
function orNothing(list: () => readonly Candidate[]): readonly Candidate[] {
  try {
    return list();
  } catch {
    return [];
  }
}
