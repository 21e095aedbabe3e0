// Completion, in the three shells on a terminal (tmux), and what their scripts are told. /etc/tako belongs to this machine,
// so the configs that are named by a path stand for those of a host here.

import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { emptyHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { programs, sources } from "../support/program.ts";
import { shellWords, Window } from "../support/window.ts";

/** What the program answers when these words are typed after `tako`. */
async function answer(words: readonly string[], cwd?: string) {
  const input = words.map((word) => `${word}\0`).join("");
  const options = { input, ...(cwd === undefined ? {} : { cwd }) };
  const told = await sources().run(["completion", "bash", "--line"], options);
  const { status, stdout, stderr } = told;
  expect([status, stderr]).toEqual([0, ""]);
  const [files, ...lines] = stdout.trimEnd().split("\n");
  return { files, words: lines.map((line) => line.split("\t")[0]) };
}

describe.each(programs.map((program) => [program.name, program] as const))("%s", (_, program) => {
  test.each(["bash", "zsh", "fish"])("CLI-70: prints the script of %s", async (shell) => {
    const { status, stdout, stderr } = await program.run(["completion", shell]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toStartWith(shell === "zsh" ? "#compdef tako\n" : "# Completion of tako");
  });

  test("CLI-70: another shell is a usage error", async () => {
    const { status, stdout } = await program.run(["completion", "csh"]);
    expect([status, stdout]).toEqual([2, ""]);
  });
});

describe("what may follow", () => {
  test("CLI-72: every command that help names", async () => {
    const { stdout } = await sources().run(["--help"]);
    const named = stdout.slice(stdout.indexOf("COMMANDS")).matchAll(/^ +([a-z][a-z-]+) {2,}/gm);
    const { words, files } = await answer([""]);
    expect(words).toEqual([...Array.from(named, ([, name]) => name), "help"]);
    expect(files).toBe("none");
  });

  test.each(["fetch", "store", "status", "conformance"])(
    "CLI-72: every option that the help of %s names",
    async (command) => {
      const { stdout } = await sources().run([command, "--help"]);
      const named = stdout.slice(stdout.indexOf("OPTIONS")).match(/(?<=^ .*)--[a-z0-9-]+/gm) ?? [];
      const { words } = await answer([command, "-"]);
      for (const word of words) expect(named).toContain(word ?? "");
      expect(words.length).toBeGreaterThan(3);
    },
  );

  test("CLI-72: an option that is given is not offered again, unless it may be repeated", async () => {
    const { words } = await answer(["inspect", "--deep", "--public-key=x", "--"]);
    expect(words).toContain("--public-key");
    expect(words).not.toContain("--deep");
  });

  test.each([
    [
      ["status", "--format="],
      ["table", "prometheus", "nagios"],
    ],
    [
      ["status", "--format", "="],
      ["table", "prometheus", "nagios"],
    ],
    [
      ["status", "--format", "=", "na"],
      ["table", "prometheus", "nagios"],
    ],
    [
      ["status", "--format", ""],
      ["table", "prometheus", "nagios"],
    ],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [
      ["conformance", "--format", ""],
      ["people", "tap", "junit", "json", "markdown"],
    ],
  ])("CLI-73: after %j the values %j", async (typed, values) => {
    expect(await answer(typed)).toEqual({ files: "none", words: values });
  });

  test.each([
    [["store", "-o", ""], "directories"],
    [["store", "-f", ""], "keys"],
    [["store", "-f", "key", ""], "files"],
    [["store", "--", "--i"], "files"],
    [["serve", ""], "directories"],
    [["fetch", "x", ""], "configs"],
    [["hold", "x", ""], "none"],
    [["toString", ""], "none"],
  ])("CLI-74: after %j files of the kind %s", async (typed, kind) => {
    expect((await answer(typed)).files).toBe(kind);
  });
});

/** A host that knows three versions. */
async function knowing(): Promise<Host> {
  const host = emptyHost();
  host.publish(["1.0.0", "one"], ["1.1.0", "two"], ["2.0.0$(id)", "three"]);
  host.config("app");
  expect((await sources().run(["fetch", "app.tako"], { cwd: host.folder })).status).toBe(0);
  return host;
}

test("CLI-77: a line for the kind of files, then a word and, after a tab, what it is for", async () => {
  const told = await sources().run(["completion", "zsh", "--line"], { input: "rollb\0" });
  expect(told.stdout).toStartWith("none\n");
  expect(told.stdout).toContain("\nrollback\tGo back to an earlier version, and stay on it\n");
});

describe("versions", () => {
  test("CLI-75: those of the local manifest, newest first, without the origin", async () => {
    using host = await knowing();
    host.publish(["3.0.0", "not known here"]);
    const { words } = await answer(["rollback", "app.tako", ""], host.folder);
    expect(words).toEqual(["2.0.0$(id)", "1.1.0", "1.0.0"]);
  });

  test.each(["rollback", "list"])("CLI-76: after %s the origin is not asked", async (command) => {
    using host = await knowing();
    let requests = 0;
    await using server = Bun.serve({
      port: 0,
      fetch: () => {
        requests++;
        return new Response("");
      },
    });
    host.config("app", { Origin: `http://127.0.0.1:${server.port}` });
    const before = host.everything();
    const typed = command === "list" ? ["--matching", ""] : [""];
    const { words } = await answer([command, "app.tako", ...typed], host.folder);
    expect(words).toHaveLength(3);
    expect(requests).toBe(0);
    expect(host.everything()).toEqual(before);
  });

  test("CLI-75, CLI-76: none, and no message, for what is no config", async () => {
    using host = emptyHost();
    Bun.spawnSync(["mkfifo", host.at("pipe")]);
    host.write("bad.tako", "Origin=nonsense\n");
    for (const name of ["pipe", "bad.tako", "missing", "/dev/zero", "."]) {
      const told = await answer(["rollback", name, ""], host.folder);
      expect(told).toEqual({ files: "none", words: [] });
    }
  });
});

/** How a shell is started with its completion and nothing else, and how it says that it is ready. */
const SHELLS = {
  bash: {
    words: "exec bash --noprofile --rcfile rc -i",
    rc: "bind 'set enable-bracketed-paste off'\nPS1='ready> '\nsource <(tako completion bash)\n",
  },
  zsh: {
    words: "ZDOTDIR=$PWD/z exec zsh -i",
    rc: "PS1='ready> '\nautoload -Uz compinit\ncompinit -u -D\nsource <(tako completion zsh)\n",
  },
  fish: {
    words:
      "XDG_CONFIG_HOME=$PWD/none XDG_DATA_HOME=$PWD/none exec fish --no-config --init-command 'source rc'",
    rc: "function fish_prompt; echo -n 'ready> '; end\nset fish_greeting\ntako completion fish | source\n",
  },
} as const;

describe.each(["bash", "zsh", "fish"] as const)("%s on a terminal", (shell) => {
  const missing = needs("tmux", ...(shell === "bash" ? [] : [shell])).missing;

  /** What stands behind the prompt after these keys, once it passes. */
  async function typed(host: Host, keys: readonly string[], pass: (line: string) => boolean) {
    const { words, rc } = SHELLS[shell];
    mkdirSync(host.at("bin"), { recursive: true });
    mkdirSync(host.at("z"), { recursive: true });
    host.write("bin/tako", `#!/bin/sh\nexec ${shellWords()} "$@"\n`);
    chmodSync(host.at("bin/tako"), 0o755);
    host.write(shell === "zsh" ? "z/.zshrc" : "rc", rc);
    const path = `HOME=$PWD PATH=$PWD/bin:$PATH; export HOME PATH; `;
    await using window = await Window.open(100, `${path}${words}`, host.folder);
    const lineOf = (lines: readonly string[]) =>
      lines
        .findLast((line) => line.includes("ready>"))
        ?.replace(/^.*ready>/, "")
        .trim() ?? "";
    await window.until((lines) => lines.some((line) => line.includes("ready>")));
    for (const key of keys) await window.press(key);
    const lines = await window.until((lines) => pass(lineOf(lines)) || pass(lines.join("\n")));
    return { line: lineOf(lines), lines };
  }

  test.skipIf(missing).each([
    ["tako rollb", "tako rollback"],
    ["tako fetch --dr", "tako fetch --dry-run"],
    ["tako fetch --no-ver", "tako fetch --no-verify"],
    ["tako status --format=nag", "tako status --format=nagios"],
    ["tako status --format prom", "tako status --format prometheus"],
    ["tako fetch app.t", "tako fetch app.tako"],
    ["tako rollback app.tako 1.1", "tako rollback app.tako 1.1.0"],
    ["tako store -f sec", "tako store -f secret.key"],
    ["tako store --key-file=sec", "tako store --key-file=secret.key"],
    ["tako serve ori", "tako serve origin/"],
  ])("CLI-71: %s becomes %s", async (begun, whole) => {
    using host = await knowing();
    host.write("secret.key", "");
    host.write("apart", "");
    const { line } = await typed(host, [begun, "Tab"], (text) => text.trim() === whole);
    expect(line).toBe(whole);
  });

  test.skipIf(missing)("CLI-71: a version that a shell would run is quoted", async () => {
    using host = await knowing();
    const { line } = await typed(host, ["tako rollback app.tako 2.0.", "Tab"], (text) =>
      text.startsWith("tako rollback app.tako 2.0.0"),
    );
    expect(line).toBe("tako rollback app.tako 2.0.0\\$\\(id\\)");
  });

  test.skipIf(missing)("CLI-71: the commands are listed", async () => {
    using host = await knowing();
    const { lines } = await typed(host, ["tako ", "Tab", "Tab"], (text) =>
      ["fetch", "gen-key", "completion"].every((name) => text.includes(name)),
    );
    expect(lines.join("\n")).toContain("public-key");
  });
});
