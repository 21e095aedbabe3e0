// How results look, in this very process: those of check, verify, prune, inspect and status, and of what is done by
// hand, for people and as JSON. Those of fetch and store are in shown.test.ts.

import { describe, expect, test } from "bun:test";
import { byHandPresenter } from "../../src/cli/commands/by-hand-presenter.ts";
import { checkPresenter } from "../../src/cli/commands/check-presenter.ts";
import { inspectPresenter } from "../../src/cli/commands/inspect-presenter.ts";
import { pruneOriginPresenter } from "../../src/cli/commands/prune-origin-presenter.ts";
import { isNoNews, prunePresenter } from "../../src/cli/commands/prune-presenter.ts";
import { statusFields } from "../../src/cli/commands/status/json.ts";
import { nagiosLines, nagiosStatus } from "../../src/cli/commands/status/nagios.ts";
import { statusMetrics } from "../../src/cli/commands/status/prometheus.ts";
import { wordsOf } from "../../src/cli/commands/status/words.ts";
import { verifyPresenter } from "../../src/cli/commands/verify-presenter.ts";
import type { Presenter } from "../../src/cli/presenter.ts";
import type { FetchResult } from "../../src/commands/fetch/result.ts";
import type { Inspected } from "../../src/commands/inspect/inspect.ts";
import type { PruneResult } from "../../src/commands/prune/prune.ts";
import type { PruneOriginResult } from "../../src/commands/prune/prune-origin.ts";
import type { Status, Unseen } from "../../src/commands/status/status.ts";
import type { VerifyResult } from "../../src/commands/verify/result.ts";
import { parseSha256Hex } from "../../src/core/digest.ts";
import { TakoError } from "../../src/core/error.ts";
import { parsePublicKey } from "../../src/core/keys.ts";
import { parsePattern } from "../../src/core/pattern.ts";
import { parseSize } from "../../src/core/size.ts";
import type { State } from "../../src/core/status.ts";
import { parseVersion } from "../../src/core/version.ts";
import { key } from "../support/publishing.ts";

const config = "a.tako";
const digest = (text: string) => {
  const parsed = parseSha256Hex(text.repeat(32));
  if (parsed === undefined) throw new Error("no digest");
  return parsed;
};
const [ab, cd, ef] = [digest("ab"), digest("cd"), digest("ef")] as const;
const wrong = new TakoError("digest", "wrong", { source: "/a", hint: "Look." });
const wrongFields = { kind: "digest", message: "wrong", source: "/a", hint: "Look." };

/** All that a presenter makes of a result; lines for standard error with their priority before them. */
function shown<Result>(presenter: Presenter<Result>, result: Result) {
  return {
    said: presenter
      .text(result)
      .flatMap((said) =>
        said.on === "stdout" ? said.line : said.lines.map((line) => `${said.priority} ${line}`),
      ),
    json: presenter.json(result),
    errors: presenter.errors(result),
    status: presenter.status(result),
  };
}

test("CHK-4, CHK-5: each warning is a line, and what is valid has one unless that is not wanted", () => {
  const warnings = [
    { line: 3, message: "look", rule: "CHK-10" },
    { message: "look again", rule: "CHK-21" },
  ];
  const warned = ["warning a.tako:3: warning: look", "warning a.tako: warning: look again"];
  for (const [errors, of, isQuiet, said, status] of [
    [[], [], false, ["a.tako: valid"], 0],
    [[], [], true, [], 0],
    [[], warnings, false, [...warned, "a.tako: valid, 2 warnings"], 0],
    [[], warnings.slice(0, 1), false, [warned[0] ?? "", "a.tako: valid, 1 warning"], 0],
    [[], warnings, true, warned, 0],
    [[new TakoError("config", "bad")], warnings, false, warned, 2],
  ] as const) {
    expect(shown(checkPresenter(isQuiet), { config, errors, warnings: of })).toEqual({
      ...{ said: [...said], errors: [...errors], status },
      json: {
        ...{ config, valid: errors.length === 0, warnings: [...of] },
        errors: errors.length === 0 ? [] : [{ kind: "config", message: "bad" }],
      },
    });
  }
});

