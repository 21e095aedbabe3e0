// How events, errors and progress read, where a real run would take long to get there.

import { describe, expect, test } from "bun:test";
import { command } from "../../src/cli/command.ts";
import { fetchPresenter } from "../../src/cli/commands/fetch-presenter.ts";
import { describeError, errorFields } from "../../src/cli/errors.ts";
import { describeEvent } from "../../src/cli/events.ts";
import type { Io, Stream } from "../../src/cli/io.ts";
import { jsonLine } from "../../src/cli/json.ts";
import { type Download, progressLines } from "../../src/cli/progress.ts";
import {
  bytes,
  count,
  duration,
  moment,
  narrow,
  safe,
  seconds,
  shortDigests,
} from "../../src/cli/text.ts";
import type { Event } from "../../src/commands/events.ts";
import { TakoError } from "../../src/core/error.ts";
import { key } from "../support/publishing.ts";

/** Streams that remember what was written. */
function memory(environment: Io["environment"] = {}) {
  const stream = (): Stream & { text: string } => ({
    text: "",
    isTerminal: false,
    failure: undefined,
    write(text) {
      this.text += text;
    },
    size: () => ({ columns: 80, rows: 24 }),
  });
  return { environment, stdin: -1, stdout: stream(), stderr: stream(), isJournal: false };
}

describe("an error that nobody foresaw", () => {
  const failing = (error: unknown) =>
    command({
      meta: { name: "fail", description: "Fails" },
      example: "tako fail",
      args: { json: { type: "boolean", description: "" } },
      run: () => Promise.reject(error),
    });
  const cause = new RangeError("the cause");
  const error = new TypeError("x is not a function\nand more", { cause });

  test("CLI-32, CLI-42: is one line and a hint, status 1, without a stack trace", async () => {
    const io = memory();
    expect(await failing(error).run([], io)).toBe(1);
    expect(io.stderr.text).toStartWith("tako: internal error: x is not a function\n");
    expect(io.stderr.text.split("\n")).toHaveLength(3);
    expect(io.stderr.text).toContain("TAKO_DEBUG=1");
    expect(io.stdout.text).toBe("");
  });

  test("CLI-32: shows its stack trace and that of its cause with TAKO_DEBUG=1", async () => {
    const io = memory({ TAKO_DEBUG: "1" });
    await failing(error).run([], io);
    expect(io.stderr.text).toContain("\n    at ");
    expect(io.stderr.text).toContain("RangeError: the cause");
  });

  test.each([undefined, null, "a text", { message: "an object" }])(
    "CLI-42: %p that is thrown is status 1",
    async (thrown) => {
      const io = memory({ TAKO_DEBUG: "1" });
      expect(await failing(thrown).run([], io)).toBe(1);
      expect(io.stderr.text).toStartWith("tako: internal error: ");
    },
  );

  test("CLI-14: shows no secret key", async () => {
    for (const args of [[], ["--json"]]) {
      const io = memory({ TAKO_DEBUG: "1" });
      await failing(new Error(`bad ${key.secret}`)).run(args, io);
      await failing(new TakoError("failed", `bad ${key.secret}`)).run(args, io);
      expect(io.stderr.text + io.stdout.text).not.toContain(key.secret.slice(7, 20));
    }
  });
});

test("CLI-30: an error names config, source and line, each once, and a hint on its own line", () => {
  const source = "https://example.com/manifest";
  const cases: [TakoError, string | undefined, string[]][] = [
    [new TakoError("failed", "no"), undefined, ["tako: no"]],
    [new TakoError("failed", "no", { hint: "Do." }), "a.tako", ["tako: a.tako: no", "  Do."]],
    [new TakoError("config", "no", { source: "a.tako" }), "a.tako", ["tako: a.tako: no"]],
    [new TakoError("storage", "a is a", { source: "a" }), undefined, ["tako: a: a is a"]],
    [new TakoError("storage", "no", { source: "/a", line: 3 }), "b", ["tako: b: /a:3: no"]],
    [new TakoError("manifest", "no", { source, line: 3 }), "b", [`tako: b: ${source}, line 3: no`]],
  ];
  for (const [error, config, lines] of cases) expect(describeError(error, config)).toEqual(lines);
});

