// The one sentence that a run without a match and an `--init` that fails for it have in common. Imports nothing: the
// declarations of the command line load it.

/** That nothing matches, with what is on offer, in one line (FET-41). */
export function describeNoMatch(
  pattern: string,
  skips: boolean,
  offered: readonly string[],
): string {
  const offer =
    offered.length === 0
      ? "the manifest is empty"
      : `the newest on offer ${offered.length === 1 ? "is" : "are"} ${offered.join(", ")}`;
  const aside = skips ? ", those of Skip= aside" : "";
  return `no version matches "${pattern}"${aside}; ${offer}`;
}
