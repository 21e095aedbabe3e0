// Versions and patterns that properties are made of, and a second reading of spec/versions.md and
// spec/patterns.md: slow, by other means than src/core, and without importing it.

import fc from "fast-check";

/** The parts of a version as they are written: digits only is numeric, anything else a string. */
export type Parts = readonly [string, ...string[]];

/** A pattern by what it means. Its words are the parts of versions. */
export type Form =
  | { readonly kind: "any" }
  | { readonly kind: "family" | "exact"; readonly parts: Parts }
  | { readonly kind: "range"; readonly low: Parts; readonly high: Parts };

// The second reading

const DIGITS = "0123456789";
const FORBIDDEN = "*<=>";
const SEPARATORS = ".-_";

/** VER-1, VER-2, VER-5, byte by byte. */
export function isVersion(text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length < 1 || bytes.length > 255) return false;
  let content = 0;
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    if (byte < 0x21 || byte > 0x7e || FORBIDDEN.includes(character)) return false;
    if (!SEPARATORS.includes(character)) content++;
  }
  return content > 0;
}

/** VER-3, VER-4: the parts of a valid version as they are written, found one character at a time. */
export function partsOf(text: string): Parts {
  const parts: string[] = [];
  let part = "";
  for (const character of `${text}.`) {
    if (!SEPARATORS.includes(character)) part += character;
    else if (part !== "") {
      parts.push(part);
      part = "";
    }
  }
  const [first, ...others] = parts;
  if (first === undefined) throw new Error(`${JSON.stringify(text)} has no parts`);
  return [first, ...others];
}

export function isNumeric(part: string): boolean {
  return [...part].every((character) => DIGITS.includes(character));
}

/** A numeric part without leading zeros, zero itself as nothing; undefined for a string part. */
function significantDigits(part: string): string | undefined {
  if (!isNumeric(part)) return undefined;
  let rest = part;
  while (rest.startsWith("0")) rest = rest.slice(1);
  return rest;
}

/**
 * A text for each part, made so that the plain order of texts is the order of parts: `s` for string
 * parts sorts before `t` for numbers (VER-13), numbers have 255 digits (VER-14, VER-8), bytes are
 * hex and end with a space, which sorts before hex digits (VER-15).
 */
function sortKey(part: string): string {
  const digits = significantDigits(part);
  if (digits !== undefined) return `t${digits.padStart(255, "0")}`;
  const hex = [...part].map((character) => character.charCodeAt(0).toString(16)).join("");
  return `s${hex} `;
}

/** VER-12: the keys of the first `count` parts, or of all, zeros where there are no parts. */
function sortKeys(parts: readonly string[], count: number): string {
  return Array.from({ length: count }, (_, index) => sortKey(parts[index] ?? "0")).join("");
}