describe("verify", () => {
  const whole = { sha256: ab, version: "1.2", size: 1_000_000, state: "whole" } as const;
  const damaged = { ...whole, sha256: cd, size: 500_000, state: "damaged" } as const;
  const of = { config };
  const ofOrigin = { directory: "/o" };
  const good = { outcome: "good", errors: [] };
  const bad = { outcome: "wrong", errors: [wrongFields] };
  const errors = [wrong];
  const rows: readonly (readonly [VerifyResult, readonly string[], object, number])[] = [
    [
      { of, images: [whole], inUse: "1.2", errors: [] },
      ["a.tako: 1 image, 1.0 MB, whole; 1.2 is in use"],
      { config, ...good, images: 1, whole: 1, size: 1_000_000, in_use: "1.2" },
      0,
    ],
    [
      { of, images: [whole, damaged], inUse: undefined, errors },
      ["a.tako: 2 images, 1.5 MB, 1 of them whole; none is in use"],
      { config, ...bad, images: 2, whole: 1, size: 1_500_000, in_use: null },
      65,
    ],
    [
      { of, images: [], inUse: undefined, errors: [] },
      ["a.tako: no image is here; none is in use"],
      { config, ...good, images: 0, whole: 0, size: 0, in_use: null },
      0,
    ],
    // Where nothing could be read, its error says all.
    [
      { of, images: [], inUse: undefined, errors },
      [],
      { config, ...bad, images: 0, whole: 0, size: 0, in_use: null },
      65,
    ],
    [
      { of: ofOrigin, images: [whole, { ...whole, sha256: ef }], inUse: undefined, errors: [] },
      ["/o: 2 images, 2.0 MB, whole"],
      { directory: "/o", ...good, images: 2, whole: 2, size: 2_000_000 },
      0,
    ],
    [
      { of: ofOrigin, images: [], inUse: undefined, errors: [] },
      ["/o: no image is here"],
      { directory: "/o", ...good, images: 0, whole: 0, size: 0 },
      0,
    ],
  ];

  test.each(rows)("VFY-6, VFY-40: the line, the fields and the status of %j", (...row) => {
    const [result, said, json, status] = row;
    expect(shown(verifyPresenter(false), result)).toEqual({
      ...{ said: [...said], json: expect.anything(), errors: [...result.errors], status },
    });
    const exact = JSON.parse(JSON.stringify(verifyPresenter(false).json(result)));
    expect(exact).toEqual(json);
    const quiet = verifyPresenter(true).text(result);
    expect(quiet).toHaveLength(result.errors.length === 0 ? 0 : said.length);
  });
});

