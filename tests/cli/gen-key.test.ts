// tako gen-key (spec/publish.md), its keys checked by openssl.

import { describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { emptyHost } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { canMount, fillUp, mountTmpfs } from "../support/tmpfs.ts";

const OUTPUT = /^Secret key\n(SECRET\+[A-Za-z0-9+/]{128})\n\nPublic key\n([A-Za-z0-9+/]{43}=)\n$/;

/** RFC 8410: an Ed25519 private key in DER is this and its seed, a public key that and its 32 bytes. */
const PRIVATE_DER = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_DER = Buffer.from("302a300506032b6570032100", "hex");

function openssl(...words: readonly string[]) {
  const { success, stdout, stderr } = Bun.spawnSync(["openssl", ...words]);
  if (!success) throw new Error(stderr.toString());
  return stdout;
}

/** The parts of a secret key: seed, public key, public key again. */
function partsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret.slice("SECRET+".length), "base64");
  return [bytes.subarray(0, 32), bytes.subarray(32, 64), bytes.subarray(64)];
}

for (const program of programs) {
  describe(program.name, () => {
    test("PUB-60: both keys are printed, and openssl agrees that they are a pair", async () => {
      using host = emptyHost();
      const { status, stdout, stderr } = await program.run(["gen-key"], { cwd: host.folder });
      expect([status, stderr]).toEqual([0, ""]);
      const [, secret = "", publicKey] = OUTPUT.exec(stdout) ?? [];
      const [seed = Buffer.of(), first, second] = partsOf(secret);
      const der = host.write("key.der", Buffer.concat([PRIVATE_DER, seed]));
      const words = ["-inform", "DER", "-in", der, "-pubout", "-outform", "DER"];
      const expected = openssl("pkey", ...words).subarray(PUBLIC_DER.length);
      expect(expected.toString("base64")).toBe(publicKey!);
      expect(first).toEqual(expected);
      expect(second).toEqual(expected);
      expect(readdirSync(host.folder).sort()).toEqual(["key.der", "origin"]);
    });

    test("PUB-61: --output writes the secret key and prints only the public key", async () => {
      using host = emptyHost();
      for (const umask of ["0777", "0000"]) {
        const name = `key-${umask}`;
        const words = program.command(["gen-key", "--output", name]);
        const shell = ["sh", "-c", `umask ${umask}; exec "$@"`, "sh", ...words];
        const { stdout } = Bun.spawnSync(shell, { cwd: host.folder });
        const text = host.read(name);
        expect(text).toMatch(/^SECRET\+[A-Za-z0-9+/]{128}\n$/);
        expect(stdout.toString()).toBe(`${partsOf(text.trim())[1]?.toString("base64")}\n`);
        expect(statSync(host.at(name)).mode & 0o7777).toBe(0o600);
      }
    });

    test("PUB-81: the public key is in a file of its own, which all may read", async () => {
      using host = emptyHost();
      for (const umask of ["0777", "0000"]) {
        const name = `key-${umask}`;
        const words = program.command(["gen-key", "--output", name]);
        const shell = ["sh", "-c", `umask ${umask}; exec "$@"`, "sh", ...words];
        const { stdout } = Bun.spawnSync(shell, { cwd: host.folder });
        expect(host.read(`${name}.pub`)).toBe(stdout.toString());
        expect(statSync(host.at(`${name}.pub`)).mode & 0o7777).toBe(0o644);
      }
    });

    test("PUB-81: where there is a file for the public key already, no secret one is made", async () => {
      using host = emptyHost();
      host.write("file.pub", "precious");
      mkdirSync(host.at("directory.pub"));
      symlinkSync("nowhere", host.at("dangling.pub"));
      for (const name of ["file", "directory", "dangling"]) {
        const words = ["gen-key", "--output", name];
        const { status, stdout, stderr } = await program.run(words, { cwd: host.folder });
        expect(stderr).toStartWith(`tako: ${name}.pub: it exists already\n`);
        expect([status, stdout]).toEqual([74, ""]);
      }
      expect(host.read("file.pub")).toBe("precious");
      const names = ["dangling.pub", "directory.pub", "file.pub", "origin"];
      expect(readdirSync(host.folder).sort()).toEqual(names);
    });

    test("PUB-84: --json names the files, whose keys are a pair, and is refused where the secret key has none", async () => {
      using host = emptyHost();
      const cwd = host.folder;
      const made = await program.run(["gen-key", "--json", "--output", "key"], { cwd });
      expect([made.status, made.stderr]).toEqual([0, ""]);
      const [, , publicKey] = partsOf(host.read("key").trim());
      expect(JSON.parse(made.stdout)).toEqual({
        event: "result",
        public_key: publicKey?.toString("base64"),
        secret_key_file: "key",
        public_key_file: "key.pub",
      });
      expect(host.read("key.pub")).toBe(`${publicKey?.toString("base64")}\n`);
      const again = await program.run(["gen-key", "--json", "--output", "key"], { cwd });
      expect([again.status, JSON.parse(again.stdout)]).toMatchObject([
        74,
        { event: "error", kind: "storage", rule: "PUB-65", source: "key.pub" },
      ]);
      const bare = await program.run(["gen-key", "--json"], { cwd });
      expect([bare.status, bare.stdout]).toEqual([2, ""]);
      expect(bare.stderr).toContain("--json needs --output");
      expect(bare.stderr).not.toContain("SECRET+");
    });

    test("PUB-80: public-key shows what openssl says is the public key, and nothing secret", async () => {
      using host = emptyHost();
      const run = (words: string[], env = {}) =>
        program.run(["public-key", ...words], { cwd: host.folder, env });
      await program.run(["gen-key", "--output", "key"], { cwd: host.folder });
      const secret = host.read("key").trim();
      const [seed = Buffer.of()] = partsOf(secret);
      const der = host.write("key.der", Buffer.concat([PRIVATE_DER, seed]));
      const words = ["-inform", "DER", "-in", der, "-pubout", "-outform", "DER"];
      const expected = openssl("pkey", ...words)
        .subarray(PUBLIC_DER.length)
        .toString("base64");
      expect(await run(["-f", "key"])).toEqual({ status: 0, stdout: `${expected}\n`, stderr: "" });
      const shown = await run(["--json"], { TAKO_SECRET_KEY: secret });
      expect(JSON.parse(shown.stdout)).toEqual({ event: "result", public_key: expected });
      const wrong = await run(["-f", "key.pub"]);
      expect([wrong.status, wrong.stdout]).toEqual([2, ""]);
      expect(wrong.stderr).toContain("This looks like a public key");
      const none = await run([]);
      expect([none.status, none.stdout]).toEqual([2, ""]);
    });

    test("PUB-62: --output replaces and follows nothing", async () => {
      using host = emptyHost();
      host.write("file", "precious");
      mkdirSync(host.at("directory"));
      symlinkSync("file", host.at("link"));
      symlinkSync("nowhere", host.at("dangling"));
      for (const name of ["file", "directory", "link", "dangling", "missing/key"]) {
        const words = ["gen-key", "--output", name];
        const { status, stdout, stderr } = await program.run(words, { cwd: host.folder });
        expect(stderr).toContain(name);
        expect([status, stdout]).toEqual([74, ""]);
      }
      expect(host.read("file")).toBe("precious");
      expect(lstatSync(host.at("link")).isSymbolicLink()).toBe(true);
      const names = ["dangling", "directory", "file", "link", "origin"];
      expect(readdirSync(host.folder).sort()).toEqual(names);
    });

    test("PUB-65: the advice is another name, never to remove what may be a key in use", async () => {
      using host = emptyHost();
      host.write("app.key", "SECRET+");
      const words = ["gen-key", "--output", "app.key"];
      const { stderr } = await program.run(words, { cwd: host.folder });
      expect(stderr).toBe(
        "tako: app.key: it exists already\n" +
          "  It is never overwritten: it may be a key in use. Choose another name.\n",
      );
    });

    test.skipIf(!canMount)("PUB-61: a key that could not be written leaves no file", async () => {
      using host = emptyHost();
      mkdirSync(host.at("full"));
      await using tmpfs = await mountTmpfs(host.at("full"), 16_384);
      fillUp(tmpfs.path, 0);
      const file = join(tmpfs.path, "app.key");
      const { status, stdout, stderr } = await program.run(["gen-key", "--output", file]);
      expect([status === 0, stdout]).toEqual([false, ""]);
      expect(stderr).toContain("cannot write it: no space is left on the file system");
      expect(readdirSync(tmpfs.path)).toEqual(["filler"]);
    });

    test.skipIf(!canMount)(
      "PUB-61, PUB-81: nor does one whose public key has no room",
      async () => {
        using host = emptyHost();
        mkdirSync(host.at("full"));
        await using tmpfs = await mountTmpfs(host.at("full"), 16_384);
        // One page, and each file takes its own.
        fillUp(tmpfs.path, 4096);
        const file = join(tmpfs.path, "app.key");
        const { status, stdout, stderr } = await program.run(["gen-key", "--output", file]);
        expect([status, stdout]).toEqual([74, ""]);
        expect(stderr).toStartWith(`tako: ${file}.pub: cannot write it: no space is left`);
        expect(readdirSync(tmpfs.path)).toEqual(["filler"]);
      },
    );

    test("PUB-63: no two keys are the same", async () => {
      const outputs = await Promise.all([1, 2, 3].map(() => program.run(["gen-key"])));
      const secrets = outputs.map(({ stdout }) => OUTPUT.exec(stdout)?.[1]);
      expect(new Set(secrets).size).toBe(3);
      const [first, second] = secrets.map((secret = "") => partsOf(secret)[0]);
      const different = first?.filter((byte, index) => byte !== second?.[index]).length ?? 0;
      expect(different).toBeGreaterThan(24);
    });

    test("PUB-64: store takes the key, and openssl verifies what it signed", async () => {
      using host = emptyHost();
      const run = (...words: string[]) => program.run(words, { cwd: host.folder });
      const publicKey = (await run("gen-key", "--output", "key")).stdout.trim();
      host.write("image", "bytes");
      expect((await run("store", "--new", "-f", "key", "-o", "origin", "image", "1")).status).toBe(
        0,
      );

      const manifest = host.read("origin", "manifest");
      const [signature = ""] = manifest.trimEnd().split("\n").slice(-1);
      const signed = host.write("signed", manifest.slice(0, -signature.length - 1));
      const raw = host.write("signature", Buffer.from(signature, "base64"));
      const der = Buffer.concat([PUBLIC_DER, Buffer.from(publicKey, "base64")]);
      const pub = host.write("public.der", der);
      const words = `-verify -rawin -pubin -keyform DER -inkey ${pub} -in ${signed} -sigfile ${raw}`;
      expect(openssl("pkeyutl", ...words.split(" ")).toString()).toContain("Verified Success");
    });
  });
}
