// Proof of spec/config.md: its fixtures, then its laws.

import { describe, expect, expectTypeOf, test } from "bun:test";
import fc from "fast-check";
import { type Config, parseConfig } from "../src/core/config.ts";
import type { ConfigValues } from "../src/core/config-keys.ts";
import { parseSha256Hex } from "../src/core/digest.ts";
import type { Problem, TakoError } from "../src/core/error.ts";
import type { PublicKey } from "../src/core/keys.ts";
import {
  imageLocation,
  manifestLocation,
  markerLocation,
  parseOriginUrl,
} from "../src/core/origin-url.ts";
import { parsePattern } from "../src/core/pattern.ts";
import type { Version } from "../src/core/version.ts";
import { patternWarning } from "../src/core/version-advice.ts";
import { type Case, casesOf, readFixture, title } from "../tests/support/fixtures.ts";
import { runs } from "../tests/support/properties.ts";
import { assignments, files, type Meaning, meanings, origins } from "./support/config.ts";
import { failureOf, refusalOf } from "./support/refusals.ts";

interface ExpectedProblem {
  readonly line?: number;
  readonly key?: string;
  readonly rule: string;
  readonly says?: readonly string[];
  readonly omits?: readonly string[];
}

interface ConfigCase extends Case {
  readonly file: string;
  readonly config?: {
    readonly origin: string;
    readonly scheme: string;
    readonly shown: string;
    readonly user?: string;
    readonly password?: string;
    readonly keys: readonly string[];
    readonly destination: string;
    readonly pattern: string;
    readonly restart: readonly string[];
    readonly reload?: readonly string[];
    readonly check?: readonly string[];
    readonly on_update?: readonly string[];
    readonly on_rollback?: readonly string[];
    readonly slots?: readonly [string, string];
    readonly watch_ms?: number;
    readonly min_age_ms?: number;
    readonly skip?: readonly string[];
    readonly keep?: number;
  };
  readonly problems?: readonly ExpectedProblem[];
  readonly hidden?: readonly string[];
}

const cases = casesOf<ConfigCase>("config/cases.toml");

const MINIMAL = new TextDecoder().decode(readFixture("config/minimal.tako"));

function parse(source: string | Uint8Array): Config {
  return parseConfig(
    typeof source === "string" ? new TextEncoder().encode(source) : source,
    "x.tako",
  );
}

/** The error of a file that is wrong. */
const failure = (source: string | Uint8Array) => failureOf(() => parse(source));

/** Every text of an error that reaches people. */
function textsOf(error: TakoError): readonly string[] {
  const texts = error.problems.flatMap(({ message, key }) => [message, key ?? ""]);
  return [error.message, error.hint ?? "", ...texts];
}

/** What a config says, in texts. */
function meaningOf(config: Config): Meaning {
  return {
    origin: config.origin.href,
    keys: config.publicKeys.map(({ text }) => text),
    destination: config.destination,
    pattern: config.pattern.text,
    restart: config.restart,
    reload: config.reload,
    check: config.check,
    onUpdate: config.onUpdate,
    onRollback: config.onRollback,
    slots: config.slots,
    watchMs: config.watchMs,
    minAgeMs: config.minAgeMs,
    skip: config.skip.map(({ text }) => text),
    keep: config.keep,
  };
}

describe("fixtures/config", () => {
  test("CFG-16: every case is here, each with its own file", () => {
    expect(cases.filter(({ config }) => config !== undefined)).toHaveLength(127);
    expect(cases.filter(({ problems }) => problems !== undefined)).toHaveLength(251);
    expect(new Set(cases.map(({ file }) => file)).size).toBe(cases.length);
  });

  for (const { file, config, problems, hidden, ...each } of cases) {
    test(title(each), () => {
      const source = readFixture(`config/${file}`);
      if (config !== undefined) expectConfig(parse(source), config);
      if (problems !== undefined) expectProblems(failure(source), problems, hidden ?? []);
    });
  }
});

