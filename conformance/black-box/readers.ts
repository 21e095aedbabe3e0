// Readers of tables: an unknown value in, a typed one out, or an error that names its place. The type of what
// is read follows from its reader. What is read is not known here.

/** @throws Error that names the place of what is wrong */
export type Reader<T> = (value: unknown, place: string) => T;

/** What a reader gives. */
export type Infer<R> = R extends Reader<infer T> ? T : never;

type Readers = Readonly<Record<string, Reader<unknown>>>;

/** The keys that may be left out: those whose reader gives nothing then. */
type Optional<R extends Readers> = {
  [K in keyof R]: undefined extends Infer<R[K]> ? K : never;
}[keyof R];

export type Table<R extends Readers> = {
  readonly [K in Exclude<keyof R, Optional<R>>]: Infer<R[K]>;
} & { readonly [K in Optional<R>]?: Infer<R[K]> };

/** A key that is not known is an error: a misspelt expectation would else never be checked. */
export function table<R extends Readers>(readers: R): Reader<Table<R>> {
  return (value, place) => {
    const entries = entriesOf(value, place);
    const unknown = entries.find(([key]) => !Object.hasOwn(readers, key));
    if (unknown !== undefined) throw new Error(`${place}: unknown key ${unknown[0]}`);
    const given = Object.fromEntries(entries);
    const read = Object.entries(readers).map(([key, reader]) => [
      key,
      reader(given[key], `${place}.${key}`),
    ]);
    return Object.fromEntries(read) as Table<R>;
  };
}

/** A table whose keys are names. */
export function mapOf<T>(each: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, place) =>
    Object.fromEntries(
      entriesOf(value, place).map(([key, item]) => [key, each(item, `${place}.${key}`)]),
    );
}

export function list<T>(each: Reader<T>): Reader<readonly T[]> {
  return (value, place) =>
    Array.isArray(value)
      ? value.map((item: unknown, index) => each(item, `${place}[${index}]`))
      : wrong(place, "a list");
}

export function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return (value, place) => (value === undefined ? undefined : reader(value, place));
}

export function or<T>(otherwise: T, reader: Reader<T>): Reader<T> {
  return (value, place) => (value === undefined ? otherwise : reader(value, place));
}

/** A text alone, or what the other reader takes. */
export function textOr<T>(reader: Reader<T>): Reader<T | string> {
  return (value, place) => (typeof value === "string" ? value : reader(value, place));
}

export function oneOf<const T extends string>(choices: readonly T[]): Reader<T> {
  return (value, place) =>
    choices.find((choice) => choice === value) ?? wrong(place, choices.join(", "));
}

export function text(value: unknown, place: string): string {
  return typeof value === "string" ? value : wrong(place, "a text");
}

export function number(value: unknown, place: string): number {
  return typeof value === "number" ? value : wrong(place, "a number");
}

export function flag(value: unknown, place: string): boolean {
  return typeof value === "boolean" ? value : wrong(place, "true or false");
}

export function scalar(value: unknown, place: string): string | number | boolean {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  return wrong(place, "a text, a number, true or false");
}

function entriesOf(value: unknown, place: string): [string, unknown][] {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : wrong(place, "a table");
}

function wrong(place: string, expected: string): never {
  throw new Error(`${place}: expected ${expected}`);
}