describe("prune", () => {
  const one = { digest: ab, size: 48_200_000, version: "1.0.0" };
  const two = { digest: cd, size: 51_000_000, version: "1.3.0" };
  const unlisted = { digest: ef, size: 900, version: undefined };
  const nothing = { remove: [], partials: [], keep: [], busy: undefined };
  const fields = {
    one: { version: "1.0.0", sha256: ab, size: 48_200_000 },
    two: { version: "1.3.0", sha256: cd, size: 51_000_000 },
    unlisted: { sha256: ef, size: 900 },
  };
  const none = { removed: [], partials: [], kept: [], freed: 0, busy: null };
  const hint =
    "info   All images stay: no Keep= in the config, and no --keep, says how many may go.";

  const rows: readonly (readonly [PruneResult, readonly string[], object, number])[] = [
    [
      {
        ...{ ...nothing, config, outcome: "planned", limit: 0, remove: [one] },
        partials: [unlisted],
        keep: [
          { ...two, why: "in-use" },
          { ...one, why: "all" },
        ],
      },
      [
        "a.tako: would remove the partial download of efefefefefef (in no version of the manifest), 900 B",
        "a.tako: would remove 1.0.0, 48.2 MB",
        "a.tako: 1.3.0, 51.0 MB, stays: in use",
        "a.tako: 1.0.0, 48.2 MB, stays",
        "a.tako: would remove 1 image and 1 partial download, 48.2 MB; 2 images stay",
      ],
      {
        ...{ ...none, outcome: "planned", keep: 0, removed: [fields.one] },
        ...{ partials: [fields.unlisted], freed: 48_200_900 },
        kept: [
          { ...fields.two, why: "in-use" },
          { ...fields.one, why: "all" },
        ],
      },
      0,
    ],
    [
      {
        ...{ ...nothing, config, outcome: "pruned", limit: 1, remove: [one, two] },
        keep: [{ ...two, why: "newest" }],
      },
      ["a.tako: removed 2 images, 99.2 MB; 1 image stays"],
      {
        ...{ ...none, outcome: "pruned", keep: 1, removed: [fields.one, fields.two] },
        ...{ kept: [{ ...fields.two, why: "newest" }], freed: 99_200_000 },
      },
      0,
    ],
    [
      { ...nothing, config, outcome: "pruned", limit: 1, partials: [unlisted, unlisted] },
      ["a.tako: removed 2 partial downloads, 1.8 kB; 0 images stay"],
      {
        ...{ ...none, outcome: "pruned", keep: 1, freed: 1800 },
        partials: [fields.unlisted, fields.unlisted],
      },
      0,
    ],
    [
      { ...nothing, config, outcome: "nothing", limit: undefined },
      ["a.tako: nothing to remove, 0 images stay", hint],
      { ...none, outcome: "nothing", keep: null },
      0,
    ],
    [
      { ...nothing, config, outcome: "nothing", limit: undefined, busy: "trial" },
      ["a.tako: nothing to remove, 0 images stay", hint],
      { ...none, outcome: "nothing", keep: null, busy: "trial" },
      0,
    ],
    [
      { ...nothing, config, outcome: "nothing", limit: 2, busy: "restart" },
      [
        "a.tako: nothing to remove, 0 images stay",
        "warning tako: a.tako: no image is removed now: a restart is owed, and units may still run an old one",
        'warning   "tako fetch a.tako" brings that to its end.',
      ],
      { ...none, outcome: "nothing", keep: 2, busy: "restart" },
      0,
    ],
    [
      { config, outcome: "failed", errors: [wrong] },
      [],
      { outcome: "failed", errors: [wrongFields] },
      65,
    ],
  ];

  test.each(rows)("PRU-9, PRU-12: how %j looks", (result, said, json, status) => {
    const errors = result.outcome === "failed" ? [...result.errors] : [];
    expect(shown(prunePresenter(result.outcome === "planned"), result)).toEqual({
      ...{ said: [...said], json: { config, ...json }, errors, status },
    });
  });

  test("PRU-13: no news is what removed nothing, and warns of nothing", () => {
    const news = (of: Partial<Extract<PruneResult, { limit: unknown }>>) =>
      !isNoNews({ ...nothing, config, outcome: "nothing", limit: 1, ...of });
    expect([
      news({}),
      news({ limit: undefined, busy: "trial" }),
      news({ busy: "trial" }),
      news({ outcome: "pruned" }),
      news({ outcome: "planned" }),
    ]).toEqual([false, false, true, true, true]);
    expect(isNoNews({ config, outcome: "failed", errors: [wrong] })).toBe(false);
  });

  test("PRU-23, PRU-24: how what goes of an origin looks", () => {
    const origin = { ...one, digest: ab };
    const takes = { pattern: "1.*", newest: "1.0.0", instead: "0.9" };
    const lost = { pattern: "1.0.*", newest: "1.0.0", instead: undefined };
    const planned: PruneOriginResult = {
      ...{ remove: [origin], stay: ["1.3.0"], effects: [takes, lost], packed: [] },
      ...{ outcome: "planned", isToCopy: true },
    };
    const json = {
      ...{ removed: [fields.one], kept: ["1.3.0"], packed: [], freed: 48_200_000 },
      patterns: [takes, { ...lost, instead: null }],
    };
    expect(shown(pruneOriginPresenter, planned)).toEqual({
      said: [
        "would remove 1.0.0, 48.2 MB",
        "would remove 1 image, 48.2 MB; 1 version of the pattern stays",
        "new hosts with Version=1.* would take 0.9 in place of 1.0.0",
        "new hosts with Version=1.0.* would find nothing in place of 1.0.0",
      ],
      ...{ json: { outcome: "planned", ...json }, errors: [], status: 0 },
    });
    const mark =
      "info   Upload the .gone files in store/ with the rest: they tell hosts that it was on purpose.";
    expect(shown(pruneOriginPresenter, { ...planned, outcome: "pruned" })).toEqual({
      said: [
        "removed 1 image, 48.2 MB; 1 version of the pattern stays",
        "new hosts with Version=1.* take 0.9 in place of 1.0.0",
        "new hosts with Version=1.0.* find nothing in place of 1.0.0",
        mark,
      ],
      ...{ json: { outcome: "pruned", ...json }, errors: [], status: 0 },
    });
    const inBucket = { ...planned, outcome: "pruned", isToCopy: false } as const;
    expect(shown(pruneOriginPresenter, inBucket).said).not.toContain(mark);
    const packed = [`${ab}.zst`, `${ab}.packed`];
    const two = shown(pruneOriginPresenter, { ...planned, outcome: "pruned", packed });
    expect(two.said[0]).toBe(
      "removed 1 image, 48.2 MB, and 2 packed files; 1 version of the pattern stays",
    );
    expect(two.said.at(-1)).toBe(
      "info   The .packed files in store/ have changed: upload them anew.",
    );
    expect(two.json).toMatchObject({ packed });
    const empty = { remove: [], stay: ["2", "1"], effects: [], packed: [], isToCopy: true };
    const alone = { ...empty, outcome: "planned", packed } as const;
    expect(shown(pruneOriginPresenter, alone).said).toEqual([
      "would remove 2 packed files; 2 versions of the pattern stay",
    ]);
    expect(shown(pruneOriginPresenter, { ...empty, outcome: "nothing" })).toEqual({
      said: ["nothing to remove, 2 versions of the pattern stay"],
      json: {
        outcome: "nothing",
        removed: [],
        kept: ["2", "1"],
        patterns: [],
        packed: [],
        freed: 0,
      },
      ...{ errors: [], status: 0 },
    });
    const of = (effects: number) =>
      shown(pruneOriginPresenter, { ...planned, effects: Array(effects).fill(lost) }).said.slice(2);
    const named = "new hosts with Version=1.0.* would find nothing in place of 1.0.0";
    expect(of(10)).toEqual(Array(10).fill(named));
    const more = "and so on for 1 more pattern; --json lists them";
    expect(of(11)).toEqual([...Array(10).fill(named), more]);
    expect(of(12).at(-1)).toBe("and so on for 2 more patterns; --json lists them");
  });
});

