// What the command line shows, in this very process and in memory: events and results as text, as JSON, in the journal and
// on a terminal with bars. The same by the program is in output.test.ts and terminal.test.ts.

import { describe, expect, test } from "bun:test";
import { fetchPresenter } from "../../src/cli/commands/fetch-presenter.ts";
import { storePresenter } from "../../src/cli/commands/store-presenter.ts";
import { Display } from "../../src/cli/display.ts";
import { describeEvent, eventFields } from "../../src/cli/events.ts";
import { journalEntry } from "../../src/cli/journal.ts";
import { Output } from "../../src/cli/output.ts";
import { run } from "../../src/cli/program.ts";
import type { Event } from "../../src/commands/events.ts";
import type { FetchResult } from "../../src/commands/fetch/result.ts";
import { parseSha256Hex } from "../../src/core/digest.ts";
import { TakoError } from "../../src/core/error.ts";
import { parsePublicKey } from "../../src/core/keys.ts";
import { parsePattern } from "../../src/core/pattern.ts";
import { parseVersion } from "../../src/core/version.ts";
import { createHost } from "../support/host.ts";
import { image, key } from "../support/publishing.ts";
import { io } from "./memory.ts";

const url = "https://example.com/store/ab";
const about = { version: "1.2", sha256: "ab" };
const digest = (text: string) => {
  const parsed = parseSha256Hex(text.repeat(64).slice(0, 64));
  if (parsed === undefined) throw new Error("no digest");
  return parsed;
};

