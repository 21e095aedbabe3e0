// Bars of images that are read, and what is said on a terminal and in the journal, in memory. Those of downloads are in
// shown.test.ts.

import { describe, expect, test } from "bun:test";
import { fetchPresenter } from "../../src/cli/commands/fetch-presenter.ts";
import { Output } from "../../src/cli/output.ts";
import { run } from "../../src/cli/program.ts";
import type { Event } from "../../src/commands/events.ts";
import { TakoError } from "../../src/core/error.ts";
import { io } from "./memory.ts";

const [ab, cd] = ["ab".repeat(32), "cd".repeat(32)];
const config = "a.tako";
const version = "1.2";
const BACK = "\r\x1b[2K\n\x1b[J\x1b[A";

/** What each of these events adds to a terminal. */
function added(events: readonly Event[], columns = 80): readonly string[] {
  const each = io({ terminal: true });
  each.stderr.columns = columns;
  const output = new Output(each, { help: "tako --help" });
  return events.map((event) => {
    const before = each.stderr.text.length;
    output.report(event);
    return each.stderr.text.slice(before);
  });
}

/** Lines that the terminal does not break; the cursor goes back to where they begin (CLI-50). */
const drawn = (...lines: readonly string[]) =>
  `\x1b[?7l${lines.join("")}\x1b[?7h\x1b[${lines.length}A`;
const bar = (label: string, size: string) =>
  `${label} [------------------------]   0%  0 B of ${size}\n`;
const hashing = { event: "hashing", config, version, sha256: ab, size: 10, done: 0 } as const;
const image = { event: "image", config, version, sha256: ab, path: "/a", size: 10 } as const;

