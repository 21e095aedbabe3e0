// Which version a package has: a function of the commit that it is built from.

export interface Commit {
  /** All of its digits. */
  readonly id: string;
  /** When it was made, in seconds since 1970. */
  readonly seconds: number;
  /** Whether it is the one with the tag of the version. */
  readonly released: boolean;
  /** Whether the files are others than those of the commit. */
  readonly changed: boolean;
}

/**
 * The version as dpkg orders it: commits before a release by their time, and all of them before the release (Debian
 * Policy 5.6.12).
 *
 * @param version that of package.json, which the next release will have
 * @param commit undefined where it is not known
 */
export function debianVersion(version: string, commit: Commit | undefined): string {
  if (commit === undefined) return `${version}~local-1`;
  const changed = commit.changed ? "+changed" : "";
  if (commit.released) return `${version}${changed}-1`;
  const time = new Date(commit.seconds * 1000).toISOString().replaceAll(/[-T:]|\.000Z/g, "");
  return `${version}~git${time}.${commit.id.slice(0, 12)}${changed}-1`;
}