/** By spec/fetch.md, FET-97: an event, its fields beside `event` and `config`, and its line. */
const events: readonly (readonly [Event, object | undefined, string, string?])[] = [
  [{ event: "waiting", directory: "/a" }, { directory: "/a" }, "info"],
  [{ event: "warning", message: "look" }, { message: "look" }, "warning"],
  [
    { event: "retry", url, reason: "status 503", delayMs: 2100 },
    { url, reason: "status 503", delay_ms: 2100 },
    "warning",
  ],
  [
    { event: "manifest", state: "new", versions: 2, sha256: "ab", signedBy: "key" },
    { state: "new", versions: 2, sha256: "ab", signed_by: "key" },
    "info",
  ],
  [
    { event: "manifest", state: "local", versions: 2, sha256: "ab", signedBy: "key" },
    { state: "local", versions: 2, sha256: "ab", signed_by: "key" },
    "warning",
  ],
  [
    { event: "too-young", version: "1.2", at: 1_795_941_000 },
    { version: "1.2", at: 1_795_941_000 },
    "info",
    // date -u -d @1795941000
    "1.2 is too young (MinAge=), and is taken from 2026-11-29 08:30:00 UTC on",
  ],
  [
    { event: "verifying", version: "1", size: 3_000_000 },
    { version: "1", size: 3_000_000 },
    "info",
    "verifying 1, 3.0 MB",
  ],
  [{ event: "damaged", version: "1", path: "/a" }, { version: "1", path: "/a" }, "warning"],
  [{ event: "gone", version: "1", url }, { version: "1", url }, "warning"],
  [
    { event: "download", version: "1", url, size: 3, offset: 1 },
    { version: "1", url, size: 3, offset: 1 },
    "info",
  ],
  [{ event: "progress", version: "1", size: 3, done: 1 }, undefined, "info"],
  [{ event: "downloaded", ...about, size: 3 }, { ...about, size: 3 }, "info"],
  [{ event: "activated", ...about, previous: "cd" }, { ...about, previous: "cd" }, "info"],
  [{ event: "activated", ...about, previous: undefined }, { ...about, previous: null }, "info"],
  [
    { event: "switched", slot: "b", unit: "app@b.service" },
    { slot: "b", unit: "app@b.service" },
    "info",
    "switched to slot b: app@b.service",
  ],
  [{ event: "restarted", units: ["a.service"] }, { units: ["a.service"] }, "info"],
  [
    { event: "started", units: ["a.service", "b.service"] },
    { units: ["a.service", "b.service"] },
    "info",
    "started a.service b.service",
  ],
  [
    { event: "skipped", unit: "a.service", reason: "masked" },
    { unit: "a.service", reason: "masked" },
    "info",
    "a.service is masked and stays so",
  ],
  [
    { event: "starting", units: ["a.service", "b.service"], limitMs: 900_000 },
    { units: ["a.service", "b.service"], limit_ms: 900_000 },
    "info",
    "waiting for a.service b.service to start, up to 15 min",
  ],
  [
    { event: "watching", units: ["a.service", "b.service"], seconds: 30 },
    { units: ["a.service", "b.service"], seconds: 30 },
    "info",
    "watching a.service b.service for 30 s",
  ],
  [
    {
      ...{ event: "unhealthy", unit: "a.service", what: "failed", result: "exit-code" },
      ...{ status: "3", restarts: 0, log: "" },
    },
    {
      ...{ unit: "a.service", what: "failed", result: "exit-code" },
      ...{ status: "3", restarts: 0, log: "" },
    },
    "warning",
    "a.service does not work: failed",
  ],
  [
    {
      ...{ event: "unhealthy", unit: "a.service", what: "failed", result: "exit-code" },
      ...{ status: "3", restarts: 0, log: "no disk" },
    },
    {
      ...{ unit: "a.service", what: "failed", result: "exit-code" },
      ...{ status: "3", restarts: 0, log: "no disk" },
    },
    "warning",
    "a.service does not work: failed; it said last: no disk",
  ],
  [
    { event: "rolled-back", ...about, refused: "1.3", reason: "failed" },
    { ...about, refused: "1.3", reason: "failed" },
    "warning",
    "went back from 1.3 to 1.2",
  ],
  [
    { event: "removed", what: "image", ...about, size: 3 },
    { what: "image", ...about, size: 3 },
    "info",
    "removed 1.2, 3 B",
  ],
  [
    { event: "removed", what: "partial", version: undefined, sha256: "ab".repeat(32), size: 3 },
    { what: "partial", sha256: "ab".repeat(32), size: 3 },
    "info",
    "removed the partial download of abababababab, 3 B",
  ],
  [
    { event: "image", ...about, path: "/a", size: 3, state: "whole" },
    { ...about, path: "/a", size: 3, state: "whole" },
    "",
  ],
  [
    { event: "image", version: undefined, sha256: "ab", path: "/a", size: 3, state: "damaged" },
    { version: null, sha256: "ab", path: "/a", size: 3, state: "damaged" },
    "",
  ],
  [{ event: "hashing", ...about, size: 3, done: 1 }, undefined, "info", "verifying 1.2, 3 B"],
  [{ event: "reading", version: "1", size: 3 }, undefined, "info", "reading 1, 3 B"],
  [
    { event: "would", action: "hold", what: "1.2" },
    { action: "hold", what: "1.2" },
    "info",
    "would hold 1.2",
  ],
  [
    { event: "serving", url: "http://127.0.0.1:1", directory: "/a" },
    { url: "http://127.0.0.1:1", directory: "/a" },
    "info",
    "Origin=http://127.0.0.1:1",
  ],
  [
    { event: "request", method: "GET", path: "/a", status: 206, bytes: 4, range: "2-5/10" },
    { method: "GET", path: "/a", status: 206, bytes: 4, range: "2-5/10" },
    "info",
    "GET /a 206 4 2-5/10",
  ],
  [
    { event: "request", method: "HEAD", path: "/a", status: 200, bytes: 0, range: undefined },
    { method: "HEAD", path: "/a", status: 200, bytes: 0 },
    "info",
    "HEAD /a 200 0",
  ],
];

test.each(events)("FET-97, SRV-8: the fields and the line of %j", (...row) => {
  const [event, fields, priority, line] = row;
  expect(eventFields({ ...event, config: "a.tako" })).toEqual(
    fields && { event: event.event, config: "a.tako", ...fields },
  );
  expect(describeEvent(event)?.priority ?? "").toBe(priority as never);
  if (line !== undefined) expect(describeEvent(event)?.text).toBe(line);
});

