// What `bun run build --all` made, as `bun run release-check` looks at it: every file, and each program on the kind of machine
// that it is for, or an emulated one.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../package.json";
import { TARGETS } from "../../scripts/build/release.ts";
import { emptyHost, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { type NginxServer, serveWithNginx } from "../support/nginx.ts";
import { exitStatus } from "../support/program.ts";
import { image } from "../support/publishing.ts";
import { canMount } from "../support/tmpfs.ts";
import { MuslRoot } from "./musl-root.ts";

const root = join(import.meta.dir, "../..");
const release = join(root, "dist/release");
const built = (target: keyof typeof TARGETS) => join(release, `tako-${target}`);
const targets = Object.keys(TARGETS) as (keyof typeof TARGETS)[];

const scratch = mkdtempSync(join(tmpdir(), "tako-release-"));
afterAll(() => rmSync(scratch, { recursive: true }));

function run(words: readonly string[], cwd = release) {
  const { success, stdout, stderr } = Bun.spawnSync([...words], { cwd });
  if (!success) throw new Error(`${words[0]}: ${stderr}`);
  return stdout.toString();
}

describe("the folder", () => {
  test("has a program for each kind of machine, an SBOM, and the sums of all of them", () => {
    const files = [...targets.map((target) => `tako-${target}`), "tako.cdx.json"];
    expect(readdirSync(release).toSorted()).toEqual(["SHA256SUMS", ...files].toSorted());
    const checked = run(["sha256sum", "--check", "--strict", "SHA256SUMS"]);
    expect(checked.trimEnd().split("\n").toSorted()).toEqual(
      files.map((name) => `${name}: OK`).toSorted(),
    );
  });

  test("has in its SBOM the sums of the programs", () => {
    const sbom = JSON.parse(readFileSync(join(release, "tako.cdx.json"), "utf8"));
    const files: { name: string; hashes: { alg: string; content: string }[] }[] =
      sbom.metadata.component.components;
    const sums = files.flatMap(({ name, hashes }) =>
      hashes.map(({ alg, content }) => `${alg} ${content}  ${name}`),
    );
    const said = run(["sha256sum", ...targets.map((target) => `tako-${target}`)]);
    expect(sums.map((line) => line.replace("SHA-256 ", "")).join("\n")).toBe(said.trimEnd());
  });

  test.skipIf(process.arch !== "x64")("has what `bun run build` makes here", () => {
    run([process.execPath, "scripts/build.ts"], root);
    run(["cmp", "dist/tako", built("linux-x64")], root);
  });
});

const readelf = needs("readelf");

describe.skipIf(readelf.missing)("each program is for its machine", () => {
  test.each([
    ["linux-arm64", "AArch64", "/lib/ld-linux-aarch64.so.1"],
    ["linux-arm64-musl", "AArch64", "/lib/ld-musl-aarch64.so.1"],
    ["linux-x64", "Advanced Micro Devices X86-64", "/lib64/ld-linux-x86-64.so.2"],
    ["linux-x64-baseline", "Advanced Micro Devices X86-64", "/lib64/ld-linux-x86-64.so.2"],
    ["linux-x64-musl", "Advanced Micro Devices X86-64", "/lib/ld-musl-x86_64.so.1"],
  ] as const)("%s", (target, machine, loader) => {
    const said = run(["readelf", "--wide", "--file-header", "--segments", built(target)]);
    expect(said).toMatch(new RegExp(`^ *Machine: +${machine}$`, "m"));
    expect(said).toContain(`[Requesting program interpreter: ${loader}]`);
  });
});

/** How each of them is run here. The words before the arguments share `folder` with the program at its own path. */
type Runner = (folder: string, args: readonly string[]) => string[];

const emulator =
  (words: readonly string[], target: keyof typeof TARGETS): Runner =>
  (_, args) => [...words, built(target), ...args];

const arm = needs("qemu-aarch64", "libc6-arm64-cross", "nginx");
const intel = needs("qemu-x86_64", "nginx");
const musl = needs("musl", "gcc", "nginx");
const nehalem = ["qemu-x86_64", "-cpu", "Nehalem"];

let muslRoot: MuslRoot;
const runners: readonly (readonly [name: string, isMissing: boolean, run: Runner])[] = [
  [
    "linux-arm64, by qemu",
    arm.missing,
    emulator(["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"], "linux-arm64"),
  ],
  [
    "linux-x64-baseline on a Nehalem, by qemu",
    intel.missing,
    emulator(nehalem, "linux-x64-baseline"),
  ],
  [
    "linux-x64-musl, in a root with musl",
    musl.missing || !canMount || process.arch !== "x64",
    (folder, args) => muslRoot.command(built("linux-x64-musl"), folder, args),
  ],
];

const RUN_MS = 120_000;

for (const [name, isMissing, runner] of runners) {
  describe.skipIf(isMissing)(name, () => {
    const host = emptyHost();
    let server: NginxServer;
    beforeAll(async () => {
      if (name.includes("musl")) muslRoot = new MuslRoot(join(scratch, "musl"));
      server = await serveWithNginx(host.originDirectory);
    });
    afterAll(async () => {
      await server.stop();
      host[Symbol.dispose]();
    });

    async function tako(...args: readonly string[]) {
      const child = Bun.spawn(runner(host.folder, args), { stdout: "pipe", stderr: "pipe" });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      await child.exited;
      return { status: exitStatus(child), stdout, stderr };
    }

    /** What the destination holds beside the ETag of the manifest. */
    function state() {
      const { ".etag": _, ...others } = host.state();
      return others;
    }

    test(
      "CLI-80: tells its version",
      async () => {
        const { stdout } = await tako("--version");
        expect(stdout).toMatch(new RegExp(`^tako ${version} \\([0-9a-f]{12}(, changed)?\\)\n$`));
      },
      RUN_MS,
    );

    test(
      "fetches, updates and verifies",
      async () => {
        const [one, two] = [image("1.0.0", "one".repeat(1_000_000)), image("1.1.0")];
        host.configure({ Origin: server.url, Version: "1.*" });
        host.publish(one);
        expect((await tako("fetch", host.file)).stdout).toBe(`${host.file}: updated to 1.0.0\n`);
        expect(state()).toEqual(stateOf({ published: [one], latest: one }));
        host.publish(one, two);
        expect((await tako("fetch", host.file)).stdout).toBe(`${host.file}: updated to 1.1.0\n`);
        expect(state()).toEqual(stateOf({ published: [one, two], latest: two }));
        expect((await tako("verify", host.file)).status).toBe(0);
      },
      RUN_MS,
    );

    test(
      "has the fixtures",
      async () => {
        const { status, stdout } = await tako("conformance", "--list");
        const listed = Bun.spawnSync([
          process.execPath,
          join(root, "src/main.ts"),
          "conformance",
          "--list",
        ]);
        expect(status).toBe(0);
        expect(stdout).toBe(listed.stdout.toString());
      },
      RUN_MS,
    );
  });
}

// docs/releasing.md says so.
test.skipIf(intel.missing).each(["linux-x64", "linux-x64-baseline"] as const)(
  "%s needs SSE4.2: on a Core 2 the kernel ends it",
  async (target) => {
    const child = Bun.spawn(["qemu-x86_64", "-cpu", "core2duo", built(target), "--version"], {
      cwd: scratch, // for the core
      stdout: "ignore",
      stderr: "ignore",
    });
    await child.exited;
    expect(child.signalCode).toBe("SIGILL");
  },
);
