// What is written where, and in which form (spec/cli.md, Output and Messages).

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createHost, emptyHost } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, programs } from "../support/program.ts";
import { image, key, sha256sum } from "../support/publishing.ts";

const python = needs("python3");

/** Runs a command with a small, non-blocking pipe as standard error, and prints what came. */
const SLOW_READER = `
import fcntl, os, subprocess, sys, time
reader, writer = os.pipe()
fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
os.set_blocking(writer, False)
child = subprocess.Popen(sys.argv[1:], stderr=writer)
os.close(writer)
time.sleep(0.5)
while text := os.read(reader, 65536):
    sys.stdout.buffer.write(text)
sys.exit(child.wait())
`;

const ESCAPE = "\x1b[31mred\x1b]0;title\x07";

for (const program of programs) {
  describe(program.name, () => {
    /** Runs a shell script in which "$@" is the program with these arguments. */
    async function runIn(script: string, args: readonly string[], cwd?: string) {
      const child = Bun.spawn(["bash", "-c", script, "bash", ...program.command(args)], {
        env: environment(),
        stdout: "pipe",
        stderr: "pipe",
        ...(cwd === undefined ? {} : { cwd }),
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      return { status: await child.exited, stdout, stderr };
    }

    test("CLI-20: results go to standard output, messages to standard error", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      const ended = await program.run(["fetch", host.config("app")], { cwd: host.folder });
      expect(ended.stdout).toBe("app.tako: updated to 1\n");
      expect(ended.stderr.split("\n")).toEqual([
        "tako: app.tako: new manifest, 1 version",
        "tako: app.tako: downloading 1, 5 B",
        "tako: app.tako: downloaded 1, 5 B, verified",
        "tako: app.tako: activated 1",
        "",
      ]);
    });

    test("CLI-21, CLI-22: there is no colour and no bar where there is no terminal", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      const options = { cwd: host.folder, env: { FORCE_COLOR: "1", TERM: "xterm-256color" } };
      for (const args of [["fetch", host.config("app")], ["fetch", "nowhere.tako"], ["--help"]]) {
        const { stdout, stderr } = await program.run(args, options);
        expect(stdout + stderr).not.toContain("\x1b");
      }
    });

    test("CLI-23: the journal gets a priority with each line", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      host.config("app", { Version: "2.*" });
      host.config("broken", { Version: "", Origin: "" });
      const toJournal = 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec "$@"';
      const args = ["fetch", "--jobs=1", "app.tako", "broken.tako", "nowhere.tako"];
      const { stderr, stdout } = await runIn(toJournal, args, host.folder);
      const lines = stderr.trimEnd().split("\n");
      expect(lines.every((line) => /^<[346]>\S/.test(line))).toBe(true);
      // All configs are read before the first runs: those that share units come into use together (ACT-60).
      expect(lines[0]).toStartWith("<3>broken.tako:1: Origin=");
      expect(lines[1]).toStartWith("<3>broken.tako:4: Version=");
      expect(lines[2]).toStartWith("<3>nowhere.tako: ");
      expect(lines.at(-2)).toBe("<6>app.tako: new manifest, 1 version");
      expect(lines.at(-1)).toStartWith("<4>app.tako: no version matches");
      expect(stdout).toBe("");
    });

    test("CLI-23: JOURNAL_STREAM that names another file is nothing to go by", async () => {
      for (const stream of ["1:1", "", "nonsense"]) {
        const { stderr } = await program.run(["fetsh"], { env: { JOURNAL_STREAM: stream } });
        expect(stderr).toStartWith("tako: unknown command");
      }
    });

    test("CLI-24: an argument shows no control characters", async () => {
      for (const args of [[ESCAPE], ["fetch", `--${ESCAPE}`], ["fetch", ESCAPE], ["-h", ESCAPE]]) {
        const { stderr } = await program.run(args);
        expect(stderr).toContain("red");
        expect(stderr).toMatch(/^[\n\x20-\x7e]+$/);
      }
    });

    test("CLI-24: a config file and an origin show no control characters, as JSON neither", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      const name = `\x9b31m${ESCAPE.replaceAll("\x07", "")}`;
      const good = host.config(name, { Destination: host.at("app") });
      host.config("app", { [ESCAPE]: ESCAPE });
      for (const args of [[good], ["--json", good], ["app.tako"], ["--json", "app.tako"]]) {
        const { stdout, stderr } = await program.run(["fetch", ...args], { cwd: host.folder });
        expect(stdout + stderr).toContain("red");
        expect(stdout + stderr).toMatch(/^[\n\x20-\x7e]+$/);
      }
      const { stdout } = await program.run(["fetch", "--json", good], { cwd: host.folder });
      expect(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "").config).toBe(good);
    });

    test("CLI-25: user and password of an origin are not shown", async () => {
      using host = emptyHost();
      using server = Bun.serve({ port: 0, fetch: () => new Response("no", { status: 404 }) });
      const origin = `http://alice:hunter2@127.0.0.1:${server.port}/app`;
      host.config("app", { Origin: origin });
      host.config("wrong", { Origin: `${origin}?x` });
      for (const words of [[], ["--json"]]) {
        const args = ["fetch", ...words, "app.tako", "wrong.tako"];
        const options = { cwd: host.folder, env: { TAKO_DEBUG: "1" } };
        const { stdout, stderr } = await program.run(args, options);
        expect(stderr).toContain(`http://***@127.0.0.1:${server.port}/app`);
        expect(stdout + stderr).not.toContain("hunter2");
        expect(stdout + stderr).not.toContain("alice");
      }
    });

    test.each(["--version", "--help", "gen-key"])(
      "CLI-26: tako %s to a reader that went away ends quietly",
      async (word) => {
        const script = '(sleep 0.3; exec "$@") | true; exit $PIPESTATUS';
        expect(await runIn(script, [word])).toEqual({ status: 0, stdout: "", stderr: "" });
      },
    );

    test("CLI-26: a fetch goes on when nobody reads any more", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      const script = '(sleep 0.3; exec "$@" 2>&1) | true; exit $PIPESTATUS';
      const ended = await runIn(script, ["fetch", "--json", host.config("app")], host.folder);
      expect(ended).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(host.read("app", "latest")).toBe("bytes");
    });

    test.each([[["list", "origin"]], [["status", "app.tako"]], [["--version"]], [["--help"]]])(
      "CLI-58: a standard output that is closed is a failure, as it is for ls (%j)",
      async (words) => {
        using host = createHost();
        host.publish(image("1.0.0"));
        const { status, stderr } = await runIn('exec "$@" >&-', words, host.folder);
        expect(status).toBe(74);
        expect(stderr).toEndWith("tako: standard output: cannot write it: it is closed\n");
      },
    );

    test("CLI-58: what nobody wants to see may go to /dev/null, and a run without a result needs no output", async () => {
      using host = createHost();
      const devNull = 'exec "$@" >/dev/null';
      expect((await runIn(devNull, ["status", "app.tako"], host.folder)).status).toBe(0);
      const both = 'exec "$@" 1<>/dev/null 2>&-';
      expect((await runIn(both, ["status", "app.tako"], host.folder)).status).toBe(0);
      expect(
        (await runIn('exec "$@" >&-', ["check", "--quiet", "app.tako"], host.folder)).status,
      ).toBe(0);
      expect((await runIn('exec "$@" 2>&-', ["status", "app.tako"], host.folder)).status).toBe(0);
    });

    test.each(["gen-key", "--version", "--help"])(
      "CLI-33, CLI-41, CLI-58: a result that can't be written is a failure (%s)",
      async (word) => {
        const { status, stderr } = await runIn('exec "$@" >/dev/full', [word]);
        expect(stderr).toContain("standard output");
        expect(stderr).toContain("no space is left");
        expect(status).toBe(74);
      },
    );

    test("CLI-27: arguments and paths may hold any UTF-8", async () => {
      using host = emptyHost();
      const name = "schlüssel 鍵 🐙'\"";
      const args = ["gen-key", "--output", name];
      expect((await program.run(args, { cwd: host.folder })).status).toBe(0);
      expect(existsSync(host.at(name))).toBe(true);
    });

    test("CLI-30: an error says what happened where, in one line or two", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      const config = host.config("app", { Destination: host.at("missing") });
      const { stderr } = await program.run(["fetch", config], { cwd: host.folder });
      expect(stderr).toStartWith(`tako: app.tako: ${host.at("missing")}`);
      expect(stderr.trimEnd().split("\n").length).toBeLessThan(3);
    });

    test("CLI-30: an error in a received manifest names its URL and line", async () => {
      using host = emptyHost();
      host.publish(["2", "bytes"], ["1", "others"]);
      const { stderr } = await program.run(["fetch", host.config("app")], { cwd: host.folder });
      const [first] = stderr.split("\n");
      expect(first).toStartWith(
        `tako: app.tako: file://${join(host.originDirectory, "manifest")}, line 4: `,
      );
    });

    test("CLI-31: the problems of a config file are told one a line, all at once", async () => {
      using host = emptyHost();
      const config = host.config("app", { PublicKey: "AAAA", Version: "", Orgin: "x" });
      const { stdout, stderr, status } = await program.run(["fetch", config], { cwd: host.folder });
      const lines = stderr.trimEnd().split("\n");
      expect(lines.map((line) => line.split(": ")[0])).toEqual([
        "app.tako:2",
        "app.tako:4",
        "app.tako:5",
      ]);
      expect(lines[2]).toContain("did you mean Origin=?");
      expect([status, stdout]).toEqual([2, ""]);
    });

    test.skipIf(python.missing)(
      "CLI-31: a slow reader behind a non-blocking pipe gets it all",
      async () => {
        using host = emptyHost();
        host.write("app.tako", "Nonsense=x\n".repeat(500));
        const words = program.command(["fetch", "app.tako"]);
        const child = Bun.spawnSync(["python3", "-c", SLOW_READER, ...words], { cwd: host.folder });
        const lines = child.stdout.toString().trimEnd().split("\n");
        expect(lines.filter((line) => /^app\.tako:\d+: unknown key/.test(line))).toHaveLength(500);
        expect(lines.at(-1)).toStartWith("app.tako");
      },
    );

    test("CLI-32: a stack trace is shown with TAKO_DEBUG=1 only", async () => {
      for (const [value, isShown] of [
        ["1", true],
        ["", false],
        ["0", false],
      ] as const) {
        const env = { TAKO_DEBUG: value };
        const { stderr } = await program.run(["gen-key", "--output", "/nowhere/key"], { env });
        expect(/^ +at /m.test(stderr)).toBe(isShown);
      }
    });

    test("CLI-33: an error of the system is told in words and names the path", async () => {
      const { status, stderr } = await program.run(["gen-key", "--output", "/nowhere/key"]);
      expect(stderr).toContain("/nowhere/key");
      expect(stderr).toContain("no such file or directory");
      expect(stderr).not.toContain("ENOENT");
      expect(status).toBe(74);
    });

    describe("--json", () => {
      const linesOf = (text: string) =>
        text
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line));

      test("FET-95, FET-97, FET-98: events and results of a fetch, one object a line", async () => {
        using host = emptyHost();
        host.publish(["1", "bytes"]);
        const args = ["fetch", "--json", host.config("app")];
        const { stdout, stderr } = await program.run(args, { cwd: host.folder });
        const config = "app.tako";
        const image = { version: "1", sha256: sha256sum("bytes") };
        const url = `file://${join(host.originDirectory, "store", image.sha256)}`;
        const signedOver = {
          sha256: sha256sum(host.read("origin", "manifest")),
          signed_by: key.public,
        };
        expect(linesOf(stdout)).toEqual([
          { event: "manifest", config, state: "new", versions: 1, ...signedOver },
          { event: "download", config, version: "1", url, size: 5, offset: 0 },
          { event: "downloaded", config, ...image, size: 5 },
          { event: "activated", config, ...image, previous: null },
          { event: "result", config, outcome: "updated", ...image },
        ]);
        expect(stderr).toBe("");
      });

      test("FET-98: a result without a match names pattern and offer", async () => {
        using host = emptyHost();
        host.publish(["1", "bytes"]);
        const args = ["fetch", "--json", host.config("app", { Version: "2.*" })];
        const { stdout } = await program.run(args, { cwd: host.folder });
        const found = { outcome: "no-match", pattern: "2.*", offered: ["1"] };
        expect(linesOf(stdout).at(-1)).toEqual({ event: "result", config: "app.tako", ...found });
      });

      test("FET-98, FET-99: errors are in the result and on standard error", async () => {
        using host = emptyHost();
        const config = host.config("app", { Version: "", Origin: "" });
        const { stdout, stderr } = await program.run(["fetch", "--json", config], {
          cwd: host.folder,
        });
        const [result] = linesOf(stdout);
        expect(result).toMatchObject({ event: "result", config, outcome: "failed" });
        expect(result.errors).toMatchObject([
          { kind: "config", line: 1, source: "app.tako" },
          { kind: "config", line: 4, source: "app.tako" },
        ]);
        expect(stderr.trimEnd().split("\n").length).toBe(2);
      });

      test("CLI-8: a usage error leaves standard output empty", async () => {
        const { stdout } = await program.run(["store", "--json", "-o", "."]);
        expect(stdout).toBe("");
      });

      test("PUB-66: store --dry-run shows neighbours and patterns, aligned, or as JSON", async () => {
        using host = emptyHost();
        host.publish(["1.2.3", "a"], ["1.3.0", "b"]);
        const options = { cwd: host.folder, env: { TAKO_SECRET_KEY: key.secret } };
        const words = ["store", "--dry-run", "-o", "origin", host.write("image", "bytes")];
        const shown = await program.run([...words, "1.2.4"], options);
        expect(shown).toEqual({
          status: 0,
          stdout: [
            `1.2.4 -> ${sha256sum("bytes")}, 5 bytes`,
            "1.2.4 sorts after 1.2.3 and before 1.3.0",
            "Version=1.2.4  takes 1.2.4",
            "Version=1.2.*  takes 1.2.4",
            "Version=1.*    takes 1.3.0",
            "Version=*      takes 1.3.0",
            "",
          ].join("\n"),
          stderr:
            "tako: warning: 1.2.4 is not the newest, 1.3.0 is: hosts whose pattern allows both do not take 1.2.4\n",
        });
        host.write("image", "a");
        const known = await program.run([...words, "1.2.3"], options);
        expect(known.stdout).toStartWith(
          `1.2.3 is published already, with these bytes\n1.2.3 -> ${sha256sum("a")}, 1 bytes\n1.2.3 sorts before 1.3.0\n`,
        );
        host.write("image", "bytes");
        const { stdout } = await program.run([...words, "2", "--json"], options);
        expect(linesOf(stdout)).toEqual([
          {
            event: "result",
            version: "2",
            sha256: sha256sum("bytes"),
            size: 5,
            after: "1.3.0",
            patterns: [
              { pattern: "2", takes: "2" },
              { pattern: "*", takes: "2" },
            ],
            changed: false,
          },
        ]);
      });

      test("PUB-23, PUB-31: store tells its result or its error", async () => {
        using host = emptyHost();
        const options = { cwd: host.folder, env: { TAKO_SECRET_KEY: key.secret } };
        const words = [
          "store",
          "--new",
          "--json",
          "-o",
          "origin",
          host.write("image", "bytes"),
          "1",
        ];
        const stored = await program.run(words, options);
        expect(linesOf(stored.stdout).at(-1)).toEqual({
          event: "result",
          version: "1",
          sha256: sha256sum("bytes"),
          changed: true,
        });
        host.write("image", "other bytes");
        const refused = await program.run(words, options);
        expect(linesOf(refused.stdout)).toMatchObject([{ event: "error", kind: "failed" }]);
        expect(refused.stderr).toStartWith("tako: ");
      });
    });
  });
}
