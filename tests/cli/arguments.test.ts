// What the command line takes and refuses (spec/cli.md, Arguments), by the program itself.

import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { version } from "../../package.json";
import { emptyHost } from "../support/host.ts";
import { type Outcome, programs } from "../support/program.ts";
import { key, sha256sum } from "../support/publishing.ts";

/** Refused: status 2, nothing on standard output, and how to get help. */
function expectUsageError({ status, stdout, stderr }: Outcome, ...parts: readonly string[]): void {
  expect(stderr).toContain("--help");
  for (const part of parts) expect(stderr).toContain(part);
  expect(stdout).toBe("");
  expect(status).toBe(2);
}

for (const program of programs) {
  describe(program.name, () => {
    const usageError = async (args: readonly string[], ...parts: readonly string[]) =>
      expectUsageError(await program.run(args), ...parts);

    test.each([
      [["-o", "origin", "image", "1"]],
      [["image", "-o", "origin", "1"]],
      [["image", "1", "-o", "origin"]],
      [["image", "-oorigin", "1"]],
      [["--output=origin", "image", "1"]],
      [["image", "--output", "origin", "1"]],
      [["--output", "origin", "--", "image", "1"]],
      [["--output", "origin", "image", "--", "1"]],
      [[`-k${key.secret}`, "-o", "origin", "image", "1"]],
      [["-k", key.secret, "-o", "origin", "image", "1"]],
      [[`--key=${key.secret}`, "-o", "origin", "image", "1"]],
      [["--key", key.secret, "-o", "origin", "image", "1"]],
    ])("CLI-1, CLI-2, CLI-3: tako store %j", async (words) => {
      using host = emptyHost();
      host.write("image", "bytes");
      const env = words.join().includes("SECRET+") ? {} : { TAKO_SECRET_KEY: key.secret };
      const ended = await program.run(["store", "--new", ...words], { cwd: host.folder, env });
      expect([ended.stdout, ended.status]).toEqual([`1 -> ${sha256sum("bytes")}\n`, 0]);
    });

    test("CLI-3: what follows -- is no option, --help and --version included", async () => {
      using host = emptyHost();
      host.write("--version", "a strange name");
      const env = { TAKO_SECRET_KEY: key.secret };
      const words = ["store", "--new", "-o", "origin", "--", "--version", "--help"];
      const stored = await program.run(words, { cwd: host.folder, env });
      expect(stored.stdout).toBe(`--help -> ${sha256sum("a strange name")}\n`);

      const fetched = await program.run(["fetch", "--", "-h"], { cwd: host.folder });
      expect(fetched.stdout).toBe("");
      expect(fetched.stderr).toContain("-h");
      expect(fetched.status).toBe(2);
    });

    test("CLI-4: the last of a repeated option counts", async () => {
      using host = emptyHost();
      host.write("image", "bytes");
      const words = [
        "store",
        "-k",
        "not a key",
        "-onowhere",
        `-k${key.secret}`,
        "-o",
        "origin",
        "--new",
      ];
      const ended = await program.run([...words, "image", "1"], { cwd: host.folder });
      expect(ended.status).toBe(0);
      expect(existsSync(host.at("nowhere"))).toBe(false);
    });

    test("CLI-4: --no-verify and --verify replace each other", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      const config = host.config("app");
      const run = (...words: string[]) =>
        program.run(["fetch", ...words, config], { cwd: host.folder });
      await run();
      const image = host.at("app", "store", sha256sum("bytes"));
      await Bun.spawn(["sh", "-c", `chmod u+w ${image} && printf BYTES > ${image}`]).exited;
      const unverified = await run("--init", "--verify", "--no-verify");
      expect(unverified.stderr).toBe("");
      expect(host.read("app", "latest")).toBe("BYTES");
      const verified = await run("--init", "--no-verify", "--verify");
      expect(verified.stderr).toContain("damaged");
      expect(host.read("app", "latest")).toBe("bytes");
    });

    test.each([
      [["fetch", "--frobnicate", "x"], "--frobnicate"],
      [["fetch", "-x", "x"], "-x"],
      [["fetch", "x", "--frob=nicate"], "--frob"],
      [["fetch", "--it's", "x"], "--it's"],
      [["fetch", "--__proto__", "x"], "--__proto__"],
      [["fetch", "--toString", "x"], "--toString"],
      [["fetch", "-k", "x"], "-k"],
      [["gen-key", "--jobs", "2"], "--jobs"],
      [["fetch", "--version"], "--version"],
    ])("CLI-5: unknown option, tako %j", async (args, option) => {
      await usageError(args, `unknown option ${option}`);
    });

    test.each([
      [["fetch"], "CONFIG"],
      [["fetch", "--json"], "CONFIG"],
      [["store", "-o", "."], "IMAGE"],
      [["store", "-o", ".", "image"], "VERSION"],
      [["store", "image", "1"], "--output"],
    ])("CLI-5: missing argument or option, tako %j", async (args, missing) => {
      await usageError(args, "missing", missing);
    });

    test.each([
      [["store", "-o", ".", "image", "1", "surplus"], "surplus"],
      [["gen-key", "surplus"], "surplus"],
      [["gen-key", "--", "--output"], "--output"],
      [["--version", "surplus"], "surplus"],
    ])("CLI-5: unexpected argument, tako %j", async (args, surplus) => {
      await usageError(args, `unexpected argument "${surplus}"`);
    });

    test.each([
      [["store", "-o"], "--output"],
      [["store", "-o", "-k", "x"], "-o"],
      [["store", "--key"], "--key"],
      [["store", "--key", "--output=x"], "--key"],
      [["fetch", "x", "--jobs"], "--jobs"],
    ])("CLI-5: an option without its value, tako %j", async (args, option) => {
      await usageError(args, option, "needs a value");
    });

    test.each([
      [["gen-key", "--output="], "--output"],
      [["store", "-o", "", "image", "1"], "--output"],
      [["store", "-o", ".", "--key=", "image", "1"], "--key"],
      [["fetch", "--jobs=", "x"], "--jobs"],
    ])("CLI-15: an empty value, tako %j", async (args, option) => {
      await usageError(args, `option ${option} needs a value that is not empty`);
    });

    test.each([
      [["fetch", "--json=yes", "x"], "--json"],
      [["fetch", "--init=", "x"], "--init"],
    ])("CLI-5: a value for an option that takes none, tako %j", async (args, option) => {
      await usageError(args, option, "takes no value");
    });

    test.each(["0", "-1", "x", "1.5", "", "257", "999", "1000", "1e3", " 2"])(
      "CLI-5: --jobs=%p is no number of jobs",
      async (jobs) => {
        await usageError(["fetch", `--jobs=${jobs}`, "x"], "--jobs");
      },
    );

    test("CLI-5: nothing is read or written", async () => {
      using host = emptyHost();
      const words = ["gen-key", "--output", "key", "surplus"];
      expectUsageError(await program.run(words, { cwd: host.folder }), "surplus");
      expect(readdirSync(host.folder)).toEqual(["origin"]);
    });

    test.each([
      [["--json", "fetch", "x"], "--json"],
      [["--init"], "--init"],
      [["-k", "key", "store"], "-k"],
      [["-"], "-"],
    ])("CLI-6: an option before the command, tako %j", async (args, option) => {
      await usageError(args, "command", option);
    });

    test.each([
      [["fetsh"], "did you mean fetch?"],
      [["FETCH"], "did you mean fetch?"],
      [["tsore"], "did you mean store?"],
      [["genkey"], "did you mean gen-key?"],
      [["gen-key", "--outptu=x"], "did you mean --output?"],
      [["fetch", "--Init", "x"], "did you mean --init?"],
      [["fetch", "--no-verfy", "x"], "did you mean --no-verify?"],
      [["fetch", "--dryrun", "x"], "did you mean --dry-run?"],
      [["fetch", "--hlep", "x"], "did you mean --help?"],
    ])("CLI-7: the near miss of tako %j is named", async (args, advice) => {
      await usageError(args, advice);
    });

    test.each(["--no-dry-run", "--no-init", "--no-json"])(
      "CLI-18: %s is no option",
      async (option) => {
        await usageError(["fetch", "--dry-run", option, "x"], `unknown option ${option}`);
      },
    );

    test.each([
      [["fetch", "--dry", "x"], "did you mean --dry-run?"],
      [["fetch", "--no-ver", "x"], "did you mean --no-verify?"],
      [["store", "--rotate=x", "-o", "."], "did you mean --rotate-key?"],
    ])("CLI-17: tako %j begins a known option, which is named", async (args, advice) => {
      await usageError(args, advice);
    });

    test.each([
      [["publish"]],
      [["x"]],
      [["fetch", "--frobnicate", "x"]],
      [["fetch", "--keep=1", "x"]],
      [["fetch", "--i", "x"]],
    ])("CLI-7: what tako %j is far from is not named", async (args) => {
      const { stderr } = await program.run(args);
      expect(stderr).not.toContain("did you mean");
    });

    test("CLI-9: tako without a command shows its usage on standard error", async () => {
      const ended = await program.run([]);
      expectUsageError(ended, "fetch", "store", "gen-key");
    });

    describe("help", () => {
      let help: string;
      let fetchHelp: string;
      beforeAll(async () => {
        help = (await program.run(["--help"])).stdout;
        fetchHelp = (await program.run(["fetch", "--help"])).stdout;
      });

      test("CLI-11: help names every command", () => {
        expect(help).toContain("tako");
        for (const name of ["fetch", "store", "gen-key", "conformance"]) {
          expect(help).toMatch(new RegExp(`^ +${name} +[A-Z]`, "m"));
        }
      });

      test("CLI-54: help fits 80 columns, and of a command it has an example", async () => {
        const names = [...help.matchAll(/^ +([a-z][a-z-]+) {4}[A-Z]/gm)].map(
          ([, name = ""]) => name,
        );
        expect(names).toContain("inspect");
        const long = (text: string) => text.split("\n").filter((line) => line.length > 80);
        expect(long(help)).toEqual([]);
        for (const name of names) {
          const { stdout } = await program.run([name, "--help"]);
          expect([name, long(stdout)]).toEqual([name, []]);
          const [, example = ""] = /\nEXAMPLE\n\n {2}tako (.+)\n/.exec(stdout) ?? [];
          expect(example).toStartWith(`${name} `);
          const listed = stdout.slice(0, stdout.indexOf("EXAMPLE"));
          for (const [option] of example.matchAll(/(?<= )-[a-z-]+/g))
            expect(listed).toContain(option);
        }
      });

      test("CLI-11: help of a command names every argument and option", async () => {
        const fetch = ["CONFIG...", "--init", "--dry-run", "--no-verify", "--jobs", "--json"];
        for (const word of [...fetch, "-h, --help"]) expect(fetchHelp).toContain(word);
        const store = ["IMAGE", "VERSION", "-k, --key", "-f, --key-file", "-o, --output"];
        const { stdout } = await program.run(["store", "-h"]);
        for (const word of [...store, "--rotate-key", "--json"]) expect(stdout).toContain(word);
        for (const word of ["Needed unless", "TAKO_SECRET_KEY", "tako-store(1)"])
          expect(stdout).toContain(word);
        expect((await program.run(["gen-key", "-h"])).stdout).toContain("--output");
        const judging = [
          "--adapter",
          "--cli",
          "--profile",
          "--run",
          "--skip",
          "--expected-failures",
        ];
        const telling = ["--timeout", "--strict", "--save", "--format", "--list", "--answer"];
        const conformance = (await program.run(["conformance", "-h"])).stdout;
        for (const word of [...judging, ...telling]) expect(conformance).toContain(word);
      });

      test("CLI-10: -h and --help stand before or after the command", async () => {
        expect(await program.run(["-h"])).toEqual({ status: 0, stdout: help, stderr: "" });
        for (const args of [
          ["fetch", "-h"],
          ["-h", "fetch"],
          ["--help", "fetch"],
        ]) {
          expect(await program.run(args)).toEqual({ status: 0, stdout: fetchHelp, stderr: "" });
        }
      });

      test("CLI-16: so does the word help", async () => {
        expect(await program.run(["help"])).toEqual({ status: 0, stdout: help, stderr: "" });
        const ended = await program.run(["help", "fetch"]);
        expect(ended).toEqual({ status: 0, stdout: fetchHelp, stderr: "" });
        await usageError(["help", "fetsh"], "did you mean fetch?");
      });

      test("CLI-10: help wins over what else is wrong with the arguments of a command", async () => {
        for (const words of [["--frobnicate"], ["--jobs"], ["x", "--json=1"]]) {
          const { status, stdout } = await program.run(["fetch", ...words, "-h"]);
          expect([status, stdout]).toEqual([0, fetchHelp]);
        }
      });

      test("CLI-10: there is no help for an unknown command", async () => {
        await usageError(["--help", "fetsh"], "did you mean fetch?");
        await usageError(["fetsh", "--help"], "did you mean fetch?");
      });
    });

    test.each(["--version", "-V"])("CLI-12: %s prints one line", async (word) => {
      const ended = await program.run([word]);
      expect([ended.status, ended.stderr]).toEqual([0, ""]);
      // A binary names its commit, too (CLI-80).
      expect(ended.stdout.replace(/ \(.*\)/, "")).toBe(`tako ${version}\n`);
      await usageError([word, "surplus"], 'unexpected argument "surplus"');
    });

    test.each(["toString", "__proto__", "constructor", "hasOwnProperty", "0", ""])(
      "CLI-13: %p is no command",
      async (word) => {
        await usageError([word], "unknown command");
        await usageError(["--help", word || "''"], "unknown command");
      },
    );

    test.each([
      [[key.secret]],
      [["fetch", `--key=${key.secret}`, "x"]],
      [["fetch", `--${key.secret}`, "x"]],
      [["fetch", `-${key.secret}`, "x"]],
      [["fetch", key.secret]],
      [["fetch", "--json", key.secret]],
      [["fetch", "--jobs", key.secret, "x"]],
      [["gen-key", key.secret]],
      [["store", "-o", ".", "image", "1", key.secret]],
      [["store", "-o", ".", "image", key.secret]],
      [["store", "-o", ".", key.secret, "1"]],
      [["store", "-o", key.secret, "image", "1"]],
      [["store", "-f", key.secret, "-o", ".", "image", "1"]],
      [["store", "--rotate-key", key.secret, "-o", "."]],
      [["--version", key.secret]],
      [["-h", key.secret]],
    ])("CLI-14: no message repeats a secret key, case %#", async (args) => {
      const { status, stdout, stderr } = await program.run(args, { env: { TAKO_DEBUG: "1" } });
      expect(status).not.toBe(0);
      expect(stderr).not.toBe("");
      expect(stdout + stderr).not.toContain(key.secret.slice(7, 20));
    });
  });
}