test("ACT-130: three events are entries of the journal, with the fields of the specification", () => {
  const entryOf = (event: Event) => {
    const message = describeEvent(event);
    return message && journalEntry(event, message);
  };
  expect(entryOf({ event: "activated", config: "a.tako", ...about, previous: undefined })).toEqual({
    MESSAGE: "a.tako: activated 1.2",
    MESSAGE_ID: "afd3a0f9be4a8640c367b57526d22390",
    PRIORITY: "6",
    SYSLOG_IDENTIFIER: "tako",
    TAKO_EVENT: "activated",
    TAKO_CONFIG: "a.tako",
    TAKO_VERSION: "1.2",
  });
  expect(
    entryOf({ event: "rolled-back", config: "a.tako", ...about, refused: "1.3", reason: "no\n" }),
  ).toEqual({
    MESSAGE: "a.tako: went back from 1.3 to 1.2",
    MESSAGE_ID: "033f92527049949008b23fee87037502",
    PRIORITY: "4",
    SYSLOG_IDENTIFIER: "tako",
    TAKO_EVENT: "rolled-back",
    TAKO_CONFIG: "a.tako",
    TAKO_VERSION: "1.2",
    TAKO_REFUSED: "1.3",
    TAKO_REASON: expect.not.stringContaining("\n"),
  });
  const unhealthy = {
    event: "unhealthy",
    ...{ config: "a.tako", unit: "a.service", what: "failed" },
    ...{ result: "exit-code", status: "3", restarts: 0, log: "" },
  } as const;
  expect(entryOf(unhealthy)).toMatchObject({
    MESSAGE_ID: "fea7384c794bbe18b6f0cf08a6c26b82",
    TAKO_UNIT: "a.service",
  });
  expect(entryOf({ event: "restarted", units: [] })).toBeUndefined();
  // The priorities of syslog, as by CLI-23.
  const error = { priority: "error", text: "it fell" } as const;
  expect(journalEntry(unhealthy, error)).toMatchObject({ MESSAGE: "it fell", PRIORITY: "3" });
});

const sha256 = digest("ab");
const version = "1.2";

/** By FET-98 and CLI-40: a result, its fields, its line, where that stands, and its status. */
const results: readonly (readonly [FetchResult, object, string, number])[] = [
  ...(
    [
      ["updated", "a.tako: updated to 1.2"],
      ["current", "a.tako: 1.2 is current"],
      ["ready", "a.tako: 1.2 is ready, and not in use yet"],
      ["unconfirmed", "a.tako: 1.2 has still to prove itself"],
      ["held", "a.tako: held on 1.2"],
      ["planned", ""],
    ] as const
  ).map(
    ([outcome, line]) =>
      [
        { config: "a.tako", outcome, version, sha256 },
        { outcome, version, sha256 },
        line && `stdout ${line}`,
        0,
      ] as const,
  ),
  [
    { config: "a.tako", outcome: "current", sha256 },
    { outcome: "current", sha256 },
    "stdout a.tako: abababababab is current",
    0,
  ],
  [
    { config: "a.tako", outcome: "released", held: "1.2", forgotten: ["1.3", "1.4"] },
    { outcome: "released", held: "1.2", forgotten: ["1.3", "1.4"] },
    "stdout a.tako: no longer held on 1.2; 1.3, 1.4 may be tried again",
    0,
  ],
  [
    { config: "a.tako", outcome: "released", held: undefined, forgotten: [] },
    { outcome: "released", held: null, forgotten: [] },
    "stdout a.tako: was not on hold, and no version was refused here",
    0,
  ],
  [
    { config: "a.tako", outcome: "released", version, sha256, held: undefined, forgotten: ["1.3"] },
    { outcome: "released", version, sha256, held: null, forgotten: ["1.3"] },
    "stdout a.tako: 1.3 may be tried again",
    0,
  ],
  [
    { config: "a.tako", outcome: "refused", version, sha256, refused: "1.3", reason: "failed" },
    { outcome: "refused", version, sha256, refused: "1.3", reason: "failed" },
    "warning tako: a.tako: stays on 1.2, for 1.3 did not work here: failed",
    0,
  ],
  [
    { config: "a.tako", outcome: "rolled-back", version, sha256, refused: "1.3", reason: "failed" },
    { outcome: "rolled-back", version, sha256, refused: "1.3", reason: "failed" },
    "error tako: a.tako: went back to 1.2, for 1.3 does not work here: failed",
    75,
  ],
  [
    {
      config: "a.tako",
      outcome: "no-match",
      pattern: "2.*",
      skips: false,
      offered: ["1.2", "1.1"],
    },
    { outcome: "no-match", pattern: "2.*", offered: ["1.2", "1.1"] },
    'warning tako: a.tako: no version matches "2.*"; the newest on offer are 1.2, 1.1',
    0,
  ],
  [
    { config: "a.tako", outcome: "no-match", pattern: "2.*", skips: false, offered: [] },
    { outcome: "no-match", pattern: "2.*", offered: [] },
    'warning tako: a.tako: no version matches "2.*"; the manifest is empty',
    0,
  ],
  [
    { config: "a.tako", outcome: "failed", errors: [new TakoError("digest", "wrong")] },
    { outcome: "failed", errors: [{ kind: "digest", message: "wrong" }] },
    "",
    65,
  ],
];

