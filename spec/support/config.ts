// Configs that properties are made of: what a file stands for, and the many ways to write it down.

import fc from "fast-check";

/** What a config file says, as texts that are valid for their keys. */
export interface Meaning {
  readonly origin: string;
  readonly keys: readonly string[];
  readonly destination: string;
  readonly pattern: string;
  readonly restart: readonly string[];
  readonly reload: readonly string[];
  readonly check: readonly string[];
  readonly onUpdate: readonly string[];
  readonly onRollback: readonly string[];
  readonly slots: readonly [string, string] | undefined;
  readonly watchMs: number | undefined;
  readonly minAgeMs: number;
  readonly skip: readonly string[];
  readonly keep: number | undefined;
}

/** Public keys of RFC 8032 section 7.1, TEST 1, 2, 3 and 1024. */
const PUBLIC_KEYS = [
  "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
  "PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
  "/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=",
  "J4EX/BRMcjQPZ9DyMW6Dhs7/vyskKMnFH+98WX8dQm4=",
];

const lowerCase = "abcdefghijklmnopqrstuvwxyz".split("");
const word = fc
  .array(fc.constantFrom(...lowerCase), { minLength: 1, maxLength: 8 })
  .map((letters) => letters.join(""));

export const origins = fc
  .tuple(
    fc.constantFrom("https://", "http://", "sftp://", "scp://", "ftp://", "ftps://"),
    word,
    fc.array(word, { maxLength: 3 }),
  )
  .map(([scheme, host, path]) => [`${scheme}${host}.example.com`, ...path].join("/"));

const patterns = fc.oneof(
  fc.constant("*"),
  fc.nat(20).map((major) => `${major}.*`),
  fc.tuple(fc.nat(20), fc.nat(20)).map((parts) => parts.join(".")),
  fc
    .tuple(fc.nat(20), fc.integer({ min: 1, max: 20 }))
    .map(([low, more]) => `${low} <= v < ${low + more}`),
);

/** Any text that survives as a value: no line end, no white space around it, no `\` at its end, no comment (CFG-41). */
const destinations = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 30 })
  .filter((text) => !/[\0\n]|^[ \t\r]|[ \t\r\\]$|[ \t\r][#;]/.test(text))
  .map((text) => `/${text}`);

const unitNames = fc
  .tuple(word, fc.option(word), fc.constantFrom("service", "socket", "timer", "mount", "target"))
  .map(([name, instance, type]) => `${name}${instance === null ? "" : `@${instance}`}.${type}`);

/** Lists whose units conflict with none: no two have one name, whatever their types (CFG-57). */
function unitLists(prefix = ""): fc.Arbitrary<readonly string[]> {
  return fc.uniqueArray(
    unitNames.map((unit) => prefix + unit),
    { maxLength: 5, selector: (unit) => unit.replace(/\.\w+$/, "") },
  );
}

const checks = fc.uniqueArray(
  word.map((name) => `check-${name}.service`),
  { maxLength: 3 },
);

const slots = fc
  .uniqueArray(word, { minLength: 2, maxLength: 2 })
  .filter(([first = "", second = ""]) =>
    [first, second].every((name) => !["manifest", "store", "latest"].includes(name)),
  )
  .map(([first = "", second = ""]): readonly [string, string] => [first, second]);

export const meanings: fc.Arbitrary<Meaning> = fc
  .record({
    origin: origins,
    keys: fc.uniqueArray(fc.constantFrom(...PUBLIC_KEYS), { minLength: 1 }),
    destination: destinations,
    pattern: patterns,
    restart: unitLists(),
    reload: unitLists("reload-"),
    check: checks,
    onUpdate: unitLists(),
    onRollback: unitLists(),
    slots: fc.option(slots, { nil: undefined }),
    watchMs: fc.option(fc.integer({ min: 1000, max: 3_600_000 }), { nil: undefined }),
    minAgeMs: fc.nat({ max: 31_557_600_000 }),
    skip: fc.array(
      fc.tuple(fc.nat(20), fc.nat(20)).map((parts) => parts.join(".")),
      { maxLength: 3 },
    ),
    keep: fc.option(fc.nat(1_000_000), { nil: undefined }),
  })
  // (CFG-58)
  .filter(({ check, watchMs }) => check.length === 0 || watchMs !== undefined)
  // (CFG-63 to CFG-65)
  .map((meaning) =>
    meaning.slots === undefined || meaning.watchMs === undefined
      ? { ...meaning, slots: undefined }
      : { ...meaning, restart: ["app@.service"], reload: [] },
  );

/** The plainest form: one `Key=value` a line, in the order of the specification's table. */
export function assignments(meaning: Meaning): readonly string[] {
  return [
    `Origin=${meaning.origin}`,
    ...meaning.keys.map((key) => `PublicKey=${key}`),
    `Destination=${meaning.destination}`,
    `Version=${meaning.pattern}`,
    ...meaning.restart.map((unit) => `Restart=${unit}`),
    ...meaning.reload.map((unit) => `Reload=${unit}`),
    ...(meaning.slots === undefined ? [] : [`Slots=${meaning.slots.join(" ")}`]),
    ...(meaning.watchMs === undefined ? [] : [`WatchSec=${meaning.watchMs}ms`]),
    ...meaning.check.map((unit) => `Check=${unit}`),
    ...meaning.onUpdate.map((unit) => `OnUpdate=${unit}`),
    ...meaning.onRollback.map((unit) => `OnRollback=${unit}`),
    `MinAge=${meaning.minAgeMs}ms`,
    ...meaning.skip.map((version) => `Skip=${version}`),
    ...(meaning.keep === undefined ? [] : [`Keep=${meaning.keep}`]),
  ];
}

const blank = fc.array(fc.constantFrom(" ", "\t"), { maxLength: 3 }).map((texts) => texts.join(""));
const noise = fc.oneof(
  { weight: 4, arbitrary: fc.constant<string[]>([]) },
  blank.map((text) => [text]),
  fc
    .tuple(blank, fc.constantFrom("# x", "; y \\", "#Version=2", ";"))
    .map((texts) => [texts.join("")]),
  fc.constant(["[Image]"]),
);
const comments = fc.array(fc.constantFrom("# x", "; y", "  # Version=2 \\"), { maxLength: 2 });
/** White space where any amount counts as none: blanks, or the joint of two lines. */
const gap = fc.oneof(
  { weight: 3, arbitrary: blank },
  fc
    .tuple(blank, comments, blank)
    .map(([before, between, after]) => [`${before}\\`, ...between, after].join("\n"))
    // A joint must not leave a blank line, which would end the joined line.
    .map((text) => `${text} `),
);

/** One assignment in one of its spellings: white space and joints around key, `=` and value. */
function spelled(assignment: string): fc.Arbitrary<readonly string[]> {
  const equals = assignment.indexOf("=");
  const key = assignment.slice(0, equals);
  const value = assignment.slice(equals + 1);
  return fc
    .tuple(blank, gap, gap, blank)
    .map(([a, b, c, d]) => `${a}${key}${b}=${c}${value}${d}`.split("\n"));
}

/** A config file in one of the spellings of its meaning. */
export function files(meaning: Meaning): fc.Arbitrary<string> {
  const parts = assignments(meaning).flatMap((assignment) => [noise, spelled(assignment)]);
  return fc
    .tuple(fc.constantFrom("", "\ufeff"), fc.tuple(...parts, noise), fc.constantFrom("\n", "\r\n"))
    .chain(([mark, lines, end]) =>
      fc.constantFrom("", end).map((last) => mark + lines.flat().join(end) + last),
    );
}
