// `tako prune --output`, by the program (spec/prune.md, PRU-20 and following): what is left in a publisher's directory, what is
// told, and what hosts make of it.

import { describe, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { record } from "../faults/strace.ts";
import { createHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { serveWithNginx } from "../support/nginx.ts";
import { environment, inOnePlace, type Program, programs, sources } from "../support/program.ts";
import { image, key, publishTo, write } from "../support/publishing.ts";
import { canMount, fillUp, mountTmpfs } from "../support/tmpfs.ts";

const all = ["1.0.0", "1.0.1", "1.1.0", "2.0.0"].map((version) => image(version));
const [one, patch, two, three] = all as [
  ReturnType<typeof image>,
  ReturnType<typeof image>,
  ReturnType<typeof image>,
  ReturnType<typeof image>,
];
const SIZE = one.content.length;
const PAGE = 4096;

function published(): Host {
  const host = createHost();
  host.publish(...all);
  return host;
}
const prune = (program: Program, host: Host, ...words: readonly string[]) =>
  program.run(["prune", "-o", "origin", ...words], { cwd: host.folder });
const names = (host: Host) => readdirSync(join(host.originDirectory, "store")).sort();
const images = (...kept: readonly { digest: string }[]) => kept.map(({ digest }) => digest);
const marks = (...gone: readonly { digest: string }[]) =>
  gone.map(({ digest }) => `${digest}.gone`);

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("PUB-83: the destination of a host is no origin", async () => {
      using host = published();
      symlinkSync(`store/${one.digest}`, join(host.originDirectory, "latest"));
      const before = names(host);
      for (const words of [["--dry-run"], []]) {
        const told = await prune(program, host, ...words, "--keep=1", "--pattern", "*");
        expect([told.status, told.stdout]).toEqual([2, ""]);
        expect(told.stderr).toStartWith("tako: origin is the destination of a host\n");
      }
      expect(names(host)).toEqual(before);
    });

    test("PRU-20, PRU-22, PRU-23: old images go, marks stay, and what hosts would find is told", async () => {
      using host = published();
      const manifest = host.read("origin", "manifest");
      const words = ["--keep=1", "--pattern", "1.*"];
      const before = names(host);
      const planned = await prune(program, host, "--dry-run", ...words);
      expect(planned).toEqual({
        status: 0,
        stdout: [
          `would remove 1.0.0, ${SIZE} B\n`,
          `would remove 1.0.1, ${SIZE} B\n`,
          `would remove 2 images, ${2 * SIZE} B; 1 version of the pattern stays\n`,
          "new hosts with Version=1.0.* would find nothing in place of 1.0.1\n",
        ].join(""),
        stderr: "",
      });
      expect(names(host)).toEqual(before);

      const { status, stdout, stderr } = await prune(program, host, ...words);
      expect([status, stdout]).toEqual([
        0,
        [
          `removed 2 images, ${2 * SIZE} B; 1 version of the pattern stays\n`,
          "new hosts with Version=1.0.* find nothing in place of 1.0.1\n",
        ].join(""),
      ]);
      expect(stderr).toBe(
        [
          `tako: removed 1.0.0, ${SIZE} B\n`,
          `tako: removed 1.0.1, ${SIZE} B\n`,
          "  Upload the .gone files in store/ with the rest: they tell hosts that it was on purpose.\n",
        ].join(""),
      );
      expect(names(host)).toEqual([...images(two, three), ...marks(one, patch)].sort());
      const mark = join(host.originDirectory, "store", `${one.digest}.gone`);
      expect(readFileSync(mark, "utf8")).toBe(`${one.digest}\n`);
      expect((lstatSync(mark).mode & 0o777).toString(8)).toBe("444");
      expect(host.read("origin", "manifest")).toBe(manifest);
      const again = await prune(program, host, ...words);
      expect(again.stdout).toBe("nothing to remove, 1 version of the pattern stays\n");
      expect((await prune(program, host, "--quiet", ...words)).stdout).toBe("");
    });

    test("CLI-57: what was removed stands before what is to be uploaded", async () => {
      using host = published();
      const words = ["--keep=1", "--pattern", "1.*"];
      expect((await prune(inOnePlace(program), host, ...words)).stdout).toMatch(
        /^(tako: removed .+\n){2}removed 2 images, .+\nnew hosts .+\n {2}Upload the \.gone files .+\n$/,
      );
    });

    test("PRU-27: a pattern that matches nothing, and a newest version that stays for all that, are told", async () => {
      using host = published();
      expect(await prune(program, host, "--keep=1", "--pattern=7.*")).toEqual({
        status: 0,
        stdout: "nothing to remove, 0 versions of the pattern stay\n",
        stderr: "tako: warning: no version of the manifest matches 7.*\n",
      });
      const { status, stdout, stderr } = await prune(
        program,
        host,
        "--dry-run",
        "--keep=0",
        "--pattern=1.*",
      );
      expect([status, stderr]).toEqual([
        0,
        "tako: warning: --keep=0 is as --keep=1: hosts are to find the newest version of the pattern\n",
      ]);
      expect(stdout).toContain("1 version of the pattern stays");
    });

    test("PRU-23: of many patterns, ten are named", async () => {
      using host = createHost();
      host.publish(...Array.from({ length: 14 }, (_, n) => image(`1.${n}.0`)));
      const { stdout } = await prune(program, host, "--dry-run", "--keep=1", "--pattern=*");
      expect(stdout.match(/^new hosts with Version=1\.\d\.\* would find nothing/gm)).toHaveLength(
        10,
      );
      expect(stdout).toEndWith("\nand so on for 3 more patterns; --json lists them\n");
    });

    test("PRU-24: JSON", async () => {
      using host = published();
      const { stdout } = await prune(program, host, "--json", "--keep=2", "--pattern=1.*");
      const [first, second] = stdout.split("\n").map((line) => JSON.parse(line || "null"));
      const removed = { version: "1.0.0", sha256: one.digest, size: SIZE };
      expect(first).toEqual({ event: "removed", what: "image", ...removed });
      expect(second).toEqual({
        event: "result",
        outcome: "pruned",
        packed: [],
        removed: [removed],
        kept: ["1.1.0", "1.0.1"],
        patterns: [],
        freed: SIZE,
      });
    });

    test("PUB-68, PUB-77: the same image stored again is there again, and its mark is not", async () => {
      using host = published();
      await prune(program, host, "--keep=1", "--pattern=*");
      const file = host.write("again.img", one.content);
      const words = ["store", "-o", "origin", file, "1.0.0"];
      const env = { TAKO_SECRET_KEY: key.secret };
      const { status, stderr } = await program.run(words, { cwd: host.folder, env });
      expect([status, stderr]).toEqual([
        0,
        "tako: 1.0.0 is already published: its image, which was missing or damaged, is there again, and the mark that it was removed is gone\n",
      ]);
      expect(names(host)).toEqual([...images(one, three), ...marks(patch, two)].sort());
    });

    test("PUB-68, PUB-77, PRU-22: so it is where a run that was killed left both", async () => {
      using host = published();
      const mark = join(host.originDirectory, "store", `${one.digest}.gone`);
      write(mark, `${one.digest}\n`);
      const file = host.write("again.img", one.content);
      const words = ["store", "-o", "origin", file, "1.0.0"];
      const env = { TAKO_SECRET_KEY: key.secret };
      const { status, stderr } = await program.run(words, { cwd: host.folder, env });
      expect([status, stderr]).toEqual([
        0,
        "tako: 1.0.0 is already published: the mark that it was removed is gone\n",
      ]);
      expect(existsSync(mark)).toBe(false);
      write(mark, "half");
      expect((await prune(program, host, "--keep=1", "--pattern=1.0.*")).status).toBe(0);
      expect(names(host)).toEqual([...images(patch, two, three), ...marks(one)].sort());
      expect(readFileSync(mark, "utf8")).toBe(`${one.digest}\n`);
    });

    test.skipIf(!canMount)(
      "PRU-26: on a full disk nothing is lost, and what is to be freed first is told",
      async () => {
        using host = createHost();
        mkdirSync(host.at("mount"));
        await using tmpfs = await mountTmpfs(host.at("mount"), 64 * PAGE);
        publishTo(tmpfs.path, all);
        fillUp(tmpfs.path, 0);
        const store = () => readdirSync(join(tmpfs.path, "store")).sort();
        const before = store();
        const words = ["prune", "-o", tmpfs.path, "--keep=1", "--pattern=*"];
        const { status, stdout, stderr } = await program.run(words);
        expect([status, stdout]).toEqual([74, ""]);
        expect(stderr).toContain("cannot write it: no space is left on the file system\n");
        expect(stderr).toContain("free a few kB in another way first");
        expect(store()).toEqual(before);
        truncateSync(join(tmpfs.path, "filler"), statSync(join(tmpfs.path, "filler")).size - PAGE);
        expect((await program.run(words)).status).toBe(0);
        expect(store()).toEqual([...images(three), ...marks(one, patch, two)].sort());
      },
    );

    test("PRU-21: a directory that is none of a publisher's, or whose manifest is damaged, is an error", async () => {
      using host = published();
      write(join(host.originDirectory, "manifest"), "Tako Manifest 1\n");
      const damaged = await prune(program, host, "--keep=1", "--pattern=*");
      expect(damaged.status).toBe(74);
      expect(damaged.stderr).toContain("the manifest is damaged");
      rmSync(join(host.originDirectory, "manifest"));
      const absent = await prune(program, host, "--keep=1", "--pattern=*");
      expect(absent.status).toBe(74);
      expect(absent.stderr).toContain("there is no manifest");
      expect(names(host)).toEqual(images(...all).sort());
      const wrong = await prune(program, host, "--keep=1", "--pattern=1 2");
      expect(wrong.status).toBe(2);
    });

    test.each([
      [["-o", "origin", "--keep=1"], "missing option --pattern"],
      [["-o", "origin", "--pattern=*"], "missing option --keep"],
      [["-o", "origin", "--keep=1", "--pattern=*", "app.tako"], "exclude each other"],
      [["--pattern=*", "app.tako"], "--pattern is for the origin"],
      [["--keep=-1", "app.tako"], "--keep: expected a whole number"],
    ])("PRU-25: usage: %s", async (words, message) => {
      using host = published();
      const { status, stdout, stderr } = await program.run(["prune", ...words], {
        cwd: host.folder,
      });
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toContain(message);
    });
  });
}