function expectConfig(actual: Config, expected: NonNullable<ConfigCase["config"]>): void {
  const { origin } = actual;
  expect(actual.file).toBe("x.tako");
  expect(meaningOf(actual)).toEqual({
    origin: expected.origin,
    keys: expected.keys,
    destination: expected.destination,
    pattern: expected.pattern,
    restart: expected.restart,
    reload: expected.reload ?? [],
    check: expected.check ?? [],
    onUpdate: expected.on_update ?? [],
    onRollback: expected.on_rollback ?? [],
    slots: expected.slots,
    watchMs: expected.watch_ms,
    minAgeMs: expected.min_age_ms ?? 0,
    skip: expected.skip ?? [],
    keep: expected.keep,
  });
  expect<string>(origin.scheme).toBe(expected.scheme);
  expect(origin.shown).toBe(expected.shown);
  expect(origin.credentials?.user).toBe(expected.user);
  expect(origin.credentials?.password).toBe(expected.password);
}

function expectProblems(
  error: TakoError,
  expected: readonly ExpectedProblem[],
  hidden: readonly string[],
): void {
  expect(error.kind).toBe("config");
  expect(error.source).toBe("x.tako");
  const page = (rule: string) => rule.replace(/-\d+$/, "");
  const seen = error.problems.map(({ line, key, rule }: Problem, index) => {
    const wanted = expected[index];
    return {
      line,
      key: wanted?.key === undefined ? undefined : key,
      rule: wanted?.rule.includes("-") ? rule : page(rule ?? ""),
    };
  });
  expect(seen).toEqual(expected.map(({ line, key, rule }) => ({ line, key, rule })));
  for (const [index, { says, omits }] of expected.entries()) {
    const message = error.problems[index]?.message;
    for (const text of says ?? []) expect(message).toContain(text);
    for (const text of omits ?? []) expect(message).not.toContain(text);
  }
  for (const text of hidden) expect(textsOf(error).join("\n")).not.toContain(text);
  for (const text of textsOf(error)) expect(text).toMatch(/^[\x20-\x7e]*$/);
}

