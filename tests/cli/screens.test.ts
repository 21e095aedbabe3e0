// What stands on a real terminal (tmux) of 40, 80 and 200 columns once a command has ended that only looks. Each screen is
// written here as the specification wants it. Bars are in tmux.test.ts and reading.test.ts.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Fleet, one, three, two } from "../status/fleet.ts";
import { needs } from "../support/needs.ts";
import { sources } from "../support/program.ts";
import { shellWords, Window } from "../support/window.ts";

const tmux = needs("tmux");

/** Three hours and a minute ago; what a test takes does not change what is shown of it. */
const LOOKED = Math.floor(Date.now() / 1000) - (3 * 3600 + 60);

describe.skipIf(tmux.missing)("a screen", () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = new Fleet(sources());
    const { host } = fleet;
    await Promise.all([
      fleet.fetched("the-database", [one, two, three], { Version: "1.*" }),
      fleet.damaged("web"),
      fleet.skipped("proxy"),
    ]);
    for (const name of ["the-database", "web", "proxy"]) {
      host.write(`${name}/.checked`, `${LOOKED} ok ${LOOKED}\n`);
    }
    host.write("broken.tako", host.read("web.tako").replace(/^Version=.*\n/m, ""));
  });

  afterAll(() => fleet[Symbol.dispose]());

  /** What is on it at the end, without the line of the status. */
  const screenOf = async (columns: number, words: readonly string[], ...how: string[]) => {
    await using window = await Window.open(columns, shellWords(...words), fleet.host.folder);
    return (await window.ended(...how)).slice(0, -1).map((line) => line.trimEnd());
  };

  const VERSION_IS_MISSING = "Version= is missing: expected a version pattern such as 1.*";
  const DAMAGED = "damaged: the image of 1.0.0, in use, is not as the manifest has it";
  const SKIPPED =
    "1.1.0 is skipped, it did not work here: app.service: failed (exit-code), status 3";

  test.each([
    [
      40,
      [
        "NAME               IN USE  CHECKED",
        "broken.tako        -             -",
        "  Version= is missing: expected a",
        "    version pattern such as 1.*",
        "proxy.tako         1.0.0   3 h ago",
        "  1.1.0 is skipped, it did not work",
        "    here: app.service: failed",
        "    (exit-code), status 3",
        "the-database.tako  1.1.0   3 h ago",
        "  2.0.0 is beyond Version=",
        "  current",
        "web.tako           1.0.0   3 h ago",
        "  damaged: the image of 1.0.0, in use,",
        "    is not as the manifest has it",
      ],
    ],
    [
      80,
      [
        "NAME               IN USE  ALLOWED  NEWEST  PATTERN  DISK  CHECKED",
        "broken.tako        -       -        -       -           -        -",
        `  ${VERSION_IS_MISSING}`,
        "proxy.tako         1.0.0   1.1.0    1.1.0   *        38 B  3 h ago",
        "  1.1.0 is skipped, it did not work here: app.service: failed (exit-code),",
        "    status 3",
        "the-database.tako  1.1.0   1.1.0    2.0.0   1.*      19 B  3 h ago",
        "  2.0.0 is beyond Version=",
        "  current",
        "web.tako           1.0.0   1.0.0    1.0.0   *        19 B  3 h ago",
        `  ${DAMAGED}`,
      ],
    ],
    [
      200,
      [
        "NAME               IN USE  ALLOWED  NEWEST  PATTERN  DISK  CHECKED  STATE",
        `broken.tako        -       -        -       -           -        -  ${VERSION_IS_MISSING}`,
        `proxy.tako         1.0.0   1.1.0    1.1.0   *        38 B  3 h ago  ${SKIPPED}`,
        "the-database.tako  1.1.0   1.1.0    2.0.0   1.*      19 B  3 h ago  2.0.0 is beyond Version=",
        "                                                                    current",
        `web.tako           1.0.0   1.0.0    1.0.0   *        19 B  3 h ago  ${DAMAGED}`,
      ],
    ],
  ])("STS-20, STS-21, CLI-56: status on %d columns", async (columns, screen) => {
    expect(await screenOf(columns, ["status", "."])).toEqual(screen);
  });

  const LISTED = [
    "   VERSION  SIZE  HERE  ALLOWED  STATE",
    "   1.0.0    19 B  -     yes",
    "*  1.1.0    19 B  yes   yes      in use",
    "   2.0.0    19 B  -     -",
  ];

  test.each([
    ["the-database", 200, LISTED],
    ["the-database", 40, LISTED],
    [
      "the-database",
      30,
      [
        "   VERSION  HERE  ALLOWED",
        "   1.0.0    -     yes",
        "*  1.1.0    yes   yes",
        "  in use",
        "   2.0.0    -     -",
      ],
    ],
    [
      "proxy",
      80,
      [
        "   VERSION  SIZE  HERE  ALLOWED  STATE",
        "*  1.0.0    19 B  yes   yes      in use",
        "x  1.1.0    19 B  yes   yes      skipped, it did not work here: app.service:",
        "                                   failed (exit-code), status 3",
      ],
    ],
    [
      "proxy",
      40,
      [
        "   VERSION  SIZE  HERE  ALLOWED",
        "*  1.0.0    19 B  yes   yes",
        "  in use",
        "x  1.1.0    19 B  yes   yes",
        "  skipped, it did not work here:",
        "    app.service: failed (exit-code),",
        "    status 3",
      ],
    ],
  ])("STS-31 to STS-34, CLI-56: list of %s on %d columns", async (name, columns, screen) => {
    expect(await screenOf(columns, ["list", `${name}.tako`])).toEqual(screen);
  });

  test.each([40, 80, 200])("INS-5, CLI-53, CLI-56: inspect on %d columns", async (columns) => {
    const manifest = `${fleet.origin("the-database")}/manifest`;
    const told = (...words: string[]) => Bun.spawnSync(words).stdout.toString().trim();
    const changed = `${told("date", "-u", "-r", manifest, "+%F %T")} UTC,`;
    const seconds = Number(told("date", "+%s")) - Number(told("stat", "-c", "%Y", manifest));
    const ago = `${Math.floor(seconds / 86_400)} days ago`;
    const size = `${told("stat", "-c", "%s", manifest)} bytes, SHA-256`;
    const digest = told("sha256sum", manifest).slice(0, 12);
    const isNarrow = columns === 40;
    // Values stand below each other, and what goes on is two further in.
    const row = (head: string, ...parts: string[]) => {
      const start = head.padEnd("signed by  ".length);
      return isNarrow
        ? parts.map((part, at) => (at === 0 ? start : " ".repeat(start.length + 2)) + part)
        : [start + parts.join(" ")];
    };
    const words = ["inspect", fleet.origin("the-database")];
    expect(await screenOf(columns, words, "-J")).toEqual([
      ...row("manifest", `file://${manifest}`),
      ...row("signed by", "not checked: no", "--public-key is given"),
      ...row("versions", "3, from 1.0.0 on"),
      ...row("newest", "2.0.0, 19 B"),
      ...row("size", size, digest),
      ...row("changed", changed, ago),
      ...row("images", "3 of 3 are there, by their", "size"),
    ]);
  });

  const lines: readonly (readonly [string, readonly string[], () => readonly string[]])[] = [
    [
      "check",
      ["check", "broken.tako", "web.tako"],
      () => [`broken.tako: ${VERSION_IS_MISSING}`, "web.tako: valid"],
    ],
    [
      "verify",
      ["verify", "web.tako", "the-database.tako"],
      () => [
        `tako: web.tako: ${fleet.host.at("web/store", one.digest)}: the image of 1.0.0 is damaged: it has 3 bytes, and the manifest says 19`,
        "  tako fetch web.tako gets it anew, or a newer one in its place.",
        "web.tako: 1 image, 3 B, 0 of them whole; 1.0.0 is in use",
        "the-database.tako: 1 image, 19 B, whole; 1.1.0 is in use",
      ],
    ],
    [
      "prune",
      ["prune", "--dry-run", "--keep=0", "proxy.tako"],
      () => [
        "proxy.tako: would remove 1.1.0, 19 B",
        "proxy.tako: 1.0.0, 19 B, stays: in use",
        "proxy.tako: would remove 1 image, 19 B; 1 image stays",
      ],
    ],
  ];

  test.each(lines)(
    "CLI-56: what a terminal breaks of %s, it joins again",
    async (_, words, screen) => {
      for (const columns of [40, 80, 200]) {
        expect(await screenOf(columns, words, "-J")).toEqual([...screen()]);
      }
    },
  );

  test("CLI-22, CLI-51: what repairs an image is dim below the red error, and plain without colour", async () => {
    const show = async (start: string) => {
      const words = `${start} ${shellWords("verify", "web.tako")}`;
      // So wide that no path of a temporary folder breaks a line.
      await using window = await Window.open(400, words, fleet.host.folder);
      // tmux takes a colour back by the code for the usual one.
      return (await window.ended("-e")).map((line) => line.trimEnd().replace("\x1b[39m", ""));
    };
    const [error, hint] = [
      "tako: web.tako: ",
      "  tako fetch web.tako gets it anew, or a newer one in its place.",
    ];
    const [first, second] = await show("");
    expect(first).toStartWith(`\x1b[31m${error}`);
    expect(second).toBe(`\x1b[2m${hint}`);
    for (const start of ["NO_COLOR=1", "TERM=dumb"]) {
      const [plain, below] = await show(start);
      expect(plain).toStartWith(error);
      expect(below).toBe(hint);
    }
  });
});
