// The options of `tako store` on the command line; what they mean is tried in tests/publish.

import { describe, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Publisher } from "../publish/publisher.ts";
import { programs } from "../support/program.ts";
import { key, manifestOf, secondKey, sha256sum, sha256sumOfFile } from "../support/publishing.ts";

for (const program of programs) {
  describe(program.name, () => {
    test("PUB-50: --rotate-key is the old public key, and each way to give the new secret one works", async () => {
      const entries: [string, string][] = [["1.0", "one"]];
      for (const [words, env] of [
        [[], { TAKO_SECRET_KEY: key.secret }],
        [["--key", key.secret], {}],
        [["--key-file", "key"], {}],
      ] as const) {
        await using publisher = await Publisher.create();
        const manifest = join(publisher.directory, "manifest");
        writeFileSync(manifest, manifestOf(entries, secondKey));
        publisher.file("key", key.secret);
        const { status } = await program.run(
          ["store", "-o", publisher.directory, "--rotate-key", secondKey.public, ...words],
          { cwd: publisher.folder, env },
        );
        expect(status).toBe(0);
        expect(publisher.manifest()).toBe(manifestOf(entries));
      }
    });

    test("PUB-24, PUB-66, PUB-80: what --json prints is as its schema has it", async () => {
      await using publisher = await Publisher.create();
      const image = publisher.file("image", "one");
      const store = ["store", "--json", "-o", publisher.directory];
      for (const [schema, words, secret] of [
        ["store", [...store, "--new", image, "1.0"], key.secret],
        ["store", [...store, "--dry-run", image, "1.1"], key.secret],
        ["store", [...store, "--dry-run", image, "1.0"], key.secret],
        ["store", [...store, "--rotate-key", key.public], secondKey.secret],
        ["public-key", ["public-key", "--json"], key.secret],
      ] as const) {
        const page = join(import.meta.dir, `../../docs/schema/${schema}.json`);
        const isValid = new Ajv2020().compile(JSON.parse(readFileSync(page, "utf8")));
        const { stdout } = await program.run(words, { env: { TAKO_SECRET_KEY: secret } });
        const result = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
        expect([words, isValid(result), isValid.errors]).toEqual([words, true, null]);
      }
    });

    test("PUB-77: that it was published already is said, and whether the image had to be put back", async () => {
      await using publisher = await Publisher.create();
      const image = publisher.file("image", "one");
      await publisher.store({ image, version: "1.0" });
      const again = () =>
        program.run(["store", "-o", publisher.directory, image, "1.0"], {
          env: { TAKO_SECRET_KEY: key.secret },
        });
      const stdout = `1.0 -> ${sha256sum("one")}\n`;
      const said = "tako: 1.0 is already published: ";
      const stderr = `${said}nothing changed\n`;
      expect(await again()).toEqual({ status: 0, stdout, stderr });
      const stored = join(publisher.directory, "store", sha256sum("one"));
      for (const spoil of [() => rmSync(stored), () => writeFileSync(stored, "tw")]) {
        spoil();
        const stderr = `${said}its image, which was missing or damaged, is there again\n`;
        expect(await again()).toEqual({ status: 0, stdout, stderr });
        expect(sha256sumOfFile(stored)).toBe(sha256sum("one"));
      }
    });

    test("PUB-66, PUB-78: a dry run tells digest and size, that it is published, and what a run would refuse", async () => {
      await using publisher = await Publisher.create();
      await publisher.store({ image: publisher.file("image", "one"), version: "1.0" });
      const dry = async (content: string, version: string, ...words: string[]) => {
        const image = publisher.file("image", content);
        const args = ["store", "--dry-run", "-o", publisher.directory, ...words, image, version];
        return await program.run(args, { env: { TAKO_SECRET_KEY: key.secret } });
      };
      const first = async (...words: Parameters<typeof dry>) =>
        (await dry(...words)).stdout.split("\n")[0];
      expect(await first("two", "1.1")).toBe(`1.1 -> ${sha256sum("two")}, 3 bytes`);
      expect(await first("one", "1.0")).toBe("1.0 is published already, with these bytes");
      for (const [content, version] of [
        ["two", "1.0"],
        ["one", "1.0.0"],
      ] as const) {
        const { status, stdout, stderr } = await dry(content, version);
        expect([status, stdout]).toEqual([1, ""]);
        expect(stderr).toContain(
          `version ${version} is already published: 1.0 3 ${sha256sum("one").slice(0, 12)}`,
        );
      }
      expect(JSON.parse((await dry("two", "1.1", "--json")).stdout)).toMatchObject({
        sha256: sha256sum("two"),
        size: 3,
      });
    });

    test("PUB-73: what is no digest and no size is a usage error, and a digest may be in capitals", async () => {
      await using publisher = await Publisher.create();
      const image = publisher.file("image", "one");
      const run = (...words: string[]) =>
        program.run(["store", "--new", "-o", publisher.directory, ...words, image, "1"], {
          env: { TAKO_SECRET_KEY: key.secret },
        });
      const digest = sha256sum("one");
      for (const [option, value] of [
        ["--sha256", digest.slice(1)],
        ["--sha256", `${digest}0`],
        ["--sha256", `g${digest.slice(1)}`],
        ["--size", "3k"],
        ["--size", "0x3"],
        ["--size", "99999999999999999999"],
      ] as const) {
        const { status, stdout, stderr } = await run(option, value);
        expect([status, stdout]).toEqual([2, ""]);
        expect(stderr).toContain(`option ${option} takes`);
      }
      expect(publisher.names()).toEqual([]);
      expect((await run("--sha256", digest.toUpperCase(), "--size", "3")).status).toBe(0);
    });
  });
}
