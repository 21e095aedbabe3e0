// --dry-run: every check, and nothing written.

import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createHost, type Host } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { image, secondKey } from "../support/publishing.ts";
import { fakeSystemctl } from "./systemctl.ts";

const [one, two] = [image("1.0.0"), image("1.1.0")];

/** A host with 1.0.0 in use, to which 1.1.0 is offered. */
function hostInUse(): Host {
  const host = createHost();
  host.publish(one, two);
  host.install({ published: [one], latest: one });
  return host;
}

/** What is different in a host, and what is said then: results, and a message. */
const plans: readonly [why: string, (host: Host) => void, results: string[], message: string][] = [
  ["an update", () => {}, ["would download 1.1.0, 19 B", "would activate 1.1.0"], ""],
  [
    "an update with units to restart",
    (host) => host.configure({ Restart: "app.service web.service" }),
    ["would download 1.1.0, 19 B", "would activate 1.1.0", "would restart app.service web.service"],
    "",
  ],
  [
    "an image that is there already",
    (host) => host.install({ store: [two] }),
    ["would activate 1.1.0"],
    "",
  ],
  ["nothing to do", (host) => host.publish(one), ["1.0.0 is current"], ""],
  [
    "a restart that is owed",
    (host) => {
      host.publish(one);
      host.configure({ Restart: "app.service web.service" });
      host.install({ store: [], files: { ".owed": `${one.digest}\napp.service\n` } });
    },
    ["would restart web.service"],
    "",
  ],
  [
    "a damaged image in use",
    (host) => {
      host.publish(one);
      host.configure({ Restart: "app.service" });
      host.replace(`store/${one.digest}`, "damaged");
    },
    ["would download 1.0.0, 19 B", "would restart app.service"],
    "",
  ],
  [
    "an image in use that is missing: no run restarts for that",
    (host) => {
      host.publish(one);
      host.configure({ Restart: "app.service" });
      rmSync(host.path(`store/${one.digest}`));
    },
    ["would download 1.0.0, 19 B"],
    "",
  ],
  [
    "what a killed run left",
    (host) => {
      host.publish(one);
      const files = { ".manifest.new": "x", [`store/${two.digest}.partial`]: "x" };
      host.install({ store: [], files });
    },
    ["1.0.0 is current"],
    "",
  ],
  [
    "no match",
    (host) => host.configure({ Version: "7.*" }),
    [],
    'no version matches "7.*"; the newest on offer are 1.1.0, 1.0.0',
  ],
];

/** What is wrong, and how a dry run ends by it. */
const failures: readonly [
  requirement: string,
  why: string,
  change: (host: Host) => void,
  status: number,
  message: string,
][] = [
  [
    "FET-90, FET-30",
    "the manifest is of another key",
    (host) => host.configure({ PublicKey: secondKey.public }),
    65,
    "the manifest is not signed by any of the given public keys",
  ],
  ["FET-90, FET-31", "the manifest lost an entry", (host) => host.publish(two), 65, "is missing"],
  [
    "FET-92, FET-23",
    "the local manifest is damaged",
    (host) => host.replace("manifest", "damaged"),
    74,
    "the local manifest is damaged",
  ],
  [
    "FET-92",
    "the origin does not answer",
    (host) => rmSync(join(host.originDirectory, "manifest")),
    69,
    "cannot read it: no such file or directory",
  ],
];

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("FET-90, FET-91, FET-92, FET-41, DST-24: what a run would do is said, and nothing is written", async () => {
      await using stack = new AsyncDisposableStack();
      const systemctl = fakeSystemctl();
      stack.defer(() => systemctl.remove());
      const hosts = plans.map(([why, change, results, message]) => {
        const host = stack.use(hostInUse());
        change(host);
        return { host, why, results, message, before: host.everything() };
      });
      const words = ["fetch", "--dry-run", ...hosts.map(({ host }) => host.file)];
      const { status, stdout, stderr } = await program.run(words, { env: systemctl.env });
      expect([status, systemctl.calls()]).toEqual([0, []]);
      for (const { host, why, results, message, before } of hosts) {
        const linesOf = (text: string) =>
          text.split("\n").filter((line) => line.includes(host.file));
        expect({ why, lines: linesOf(stdout) }).toEqual({
          why,
          lines: results.map((result) => `${host.file}: ${result}`),
        });
        expect({ why, lines: linesOf(stderr) }).toEqual({
          why,
          lines: message === "" ? [] : [`tako: ${host.file}: ${message}`],
        });
        expect({ why, ...host.everything() }).toEqual({ why, ...before });
      }
    });

    test.each(failures)("%s: %s, and nothing is written", async (...row) => {
      const [, , change, expected, message] = row;
      await using host = hostInUse();
      change(host);
      const before = host.everything();
      const { status, stdout, stderr } = await program.run(["fetch", "--dry-run", host.file]);
      expect([status, stdout]).toEqual([expected, ""]);
      expect(stderr).toContain(message);
      expect(host.everything()).toEqual(before);
    });

    test("FET-90: no lock is taken or waited for", async () => {
      await using host = hostInUse();
      const command = [
        "flock",
        host.path(".lock"),
        ...program.command(["fetch", "--dry-run", host.file]),
      ];
      const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
      expect(await child.exited).toBe(0);
      expect(await child.stderr.text()).toBe("");
    });

    test("FET-92, DST-5: a destination that does not exist is status 74, as in a run", async () => {
      await using host = createHost();
      host.publish(one);
      rmSync(host.destination, { recursive: true });
      const { status, stderr } = await program.run(["fetch", "--dry-run", host.file]);
      expect(status).toBe(74);
      expect(stderr).toContain(`${host.destination}: there is no such directory`);
    });

    test("FET-42, FET-82, FET-91: with --init, no restart, and no match is status 1", async () => {
      await using host = hostInUse();
      host.configure({ Restart: "app.service", Version: "1.1.*" });
      const words = ["fetch", "--init", "--dry-run", host.file];
      const { status, stdout } = await program.run(words);
      expect([status, stdout]).toEqual([
        0,
        `${host.file}: would download 1.1.0, 19 B\n${host.file}: would activate 1.1.0\n`,
      ]);
      // The restart that is owed is none of this run's.
      host.configure({ Restart: "app.service", Version: "1.0.*" });
      host.install({ store: [], files: { ".owed": `${one.digest}\n` } });
      expect((await program.run(words)).stdout).toBe(`${host.file}: 1.0.0 is current\n`);
      host.configure({ Version: "7" });
      expect((await program.run(words)).status).toBe(1);
    });
  });
}