test("FET-98, CLI-43: the skipped version, and the worst of several errors", () => {
  const skipped = { version, sha256, refused: "1.3", reason: "Skip" };
  const result: FetchResult = { config: "a.tako", outcome: "skipped", ...skipped };
  expect(fetchPresenter.json(result)).toEqual({ config: "a.tako", outcome: "skipped", ...skipped });
  expect(fetchPresenter.text(result)).toEqual([
    { on: "stdout", line: "a.tako: stays on 1.2, for Skip= names 1.3" },
  ]);
  const errors = (["origin", "storage", "digest"] as const).map(
    (kind) => new TakoError(kind, kind),
  );
  const status = (...of: readonly number[]) =>
    fetchPresenter.status({
      ...{ config: "a.tako", outcome: "failed" },
      errors: errors.filter((_, index) => of.includes(index)),
    });
  expect([status(0), status(0, 1), status(0, 1, 2)]).toEqual([69, 74, 65]);
});

test.each(results)("FET-98, CLI-40: how the result %j looks", (result, fields, line, status) => {
  expect(fetchPresenter.json(result)).toEqual({ config: "a.tako", ...fields });
  expect(fetchPresenter.status(result)).toBe(status);
  const [said] = fetchPresenter.text(result);
  const shown =
    said === undefined
      ? ""
      : said.on === "stdout"
        ? `stdout ${said.line}`
        : `${said.priority} ${said.lines[0]}`;
  expect(shown).toBe(line);
  if (said?.on !== "stderr" || !("refused" in result)) return;
  expect(said.lines[1]).toContain('"tako release a.tako" lets this one be tried again.');
});

test("PUB-23, PUB-24, PUB-52, PUB-66: how results of a store look", () => {
  const text = (...of: Parameters<typeof storePresenter.text>) =>
    storePresenter.text(...of).map((said) => (said.on === "stdout" ? said.line : said));
  const stored = {
    stored: "image",
    version,
    sha256,
    changed: true,
    isKept: true,
    isUnmarked: false,
  } as const;
  expect([text(stored), storePresenter.json(stored)]).toEqual([
    [`1.2 -> ${sha256}`],
    { version, sha256, changed: true },
  ]);
  const publicKey = parsePublicKey(key.public);
  const signed = { stored: "signature", publicKey, changed: true } as const;
  expect([text(signed), storePresenter.json(signed)]).toEqual([
    [`signed the manifest anew, with the secret key of ${key.public}`],
    { changed: true },
  ]);
  expect(text({ ...signed, changed: false })).toEqual([
    `nothing changed: the manifest is signed with the secret key of ${key.public} already`,
  ]);
  const patterns = ["1.2", "1.*"].map((pattern) => ({
    ...{ pattern: parsePattern(pattern), takes: parseVersion("1.3") },
  }));
  const plan = {
    stored: "nothing",
    ...{ changed: false, version },
    place: { after: parseVersion("1.1"), before: parseVersion("1.3"), patterns },
    ...{ published: undefined, isSame: false, sha256, size: 19 },
  } as const;
  expect(text(plan)).toEqual([
    `1.2 -> ${sha256}, 19 bytes`,
    "1.2 sorts after 1.1 and before 1.3",
    "Version=1.2  takes 1.3",
    "Version=1.*  takes 1.3",
  ]);
  expect(storePresenter.json(plan)).toEqual({
    ...{ version, sha256, size: 19, after: "1.1", before: "1.3", changed: false },
    patterns: [
      { pattern: "1.2", takes: "1.3" },
      { pattern: "1.*", takes: "1.3" },
    ],
  });
  const alone = { ...plan, place: { after: undefined, before: undefined, patterns } };
  expect(text({ ...alone, published: "1.2.0" }).slice(0, 3)).toEqual([
    "1.2.0 is published already, with these bytes",
    `1.2 -> ${sha256}, 19 bytes`,
    "1.2 is the only version",
  ]);
  expect([storePresenter.errors(stored), storePresenter.status(stored)]).toEqual([[], 0]);
});

