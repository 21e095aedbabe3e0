// What a run is started with: signals that the parent ignores, few descriptors, threads and processes, a list of units
// that is too long, and the place of the first process of a container.

import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { serveWithFtp } from "../support/ftp-server.ts";
import { createHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, type Program, programs } from "../support/program.ts";
import { image } from "../support/publishing.ts";
import { canMount } from "../support/tmpfs.ts";
import { pausingOrigin } from "./slow-origins.ts";
import { fakeSystemctl } from "./systemctl.ts";

const BINARY = join(import.meta.dir, "../../dist/tako");
const python = needs("python3");
const namespaces = needs("systemd");
const isRoot = process.getuid?.() === 0;
const [one, two] = [image("1.0.0"), image("1.1.0")];

/** Runs `fetch` behind other words. */
async function fetchBehind(
  words: readonly string[],
  program: Pick<Program, "command">,
  host: Host,
) {
  const systemctl = fakeSystemctl();
  const child = Bun.spawn([...words, ...program.command(["fetch", host.file])], {
    env: environment(systemctl.env),
    stdout: "ignore",
    stderr: "pipe",
    timeout: 20_000,
    killSignal: "SIGKILL",
  });
  const stderr = await child.stderr.text();
  const status = await child.exited;
  const calls = systemctl.orders();
  systemctl.remove();
  return { status, stderr, calls };
}

function hostWithUnit(units: string): Host {
  const host = createHost();
  host.publish(one);
  host.configure({ Restart: units });
  return host;
}

for (const program of programs) {
  describe(program.name, () => {
    test.skipIf(python.missing)(
      "CLI-46: under a parent that ignores SIGCHLD, a restart is seen to succeed",
      async () => {
        using host = hostWithUnit("app.service");
        const ignore =
          "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execvp(sys.argv[1], sys.argv[1:])";
        const { status, calls } = await fetchBehind(["python3", "-c", ignore], program, host);
        expect([status, calls]).toEqual([0, ["restart -- app.service"]]);
      },
    );

    test("FET-85: a list of units that no call takes is kind unit, and owed", async () => {
      // More than the 128 KiB that Linux gives one argument, or 2 MiB all of them.
      const unit = (index: number) => `${"a".repeat(200)}${index}.service`;
      using host = hostWithUnit(Array.from({ length: 4500 }, (_, index) => unit(index)).join(" "));
      const words = ["prlimit", "--stack=1048576:1048576"];
      const { status, stderr, calls } = await fetchBehind(words, program, host);
      expect(stderr).toContain("systemctl could not be run: its arguments are too long");
      expect([status, calls]).toEqual([70, []]);
      expect(host.read("app", ".owed")).toBe(`${one.digest}\n`);
    });

    test.skipIf(namespaces.missing)(
      "CLI-47: SIGTERM ends a run that is the first process of its namespace",
      async () => {
        using host = createHost();
        await using origin = pausingOrigin(one, two);
        host.configure({ Origin: origin.url });
        const child = Bun.spawn(
          [
            ...["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"],
            ...program.command(["fetch", host.file]),
          ],
          { env: environment(), stdout: "ignore", stderr: "ignore", timeout: 20_000 },
        );
        await origin.isPaused;
        const [first] = (
          await Bun.file(`/proc/${child.pid}/task/${child.pid}/children`).text()
        ).split(" ");
        process.kill(Number(first), "SIGTERM");
        expect(await child.exited).toBe(128 + 15);
        origin.goOn();
      },
    );
  });
}

test("FET-85: however few descriptors there are, the error says so, and shows no stack", async () => {
  // Without the shell around it, which itself needs more.
  const binary = { command: (words: readonly string[]) => [BINARY, ...words] };
  const told: string[] = [];
  for (let limit = 6; limit <= 14; limit++) {
    using host = hostWithUnit("app.service");
    const words = ["prlimit", `--nofile=${limit}:${limit}`];
    const { status, stderr } = await fetchBehind(words, binary, host);
    expect([0, 2, 69, 70, 74]).toContain(status);
    expect(stderr).not.toMatch(/Bun v|^\s+at /m);
    // The shell that plays systemctl can fail for the same reason, in its own words.
    if (status !== 0) expect(stderr).toMatch(/too many files are open|could not restart/);
    if (stderr.includes("could not be run: too many files")) told.push(stderr);
  }
  // The one between those with which nothing can be read and those with which all goes well.
  expect(told.length).toBeGreaterThan(0);
}, 60_000);