test("CLI-31: the problems of a config file are one line each, with its file and their lines", () => {
  const problems = [
    { line: 2, message: "expected a key", rule: "CFG-4" },
    { line: 7, message: "Origin= is missing", rule: "CFG-20" },
  ];
  const lines = (source: string) => [
    `${source}:2: expected a key`,
    `${source}:7: Origin= is missing`,
  ];
  const named = new TakoError("config", "2 problems", { source: "a.tako", problems });
  expect(describeError(named, "b.tako")).toEqual(lines("a.tako"));
  const unnamed = new TakoError("config", "2 problems", { problems });
  expect(describeError(unnamed, "b.tako")).toEqual(lines("b.tako"));
  expect(describeError(unnamed)).toEqual(lines("config"));
  expect(errorFields(named)).toEqual([
    { kind: "config", line: 2, message: "expected a key", rule: "CFG-4", source: "a.tako" },
    { kind: "config", line: 7, message: "Origin= is missing", rule: "CFG-20", source: "a.tako" },
  ]);
});

test("CLI-31: a single problem is told in the same way", () => {
  const problems = [{ line: 2, message: "expected a key", rule: "CFG-4" }];
  const error = new TakoError("config", "1 problem", { source: "a.tako", problems });
  expect(describeError(error)).toEqual(["a.tako:2: expected a key"]);
  expect(errorFields(error)).toEqual([{ kind: "config", ...problems[0], source: "a.tako" }]);
});

test("FET-98: an error has kind and message, and what else applies", () => {
  const facts = { rule: "ORG-1", line: 3, source: "a", hint: "Do." };
  expect(errorFields(new TakoError("origin", "no", facts))).toEqual([
    { kind: "origin", message: "no", ...facts },
  ]);
  const [bare = {}] = errorFields(new TakoError("origin", "no"));
  expect(JSON.parse(jsonLine(bare))).toEqual({ kind: "origin", message: "no" });
});

test("CLI-24: what people read has no control characters; where room is short, one sign for each foreign character", () => {
  expect(safe("a\x1b[31m\nb")).toMatch(/^[\x20-\x7e]+$/);
  expect(safe("x".repeat(5000))).toHaveLength(5000);
  expect(narrow("a é🐙\x1b~")).toBe("a ???~");
  for (const shown of [safe, narrow]) expect(shown(`a ${key.secret}`)).not.toContain(key.secret);
});

test("CLI-30: one of a thing is one, and any other number are several", () => {
  expect([0, 1, 2, 11].map((number) => count(number, "version"))).toEqual([
    ...["0 versions", "1 version", "2 versions", "11 versions"],
  ]);
});