test("ACT-89: what was done by hand says how to undo it", () => {
  const stays = `info   It stays there, whatever is published. To undo it: "tako release a.tako", then "tako fetch a.tako".`;
  const taken = (inUse: string) =>
    `info   ${inUse} is in use until "tako fetch a.tako" takes a newer one. To stay on it: "tako hold a.tako".`;
  const [version, sha256] = ["1.2", ab];
  const released = { config, outcome: "released", held: undefined, forgotten: [] } as const;
  const rows: readonly (readonly [FetchResult, string | undefined])[] = [
    [{ config, outcome: "held", version, sha256 }, stays],
    [{ config, outcome: "unconfirmed", version, sha256 }, stays],
    [{ config, outcome: "current", version, sha256 }, undefined],
    [{ ...released, version, sha256, held: "1.2" }, taken("1.2")],
    [{ ...released, version, sha256, forgotten: ["1.3"] }, taken("1.2")],
    [{ ...released, sha256, held: "1.2" }, taken(ab)],
    [{ ...released, held: "1.2" }, undefined],
    [{ ...released, version, sha256 }, undefined],
  ];
  for (const [result, undo] of rows) {
    const [, ...more] = shown(byHandPresenter, result).said;
    expect([result, ...more]).toEqual(undo === undefined ? [result] : [result, undo]);
  }
});