describe("a terminal", () => {
  const shownBy = (tell: (output: Output) => void, options: Parameters<typeof io>[0]) => {
    const each = io(options);
    tell(new Output(each, { help: "tako --help" }));
    return each;
  };
  const download = {
    event: "download",
    config: "a.tako",
    version,
    url,
    size: 10,
    offset: 0,
  } as const;

  test("CLI-21, CLI-22: messages are coloured by their priority, unless that was declined", () => {
    const tell = (output: Output) => {
      output.report({ event: "warning", message: "look" });
      output.report({ event: "restarted", units: ["a.service"] });
      output.failed(new TakoError("origin", "away"));
    };
    const { stderr } = shownBy(tell, { terminal: true });
    expect(stderr.text).toBe(
      "\x1b[33mtako: warning: look\x1b[0m\ntako: restarted a.service\n\x1b[31mtako: away\x1b[0m\n",
    );
    const plain = "tako: warning: look\ntako: restarted a.service\ntako: away\n";
    for (const options of [
      { terminal: false },
      { terminal: true, environment: { NO_COLOR: "1" } },
      { terminal: true, environment: { TERM: "dumb" } },
    ]) {
      expect(shownBy(tell, options).stderr.text).toBe(plain);
    }
    const empty = { terminal: true, environment: { NO_COLOR: "" } };
    expect(shownBy(tell, empty).stderr.text).toBe(stderr.text);
    // CLI-23: the journal has names of its own, and reads priorities.
    expect(shownBy(tell, { terminal: true, isJournal: true }).stderr.text).toBe(
      "<4>warning: look\n<6>restarted a.service\n<3>away\n",
    );
  });

  test("CLI-21: a download is a bar in place of a line, which what is said goes above, and which ends with it", () => {
    const { stderr, stdout } = shownBy(
      (output) => {
        output.report(download);
        output.report({ event: "warning", message: "look" });
        output.print("a result");
        output.report({ event: "downloaded", config: "a.tako", ...about, size: 10 });
      },
      { terminal: true },
    );
    // Lines are not broken meanwhile, and the cursor goes back to where they begin.
    const bar = "\x1b[?7la.tako 1.2 [------------------------]   0%  0 B of 10 B\n\x1b[?7h\x1b[1A";
    const back = "\r\x1b[2K\n\x1b[J\x1b[A";
    expect(stderr.text).toBe(
      [
        bar,
        `${back}\x1b[33mtako: warning: look\x1b[0m\n${bar}`,
        back,
        bar,
        back,
        "tako: a.tako: downloaded 1.2, 10 B, verified\n",
      ].join(""),
    );
    expect(stdout.text).toBe("a result\n");
  });

  test("CLI-21: without a terminal, or one that cannot move its cursor, it is a line", () => {
    for (const options of [
      { terminal: false },
      { terminal: true, environment: { TERM: "dumb" } },
      { terminal: true, isJournal: true },
    ]) {
      const { stderr } = shownBy((output) => output.report(download), options);
      expect(stderr.text).toEndWith("a.tako: downloading 1.2, 10 B\n");
      expect(stderr.text).not.toContain("[");
    }
  });

  test("CLI-21: bars take no more lines than the terminal has, less two", () => {
    for (const [rows, lines] of [
      [6, 4],
      [2, 1],
      [0, 1],
    ] as const) {
      const { stderr } = shownBy(
        (output) => {
          for (let index = 0; index < 8; index++) {
            output.report({ ...download, config: `${index}.tako` });
          }
        },
        { terminal: true, rows },
      );
      const last = stderr.text.slice(stderr.text.lastIndexOf("\x1b[J"));
      expect(last.split("\n").filter((line) => line.includes("%"))).toHaveLength(lines);
    }
  });

  test("CLI-21: progress is drawn a little later, once, also if nothing follows", async () => {
    const each = io({ terminal: true });
    const output = new Output(each, { help: "" });
    output.report(download);
    const first = each.stderr.text;
    for (const done of [2, 5])
      output.report({ event: "progress", config: "a.tako", version, size: 10, done });
    output.report({ event: "progress", config: "other.tako", version, size: 10, done: 9 });
    expect(each.stderr.text).toBe(first);
    await Bun.sleep(300);
    const news = each.stderr.text.slice(first.length);
    expect(news).toContain(" 50%  5 B of 10 B");
    expect(news.match(/%/g)).toHaveLength(1);
    output.report({ event: "gone", config: "a.tako", version, url });
    expect(each.stderr.text).toEndWith(`the origin removed the image of 1.2: ${url}\x1b[0m\n`);
  });

  test("CLI-21: the result of a config ends its bar", () => {
    const { stderr } = shownBy(
      (output) => {
        output.report(download);
        const result = { config: "a.tako", outcome: "failed", errors: [] } as const;
        output.show(fetchPresenter, result, "a.tako");
      },
      { terminal: true },
    );
    expect(stderr.text).toEndWith("\r\x1b[2K\n\x1b[J\x1b[A");
  });

  test("CLI-21: who has no bars draws none", () => {
    const each = io();
    const display = new Display(each);
    display.startBar("a.tako", version, 10, 0);
    display.print("text\n");
    expect([each.stdout.text, each.stderr.text]).toEqual(["text\n", ""]);
  });
});

