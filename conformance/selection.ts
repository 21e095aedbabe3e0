// Which cases are meant, by their ids, requirements and profiles. What a case does is not known here.

import type { Case, Profile } from "./case.ts";

/** Which of the cases are meant. Ids and requirements are given as globs. */
export interface Selection {
  readonly profiles: readonly Profile[];
  readonly run: readonly string[];
  readonly skip: readonly string[];
}

export function selectCases(
  cases: readonly Case[],
  { profiles, run, skip }: Selection,
): readonly Case[] {
  return cases.filter(({ id, requirements, profile }) => {
    const isNamed = (globs: readonly string[]) =>
      [id, ...requirements].some((name) => matchesGlob(globs, name));
    return profiles.includes(profile) && (run.length === 0 || isNamed(run)) && !isNamed(skip);
  });
}

/** Whether one of the globs matches the whole name. */
export function matchesGlob(globs: readonly string[], name: string): boolean {
  return globs.some((glob) => new Bun.Glob(glob).match(name));
}