/** VER-11 to VER-18: -1, 0 or 1. */
export function order(a: readonly string[], b: readonly string[]): number {
  const length = Math.max(a.length, b.length);
  const [left, right] = [sortKeys(a, length), sortKeys(b, length)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function beginsWith(parts: Parts, prefix: readonly string[]): boolean {
  return sortKeys(parts, prefix.length) === sortKeys(prefix, prefix.length);
}

/**
 * PAT-7, PAT-8 from the other side: below *everything* that begins with HIGH. Families have no gaps,
 * so it is enough to try what is low in the family, and the version itself if it belongs to it.
 */
function isBelowFamily(parts: Parts, high: Parts): boolean {
  const start: string[] = [...high];
  while (start.length > 0 && significantDigits(start.at(-1) ?? "") === "") start.pop();
  const family: (readonly string[])[] = [start, [...start, "!"], [...start, "!", "!"], high];
  if (beginsWith(parts, start)) family.push(parts);
  return family.every((member) => order(parts, member) < 0);
}

/** PAT-9: whether there is anything between the two ends. */
export function isRange(low: Parts, high: Parts): boolean {
  return isBelowFamily(low, high);
}

/** PAT-1, PAT-2, PAT-4, PAT-6, PAT-8. */
export function allows(form: Form, version: Parts): boolean {
  switch (form.kind) {
    case "any":
      return true;
    case "family":
      return beginsWith(version, form.parts);
    case "exact":
      return order(version, form.parts) === 0;
    case "range":
      return order(version, form.low) >= 0 && isBelowFamily(version, form.high);
  }
}

/** PAT-17: one more in the last part; undefined when that is a string part. */
export function next(parts: Parts): Parts | undefined {
  const last = parts.at(-1) ?? "";
  if (!isNumeric(last)) return undefined;
  const [first, ...others] = [...parts.slice(0, -1), String(BigInt(last) + 1n)];
  return [first ?? "", ...others];
}

// Arbitraries, biased to collisions: few parts from a small alphabet

const frequentParts = fc.constantFrom("0", "0", "1", "1", "2", "10", "a", "b", "1a");
const rareParts = fc.oneof(
  fc.constantFrom("00", "01", "9", "11", "A", "aa", "a1", "ab", "rc", "v", "!", "~", "0a", "+1"),
  fc.constantFrom("4294967296", "9007199254740991", "9007199254740992", "9007199254740993"),
  fc.constantFrom("18446744073709551615", "18446744073709551616", `1${"0".repeat(25)}`),
  fc.bigInt({ min: 0n, max: 2n ** 100n }).map(String),
  fc
    .array(fc.constantFrom(...'!"#$%&()+,/09:;?@AZ[\\]^`az{|}~'), { minLength: 1, maxLength: 3 })
    .map((characters) => characters.join("")),
);
const part = fc.oneof({ weight: 4, arbitrary: frequentParts }, { weight: 1, arbitrary: rareParts });

export const versionParts: fc.Arbitrary<Parts> = fc
  .tuple(part, fc.array(part, { maxLength: 3 }))
  .map(([first, others]): Parts => [first, ...others]);

/** Versions close to the given one: cut off, continued, one part exchanged, or the same. */
export function near(parts: Parts): fc.Arbitrary<Parts> {
  const [first, ...others] = parts;
  return fc.oneof(
    fc.constant(parts),
    fc.nat(others.length).map((count): Parts => [first, ...others.slice(0, count)]),
    fc.array(part, { minLength: 1, maxLength: 2 }).map((more): Parts => [...parts, ...more]),
    fc.tuple(fc.nat(others.length), part).map(([at, other]): Parts => {
      const [head, ...tail] = parts.with(at, other);
      return [head ?? other, ...tail];
    }),
    versionParts,
  );
}

/** Two or more versions that often have beginnings in common. */
export const relatives: fc.Arbitrary<readonly [Parts, Parts, Parts]> = versionParts.chain((parts) =>
  fc.tuple(near(parts), near(parts), near(parts)),
);

/** Any way to write these very parts: separators (VER-16), empty parts and leading zeros. */
export function samePartsSpelled(parts: Parts): fc.Arbitrary<string> {
  const separators = (minLength: number) =>
    fc
      .array(fc.constantFrom(...SEPARATORS), { minLength, maxLength: minLength + 1 })
      .map((characters) => characters.join(""));
  const spelledParts = parts.map((each) =>
    isNumeric(each) ? fc.nat(2).map((zeros) => "0".repeat(zeros) + each) : fc.constant(each),
  );
  return fc
    .tuple(
      separators(0),
      separators(0),
      ...spelledParts.map((each) => fc.tuple(each, separators(1))),
    )
    .map(([before, after, ...pieces]) => {
      const inner = pieces.map(([text, separator], index) =>
        index === pieces.length - 1 ? text : text + separator,
      );
      return before + inner.join("") + after;
    });
}

/** Any way to write an equivalent version (VER-17): trailing zero parts come and go as well. */
export function equivalentSpelled(parts: Parts): fc.Arbitrary<string> {
  let significant = parts.length;
  while (significant > 1 && significantDigits(parts[significant - 1] ?? "") === "") significant--;
  const [first, ...others] = parts;
  return fc
    .tuple(fc.integer({ min: significant - 1, max: others.length }), fc.nat(2))
    .chain(([kept, zeros]) =>
      samePartsSpelled([first, ...others.slice(0, kept), ...Array<string>(zeros).fill("0")]),
    );
}

/** Forms, and versions around their ends. Ranges that nothing can match are among them. */
export const forms: fc.Arbitrary<Form> = fc.oneof(
  fc.constant<Form>({ kind: "any" }),
  versionParts.map((parts): Form => ({ kind: "family", parts })),
  versionParts.map((parts): Form => ({ kind: "exact", parts })),
  fc.tuple(versionParts, versionParts).map(([a, b]): Form => ({ kind: "range", low: a, high: b })),
  // In the right order, so that ranges with something in them are frequent.
  versionParts
    .chain((parts) => fc.tuple(near(parts), near(parts)))
    .map(
      ([a, b]): Form =>
        order(a, b) < 0 ? { kind: "range", low: a, high: b } : { kind: "range", low: b, high: a },
    ),
);

export const validForms = forms.filter(
  (form) => form.kind !== "range" || isRange(form.low, form.high),
);

/** Versions near what a form is made of, so that both answers are frequent. */
export function around(form: Form): fc.Arbitrary<Parts> {
  switch (form.kind) {
    case "any":
      return versionParts;
    case "family":
    case "exact":
      return near(form.parts);
    case "range":
      return fc.oneof(near(form.low), near(form.high));
  }
}

/** The plain way to write a form down. */
export function written(form: Form): string {
  switch (form.kind) {
    case "any":
      return "*";
    case "family":
      return `${form.parts.join(".")}.*`;
    case "exact":
      return form.parts.join(".");
    case "range":
      return `${form.low.join(".")} <= v < ${form.high.join(".")}`;
  }
}

/** Any way to write it down that means the same (PAT-5, PAT-15). */
export function formSpelled(form: Form): fc.Arbitrary<string> {
  const gap = fc.integer({ min: 1, max: 3 }).map((count) => " ".repeat(count));
  switch (form.kind) {
    case "any":
      return fc.constant("*");
    case "family":
      return fc
        .tuple(samePartsSpelled(form.parts), fc.constantFrom(...SEPARATORS))
        .map(([text, separator]) => `${text}${separator}*`);
    case "exact":
      return equivalentSpelled(form.parts);
    case "range":
      return fc
        .tuple(equivalentSpelled(form.low), gap, gap, gap, gap, equivalentSpelled(form.high))
        .map(([low, a, b, c, d, high]) => `${low}${a}<=${b}v${c}<${d}${high}`);
  }
}

/** Texts of which about half are patterns or versions, and the others nearly so. */
export const roughTexts: fc.Arbitrary<string> = fc.oneof(
  fc
    .array(fc.constantFrom(...SEPARATORS, ..."01a*<=>v ~", " ", " <= ", " v ", " < ", "é", "\n"), {
      maxLength: 9,
    })
    .map((pieces) => pieces.join("")),
  forms
    .chain(formSpelled)
    .chain((text) =>
      fc
        .tuple(
          fc.nat(text.length),
          fc.nat(2),
          fc.constantFrom("", " ", "*", ".", "<", "=", "v", "\t", "é"),
        )
        .map(([at, cut, piece]) => text.slice(0, at) + piece + text.slice(at + cut)),
    ),
  fc.string({ unit: "binary", maxLength: 20 }),
  // Lone surrogates as well.
  fc.array(fc.nat(0xffff), { maxLength: 5 }).map((units) => String.fromCharCode(...units)),
  fc.string({ unit: "binary-ascii", maxLength: 300 }),
  fc
    .tuple(fc.constantFrom("1", "a", ".", "1.", "é"), fc.integer({ min: 250, max: 260 }))
    .map(([unit, count]) => unit.repeat(count)),
);