const program = sources();

test("FET-111, PRU-22: hosts take the next version that is there, from a plain directory", async () => {
  using host = published();
  rmSync(join(host.originDirectory, "store", two.digest));
  await prune(program, host, "--keep=1", "--pattern=1.0.*");
  host.configure({ Version: "1.0.*" });
  const { stdout } = await program.run(["fetch", host.file]);
  expect(stdout).toEndWith("updated to 1.0.1\n");
  host.configure({ Version: "1.0.0" });
  const exact = await program.run(["fetch", host.file]);
  expect([exact.status, exact.stderr.includes("the origin removed the image of 1.0.0")]).toEqual([
    69,
    true,
  ]);
});

test.skipIf(needs("nginx").missing)(
  "PRU-22: nginx answers 410 where there is a mark, by the lines of the guide",
  async () => {
    using host = published();
    await prune(program, host, "--keep=1", "--pattern=1.*");
    const guide = readFileSync(join(import.meta.dir, "../../docs/publishing.md"), "utf8");
    const [line = ""] = /if \(-f \$request_filename\.gone\) .*/.exec(guide) ?? [];
    const server = await serveWithNginx(host.originDirectory, {
      configSnippet: `location /store/ { ${line} }`,
    });
    const statusOf = async ({ digest }: { digest: string }) =>
      (await fetch(`${server.url}/store/${digest}`, { proxy: "" })).status;
    expect(await Promise.all([one, patch, two, three].map(statusOf))).toEqual([410, 410, 200, 200]);
    await server.stop();
  },
);

const tools = needs("strace");
test.skipIf(tools.missing)("PRU-22: each mark is on disk before its image goes", async () => {
  using host = published();
  const words = program.command([
    "prune",
    "-o",
    host.originDirectory,
    "--keep=1",
    "--pattern=1.0.*",
  ]);
  const { status, calls } = await record({
    words,
    env: environment(),
    tree: host.originDirectory,
  });
  expect(status).toBe(0);
  const order = calls
    .filter(({ name, succeeded }) => succeeded && /^(fsync|rename|unlink)/.test(name))
    .map(({ name, paths }) => `${name} ${paths.join(" ")}`);
  expect(order).toEqual([
    "fsync store/.new",
    `rename store/.new store/${one.digest}.gone`,
    "fsync store",
    `unlink store/${one.digest}`,
    "fsync store",
  ]);
});