describe("laws of config files", () => {
  test("a literal with all values of a config is no config: only parsing makes one", () => {
    expectTypeOf<ConfigValues & { readonly file: string }>().not.toExtend<Config>();
    expectTypeOf<Config>().toExtend<ConfigValues & { readonly file: string }>();
    expectTypeOf<ConfigValues["publicKeys"]>().toEqualTypeOf<readonly PublicKey[]>();
    expectTypeOf<ConfigValues["restart"]>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<ConfigValues["watchMs"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<ConfigValues["minAgeMs"]>().toEqualTypeOf<number>();
    expectTypeOf<ConfigValues["skip"]>().toEqualTypeOf<readonly Version[]>();
    expectTypeOf<ConfigValues["keep"]>().toEqualTypeOf<number | undefined>();
  });

  test("CFG-35: a required key that is misspelt is one problem", () => {
    for (const [key, misspelt] of Object.entries({
      Origin: "Orign",
      PublicKey: "Publickey",
      Destination: "Destinaton",
      Version: "Versoin",
    })) {
      const { problems } = failure(MINIMAL.replace(`${key}=`, `${misspelt}=`));
      expect(problems.map(({ rule }) => rule)).toEqual(["CFG-8"]);
    }
  });

  test("CFG-3, CFG-4, CFG-5, CFG-30: a config means the same in all its spellings", () => {
    const spellings = meanings.chain((meaning) =>
      fc.record({ meaning: fc.constant(meaning), file: files(meaning) }),
    );
    fc.assert(
      fc.property(spellings, ({ meaning, file }) => {
        expect(meaningOf(parse(file))).toEqual(meaning);
      }),
      runs,
    );
  });

  test("CFG-19: the order of lines with different keys does not matter", () => {
    const orders = meanings.chain((meaning) => {
      const lines = assignments(meaning);
      return fc.record({
        meaning: fc.constant(meaning),
        ranks: fc.shuffledSubarray([...lines], { minLength: lines.length }),
      });
    });
    fc.assert(
      fc.property(orders, ({ meaning, ranks }) => {
        // Lines of one key keep their order; lines of different keys stand as they were shuffled.
        const queues = Map.groupBy(assignments(meaning), keyOf);
        const lines = ranks.map((line) => queues.get(keyOf(line))?.shift() ?? "");
        expect(meaningOf(parse(lines.join("\n")))).toEqual(meaning);
      }),
      runs,
    );
  });

  test.each([
    // What "systemd-analyze timespan" (systemd 252) says of the same text.
    ["30", 30_000],
    ["1h 30s", 3_630_000],
    ["5 30s", 35_000],
    ["1.5min", 90_000],
    [".5s", 500],
    ["500ms", 500],
    ["2000usec", 2],
    ["1h1h", 7_200_000],
    ["2 \t minutes", 120_000],
    ["1day", 86_400_000],
  ] as const)("CFG-37, CFG-38: TimeoutSec=%s is %d ms", (text, ms) => {
    expect(parse(`${MINIMAL}TimeoutSec=${text}\n`).timeoutMs).toBe(ms);
  });

  test("CFG-38: without TimeoutSec= the time-out is 30 s", () => {
    expect(parse(MINIMAL).timeoutMs).toBe(30_000);
  });

  test.each([
    // Each of these is refused by systemd-analyze, too.
    ["soon", "CFG-37"],
    ["1.", "CFG-37"],
    ["1.5.5", "CFG-37"],
    ["1x", "CFG-37"],
    ["-1", "CFG-37"],
    ["1h,", "CFG-37"],
    ["1e3", "CFG-37"],
    ["1 Min", "CFG-37"],
    // These are none that anybody may wait for.
    ["infinity", "CFG-38"],
    ["0", "CFG-38"],
    ["999us", "CFG-38"],
    ["1d 1us", "CFG-38"],
    ["1 M", "CFG-38"],
    ["9".repeat(400), "CFG-38"],
    ["", "CFG-11"],
  ])("CFG-37, CFG-38: TimeoutSec=%s is refused", (text, rule) => {
    const problem = { line: 5, key: "TimeoutSec", rule };
    expect(failure(`${MINIMAL}TimeoutSec=${text}\n`).problems).toMatchObject([problem]);
  });

  test("CFG-9: TimeoutSec= is given once", () => {
    const problem = { line: 6, key: "TimeoutSec", rule: "CFG-9" };
    expect(failure(`${MINIMAL}TimeoutSec=1\nTimeoutSec=1\n`).problems).toMatchObject([problem]);
  });

  test.each([
    ["TimeoutSec", "CFG-38", 1, 86_400_000],
    ["WatchSec", "CFG-54", 1000, 3_600_000],
    ["MinAge", "CFG-55", 0, 31_557_600_000],
  ] as const)("%s, %s: a time span from %d ms to %d ms", (key, rule, min, max) => {
    const spans = fc.oneof(
      fc.nat({ max: 2 * max }),
      ...[min, max].map((limit) => fc.integer({ min: Math.max(0, limit - 9), max: limit + 9 })),
    );
    fc.assert(
      fc.property(spans, (ms) => {
        const refusal = refusalOf(() => parse(`${MINIMAL}${key}=${ms}ms\n`));
        const isRight = ms >= min && ms <= max;
        expect(refusal?.problems.map((problem) => problem.rule)).toEqual(
          isRight ? undefined : [rule],
        );
      }),
      runs,
    );
  });

  test.each([
    ["Restart", "restart"],
    ["Reload", "reload"],
    ["Check", "check"],
    ["OnUpdate", "onUpdate"],
    ["OnRollback", "onRollback"],
  ] as const)(
    "CFG-14, CFG-52: several lists of %s= are one list, and an empty one clears those before it",
    (key, member) => {
      const unit = fc.constantFrom("a.service", "b.service", "c@1.service");
      const lists = fc.array(fc.array(unit, { maxLength: 3 }), { maxLength: 6 });
      fc.assert(
        fc.property(lists, (given) => {
          const lines = given.map((units) => `${key}=${units.join(" ")}\n`);
          const kept = given.slice(given.findLastIndex((units) => units.length === 0) + 1).flat();
          expect(parse(`${MINIMAL}WatchSec=30s\n${lines.join("")}`)[member]).toEqual(
            kept.filter((unit, at) => kept.indexOf(unit) === at),
          );
        }),
        runs,
      );
    },
  );

  test("CFG-61: a name of a slot is one of letters, digits and _, with - and . inside", () => {
    const names = fc.oneof(
      fc.string({ unit: fc.constantFrom(..."aZ0_-.@ä/"), minLength: 1, maxLength: 66 }),
      fc.constantFrom("latest", "store", "manifest", "latest.1", "x".repeat(64), "x".repeat(65)),
    );
    const isRight = (name: string) =>
      [...name].every((character) => /[A-Za-z0-9_.-]/.test(character)) &&
      !/^[.-]|[.-]$/.test(name) &&
      name.length <= 64 &&
      !["latest", "store", "manifest"].includes(name);
    fc.assert(
      fc.property(names, names, (first, second) => {
        const text = `${MINIMAL}Restart=app@.service\nWatchSec=30s\nSlots=${first} ${second}\n`;
        const refusal = refusalOf(() => parse(text));
        const expected = isRight(first) && isRight(second) && first !== second ? [] : ["CFG-61"];
        expect((refusal?.problems ?? []).map(({ rule }) => rule)).toEqual(expected);
      }),
      runs,
    );
  });

  test("CFG-62 to CFG-66: with slots, one template and no other unit", () => {
    const names = ["a@.service", "b@.service", "a@x.service", "a.service", "a.socket"];
    const units = (from: readonly string[]) =>
      fc.uniqueArray(fc.constantFrom(...from), { maxLength: 3 });
    const lists = fc.record({
      restart: units(names),
      reload: units(["a@x.service", "c.service"]),
      check: units(["a@x.service", "a@y.service", "a@z.service", "b@y.service"]),
      isWatched: fc.boolean(),
    });
    fc.assert(
      fc.property(lists, ({ restart, reload, check, isWatched }) => {
        const templates = restart.filter((unit) => unit.includes("@."));
        const beside = restart.filter((unit) => unit !== templates[0]);
        const isSlot = (unit: string) =>
          templates.some((template) =>
            ["x", "y"].some((slot) => unit === template.replace("@.", `@${slot}.`)),
          );
        const expected = [
          ...beside.map(() => "CFG-63 Restart 6"),
          ...(restart.length === 0 ? ["CFG-63 Slots 5"] : []),
          ...reload.map(() => "CFG-64 Reload 7"),
          ...check.filter(isSlot).map(() => "CFG-59 Check 8"),
          ...(isWatched ? [] : ["CFG-65 Slots 5"]),
          ...(isWatched || check.length === 0 ? [] : ["CFG-58 Check 8"]),
        ];
        const lines = [
          "Slots=x y",
          `Restart=${restart.join(" ")}`,
          `Reload=${reload.join(" ")}`,
          `Check=${check.join(" ")}`,
          ...(isWatched ? ["WatchSec=30s"] : []),
        ];
        const refusal = refusalOf(() => parse(`${MINIMAL}${lines.join("\n")}\n`));
        expect(
          (refusal?.problems ?? []).map(({ rule, key, line }) => `${rule} ${key} ${line}`).sort(),
        ).toEqual(expected.sort());
      }),
      runs,
    );
  });

  test("CFG-56 to CFG-60: units conflict as they are listed in the end, each on its own line", () => {
    const names = ["a.service", "b.service", "a@1.service", "a.socket", "a@1.socket"];
    const units = (from: readonly string[]) => fc.array(fc.constantFrom(...from), { maxLength: 3 });
    const lines = fc.array(
      fc.oneof(
        fc.record({ key: fc.constantFrom("Restart", "Reload"), units: units(names) }),
        fc.record({ key: fc.constant("Check"), units: units(names.slice(0, 3)) }),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(fc.boolean(), lines, (isWatched, given) => {
        const numbered = given.map((each, index) => ({ ...each, line: index + 6 }));
        const listed = (name: string) => {
          const own = numbered.filter(({ key }) => key === name);
          const kept = own.slice(own.findLastIndex((each) => each.units.length === 0) + 1);
          const all = kept.flatMap((each) => each.units.map((unit) => ({ ...each, unit })));
          return all.filter(({ unit }, at) => all.findIndex((each) => each.unit === unit) === at);
        };
        const [restart, reload, check] = [listed("Restart"), listed("Reload"), listed("Check")];
        const activated = [...restart, ...reload];
        const within = (list: typeof check, unit: string) =>
          list.some((each) => each.unit === unit);
        const expected = [
          ["CFG-56", reload.filter(({ unit }) => within(restart, unit))],
          [
            "CFG-57",
            activated.filter(
              ({ unit }) =>
                unit.includes(".socket") && within(activated, unit.replace("socket", "service")),
            ),
          ],
          ["CFG-58", isWatched ? [] : check.slice(0, 1)],
          ["CFG-59", check.filter(({ unit }) => within(activated, unit))],
        ] as const;

        const text = given.map(({ key, units }) => `${key}=${units.join(" ")}`);
        const watch = isWatched ? "WatchSec=30s" : "";
        const refusal = refusalOf(() => parse(`${MINIMAL}${[watch, ...text].join("\n")}`));
        expect(
          (refusal?.problems ?? []).map(({ rule, key, line }) => `${rule} ${key} ${line}`).sort(),
        ).toEqual(
          expected
            .flatMap(([rule, list]) => list.map(({ key, line }) => `${rule} ${key} ${line}`))
            .sort(),
        );
      }),
      runs,
    );
  });

  test("CFG-1, CFG-17, CFG-18: whatever the bytes, a config or problems on lines of the file", () => {
    const fragment = fc.oneof(
      fc.constantFrom(
        "Origin",
        "PublicKey",
        "Destination",
        "Version",
        "Restart",
        "Reload",
        "Check",
        "MinAge",
        "Colour",
        "[Image]",
        "[x",
      ),
      fc.constantFrom(
        "=",
        "\\\n",
        "\n",
        "\r\n",
        "#",
        ";",
        " ",
        "\t",
        "\0",
        "\x1b[2J",
        "\u202e",
        "https://u:p@h/",
      ),
      fc.string({ unit: "binary", maxLength: 5 }),
    );
    const texts = fc
      .array(fragment, { maxLength: 40 })
      .map((parts) => new TextEncoder().encode(parts.join("")));
    fc.assert(
      fc.property(fc.oneof(texts, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        const refusal = refusalOf(() => parse(bytes));
        if (refusal === undefined) return;
        expect(refusal.kind).toBe("config");
        expect(refusal.problems).not.toBeEmpty();
        const lines = bytes.reduce((count, byte) => count + (byte === 0x0a ? 1 : 0), 1);
        for (const { line, rule } of refusal.problems) {
          if (line !== undefined) expect(line).toBeWithin(1, lines + 1);
          expect(rule).toMatch(/^(CFG|KEY|PAT)-\d+$/);
        }
        for (const text of textsOf(refusal)) expect(text).toMatch(/^[\x20-\x7e]{0,600}$/);
      }),
      runs,
    );
  });

  test("CFG-16, CFG-17: a problem is reported on its line, whatever else the file says", () => {
    const faulty: Record<string, string> = {
      "Colour=red": "CFG-8",
      "no sign": "CFG-7",
      "[Service]": "CFG-6",
      "Restart=app.servise": "CFG-15",
      "Restart=a.service \\\n# b.service\n  app.servise": "CFG-15",
    };
    const faults = fc.record({ at: fc.nat(), text: fc.constantFrom(...Object.keys(faulty)) });
    const mixed = meanings.chain((meaning) =>
      fc.record({
        lines: fc.constant(assignments(meaning)),
        faults: fc.array(faults, { minLength: 1, maxLength: 5 }),
      }),
    );
    fc.assert(
      fc.property(mixed, ({ lines, faults }) => {
        const file = [...lines];
        for (const { at, text } of faults) file.splice(at % (file.length + 1), 0, text);
        let next = 1;
        const expected = file.flatMap((text) => {
          const line = next;
          next += text.split("\n").length;
          const rule = faulty[text];
          return rule === undefined ? [] : [{ line, rule }];
        });
        const problems = failure(file.join("\n")).problems;
        expect(problems.map(({ line, rule }) => ({ line: line ?? 0, rule }))).toEqual(expected);
      }),
      runs,
    );
  });

  test("CFG-18, CFG-27: user and password are in no message and no URL, wherever they stand", () => {
    const places: readonly ((url: string) => string)[] = [
      (url) => `Origin=${url}?`,
      (url) => `Origin=${url} x`,
      (url) => `Origin=x${url}`,
      (url) => `Origin ${url}`,
      (url) => `Origin: ${url}/?a=b`,
      (url) => `${url}=`,
      (url) => `[${url}]`,
      (url) => `Version=${url} <`,
      (url) => `PublicKey=${url}`,
      (url) => `Restart=${url}`,
    ];
    const word = fc.stringMatching(/^[A-Z][A-Za-z0-9%]{7,60}$/);
    fc.assert(
      fc.property(
        origins,
        word,
        word,
        fc.constantFrom(...places),
        (origin, user, password, place) => {
          const url = origin.replace("://", `://user${user}:password${password}@`);
          const shown = textsOf(failure(place(url))).join("\n");
          expect(shown).not.toContain(`user${user.slice(0, 4)}`);
          expect(shown).not.toContain(`password${password.slice(0, 4)}`);
        },
      ),
      runs,
    );
  });

  test("CFG-34: the time to read a file grows with its size only", () => {
    const origin = MINIMAL.replace("/app\n", `/app${"/".repeat(100_000)}x\n`);
    const units = Array.from({ length: 50_000 }, (_, index) => `u${index}`).join(" ");
    // None of these takes 0.2 s. A quadratic step somewhere makes one take more than 5 s.
    const slowIfQuadratic = [
      `${MINIMAL}Restart=a.service${" ".repeat(100_000)}b.service\n`,
      `${MINIMAL}Restart=${"a@".repeat(500_000)}\n`,
      `${MINIMAL}Restart=a.service${" \\\nb.service".repeat(50_000)}\n`,
      `${MINIMAL}${"Restart=a.service\n".repeat(50_000)}`,
      `${MINIMAL}${"Version=1\n".repeat(50_000)}`,
      `${MINIMAL}Restart=${units}\nReload=${units}\nCheck=${units}\n`,
      origin,
      ...["", "[", "x="].map((start) => start + ":".repeat(200_000)),
      `${":".repeat(200_000)}=x`,
    ];
    for (const file of slowIfQuadratic) {
      const start = performance.now();
      refusalOf(() => parse(new TextEncoder().encode(file)));
      expect(performance.now() - start).toBeLessThan(3000);
    }
  }, 60_000);
});

function keyOf(line: string): string {
  return line.slice(0, line.indexOf("="));
}

describe("laws of origin URLs", () => {
  const digest = parseSha256Hex("0123456789abcdef".repeat(4));

  test("CFG-25, CFG-26: the manifest and the images lie below the origin, slashes aside", () => {
    fc.assert(
      fc.property(origins, fc.nat(4), (text, slashes) => {
        const origin = parseOriginUrl(text + "/".repeat(slashes));
        expect(origin).toEqual(parseOriginUrl(text));
        expect(manifestLocation(origin).href).toBe(`${text}/manifest`);
        expect(digest && imageLocation(origin, digest).href).toBe(`${text}/store/${digest}`);
        const marker = digest && markerLocation(origin, digest).href;
        expect(marker).toBe(`${text}/store/${digest}.gone`);
      }),
      runs,
    );
  });

  test("CFG-24, CFG-27: credentials come back as they were encoded, and only there", () => {
    const part = fc
      .string({ unit: "grapheme", maxLength: 20 })
      .filter((text) => !/\p{Cc}/u.test(text));
    const users = part.filter((text) => text !== "" && !text.includes(":"));
    fc.assert(
      fc.property(origins, users, part, (text, user, password) => {
        const encoded = `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
        const origin = parseOriginUrl(text.replace("://", `://${encoded}`));
        expect<unknown>(origin).toEqual({
          ...parseOriginUrl(text),
          shown: text.replace("://", "://***@"),
          credentials: { user, password },
        });
      }),
      runs,
    );
  });

  test("ORG-90: URLs for people have *** for credentials, and nothing for none", () => {
    fc.assert(
      fc.property(origins, (text) => {
        for (const [given, shown] of [
          [text, text],
          [text.replace("://", "://user:password@"), text.replace("://", "://***@")],
        ] as const) {
          const origin = parseOriginUrl(given);
          expect(manifestLocation(origin).shown).toBe(`${shown}/manifest`);
          expect(digest && imageLocation(origin, digest).shown).toBe(`${shown}/store/${digest}`);
        }
      }),
      runs,
    );
  });

  test("CFG-20: the form without credentials is its own parse", () => {
    fc.assert(
      fc.property(origins, (text) => {
        const { href } = parseOriginUrl(text);
        expect(parseOriginUrl(href).href).toBe(href);
      }),
      runs,
    );
  });
});

describe("patterns that never lead to an update", () => {
  test.each([
    ["^1.2", "1.*"],
    ["^ 1.2", "1.*"],
    ["^0.2.3", "0.2.*"],
    ["^0", "0.*"],
    ["~1", "1.*"],
    ["~1.2", "1.2.*"],
    ["~1.2.3", "1.2.*"],
    ["~>1.2", "1.*"],
    ["~> 1.2.3", "1.2.*"],
    ["~=1.2", "1.*"],
    ["~>1", "1.*"],
    ["==1.2", "1.2"],
    ["=v1.2", "1.2"],
    ["!1.2", "1.*"],
    ["^", "1.*"],
    ["^latest", "1.*"],
    ["1.x", "1.*"],
    ["1.x.x", "1.*"],
    ["1.2.X", "1.2.*"],
    ["x", "*"],
    ["1.+", "1.*"],
    ["+", "*"],
    ["==1.2.*", "1.2.*"],
    ["[1.0,2.0)", "1.0 <= v < 2.0"],
    ["(1.0,2.0]", "1.0 <= v < 2.0"],
    ["[1.0,)", "1.*"],
    ["(", "1.*"],
    ["X.*", "*"],
    ["1 <= v < 2.x", "1.*"],
  ])("CFG-50: %s is refused and %s shown", (pattern, meant) => {
    const [problem] = failure(MINIMAL.replace("1.*", pattern)).problems;
    expect(problem).toMatchObject({ line: 4, key: "Version", rule: "CFG-50" });
    expect(problem?.message).toEndWith(`did you mean "${meant}"?`);
    expect(() => parsePattern(meant)).not.toThrow();
  });

  test.each(["1.2-x86", "xenial.*", "1.2^3", "1~2", "1.2+3", "1.(2)", "1.0-fix", "1.ax"])(
    "CFG-50: %s is a pattern as before",
    (pattern) => expect(parse(MINIMAL.replace("1.*", pattern)).pattern.text).toBe(pattern),
  );

  test.each(["latest", "stable", "main", "v", "LTS"])("CFG-51: %s gets a warning", (word) =>
    expect(patternWarning(parsePattern(word))).toContain(`Version=${word} is one version`),
  );

  test.each(["*", "stable.*", "1", "v2", "nightly-2024", "a <= v < b"])(
    "CFG-51: %s gets none",
    (pattern) => expect(patternWarning(parsePattern(pattern))).toBeUndefined(),
  );
});