const ftp = needs("curl", "pyftpdlib");
describe.skipIf(ftp.missing)("a curl that cannot be started", async () => {
  if (ftp.missing) return;
  const origin = createHost();
  origin.publish(one);
  const server = await serveWithFtp(origin.originDirectory, { user: "u", password: "sesame" });
  afterAll(async () => {
    await server.stop();
    origin[Symbol.dispose]();
  });
  const binary = { command: (words: readonly string[]) => [BINARY, ...words] };
  function hostBehindCurl(): Host {
    const host = createHost();
    host.configure({ Origin: `ftp://u:sesame@127.0.0.1:${server.port}` });
    return host;
  }

  test("ORG-79: for lack of descriptors, the error says so, and not that curl is missing", async () => {
    const limits = Array.from({ length: 13 }, (_, index) => index + 8);
    const runs = limits.map(async (limit) => {
      using host = hostBehindCurl();
      return await fetchBehind(["prlimit", `--nofile=${limit}:${limit}`], binary, host);
    });
    const failed = (await Promise.all(runs)).filter(({ status }) => status !== 0);
    for (const { status, stderr } of failed) {
      expect([69, 74]).toContain(status);
      expect(stderr).toContain("too many files are open");
      expect(stderr).not.toMatch(/Install curl|sesame|^\s+at /m);
    }
    const cannotRun = "cannot run curl, which reads ftp: origins: too many files";
    const told = failed.map(({ stderr }) => stderr).filter((text) => text.includes(cannotRun));
    // It can pass: others close theirs.
    expect(told[0]).toContain("trying again");
  }, 60_000);

  test("ORG-79: for the length of its arguments, it is told as that, and not tried again", async () => {
    using host = hostBehindCurl();
    // Tako's own words are shorter than curl's: of the longest environment that Tako starts with, curl does not.
    let [fits, tooMuch] = [0, 131_072];
    let last = { status: 0, stderr: "" };
    while (tooMuch - fits > 1) {
      const middle = (fits + tooMuch) >> 1;
      const words = ["prlimit", "--stack=524288:524288", "env", `A=${"a".repeat(middle)}`];
      const child = Bun.spawn([...words, BINARY, "fetch", host.file], {
        env: environment(),
        stdout: "ignore",
        stderr: "pipe",
      });
      const stderr = await child.stderr.text();
      const status = await child.exited;
      if (status === 126) tooMuch = middle;
      else [fits, last] = [middle, { status, stderr }];
    }
    expect(last.status).toBe(69);
    expect(last.stderr).toContain(
      "cannot run curl, which reads ftp: origins: its arguments are too long",
    );
    expect(last.stderr).toContain("The environment counts among them");
    expect(last.stderr).not.toContain("trying again");
  }, 60_000);
});

/** What CLI-48 has a run say, whatever the number. */
const FEW =
  /^tako: too few threads and processes are left: \d of \d+\n {2}Raise the limit: .*\(ulimit -u, .*TasksMax=, pids\.max\)\.\n$/;

test.skipIf(!isRoot)(
  "CLI-48: however few threads a user has left, a run ends, and says so as soon as the runtime lets it",
  async () => {
    // One without any other process, to whom the limit applies: to root it does not.
    const uid = "61234";
    using folder = createHost();
    await using origin = pausingOrigin(one, two);
    origin.goOn();
    const binary = folder.at("tako");
    copyFileSync(BINARY, binary);
    chmodSync(folder.folder, 0o755);
    const ended: string[] = [];
    for (let limit = 1; limit <= 14; limit++) {
      using host = createHost();
      host.configure({ Origin: origin.url });
      Bun.spawnSync(["chown", "-R", `${uid}:${uid}`, host.folder]);
      const before = host.state();
      const words = ["prlimit", `--nproc=${limit}:${limit}`, "setpriv", `--reuid=${uid}`];
      const { status, stderr } = await fetchBehind(
        [...words, "--clear-groups"],
        { command: (args) => [binary, ...args] },
        host,
      );
      const how = status === 0 ? "done" : FEW.test(stderr) ? "told" : "aborted";
      ended.push(how);
      if (how === "told") expect(status).toBe(1);
      // SIGABRT: the runtime itself has not even come up.
      if (how === "aborted")
        expect([status, stderr]).toEqual([134, expect.stringContaining("Bun")]);
      if (how !== "done") expect(host.state()).toEqual(before);
    }
    // Where the one ends and the other begins depends on the machine.
    expect([ended[0], ended.at(-1)]).toEqual(["aborted", "done"]);
    expect(ended).toContain("told");
  },
  120_000,
);

