// tako verify on real files (spec/verify.md): what is damaged here was damaged by hand, and digests are by sha256sum.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { createHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { type Program, programs } from "../support/program.ts";
import {
  bigImage,
  type Image,
  image,
  key,
  manifestOf,
  secondKey,
  sha256sum,
  sha256sumOfFile,
  write,
} from "../support/publishing.ts";

const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")];
const strace = needs("strace");
const isRoot = process.getuid?.() === 0;

/** A host that uses the newest of these images. */
function hostWith(...images: readonly Image[]): Host {
  const host = createHost();
  const latest = images.at(-1);
  host.install({ published: images, ...(latest === undefined ? {} : { latest }) });
  return host;
}

async function verify(program: Program, host: Host, ...words: readonly string[]) {
  const before = host.snapshot();
  const outcome = await program.run(["verify", ...words, host.file], { cwd: host.folder });
  // It repairs nothing (VFY-2).
  expect(host.snapshot()).toEqual(before);
  return outcome;
}

const schema = join(import.meta.dir, "../../docs/schema/verify.json");
const isLine = new Ajv2020().compile(JSON.parse(readFileSync(schema, "utf8")));

/** The objects of --json, each as the schema has it. */
function linesOf(stdout: string): readonly Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => {
      const object = JSON.parse(line);
      isLine(object);
      expect(isLine.errors).toBeNull();
      return object;
    });
}

