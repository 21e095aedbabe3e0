// The manual pages are those that `bun run docs` writes, and the programs that read manuals read them: man, apropos,
// lexgrog, groff and mandoc.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manuals } from "../scripts/man/pages.ts";
import { needs } from "./support/needs.ts";
import { sources } from "./support/program.ts";
import { shellWords, Window } from "./support/window.ts";

const written = join(import.meta.dir, "../docs/man");
const pages = Object.entries(manuals());
const names = pages.map(([name]) => name);
/** Pages with a text of their own: an alias only names another. */
const whole = pages.filter(([, text]) => !text.startsWith(".so ")).map(([name]) => name);

/** The pages where man finds them. */
let manpath: string;
beforeAll(() => {
  manpath = mkdtempSync(join(tmpdir(), "tako-man-"));
  for (const name of names) {
    const section = join(manpath, `man${name.slice(-1)}`);
    mkdirSync(section, { recursive: true });
    copyFileSync(join(written, name), join(section, name));
  }
});
afterAll(() => rmSync(manpath, { recursive: true }));

/** What a program says of a page, on both outputs, and its status. */
function read(...words: readonly string[]) {
  const child = Bun.spawnSync([...words], {
    cwd: manpath,
    env: { PATH: process.env["PATH"], MANPATH: manpath, LC_ALL: "C.UTF-8", MANWIDTH: "80" },
  });
  return { status: child.exitCode, text: `${child.stdout}${child.stderr}` };
}

const placed = (name: string) => `man${name.slice(-1)}/${name}`;

test("docs/man has these pages and no other; `bun run docs` writes them", () => {
  expect(readdirSync(written).toSorted()).toEqual(names.toSorted());
  for (const [name, text] of pages) expect(readFileSync(join(written, name), "utf8")).toBe(text);
});

describe("CLI-79: each command has a page", () => {
  test("as help names them", async () => {
    const { stdout } = await sources().run(["--help"]);
    const named = stdout.slice(stdout.indexOf("COMMANDS")).matchAll(/^ +([a-z][a-z-]+) {2,}/gm);
    const commands = Array.from(named, ([, name]) => name ?? "");
    expect(commands).toContain("fetch");
    expect(names).toEqual(expect.arrayContaining(commands.map((name) => `tako-${name}.1`)));
  });

  test.each(names.filter((name) => /^tako-.*\.1$/.test(name)))(
    "%s has the options of its help, and explains each",
    async (name) => {
      const command = name.slice("tako-".length, -".1".length);
      const { stdout } = await sources().run([command, "--help"]);
      const shown = stdout.slice(0, stdout.indexOf("EXAMPLE")).match(/--[a-z][a-z0-9-]+/g) ?? [];
      const text = readFileSync(join(written, name), "utf8").replaceAll("\\-", "-");
      const explained = text.match(/^\.It .*$/gm)?.join(" ") ?? "";
      // An option that is on is explained by the form that switches it off.
      for (const option of shown) {
        const off = option.replace(/^--/, "--no-");
        expect([option, explained.includes(option) || explained.includes(off)]).toEqual([
          option,
          true,
        ]);
      }
    },
  );
});

describe("CLI-79: the programs that read manuals", () => {
  test.skipIf(needs("mandoc").missing)("mandoc has nothing to say about them", () => {
    const { text } = read("mandoc", "-Tlint", "-Wall", ...whole.map(placed));
    // That it looks for in the manuals of this machine.
    expect(
      text.split("\n").filter((line) => !line.includes("referenced manual not found")),
    ).toEqual([""]);
  });

  test.skipIf(needs("groff").missing).each(whole)("groff has no warning for %s", (name) => {
    expect(read("groff", "-ww", "-z", "-mandoc", "-Tutf8", placed(name))).toEqual({
      status: 0,
      text: "",
    });
  });

  const man = needs("mandb");
  test.skipIf(man.missing)("man, lexgrog and apropos find them", () => {
    expect(read("mandb", "--quiet", "--user-db", manpath).status).toBe(0);
    const { text } = read("apropos", "--manpath", manpath, "--long", "tako");
    for (const name of names) {
      const [, page, section] = /^(.*)\.(\d)$/.exec(name) ?? [];
      expect(text).toMatch(
        new RegExp(`^${page?.replace(".", "\\.")} \\(${section}\\) +- \\S`, "m"),
      );
      expect(read("lexgrog", placed(name)).status).toBe(0);
    }
    expect(read("man", "5", "tako").text).toBe(read("man", "5", "tako.conf").text);
    expect(read("man", "tako-rollback").text).toContain(
      "tako rollback [--dry-run] [--json] CONFIG [VERSION]",
    );
  });
});

describe.skipIf(needs("tmux", "mandb").missing)("help on a terminal", () => {
  const shown = async (path: string, ...words: readonly string[]) => {
    const before = `MANPATH=${path} MANPAGER=cat PAGER=cat; export MANPATH MANPAGER PAGER`;
    await using window = await Window.open(80, `${before}; ${shellWords(...words)}`, manpath);
    return (await window.ended("-S", "-400")).join("\n");
  };

  test("CLI-78: help opens the page of a command, and that of the program", async () => {
    expect(await shown(manpath, "help", "rollback")).toContain("TAKO-ROLLBACK(1)");
    expect(await shown(manpath, "help")).toContain("TAKO(1)");
  });

  test("CLI-78: it is the help where no page is installed, and for --help", async () => {
    expect(await shown("/nonexistent", "help", "rollback")).toContain("USAGE tako rollback");
    expect(await shown(manpath, "rollback", "--help")).toContain("USAGE tako rollback");
  });
});

test("CLI-78: elsewhere than on a terminal it is the help", async () => {
  const env = { MANPATH: manpath };
  const [help, asked] = await Promise.all([
    sources().run(["help", "rollback"], { env }),
    sources().run(["rollback", "--help"], { env }),
  ]);
  expect(help).toEqual(asked);
});