test.skipIf(!canMount)(
  "CLI-49: without /proc the runtime does not come up, and nothing is touched",
  async () => {
    for (const program of programs) {
      using host = hostWithUnit("app.service");
      const before = host.snapshot();
      const hidden = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs tmpfs /proc && exec "$@"',
        "sh",
      ];
      const itself = { command: (args: readonly string[]) => [BINARY, ...args] };
      const used = program.name === "binary" ? itself : program;
      const { status, stderr, calls } = await fetchBehind(hidden, used, host);
      // SIGABRT and a report about Bun; or not even that far, for settings that only the sources have.
      const [expected, report] = used === itself ? [134, "Bun v"] : [1, "StackOverflow"];
      expect([status, stderr, calls]).toEqual([expected, expect.stringContaining(report), []]);
      expect(host.snapshot()).toEqual(before);

      // Of it, one's own processes are enough.
      const own = "mount -t proc -o hidepid=2,subset=pid proc /proc";
      const some = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "sh",
        "-c",
        `${own} && exec "$@"`,
        "sh",
      ];
      expect((await fetchBehind(some, used, host)).status).toBe(0);
    }
  },
);

const pids = pidsCgroup();
for (const program of programs) {
  test.skipIf(pids === undefined)(
    `CLI-48: the same for the processes of a cgroup, ${program.name}`,
    async () => {
      let told = 0;
      for (let limit = 5; limit <= 16; limit++) {
        using host = createHost();
        host.publish(one);
        const cgroup = `${pids}/${basename(host.folder)}`;
        mkdirSync(cgroup);
        writeFileSync(`${cgroup}/pids.max`, `${limit}`);
        const enter = `echo $$ > ${cgroup}/cgroup.procs; exec "$@"`;
        // The binary goes without what hides the sources, which takes processes of its own.
        const itself = { command: (args: readonly string[]) => [BINARY, ...args] };
        const { status, stderr } = await fetchBehind(
          ["sh", "-c", enter, "sh"],
          program.name === "binary" ? itself : program,
          host,
        );
        await gone(cgroup);
        if (FEW.test(stderr)) told++;
        else expect([0, 134]).toContain(status);
        if (status === 0) expect(told).toBeGreaterThan(0);
      }
      expect(told).toBeLessThan(12);
    },
    120_000,
  );
}

/** Where a cgroup can be made that limits processes: the hierarchy of its own, or the one of all. */
function pidsCgroup(): string | undefined {
  const candidates = [
    ["/sys/fs/cgroup/pids", "/sys/fs/cgroup/pids/cgroup.procs"],
    ["/sys/fs/cgroup", "/sys/fs/cgroup/cgroup.subtree_control"],
  ] as const;
  for (const [folder, file] of candidates) {
    try {
      const text = readFileSync(file, "utf8");
      if (file.endsWith("procs") || / ?pids\b/.test(text)) {
        const probe = `${folder}/tako-probe-${process.pid}`;
        mkdirSync(probe);
        rmdirSync(probe);
        return folder;
      }
    } catch {
      // Not there, or not ours.
    }
  }
  return undefined;
}

/** A cgroup can be removed a moment after its last process has ended. */
async function gone(cgroup: string): Promise<void> {
  for (let look = 0; look < 100; look++) {
    try {
      rmdirSync(cgroup);
      return;
    } catch {
      await Bun.sleep(20);
    }
  }
  throw new Error(`${cgroup} is still in use`);
}