describe("inspect", () => {
  const publicKey = parsePublicKey(key.public);
  const inspected = inspectPresenter(Number.POSITIVE_INFINITY);

  test("INS-13: of a secret key the public one is shown", () => {
    const of = { what: "key", publicKey } as const;
    const rest = { errors: [], status: 0 };
    expect(shown(inspected, { ...of, isSecret: false })).toEqual({
      ...{ said: [`public key  ${key.public}`], ...rest },
      json: { what: "public-key", public_key: key.public },
    });
    expect(shown(inspected, { ...of, isSecret: true })).toEqual({
      ...{ said: ["secret key  not shown", `public key  ${key.public}`], ...rest },
      json: { what: "secret-key", public_key: key.public },
    });
  });

  const entry = (version: string, sha256 = ab) => ({
    ...{ version: parseVersion(version), digest: sha256, size: parseSize(19) },
  });
  const bare: Inspected = {
    ...{ what: "manifest", source: "/m", sha256: cd, bytes: 337, versions: 0, errors: [] },
    ...{ oldest: undefined, newest: undefined, signer: "unchecked", changed: undefined },
    ...{ age: undefined, images: undefined, isDeep: false, continues: undefined },
    takes: undefined,
  };
  const ends = `337 bytes, SHA-256 ${cd.slice(0, 12)}`;

  test("INS-4, INS-5, INS-6: what is not known is not told", () => {
    expect(shown(inspected, bare)).toEqual({
      said: [
        "manifest   /m",
        "signed by  not checked: no --public-key is given",
        "versions   0",
        `size       ${ends}`,
      ],
      json: {
        ...{ what: "manifest", source: "/m", sha256: cd, size: 337, versions: 0 },
        ...{ signature: "unchecked", errors: [] },
      },
      ...{ errors: [], status: 0 },
    });
    const one = { ...bare, versions: 1, oldest: entry("1.0"), newest: entry("1.0") };
    expect(shown(inspected, one).said[2]).toBe("versions   1");
    const two = { ...one, versions: 2 };
    expect(shown(inspected, two).said[2]).toBe("versions   2, from 1.0 on");
    const byNobody = shown(inspected, { ...bare, signer: "nobody" });
    expect(byNobody.said[1]).toBe("signed by  none of the keys");
    expect(byNobody.json).toMatchObject({ signature: "nobody" });
    // date -u -d @1795941000
    const changed = { ...bare, changed: 1_795_941_000 };
    expect(shown(inspected, changed).said[4]).toBe("changed    2026-11-29 08:30:00 UTC");
    const empty = { ...bare, takes: { pattern: parsePattern("2.*"), entry: undefined } };
    expect(shown(inspected, empty).said[4]).toBe("takes      Version=2.* takes nothing");
    expect(shown(inspected, empty).json).toMatchObject({
      takes: { pattern: "2.*", version: null },
    });
  });

  test("INS-3 to INS-12, INS-15: what is known of an origin", () => {
    const error = new TakoError("origin", "gone", { source: "/s" });
    const images = {
      ...{ whole: 3, gone: [entry("0.1"), entry("0.2")], unasked: 4 },
      wrong: [{ entry: entry("0.3", ef), error }],
    };
    const known: Inspected = {
      ...{ ...bare, what: "origin", versions: 10, oldest: entry("0.1"), newest: entry("2.0") },
      ...{ signer: publicKey, changed: 1_795_941_000, age: 3600, images, isDeep: true },
      continues: { old: "/old", added: 1 },
      takes: { pattern: parsePattern("1.*"), entry: entry("1.5") },
      errors: [error],
    };
    expect(shown(inspected, known)).toEqual({
      said: [
        "manifest   /m",
        `signed by  ${key.public}`,
        "versions   10, from 0.1 on",
        "newest     2.0, 19 B",
        `size       ${ends}`,
        "changed    2026-11-29 08:30:00 UTC, 60 min ago",
        "images     3 of 10 are whole; 2 withdrawn; 1 wrong or missing; 4 not looked at, since the origin answers no longer",
        "gone       0.1 0.2",
        "continues  /old, with 1 new version",
        "takes      Version=1.* takes 1.5",
      ],
      json: {
        ...{ what: "origin", source: "/m", sha256: cd, size: 337, versions: 10 },
        ...{ oldest: "0.1", newest: "2.0", signature: "valid", signed_by: key.public },
        ...{ changed: 1_795_941_000, age: 3600 },
        images: {
          ...{ deep: true, whole: 3, gone: ["0.1", "0.2"], unasked: 4 },
          wrong: [{ version: "0.3", sha256: ef, kind: "origin", message: "gone", source: "/s" }],
        },
        continues: { old: "/old", added: 1 },
        takes: { pattern: "1.*", version: "1.5" },
        errors: [{ kind: "origin", message: "gone", source: "/s" }],
      },
      ...{ errors: [error], status: 69 },
    });
    const all = { whole: 2, gone: [], wrong: [], unasked: 0 };
    const { said } = shown(inspected, { ...known, images: all, isDeep: false });
    expect(said[6]).toBe("images     2 of 2 are there, by their size");
    expect(said.filter((line) => line.startsWith("gone"))).toEqual([]);
  });
});