test("FET-95, FET-99, CLI-8: as JSON, events and errors are objects on standard output, errors also messages", () => {
  const each = io();
  const output = new Output(each, { help: "tako x --help", json: true });
  output.report({ event: "restarted", config: "a.tako", units: ["a.service"] });
  output.report({ event: "progress", version, size: 3, done: 1 });
  output.report({ event: "would", action: "hold", what: "1.2" });
  expect(output.failed(new TakoError("origin", "away", { hint: "Wait." }))).toBe(69);
  expect(output.failed(new TakoError("usage", "no such option"))).toBe(2);
  const objects = each.stdout.text.trim().split("\n");
  expect(objects.map((line) => JSON.parse(line))).toEqual([
    { event: "restarted", config: "a.tako", units: ["a.service"] },
    { event: "would", action: "hold", what: "1.2" },
    { event: "error", kind: "origin", message: "away", hint: "Wait." },
  ]);
  expect(each.stderr.text).toBe(
    "tako: away\n  Wait.\ntako: no such option\n  tako x --help shows what is possible.\n",
  );
});

test("FET-91, SRV-1: what would be done, and where an origin is, are results", () => {
  const each = io();
  const output = new Output(each, { help: "" });
  output.report({ event: "would", config: "a.tako", action: "hold", what: "1.2" });
  output.report({ event: "serving", url: "http://127.0.0.1:1", directory: "/a" });
  expect([each.stdout.text, each.stderr.text]).toEqual([
    "a.tako: would hold 1.2\nOrigin=http://127.0.0.1:1\n",
    "",
  ]);
});