test("CLI-20, CLI-55: every event has a line of its own", () => {
  const image = { version: "1.2", sha256: "ab", size: 300_000_000 };
  const url = "https://example.com/store/ab";
  const whole = { by: "image", bytes: 300_000_000 } as const;
  const cost = { size: 300_000_000, missing: 200_000_000 };
  const manifest = { event: "manifest", sha256: "ab", signedBy: "key" } as const;
  const lines: [Event, string | undefined][] = [
    [{ event: "waiting", directory: "/a" }, "waiting for another run that has locked /a"],
    [{ event: "warning", message: "look out" }, "warning: look out"],
    [
      { event: "retry", url, reason: "status 503", delayMs: 2100 },
      `${url}: status 503; trying again in 2.1 s`,
    ],
    [{ ...manifest, state: "new", versions: 2 }, "new manifest, 2 versions"],
    [{ ...manifest, state: "updated", versions: 1 }, "updated manifest, 1 version"],
    [{ ...manifest, state: "local", versions: 2 }, "going by the local manifest, 2 versions"],
    // A timer that finds nothing new should not fill the journal.
    [{ ...manifest, state: "unchanged", versions: 2 }, undefined],
    [{ event: "damaged", version: "1", path: "/a" }, "the image of 1 is damaged: /a"],
    [{ event: "gone", version: "1", url }, `the origin removed the image of 1: ${url}`],
    [{ event: "download", url, offset: 0, ...image, ...whole }, "downloading 1.2, 300 MB"],
    [
      { event: "download", url, offset: 100_000_000, ...image, ...whole },
      "downloading 1.2, 200 MB left of 300 MB",
    ],
    [
      { event: "download", url, offset: 0, ...image, by: "patch", bytes: 4_000_000 },
      "downloading 1.2, 4.0 MB instead of 300 MB",
    ],
    [
      {
        ...{ event: "download", url, offset: 0, ...image, by: "patch", bytes: 4_000_000 },
        ...{ patch: 2, patches: 3 },
      },
      "downloading 1.2, patch 2 of 3, 4.0 MB instead of 300 MB",
    ],
    [
      { event: "download", url, offset: 1_000_000, ...image, by: "zst", bytes: 4_000_000 },
      "downloading 1.2, 3.0 MB left of 4.0 MB instead of 300 MB",
    ],
    [{ event: "unpacking", version: "1.2", size: 300_000_000 }, undefined],
    [
      { event: "would", action: "download", what: "1.2", ...cost, by: "image", mayBeLess: true },
      "would download 1.2, up to 200 MB",
    ],
    [
      { event: "would", action: "download", what: "1.2", ...cost, by: "image", mayBeLess: false },
      "would download 1.2, 200 MB",
    ],
    [
      { event: "would", action: "download", what: "1.2", ...cost, by: "zst", mayBeLess: false },
      "would download 1.2, 200 MB instead of 300 MB",
    ],
    [{ event: "reading", version: "1.2", size: 300_000_000 }, "reading 1.2, 300 MB"],
    [{ event: "progress", version: "1.2", size: 3, done: 1 }, "reading 1.2, 3 B"],
    [{ event: "hashing", ...image, done: 1 }, "verifying 1.2, 300 MB"],
    [
      {
        event: "hashing",
        ...image,
        version: undefined,
        sha256: "0123456789ab".padEnd(64, "c"),
        done: 1,
      },
      "verifying 0123456789ab, 300 MB",
    ],
    [
      { event: "downloaded", ...image, by: "image", received: 300_000_000 },
      "downloaded 1.2, 300 MB, verified",
    ],
    [
      { event: "downloaded", ...image, by: "patch", received: 4_000_000 },
      "downloaded 1.2, 4.0 MB instead of 300 MB, verified",
    ],
    [{ event: "activated", ...image, previous: undefined }, "activated 1.2"],
    [{ event: "restarted", units: ["a.service", "b.socket"] }, "restarted a.service b.socket"],
    [{ event: "would", action: "restart", what: "a.service" }, "would restart a.service"],
  ];
  for (const [event, text] of lines) {
    expect(describeEvent(event)?.text).toBe(text);
    const withConfig = describeEvent({ ...event, config: "a.tako" })?.text;
    expect(withConfig).toBe(text && `a.tako: ${text}`);
  }
});

test("FET-43: an exact pattern that matches nothing is told to be one", () => {
  const said = (pattern: string) => {
    const offered = ["1.5.0"];
    return fetchPresenter.text({
      config: "a.tako",
      outcome: "no-match",
      skips: false,
      offered,
      pattern,
    });
  };
  const line = 'tako: a.tako: no version matches "1.5.1"; the newest on offer is 1.5.0';
  const hint = '  "1.5.1" is one exact version; "1.5.1.*" is all that begin with it.';
  expect(said("1.5.1")).toEqual([{ on: "stderr", priority: "warning", lines: [line, hint] }]);
  for (const pattern of ["2.*", "2 <= v < 3"])
    expect(said(pattern)).toEqual([expect.objectContaining({ lines: [expect.any(String)] })]);
});

