// What a run is started with: signals that the parent ignores, few descriptors, a list of units that is too long, and
// the place of the first process of a container.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, type Program, programs } from "../support/program.ts";
import { image } from "../support/publishing.ts";
import { pausingOrigin } from "./slow-origins.ts";
import { fakeSystemctl } from "./systemctl.ts";

const BINARY = join(import.meta.dir, "../../dist/tako");
const python = needs("python3");
const namespaces = needs("systemd");
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
  const calls = systemctl.calls();
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
