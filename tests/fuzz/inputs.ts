// What the decoders are fuzzed with: valid texts, and what few or many changes make of them. A text
// stands for bytes where each of its characters is one.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";

const FIXTURES = join(import.meta.dir, "../../fixtures");

/** No input is longer: a decoder that takes seconds for one does not grow linearly. */
export const MAX_INPUT = 256 * 1024;

/** The files of a folder of fixtures whose name has this end, one character a byte. */
export function fixtureTexts(folder: string, end: string): fc.Arbitrary<string> {
  const names = readdirSync(join(FIXTURES, folder)).filter((name) => name.endsWith(end));
  const texts = names.sort().map((name) => readFileSync(join(FIXTURES, folder, name), "latin1"));
  return fc.constantFrom(...texts.filter((text) => text.length < 4096));
}

type Change = (text: string) => string;

const place = fc.nat(1_000_000);
const at = (text: string, index: number) => index % (text.length + 1);

/** Characters that mean something to some decoder come up more often than others. */
const character = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(..." \n\r\t\0=.-_*<>v0129aAfF+/:@?#%[]\\;\"'`~\x1b\x7f"),
  },
  { weight: 2, arbitrary: fc.nat(0xff).map((code) => String.fromCharCode(code)) },
  { weight: 1, arbitrary: fc.nat(0xffff).map((code) => String.fromCharCode(code)) },
);

const change = (words: readonly string[]): fc.Arbitrary<Change> => {
  const pieces = fc.oneof(
    character,
    fc.constantFrom(...words),
    fc.constantFrom(
      "9007199254740993",
      "18446744073709551616",
      "1e9",
      "-1",
      "0x10",
      "%00",
      "\u202e",
    ),
    fc.tuple(character, fc.constantFrom(2, 255, 256, 5000)).map(([c, n]) => c.repeat(n)),
  );
  return fc.oneof(
    fc.tuple(place, pieces).map(
      ([p, piece]): Change =>
        (t) =>
          t.slice(0, at(t, p)) + piece + t.slice(at(t, p)),
    ),
    fc.tuple(place, fc.nat(8), pieces).map(
      ([p, length, piece]): Change =>
        (t) =>
          t.slice(0, at(t, p)) + piece + t.slice(at(t, p) + length),
    ),
    fc.tuple(place, fc.nat(80)).map(
      ([p, length]): Change =>
        (t) =>
          t.slice(0, at(t, p)) + t.slice(at(t, p) + length),
    ),
    fc.tuple(place).map(
      ([p]): Change =>
        (t) =>
          t.slice(0, at(t, p)),
    ),
    fc.tuple(place, fc.nat(80), fc.constantFrom(2, 2, 3, 40)).map(
      ([p, length, times]): Change =>
        (t) => {
          const start = at(t, p);
          const slice = t.slice(start, start + length);
          return t.slice(0, start) + slice.repeat(times) + t.slice(start + length);
        },
    ),
    fc.tuple(place, place).map(
      ([p, q]): Change =>
        (t) => {
          const [a, b] = [at(t, p), at(t, q)].sort((x, y) => x - y);
          return t.slice(b) + t.slice(a, b) + t.slice(0, a);
        },
    ),
    fc.tuple(place, fc.nat(7)).map(
      ([p, bit]): Change =>
        (t) => {
          const index = at(t, p);
          const code = t.charCodeAt(index);
          if (Number.isNaN(code)) return t;
          return t.slice(0, index) + String.fromCharCode(code ^ (1 << bit)) + t.slice(index + 1);
        },
    ),
    fc.constant<Change>((t) => t.toUpperCase()),
    fc.constant<Change>((t) => t.replaceAll("\n", "\r\n")),
  );
};

/**
 * The texts themselves, and what up to eight changes make of them.
 *
 * @param words what means something to the decoder, to be put in anywhere
 */
export function mutated(
  texts: fc.Arbitrary<string>,
  words: readonly string[],
): fc.Arbitrary<string> {
  const changes = fc.array(change(words), { maxLength: 8 });
  return fc
    .tuple(texts, changes)
    .map(([text, all]) => all.reduce((now, each) => each(now).slice(0, MAX_INPUT), text));
}

/** A text of bytes: what is above them is cut to one. */
export function asBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (one) => one.charCodeAt(0));
}