describe("status", () => {
  // date -u -d @1795941000: 2026-11-29 08:30:00
  const since = 1_795_941_000;
  const [version, at] = ["1.2", since];
  const ago = (seconds: number): Status => ({ ...base, now: since + seconds });
  const base: Status = {
    ...{ config: "/etc/tako/a.tako", name: "a", severity: "ok", pattern: "1.*", now: since },
    ...{ inUse: { version, sha256: ab }, allowed: "1.2", newest: "2.0", versions: 3, images: 2 },
    ...{ bytes: 900, changed: since, states: [{ state: "current" }] },
    checked: {
      look: { time: since, outcome: "ok", since, message: "" },
      tries: undefined,
      gone: [],
    },
  };
  const error = new TakoError("config", "bad", { source: "/etc/tako/b.tako" });
  const unseen: Unseen = {
    ...{ config: "/etc/tako/b.tako", name: "b", severity: "unknown", error },
  };
  const [kind, message] = ["origin", "no answer"];

  const words: readonly (readonly [State, string])[] = [
    ...(
      [
        [true, true, "1.2, in use, is missing"],
        [true, false, "1.2, in use, is not as the manifest has it"],
        [false, true, "1.2 is missing"],
        [false, false, "1.2 is not as the manifest has it"],
      ] as const
    ).map(([isInUse, isMissing, text]) => {
      const state = { state: "damaged", version, sha256: ab, isInUse, isMissing } as const;
      return [state, `damaged: the image of ${text}`] as const;
    }),
    [{ state: "restart-owed", units: ["a", "b"], tries: 0 }, "restart owed: a b"],
    [{ state: "restart-owed", units: ["a"], tries: 1 }, "restart owed: a (1 try)"],
    [{ state: "restart-owed", units: ["a"], tries: 2 }, "restart owed: a (2 tries)"],
    [{ state: "no-image" }, "no image is in use"],
    [
      { state: "rejected", kind, message, since },
      "what the origin has is not authentic since 2026-11-29 08:30:00 UTC: no answer",
    ],
    [{ state: "failed", kind, message, since }, "the last look failed: no answer"],
    [
      { state: "outage", kind, message, since },
      "origin not reachable since 2026-11-29 08:30:00 UTC (5 min): no answer",
    ],
    [
      { state: "unchecked", since },
      "nobody has looked for news since 2026-11-29 08:30:00 UTC (5 min)",
    ],
    [
      { state: "skipped", version, reason: "it fell" },
      "1.2 is skipped, it did not work here: it fell",
    ],
    [{ state: "no-match", pattern: "3.*", offered: [] }, 'no version matches "3.*"'],
    [{ state: "unlisted", sha256: ab }, "the manifest does not list what is in use"],
    [{ state: "foreign" }, "the local manifest is not signed by any key of the config"],
    [{ state: "record", message }, "no answer"],
    [{ state: "on-trial", version }, "unconfirmed: 1.2 has still to prove itself"],
    [
      { state: "going-back", version, reason: "it fell" },
      "going back from 1.2, which does not work here: it fell",
    ],
    [{ state: "held", version }, "held on 1.2"],
    [
      { state: "behind", version, isHere: true, missing: 0, mayBeLess: false },
      "behind: 1.2 is here, and not in use yet",
    ],
    [
      { state: "behind", version, isHere: false, missing: 4_100_000, mayBeLess: true },
      "behind: 1.2 is not fetched yet, up to 4.1 MB",
    ],
    [
      { state: "behind", version, isHere: false, missing: 19, mayBeLess: false },
      "behind: 1.2 is not fetched yet, 19 B",
    ],
    [{ state: "waiting", version, at }, "1.2 is too young (MinAge=) until 2026-11-29 08:30:00 UTC"],
    [{ state: "beyond", version }, "1.2 is beyond Version="],
    [{ state: "partial", version, bytes: 9, size: 10 }, "partial download of 1.2: 9 B of 10 B"],
    [
      { state: "no-news", since },
      "no news: the manifest is unchanged since 2026-11-29 08:30:00 UTC (5 min)",
    ],
    [{ state: "current" }, "current"],
  ];

  test.each(words)("STS-10, STS-20: %j in words", (state, text) => {
    expect(wordsOf({ ...ago(300), states: [state] })).toEqual([text]);
  });

  test.each([
    [-5, "0 s"],
    [0, "0 s"],
    [119.9, "119 s"],
    [120, "2 min"],
    [7199, "119 min"],
    [7200, "2 h"],
    [172_799, "47 h"],
    [172_800, "2 d"],
    [259_199, "2 d"],
    [259_200, "3 d"],
  ])("STS-20: %d seconds are one number and its unit", (seconds, text) => {
    const [said] = wordsOf({ ...ago(seconds), states: [{ state: "no-news", since }] });
    expect(said).toEndWith(`(${text})`);
  });

  test("STS-3: what is wrong with a config is in its words, with the file if that is another", () => {
    const problems = [
      { line: 2, message: "one", rule: undefined },
      { message: "two", rule: undefined },
    ];
    for (const [facts, said] of [
      [{ source: "/etc/tako/b.tako" }, ["bad"]],
      [{}, ["bad"]],
      [{ source: "/x" }, ["/x: bad"]],
      [{ source: "/x", problems }, ["line 2: one", "two"]],
    ] as const) {
      expect(wordsOf({ ...unseen, error: new TakoError("config", "bad", facts) })).toEqual([
        ...said,
      ]);
    }
  });

  test("STS-22: an object of documented fields", () => {
    const json = (of: Partial<Status>) =>
      JSON.parse(JSON.stringify(statusFields({ ...base, ...of })));
    const fields = {
      ...{ config: "/etc/tako/a.tako", name: "a", severity: "ok", pattern: "1.*" },
      ...{ in_use: { version: "1.2", sha256: ab }, allowed: "1.2", newest: "2.0" },
      ...{ versions: 3, images: 2, bytes: 900, manifest_changed: since },
      checked: { time: since, outcome: "ok", since },
      states: [{ state: "current" }],
    };
    expect(json({})).toEqual(fields);
    const look = { time: since, outcome: "origin", since, message };
    expect(
      json({
        ...{ inUse: undefined, allowed: undefined, newest: undefined, changed: undefined },
        checked: undefined,
        states: [
          { state: "damaged", version, sha256: cd, isInUse: true, isMissing: false },
          { state: "behind", version, isHere: true, missing: 0, mayBeLess: false },
          { state: "held", version },
        ],
      }),
    ).toEqual({
      ...{ ...fields, in_use: null, allowed: null, newest: null, manifest_changed: null },
      checked: null,
      states: [
        { state: "damaged", version, sha256: cd, in_use: true, missing: false },
        { state: "behind", version, here: true, missing: 0 },
        { state: "held", version },
      ],
    });
    expect(json({ checked: { look, tries: undefined, gone: [] } }).checked).toEqual(look);
    expect(JSON.parse(JSON.stringify(statusFields(unseen)))).toEqual({
      ...{ config: "/etc/tako/b.tako", name: "b", severity: "unknown" },
      errors: [{ kind: "config", message: "bad", source: "/etc/tako/b.tako" }],
    });
  });

  test("STS-24, STS-25: a plugin's line names the worst first, and its status is the worst", () => {
    const damaged: Status = {
      ...{ ...base, name: "d", severity: "critical", now: since + 90 },
      states: [{ state: "damaged", version, sha256: ab, isInUse: true, isMissing: true }],
    };
    const held: Status = {
      ...{ ...base, name: "h", severity: "warning", now: since + 30, checked: undefined },
      states: [
        { state: "record", message: "a | b" },
        { state: "held", version },
      ],
    };
    const behind: Status = {
      ...{ ...base, now: since - 9 },
      states: [{ state: "behind", version, isHere: true, missing: 0, mayBeLess: false }],
    };
    const one = (name: string, value: string | number, of = 4) => `${name}=${value};;;0;${of}`;
    expect(nagiosLines([behind, held, unseen, damaged])).toEqual([
      `TAKO CRITICAL - d: damaged: the image of 1.2, in use, is missing (and 2 more) | configs=4;;;0 ${[
        ...[one("attention", 3), one("behind", 1), one("held", 1), one("damaged", 1)],
        ...["disk=2700B;;;0", "check_age=90s;;;0"],
      ].join(" ")}`,
      "d: damaged: the image of 1.2, in use, is missing",
      "b: bad",
      "h: a / b",
    ]);
    expect(nagiosLines([held, unseen])[0]).toStartWith("TAKO UNKNOWN - b: bad (and 1 more) | ");
    const [first] = nagiosLines([held]);
    expect(first).toStartWith("TAKO WARNING - h: a / b | configs=1;;;0 attention=1;;;0;1 ");
    expect(first).toEndWith(" disk=900B;;;0");
    const [two, ...rest] = nagiosLines([behind, base]);
    expect(two).toStartWith("TAKO OK - 2 configs in order | configs=2;;;0 attention=0;;;0;2 ");
    expect(two).toEndWith(" check_age=0s;;;0");
    expect(rest).toEqual([]);
    expect(nagiosLines([unseen])[0]).toStartWith("TAKO UNKNOWN - b: bad | ");
    const statuses = [[], [base], [held], [damaged], [unseen], [unseen, held], [unseen, damaged]];
    expect(statuses.map(nagiosStatus)).toEqual([0, 0, 1, 2, 3, 3, 2]);
  });

  test("STS-23: the metrics of a config, of which unknown ones are left out", () => {
    const lines = (of: Status | Unseen) =>
      statusMetrics([of]).filter((line) => !line.startsWith("#") && !line.startsWith("tako_state"));
    const label = 'config="/etc/tako/a.tako"';
    const samples = (...of: readonly (readonly [string, number])[]) =>
      of.map(([name, value]) => `tako_${name}{${label}} ${value}`);
    const rest = [
      ...([
        ["store_bytes", 900],
        ["store_images", 2],
        ["manifest_versions", 3],
      ] as const),
    ];
    const info = (text: string) => `tako_image_info{${label},${text},pattern="1.*"} 1`;
    expect(lines(base)).toEqual([
      info(`version="1.2",sha256="${ab}",allowed="1.2",newest="2.0"`),
      ...samples(["attention", 0], ...rest, ["manifest_change_timestamp_seconds", since]),
      ...samples(["check_timestamp_seconds", since], ["check_success", 1]),
      ...samples(["check_since_timestamp_seconds", since]),
    ]);
    const bare = { inUse: undefined, allowed: undefined, newest: undefined, changed: undefined };
    expect(lines({ ...base, ...bare, checked: undefined, severity: "warning" })).toEqual([
      info('version="",sha256="",allowed="",newest=""'),
      ...samples(["attention", 1], ...rest),
    ]);
    const look = { time: since, outcome: "origin", since: 7, message };
    const failing = lines({ ...base, checked: { look, tries: undefined, gone: [] } });
    expect(failing.slice(-2)).toEqual(
      samples(["check_success", 0], ["check_since_timestamp_seconds", 7]),
    );
    expect(lines(unseen)).toEqual(['tako_attention{config="/etc/tako/b.tako"} 1']);
    const all = statusMetrics([{ ...base, config: '\\"' }, unseen]);
    const b = 'config="/etc/tako/b.tako"';
    expect(all.filter((line) => /^tako_state.* 1$/.test(line))).toEqual([
      'tako_state{config="\\\\\\"",state="current"} 1',
      `tako_state{${b},state="error"} 1`,
    ]);
    // The states of STS-10, of each config, and the ten metrics with their two lines.
    expect(all.filter((line) => line.startsWith("tako_state{"))).toHaveLength(2 * 23);
    expect(all.filter((line) => line.startsWith("# HELP tako_"))).toHaveLength(10);
    expect(all.filter((line) => /^# TYPE tako_\w+ gauge$/.test(line))).toHaveLength(10);
  });
});
