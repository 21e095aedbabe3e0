// A table of fixtures/ as cases: what a row asks is said by who names the table.

import type { Case, Profile } from "../case.ts";
import { tomlFixture, unaskedOf } from "../fixtures.ts";
import { type Ask, judge, type Question } from "./questions.ts";

/** Gives the cases of a table of fixtures. */
export type Table = (ask: Ask) => readonly Case[];

/** The part of a table of fixtures that is not about one case. */
export interface Document {
  readonly keys: Keys;
  readonly secret_keys: Keys;
}

type Keys = Readonly<Record<string, string>>;

interface Row {
  readonly id: string;
  readonly requirement: readonly string[];
  readonly why: string;
}

type Rows<T> = readonly (T & Row)[];

/** A table of fixtures, and what a row of it asks. */
export function table<T>(
  path: string,
  profile: Profile | ((row: T) => Profile),
  questions: (row: T, document: Document) => readonly Question[],
  rename: (id: string) => string = (id) => id,
): Table {
  return (ask) => {
    const document = tomlFixture<Document & { case?: Rows<T>; chain?: Rows<T> }>(path);
    const unasked = unaskedOf(path);
    return (document.case ?? document.chain ?? []).map((row) => ({
      id: rename(row.id),
      requirements: row.requirement.filter((id) => !unasked.has(id)),
      profile: typeof profile === "string" ? profile : profile(row),
      why: row.why,
      run: (signal) => judge(questions(row, document), ask, signal),
    }));
  };
}

export function base64(hex: string): string {
  return Uint8Array.fromHex(hex).toBase64();
}
