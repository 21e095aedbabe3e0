// A whole machine for tests: a real systemd as PID 1 of its own namespaces, booted by machine.sh in about a second.
// Its network is the host's, so a server on 127.0.0.1 is reached from both sides; all else is its own and vanishes with it.
//
//   let machine: Machine;
//   beforeAll(async () => { machine = await startMachine() });
//   afterAll(() => machine?.stop());          // a crashed test run takes its machines along, too
//
// One machine for each test file. `tako` is in its PATH as /usr/local/bin/tako.

import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkJson } from "../support/schemas.ts";

const repository = join(import.meta.dir, "../..");
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface MachineOptions {
  /** Files and directories of the host to show in the machine: host path to machine path. */
  readonly bind?: Readonly<Record<string, string>>;
  /** The compiled binary to be /usr/local/bin/tako; without it that runs the sources. */
  readonly binary?: string;
  /** A folder with a Debian to boot, as it is and without Tako; else it is the one that runs the tests. */
  readonly root?: string;
}

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Machine {
  /** PID of its systemd as the host sees it. */
  readonly pid: number;
  /** The host's folder its file systems hang from, in a mount namespace of their own: to the host it is empty. */
  readonly folder: string;
  /** Runs a program in the machine, outside of any unit, with PATH and `env` as its whole environment. */
  run(
    command: readonly string[],
    options?: { readonly env?: Readonly<Record<string, string>> },
  ): Promise<Finished>;
  /** Like `run`, but a status other than 0 is an error. The standard output. */
  must(...command: string[]): Promise<string>;
  /** Writes a file, its folders included. Unit files need `systemctl daemon-reload` after this, as ever. */
  write(path: string, content: string | Uint8Array, mode?: number): Promise<void>;
  /** Where the host sees a path of the machine. */
  path(path: string): string;
  /** Ends every process of the machine and waits until nothing of it is left. */
  stop(): Promise<void>;
}

export async function startMachine(options: MachineOptions = {}): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), "tako-machine-"));
  const coverage = process.env["TAKO_COVERAGE"];
  const own: Record<string, string> = {
    [repository]: "/opt/tako/source",
    [process.execPath]: "/opt/tako/bun",
    ...(coverage === undefined ? {} : { [coverage]: coverage }),
    ...(options.binary === undefined ? {} : { [options.binary]: "/opt/tako/tako" }),
  };
  const bind = { ...(options.root === undefined ? own : {}), ...options.bind };
  const script = join(import.meta.dir, "machine.sh");
  const supervisor = Bun.spawn(
    [
      "unshare",
      "--mount",
      "--propagation",
      "private",
      script,
      "outside",
      folder,
      options.root ?? "/",
      ...Object.entries(bind).flat(),
    ],
    { stdin: "pipe", stdout: "pipe", stderr: "pipe" },
  );

  async function stop(): Promise<void> {
    await supervisor.stdin.end();
    await supervisor.exited;
    await rm(folder, { recursive: true, force: true });
  }

  const pid = Number(await firstLine(supervisor.stdout));
  if (!(pid > 0)) {
    const message = await new Response(supervisor.stderr).text();
    await stop();
    throw new Error(`no machine: ${message.trim()}`);
  }
  const machine = connect(pid, folder, stop);
  try {
    await booted(machine);
    if (options.root === undefined) {
      const text = launcher(options.binary !== undefined, coverage);
      await machine.write("/usr/local/bin/tako", text, 0o755);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return machine;
}

function connect(pid: number, folder: string, stop: () => Promise<void>): Machine {
  const root = `/proc/${pid}/root`;
  const path = (inside: string) => join(root, inside);
  const enter = ["nsenter", "--target", String(pid), "--all", `--root=${root}`, `--wd=${root}`];

  const run: Machine["run"] = async (command, { env = {} } = {}) => {
    const variables = Object.entries({ PATH, ...env }).map(([name, value]) => `${name}=${value}`);
    const child = Bun.spawn([...enter, "env", "-i", ...variables, ...command], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, status] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    const [program, ...args] = command;
    if (program === "tako") checkJson(args, stdout);
    return { status, stdout, stderr };
  };

  return {
    pid,
    folder,
    path,
    run,
    stop,
    async must(...command) {
      const { status, stdout, stderr } = await run(command);
      if (status !== 0)
        throw new Error(`${command.join(" ")}: status ${status}: ${stderr}${stdout}`);
      return stdout;
    },
    async write(file, content, mode = 0o644) {
      await mkdir(dirname(path(file)), { recursive: true });
      await writeFile(path(file), content);
      await chmod(path(file), mode);
    },
  };
}

/** Stores /srv/image in /srv/origin, whose manifest the first version begins. */
export async function store(machine: Machine, keyFile: string, version: string): Promise<void> {
  const first = existsSync(machine.path("/srv/origin/manifest")) ? [] : ["--new"];
  const words = [...first, "-f", keyFile, "-o", "/srv/origin", "/srv/image", version];
  await machine.must("tako", "store", ...words);
}

/** Resolves once systemd says `running`: all it was to start has started, and nothing failed. */
async function booted(machine: Machine): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { stdout } = await machine.run(["systemctl", "is-system-running"]);
    const state = stdout.trim();
    if (state === "running") return;
    if (state === "degraded" || Date.now() > deadline) {
      const { stdout: units } = await machine.run([
        "systemctl",
        "list-units",
        "--failed",
        "--plain",
        "--no-legend",
      ]);
      throw new Error(`the machine is ${state}: ${units}`);
    }
    await Bun.sleep(50);
  }
}

function launcher(binary: boolean, coverage: string | undefined): string {
  if (binary) return '#!/bin/sh\nexec /opt/tako/tako "$@"\n';
  const counting = coverage === undefined ? "" : `--preload ${coverage}/program.ts `;
  return `#!/bin/sh\nexec /opt/tako/bun ${counting}/opt/tako/source/src/main.ts "$@"\n`;
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}