describe("VFY-7", () => {
  test("each image that is read has a bar until it has been looked at", () => {
    const two = "a.tako 1.2 [------------------------]   0%  0 B of 10 B\n";
    expect(
      added([
        hashing,
        { ...hashing, version: undefined, sha256: cd },
        { ...image, sha256: cd, state: "whole" },
        { ...image, config: "other.tako", state: "whole" },
        { ...image, state: "damaged" },
      ]),
    ).toEqual([
      drawn(bar("a.tako 1.2", "10 B")),
      BACK + drawn(two.replace("1.2", "1.2         "), bar("a.tako cdcdcdcdcdcd", "10 B")),
      BACK + drawn(two),
      "",
      BACK,
    ]);
  });

  test("what is read already has none", () => {
    expect(
      added([
        { ...hashing, done: 10 },
        { ...hashing, size: 0 },
      ]),
    ).toEqual(["", ""]);
    const [half = ""] = added([{ ...hashing, done: 5 }]);
    expect(half).toBe(drawn("a.tako 1.2 [############------------]  50%  5 B of 10 B\n"));
  });

  test("it moves a little later, once", async () => {
    const each = io({ terminal: true });
    const output = new Output(each, { help: "" });
    output.report(hashing);
    const before = each.stderr.text.length;
    output.report({ ...hashing, done: 2 });
    output.report({ ...hashing, done: 5 });
    expect(each.stderr.text.length).toBe(before);
    await Bun.sleep(250);
    expect(each.stderr.text.slice(before)).toMatch(
      /[a-z]a\.tako 1\.2 \[#{12}-{12}\] {2}50% {2}5 B of 10 B/,
    );
    output.report({ ...hashing, done: 7 });
    await Bun.sleep(250);
    expect(each.stderr.text).toContain(" 70%  7 B of 10 B");
    output.report({ ...image, state: "whole" });
    await Bun.sleep(150);
    expect(each.stderr.text).toEndWith(BACK);
  });
});

test("CLI-21: what was drawn since is not drawn again a little later", async () => {
  const each = io({ terminal: true });
  const output = new Output(each, { help: "" });
  output.report(hashing);
  output.report({ ...hashing, sha256: cd });
  output.report({ ...hashing, done: 2 });
  output.report({ ...image, state: "whole" });
  const { text } = each.stderr;
  await Bun.sleep(200);
  expect(each.stderr.text).toBe(text);
});

test("PUB-79: an image that is stored has a bar from its first byte on, which its result ends", () => {
  const events: Event[] = [{ event: "reading", version, size: 10 }];
  expect(added(events)).toEqual([drawn(bar(" 1.2", "10 B").trimStart())]);
  const each = io({ terminal: true });
  const output = new Output(each, { help: "" });
  output.report({ event: "reading", version, size: 10 });
  output.show(fetchPresenter, { config, outcome: "failed", errors: [] });
  expect(each.stderr.text).toEndWith(BACK);
  output.report({ event: "reading", version, size: 10 });
  output.failed(new TakoError("storage", "full"));
  expect(each.stderr.text).toEndWith(`${BACK}\x1b[31mtako: full\x1b[0m\n`);
});

test("CLI-50: bars are taken back from where they begin, whatever the size is by then", () => {
  for (const columns of [200, 54, 27]) {
    const each = io({ terminal: true });
    const output = new Output(each, { help: "" });
    output.report(hashing);
    const before = each.stderr.text.length;
    each.stderr.columns = columns;
    output.report({ ...image, state: "whole" });
    expect(each.stderr.text.slice(before)).toBe(BACK);
  }
  // The last column stays free, so that no terminal goes on to the next line by itself.
  expect(added([hashing], 56)).toEqual([drawn(bar("a.tako 1.2", "10 B"))]);
  expect(added([hashing], 55)[0]?.length).toBeLessThan(drawn("").length + 55);
  // A bar without room is an empty line.
  for (const columns of [1, 2])
    expect(added([hashing, { ...image, state: "whole" }], columns)).toEqual([drawn("\n"), BACK]);
});

describe("messages", () => {
  const error = new TakoError("origin", `no ${ab}`, { source: "/m", hint: "Wait." });
  const said = (options: Parameters<typeof io>[0]) => {
    const each = io(options);
    expect(new Output(each, { help: "" }).failed(error)).toBe(69);
    return each.stderr.text;
  };

  test("CLI-23, CLI-51, CLI-53: the line that says what to do is dim, and in the journal a line as others", () => {
    const line = "tako: /m: no abababababab";
    expect(said({})).toBe(`${line}\n  Wait.\n`);
    expect(said({ terminal: true })).toBe(`\x1b[31m${line}\x1b[0m\n\x1b[2m  Wait.\x1b[0m\n`);
    expect(said({ isJournal: true })).toBe("<3>/m: no abababababab\n<3>Wait.\n");
  });

  test("CLI-32: traces of the error and its cause are for TAKO_DEBUG=1 alone", () => {
    const cause = new RangeError("deep");
    const tell = (value: string) => {
      const each = io({ environment: { TAKO_DEBUG: value } });
      const output = new Output(each, { help: "" });
      expect(output.failed(new TakoError("digest", "wrong", { cause }))).toBe(65);
      return each.stderr.text;
    };
    for (const value of ["", "0", "true"]) expect(tell(value)).toBe("tako: wrong\n");
    expect(tell("1")).toStartWith("tako: wrong\nTakoError: wrong\n    at ");
    expect(tell("1")).toContain("\nRangeError: deep\n    at ");
  });

  test("CLI-31: the problems of a config are told in lines of their own, with their places", () => {
    const problems = [
      { line: 2, message: "one", rule: undefined },
      { message: "all", rule: undefined },
    ];
    for (const [facts, of, file] of [
      [{ problems, source: "/b" }, "/a", "/b"],
      [{ problems }, "/a", "/a"],
      [{ problems }, undefined, "config"],
    ] as const) {
      const each = io();
      const errors = [new TakoError("config", "bad", facts)];
      new Output(each, { help: "" }).show(
        fetchPresenter,
        { config, outcome: "failed", errors },
        of,
      );
      expect(each.stderr.text).toBe(`${file}:2: one\n${file}: all\n`);
    }
  });

  test("CLI-30, CLI-34: an error names its config once, and its file and line", () => {
    const line = (facts: object, of?: string) => {
      const each = io();
      const errors = [new TakoError("origin", "bad", facts)];
      const result = { config, outcome: "failed", errors } as const;
      expect(new Output(each, { help: "" }).show(fetchPresenter, result, of)).toBe(69);
      return each.stderr.text;
    };
    expect(line({})).toBe("tako: bad\n");
    expect(line({}, "/a")).toBe("tako: /a: bad\n");
    expect(line({ source: "/a", line: 3 }, "/a")).toBe("tako: /a:3: bad\n");
    expect(line({ source: "/b" }, "/a")).toBe("tako: /a: /b: bad\n");
    expect(line({ source: "http://h/m", line: 3 })).toBe("tako: http://h/m, line 3: bad\n");
  });
});

test("CLI-22: help has no colour where none is wanted, and nowhere ends a line with blanks", async () => {
  const help = async (terminal: boolean, environment = {}) => {
    const each = io({ environment });
    const { stderr: stdout } = io({ terminal });
    expect(await run(["help", "hold"], { ...each, stdout })).toBe(0);
    return stdout.text;
  };
  const plain = await help(false);
  expect(plain).toBe(Bun.stripANSI(plain));
  expect(plain).not.toMatch(/ \n|\n\n$/);
  // citty colours nothing where CI or TEST is in the environment, as it may be here.
  expect(Bun.stripANSI(await help(true)).replace(/ +$/gm, "")).toBe(plain);
  expect(await help(true, { NO_COLOR: "1" })).toBe(plain);
});

test("CLI-33: what could not be written is a failure of storage, whatever else was", async () => {
  for (const [words, status] of [
    [["--version"], 74],
    [["fetch", "--nonsense"], 74],
  ] as const) {
    const each = io();
    const failure = Object.assign(new Error("x"), { code: "ENOSPC" });
    Object.assign(each.stdout, { failure });
    expect(await run(words, each)).toBe(status);
    expect(each.stderr.text).toContain("standard output");
    expect(each.stderr.text).not.toContain("internal error");
  }
});