describe("the words of a command line", () => {
  const ran = async (...words: readonly string[]) => {
    const each = io();
    const status = await run(words, each);
    return { status, stdout: each.stdout.text, stderr: each.stderr.text };
  };

  test("CLI-5 to CLI-13: help, version and commands", async () => {
    const usage = await ran();
    expect([usage.status, usage.stdout]).toEqual([2, ""]);
    for (const word of ["rollback", "--help", "-h", "--version"]) {
      expect(usage.stderr).toContain(word);
    }
    for (const word of ["-h", "--help", "help"]) {
      expect(await ran(word)).toEqual({ status: 0, stdout: usage.stderr, stderr: "" });
    }
    const help = await ran("hold", "--help");
    for (const word of ["tako hold", "docs/reference/hold.md", "--json", "--help", "-h"]) {
      expect(help.stdout).toContain(word);
    }
    for (const words of [
      ["help", "hold"],
      ["--help", "-x", "hold"],
      ["hold", "-h"],
    ]) {
      expect(await ran(...words)).toEqual(help);
    }
    expect((await ran("--version")).stdout).toMatch(/^tako \d+\.\d+\.\d+\S*\n$/);
    for (const [words, message] of [
      [["--version", "x"], 'unexpected argument "x"'],
      [["fetsh"], 'unknown command "fetsh"; did you mean fetch?'],
      [["toString"], 'unknown command "toString"'],
      [["SECRET+abc"], "unknown command (a secret key)"],
      [["--json", "fetch"], 'expected a command before "--json"'],
      [["hold"], "missing argument CONFIG"],
      [["hold", "a", "b"], 'unexpected argument "b"'],
      [["fetch", "a", "--jsn"], "unknown option --jsn; did you mean --json?"],
      [["fetch", "a", "--no-json"], "unknown option --no-json"],
      [["fetch", "a", "--json=x"], "option --json takes no value"],
      [["fetch", "a", "--jobs"], "option --jobs needs a value"],
      [["fetch", "a", "--jobs", "--json"], "option --jobs needs a value"],
      [["fetch", "a", "--jobs="], "option --jobs needs a value that is not empty"],
      [["fetch", "a", "--jobs", "0"], "option --jobs takes a whole number from 1 to 256"],
      [["fetch", "a", "--jobs", "257"], "option --jobs takes a whole number from 1 to 256"],
      [["fetch", "a", "--no-activate", "--init"], "option --no-activate leaves the unit"],
      [["store", "a", "1"], "missing option -o DIR, --output=DIR"],
      [["serve", ".", "--port", "65536"], "invalid --port 65536"],
      [["serve", ".", "--port", "1e3"], "invalid --port 1e3"],
      [["serve", ".", "--address", "localhost"], "invalid --address localhost"],
    ] as const) {
      const { status, stdout, stderr } = await ran(...words);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toStartWith(`tako: ${message}`);
      expect(stderr).toContain("--help shows what is possible.");
    }
  });

  test("FET-4, CLI-43: the worst status of several configs counts", async () => {
    using host = createHost();
    host.publish(image("1.0.0"));
    const { status, stdout, stderr } = await ran("fetch", host.file, host.at("missing.tako"));
    expect([status, stdout]).toEqual([2, `${host.file}: updated to 1.0.0\n`]);
    expect(stderr).toContain("missing.tako");
    expect((await ran("fetch", "--jobs", "256", "--no-verify", host.file)).status).toBe(0);
    expect((await ran("hold", host.file)).stdout).toBe(`${host.file}: held on 1.0.0\n`);
    expect((await ran("release", host.file)).stdout).toBe(
      `${host.file}: no longer held on 1.0.0\n`,
    );
    const plan = await ran("rollback", "--dry-run", host.file, "1.0.0");
    expect([plan.status, plan.stdout]).toEqual([0, `${host.file}: would hold 1.0.0\n`]);
    const json = await ran("fetch", "--json", "--dry-run", host.file);
    expect(JSON.parse(json.stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({
      ...{ event: "result", outcome: "current", version: "1.0.0" },
    });
    const start = await ran("fetch", "--init", host.file);
    expect(start.stdout).toBe(`${host.file}: 1.0.0 is current\n`);
  });
});