/** As people are shown it (CLI-53). */
const short = (digest: string) => digest.slice(0, 12);

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("VFY-1, VFY-2: a host on which all is good, also one that a run has locked", async () => {
      using host = hostWith(one, two);
      const size = one.content.length + two.content.length;
      const lock = Bun.spawn(["flock", host.path(".lock"), "sleep", "60"]);
      const outcome = await verify(program, host);
      lock.kill();
      expect(outcome).toEqual({
        status: 0,
        stdout: `${host.file}: 2 images, ${size} B, whole; 1.1.0 is in use\n`,
        stderr: "",
      });
    });

    test("VFY-6: quiet, there is nothing to say of it, and errors are told", async () => {
      using host = hostWith(one, two);
      const quiet = await verify(program, host, "--quiet");
      expect(quiet).toEqual({ status: 0, stdout: "", stderr: "" });
      host.replace(`store/${one.digest}`, "x".repeat(one.content.length));
      expect(await verify(program, host, "--quiet")).toMatchObject({
        status: 74,
        stdout: expect.stringContaining("1 of them whole"),
        stderr: expect.stringContaining(one.digest),
      });
    });

    test("VFY-5, VFY-10, VFY-12: each damaged image is named, with what it has and what repairs it", async () => {
      using host = hostWith(one, two, three);
      const flipped = three.content.replace("i", "j");
      host.replace(`store/${three.digest}`, flipped);
      host.replace(`store/${one.digest}`, "cut");
      const { status, stdout, stderr } = await verify(program, host);
      expect(status).toBe(74);
      expect(stdout).toContain("3 images");
      expect(stdout).toContain("1 of them whole");
      expect(stderr.split("\n")).toEqual([
        `tako: ${host.file}: ${host.path(`store/${one.digest}`)}: the image of 1.0.0 is damaged: it has 3 bytes, and the manifest says ${one.content.length}`,
        `  It is not in use. Remove it: rm ${host.path(`store/${one.digest}`)}`,
        `tako: ${host.file}: ${host.path(`store/${three.digest}`)}: the image of 1.2.0 is damaged: its SHA-256 is ${short(sha256sum(flipped))}`,
        `  tako fetch ${host.file} gets it anew, or a newer one in its place.`,
        "",
      ]);
      // What it says is so.
      host.publish(one, two, three);
      unlinkSync(host.path(`store/${one.digest}`));
      const repaired = await program.run(["fetch", host.file]);
      expect(repaired.status).toBe(0);
      expect((await verify(program, host)).status).toBe(0);
    });

    test("VFY-8, VFY-10: a byte that flipped is found in any of several large images", async () => {
      using host = createHost();
      // Large enough for threads of their own.
      const images = ["1.0", "2.0", "3.0", "4.0"].map((version) => bigImage(version, 6_000_000));
      host.install({ published: images, latest: images[0]! });
      expect((await verify(program, host)).status).toBe(0);
      for (const { digest, content } of images.slice(1)) {
        host.replace(`store/${digest}`, `${content.slice(0, -7)}?${content.slice(-6)}`);
      }
      const { status, stdout, stderr } = await verify(program, host);
      expect(status).toBe(74);
      expect(stdout).toContain("4 images, 24.0 MB, 1 of them whole");
      for (const { digest } of images.slice(1)) {
        expect(stderr).toContain(
          `its SHA-256 is ${short(sha256sumOfFile(host.path(`store/${digest}`)))}`,
        );
      }
    });

    test("VFY-2: what a run beside it puts there and takes away is no error", async () => {
      using host = hostWith(...Array.from({ length: 50 }, (_, index) => image(`${index}.0`)));
      // It ends between two rounds, so that no program of it is left when the folder goes.
      const going = host.write("going", "");
      const churn = `cd "$0" && while [ -e "$1" ] && kill -0 $PPID; do for d in 0 1 2 3; do
        name=$(printf %064d $d); echo half > $name.partial; mv $name.partial $name; rm $name; done; done`;
      const beside = Bun.spawn(["sh", "-c", churn, host.path("store"), going]);
      for (let round = 0; round < 5; round++) {
        const { status, stderr } = await program.run(["verify", host.file]);
        // An image that is there just now may be one of those, which are damaged; that it goes again is no error.
        expect(status === 0 || stderr.includes("is damaged")).toBe(true);
        expect(stderr).not.toMatch(/no such file|internal/);
      }
      rmSync(going);
      expect(await beside.exited).toBe(0);
    });

    test("VFY-3: a manifest that none of the keys signed is status 65, and the images are read all the same", async () => {
      using host = createHost();
      host.install({ published: [one], signer: secondKey, latest: one });
      const foreign = await verify(program, host);
      expect(foreign).toMatchObject({
        status: 65,
        stdout: expect.stringContaining("whole; 1.0.0"),
      });
      expect(foreign.stderr).toContain(host.path("manifest"));
      host.configure({ PublicKey: [key.public, secondKey.public] });
      expect((await verify(program, host)).status).toBe(0);
      host.replace("manifest", manifestOf([one]).replace("1.0.0", "1.0.1"));
      expect((await verify(program, host)).status).toBe(65);
      host.replace("manifest", manifestOf(["1.0.0 x"]));
      const broken = await verify(program, host);
      expect(broken.status).toBe(65);
      expect(broken.stderr).toContain(`${host.path("manifest")}:3: `);
    });

    test("VFY-5: of all that is wrong the worst counts", async () => {
      using host = createHost();
      host.install({ published: [one], signer: secondKey, latest: one });
      host.replace(`store/${one.digest}`, "x");
      const { status, stderr } = await verify(program, host);
      expect(status).toBe(65);
      expect(stderr).toContain("is damaged");
    });

    test("VFY-5: results come in the order of the configs, sorted for a directory", async () => {
      using host = hostWith(one);
      const others = ["c", "b", "a"].map((name) => host.config(name));
      const { status, stdout } = await program.run(["verify", ...others, "."], {
        cwd: host.folder,
      });
      expect(status).toBe(0);
      const files = stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split(": ")[0]);
      expect(files).toEqual(["c", "b", "a", "app"].map((name) => `${name}.tako`));
    });

    test("VFY-5, FET-4: a config that is wrong does not keep the others from being looked at", async () => {
      using host = hostWith(one);
      const wrong = host.write("a.tako", "Nonsense\n");
      const { status, stdout, stderr } = await verify(program, host, wrong);
      expect(status).toBe(2);
      expect(stdout).toContain(`${host.file}: 1 image`);
      expect(stderr).toContain(`${wrong}:1: `);
    });

    test("VFY-11: an image that others may write, or that has another name", async () => {
      using host = hostWith(one, two);
      chmodSync(host.path(`store/${one.digest}`), 0o666);
      linkSync(host.path(`store/${two.digest}`), host.at("backup"));
      const { status, stderr } = await verify(program, host);
      expect(status).toBe(74);
      expect(stderr).toContain(`${one.digest}: the image of 1.0.0 can be changed by others`);
      expect(stderr).toContain(`${two.digest}: the image of 1.1.0 has another name`);
    });

    test.skipIf(!isRoot)("VFY-11: an image that another user owns", async () => {
      using host = hostWith(one);
      chownSync(host.path(`store/${one.digest}`), 1234, 1234);
      const { status, stderr } = await verify(program, host);
      expect(status).toBe(74);
      expect(stderr).toContain("can be changed by others");
    });

    test("VFY-13, VFY-20: what is not of its kind is an error, and the rest is looked at", async () => {
      using host = hostWith(one, two);
      unlinkSync(host.path(`store/${one.digest}`));
      mkdirSync(host.path(`store/${one.digest}`));
      mkdirSync(host.path(".hold"));
      unlinkSync(host.path("latest"));
      writeFileSync(host.path("latest"), "");
      const { status, stdout, stderr } = await verify(program, host);
      expect(status).toBe(74);
      expect(stdout).toContain("2 images");
      for (const path of ["latest", ".hold", `store/${one.digest}`]) {
        const notOurs = stderr
          .split("\n")
          .filter((line) => line.includes(`${host.path(path)}: it is not a`));
        expect(notOurs).toHaveLength(1);
      }
    });

    test("VFY-15: names that are not Tako's, images of no version and odd modes are warnings", async () => {
      using host = hostWith(one, two);
      for (const name of ["a", "b", "c", "d"]) writeFileSync(host.path(`store/${name}`), "");
      writeFileSync(host.path(`store/${one.digest}.partial`), "half");
      write(host.path(`store/${three.digest}`), three.content, 0o644);
      const { status, stdout, stderr } = await verify(program, host);
      expect(status).toBe(0);
      expect(stdout).toContain("3 images");
      expect(stderr.trimEnd().split("\n")).toEqual([
        expect.stringContaining("warning: a, b, c and 1 more: "),
        expect.stringContaining(`warning: ${short(three.digest)}: `),
        expect.stringContaining(`${three.digest}: its mode is not 0444`),
      ]);
    });

    test("VFY-20: a latest that leads nowhere", async () => {
      using host = hostWith(one, two);
      unlinkSync(host.path(`store/${two.digest}`));
      const gone = await verify(program, host);
      expect(gone.status).toBe(74);
      expect(gone.stderr).toContain(`${host.path("latest")}: it names ${short(two.digest)}`);
      unlinkSync(host.path("latest"));
      symlinkSync("/etc/passwd", host.path("latest"));
      const elsewhere = await verify(program, host);
      expect(elsewhere.status).toBe(74);
      expect(elsewhere.stderr).toContain(`${host.path("latest")}: it names no image`);
      rmSync(host.destination, { recursive: true });
      const missing = await program.run(["verify", host.file]);
      expect(missing).toMatchObject({ status: 74, stdout: "" });
      expect(missing.stderr).toContain(`${host.destination}: there is no such directory`);
    });

    test("VFY-20: a host that has no image yet is good", async () => {
      using host = createHost();
      const { status, stdout, stderr } = await verify(program, host);
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
      expect(stdout).toContain("no image is here");
    });

    test("VFY-21, VFY-31, VFY-33: records that are damaged, writable by others, or do not fit", async () => {
      using host = hostWith(one, two);
      host.configure({ Restart: "app.service web.service" });
      write(host.path(".good"), "no digest", 0o644);
      write(host.path(".hold"), `${one.digest}\n`, 0o666);
      write(host.path(".owed"), `${two.digest}\nweb.service\n`, 0o644);
      const { status, stderr } = await verify(program, host);
      expect(status).toBe(0);
      expect(stderr.trimEnd().split("\n")).toEqual([
        expect.stringContaining(`${host.path(".hold")}: others can change it`),
        expect.stringContaining(`${host.path(".good")} is damaged`),
        expect.stringContaining("restart of app.service is owed: tako fetch"),
        expect.stringContaining("held on 1.0.0, and 1.1.0 is in use: tako fetch"),
      ]);
    });

    test("VFY-35: slots of which none is linked as latest is", async () => {
      using host = hostWith(one, two);
      host.configure({ Slots: "a b", Restart: "app@.service", WatchSec: "1s" });
      symlinkSync(`store/${one.digest}`, host.path("a"));
      const { status, stderr } = await verify(program, host);
      expect(status).toBe(0);
      expect(stderr).toContain("linked as slots are a");
      symlinkSync(`store/${two.digest}`, host.path("b"));
      unlinkSync(host.path("a"));
      expect(await verify(program, host)).toMatchObject({ status: 0, stderr: "" });
    });

    test("VFY-4, VFY-12, VFY-14: an origin, by its directory", async () => {
      using host = createHost();
      const origin = host.originDirectory;
      host.publish(one, two, three);
      const run = (...words: string[]) => program.run(["verify", ...words, origin]);
      const signed = ["--public-key", key.public];
      expect(await run(...signed)).toMatchObject({ status: 0, stderr: "" });
      const unsigned = await run();
      expect(unsigned.status).toBe(0);
      expect(unsigned.stderr).toContain("signature of the manifest was not checked");
      const other = await run("--public-key", secondKey.public);
      expect(other.status).toBe(65);
      expect(other.stderr).toContain(join(origin, "manifest"));

      unlinkSync(join(origin, "store", one.digest));
      writeFileSync(join(origin, "store", `${one.digest}.gone`), `${one.digest}\n`);
      expect((await run(...signed)).status).toBe(0);
      unlinkSync(join(origin, "store", `${one.digest}.gone`));
      write(join(origin, "store", two.digest), two.content.replace("i", "j"));
      const wrong = await run(...signed);
      expect(wrong.status).toBe(74);
      expect(wrong.stdout).toContain("1 of them whole");
      expect(wrong.stderr).toContain("the image of 1.0.0 is missing");
      expect(wrong.stderr).toContain("the image of 1.1.0 is damaged");
      expect(wrong.stderr).toContain(`tako store -o ${origin} IMAGE 1.1.0`);
    });

    test("VFY-1: a destination in place of its config is a usage error", async () => {
      using host = hostWith(one);
      const { status, stdout, stderr } = await program.run(["verify", host.destination]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toContain(`${host.destination} is the destination of a host`);
    });

    test("VFY-4: a key without an origin, and one that is none, are errors before anything is read", async () => {
      using host = hostWith(one);
      const noOrigin = await verify(program, host, "--public-key", key.public);
      expect(noOrigin).toMatchObject({ status: 2, stdout: "" });
      const noKey = await program.run(["verify", "--public-key", "x", host.originDirectory]);
      expect(noKey).toMatchObject({ status: 2, stdout: "" });
      expect(noKey.stderr).toStartWith("tako: --public-key: invalid public key");
    });

    test("VFY-40: each line is as the schema has it, and tells what sha256sum does", async () => {
      using host = hostWith(one, two, three);
      host.replace(`store/${two.digest}`, "x");
      writeFileSync(host.path("store/README"), "");
      const { status, stdout } = await verify(program, host, "--json");
      expect(status).toBe(74);
      const lines = linesOf(stdout);
      const states = lines.flatMap(({ event, sha256, state }) =>
        event === "image" ? [[sha256, state]] : [],
      );
      expect(states.sort()).toEqual(
        [
          [one.digest, "whole"],
          [two.digest, "damaged"],
          [three.digest, "whole"],
        ].sort(),
      );
      expect(lines.filter(({ event }) => event === "warning")).toHaveLength(1);
      expect(lines.at(-1)).toMatchObject({
        event: "result",
        config: host.file,
        outcome: "wrong",
        images: 3,
        whole: 2,
        in_use: "1.2.0",
        errors: [{ kind: "storage", source: host.path(`store/${two.digest}`) }],
      });
      host.publish(one);
      const origin = await program.run(["verify", "--json", host.originDirectory]);
      expect(linesOf(origin.stdout).at(-1)).toMatchObject({
        directory: host.originDirectory,
        outcome: "good",
      });
    });

    test.skipIf(strace.missing)("VFY-2: it makes no socket and starts no program", async () => {
      using host = hostWith(one, two);
      const log = host.at("calls");
      const calls = "trace=socket,socketpair,connect,execve,flock";
      const words = [
        "strace",
        "-f",
        "-qq",
        "-o",
        log,
        "-e",
        calls,
        ...program.command(["verify", host.file]),
      ];
      const { exitCode } = Bun.spawnSync(words);
      expect(exitCode).toBe(0);
      const lines = readFileSync(log, "utf8").split("\n");
      expect(lines.filter((line) => /socket|connect\(|flock/.test(line))).toEqual([]);
      // The program itself is the last; before it is what hides the sources from the binary.
      const started = lines.filter((line) => /execve\(.*= 0$/.test(line));
      expect(started.at(-1)).toMatch(program.name === "binary" ? /tako"/ : /bun/);
    });
  });
}