test.each([
  ["expected DIGEST, received DIGEST", "expected e3b0c44298fc, received e3b0c44298fc"],
  ["app.tako: held on DIGEST", "app.tako: held on e3b0c44298fc"],
  ["/srv/app/store/DIGEST: it is damaged", undefined],
  ["https://images.example/store/DIGEST", undefined],
  ["store/DIGEST.partial", undefined],
  ['"1.0.0 0 DIGEST" is missing', undefined],
  ["DIGEST0 and xDIGEST", undefined],
])("CLI-53: in %j a digest is short where nobody needs the rest of it", (text, expected = text) => {
  // Of nothing, as FIPS 180 has it.
  const digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  expect(shortDigests(text.replaceAll("DIGEST", digest))).toBe(
    expected.replaceAll("DIGEST", digest),
  );
});

test("CLI-24: JSON escapes what could steer a terminal, and reads back the same", () => {
  const text = "\x1b[31m\x9b31m\u202e é 🐙 \ud800\x7f\n";
  const line = jsonLine({ text, absent: undefined });
  expect(line).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(line)).toEqual({ text });
});

describe("progress", () => {
  const lineOf = (one: Download, now: number, columns: number) =>
    progressLines([one], now, columns)[0] ?? "";
  const download = {
    path: "app.tako",
    version: "1.2",
    size: 1_000_000,
    offset: 0,
    startedAt: 1000,
    done: 0,
  };

  test("CLI-21: a bar shows label, part, bytes, speed and time left", () => {
    expect(lineOf({ ...download, done: 250_000 }, 3000, 100)).toBe(
      "app.tako 1.2 [######------------------]  25%  250 kB of 1.0 MB  125 kB/s  6 s left",
    );
  });

  test("CLI-21: what an earlier run got is done, and not a matter of speed", () => {
    const resumed = { ...download, offset: 500_000, done: 600_000 };
    expect(lineOf(resumed, 2000, 100)).toEndWith("60%  600 kB of 1.0 MB  100 kB/s  4 s left");
  });

  test("CLI-21: nothing is claimed before there is a measure, nor past the end", () => {
    expect(lineOf(download, 1000, 100)).toEndWith("  0%  0 B of 1.0 MB");
    expect(lineOf({ ...download, size: 0 }, 2000, 100)).toContain("100%");
    expect(lineOf({ ...download, done: 2_000_000 }, 2000, 100)).toContain(" 100%");
  });

  test("CLI-28: a bar is never wider than its terminal, and shows the whole version or none", () => {
    const version = "2024.10.12-1";
    for (const path of [
      "a",
      "/etc/tako/app.tako",
      "\x1b".repeat(30),
      "ü".repeat(90),
      "x".repeat(300),
    ]) {
      for (let columns = 0; columns < 200; columns++) {
        const line = lineOf({ ...download, path, version, done: 250_000 }, 3000, columns);
        expect(line.length).toBeLessThanOrEqual(columns);
        expect(line).toMatch(/^[\x20-\x7e]*$/);
        expect(line.includes(version)).toBe(columns >= version.length + " 100%".length);
        expect(line.replace(version, "")).not.toContain("2024");
        if (columns >= version.length + " [] 100%".length + 8) expect(line).toContain("]  25%");
        // The percentage is the last thing to go.
        if (columns >= 3) expect(line).toContain("25%");
      }
    }
  });

  test.each([
    [
      200,
      "/etc/tako/of-the-shop/app.tako 1.2 [######------------------]  25%  250 kB of 1.0 MB  125 kB/s  6 s left",
    ],
    [90, ".../app.tako 1.2 [######------------------]  25%  250 kB of 1.0 MB  125 kB/s  6 s left"],
    [79, ".../app.tako 1.2 [######------------------]  25%  250 kB of 1.0 MB  125 kB/s"],
    [60, ".../of-the-shop/app.tako 1.2 [######------------------]  25%"],
    [39, ".../app.tako 1.2 [####-----------]  25%"],
    [28, "app.tako 1.2 [##------]  25%"],
    [20, "1.2 [##------]  25%"],
    [12, "1.2  25%"],
    [7, "25%"],
    [3, "25%"],
    [2, ""],
  ])("CLI-28: on %d columns", (columns, expected) => {
    const path = "/etc/tako/of-the-shop/app.tako";
    const line = lineOf({ ...download, path, done: 250_000 }, 3000, columns);
    expect(line).toBe(expected);
  });

  test.each([
    [
      100,
      [
        "/etc/tako/app.tako    1.2    [######------------------]  25%  250 kB of 1.0 MB  125 kB/s  6 s left",
        "/etc/tako/long/b.tako 10.0.1 [------------------------]   0%  0 B of 99.0 GB",
      ],
    ],
    [
      79,
      [
        ".../app.tako 1.2    [######------------------]  25%  250 kB of 1.0 MB  125 kB/s",
        ".../b.tako   10.0.1 [------------------------]   0%  0 B of 99.0 GB",
      ],
    ],
    [40, [".../app.tako 1.2    [###----------]  25%", ".../b.tako   10.0.1 [-------------]   0%"]],
    [24, ["1.2    [##------]  25%", "10.0.1 [--------]   0%"]],
    [19, ["       1.2     25%", "b.tako 10.0.1   0%"]],
    [9, [" 25%", "  0%"]],
  ])("CLI-28: several are aligned, on %d columns", (columns, expected) => {
    const one = { ...download, path: "/etc/tako/app.tako", done: 250_000 };
    const other = { path: "/etc/tako/long/b.tako", version: "10.0.1", size: 99_000_000_000 };
    const lines = progressLines([one, { ...download, ...other }], 3000, columns);
    expect(lines).toEqual(expected);
  });

  test("CLI-28: a character that is not shown takes one column", () => {
    const path = "/etc/日本/é\x1b[2J🐙.tako";
    expect(lineOf({ ...download, path }, 1000, 100)).toStartWith("/etc/??/??[2J?.tako 1.2 [");
  });

  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [1, "1 B"],
    [9, "9 B"],
    [10, "10 B"],
    [99_949, "99.9 kB"],
    [100_000, "100 kB"],
    [123_456, "123 kB"],
    [1_000_000, "1.0 MB"],
    [1_500_000_000, "1.5 GB"],
    [2_000_000_000_000, "2.0 TB"],
    [2 ** 53 - 1, "9.0 PB"],
    [2e18, "2000 PB"],
  ])("CLI-30: %d bytes are %s", (count, text) => expect(bytes(count)).toBe(text));

  test.each([
    [0.512, "0.5 s"],
    [2, "2 s"],
    [9.96, "10 s"],
    [10.4, "10 s"],
    [59.6, "60 s"],
    [119, "119 s"],
    [120, "2 min"],
    [3600, "60 min"],
  ])("CLI-30: %d seconds are %s", (count, text) => expect(seconds(count)).toBe(text));

  test.each([
    [0.5, "0.5 s"],
    [119, "119 s"],
    [120, "2 min"],
    [7199, "120 min"],
    [7200, "2 h"],
    [172_799, "47 h"],
    [172_800, "2 days"],
    [1_000_000, "11 days"],
  ])("INS-6: %d seconds ago are %s by their largest unit", (count, text) =>
    expect(duration(count)).toBe(text),
  );

  test("STS-13: a moment is as systemd writes one", () => {
    // date -u -d @1795941000
    expect(moment(1_795_941_000)).toBe("2026-11-29 08:30:00 UTC");
  });

  test.each([
    [86, "...fghi.tako 1.2 [######------------------]  25%  250 kB of 1.0 MB  125 kB/s  6 s left"],
    [85, "/x/abcdefghi.tako 1.2 [######------------------]  25%  250 kB of 1.0 MB  125 kB/s"],
    [81, "/x/abcdefghi.tako 1.2 [######------------------]  25%  250 kB of 1.0 MB  125 kB/s"],
    [80, "abcdefghi.tako 1.2 [######------------------]  25%  250 kB of 1.0 MB  125 kB/s"],
  ])(
    "CLI-28: a path gives way to figures down to 12 characters, on %d columns",
    (columns, text) => {
      const one = { ...download, path: "/x/abcdefghi.tako", done: 250_000 };
      expect(lineOf(one, 3000, columns)).toBe(text);
    },
  );
});
