// --dry-run: every check, and nothing written.

import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createHost, type Host, image, secondKey } from "../support/origin-fixture.ts";
import { programs } from "../support/program.ts";
import { fakeSystemctl } from "./systemctl.ts";

const [one, two] = [image("1.0.0"), image("1.1.0")];

/** A host with 1.0.0 in use, to which 1.1.0 is offered. */
function hostInUse(): Host {
  const host = createHost();
  host.publish(one, two);
  host.install({ published: [one], latest: one });
  return host;
}

/** What is different in a host, and what is said then. */
const cases: readonly [
  requirement: string,
  why: string,
  change: (host: Host) => void,
  status: number,
  stdout: (file: string) => string,
  stderr: string,
][] = [
  [
    "FET-91",
    "an update is to be downloaded and activated",
    () => {},
    0,
    (file) => `${file}: would download 1.1.0\n${file}: would activate 1.1.0\n`,
    "",
  ],
  [
    "FET-91",
    "units would be restarted",
    (host) => host.configure({ restart: "app.service web.service" }),
    0,
    (file) =>
      `${file}: would download 1.1.0\n${file}: would activate 1.1.0\n${file}: would restart app.service web.service\n`,
    "",
  ],
  [
    "FET-91",
    "an image that is there already is only to be activated",
    (host) => host.install({ store: [two] }),
    0,
    (file) => `${file}: would activate 1.1.0\n`,
    "",
  ],
  [
    "FET-91",
    "nothing is to be done",
    (host) => host.publish(one),
    0,
    (file) => `${file}: 1.0.0 is current\n`,
    "",
  ],
  [
    "FET-91",
    "a restart is owed",
    (host) => {
      host.publish(one);
      host.configure({ restart: "app.service web.service" });
      host.install({ store: [], files: { ".owed": `${one.digest}\napp.service\n` } });
    },
    0,
    (file) => `${file}: would restart web.service\n`,
    "",
  ],
  [
    "FET-91, FET-55",
    "a damaged image in use would be downloaded again",
    (host) => {
      host.publish(one);
      host.configure({ restart: "app.service" });
      host.replace(`store/${one.digest}`, "damaged");
    },
    0,
    (file) => `${file}: would download 1.0.0\n${file}: would restart app.service\n`,
    "",
  ],
  [
    "FET-91, DST-24",
    "what a killed run left stays",
    (host) => {
      host.publish(one);
      host.install({
        store: [],
        files: { ".manifest.new": "x", [`store/${two.digest}.partial`]: "x" },
      });
    },
    0,
    (file) => `${file}: 1.0.0 is current\n`,
    "",
  ],
  [
    "FET-92, FET-41",
    "nothing matches",
    (host) => host.configure({ version: "7.*" }),
    0,
    () => "",
    'no version matches "7.*"; the newest on offer are 1.1.0, 1.0.0',
  ],
  [
    "FET-90, FET-30",
    "the manifest is of another key",
    (host) => host.configure({ keys: [secondKey] }),
    3,
    () => "",
    "the manifest is not signed by any of the given public keys",
  ],
  [
    "FET-90, FET-31",
    "the manifest lost an entry",
    (host) => host.publish(two),
    3,
    () => "",
    "is missing",
  ],
  [
    "FET-92, FET-23",
    "the local manifest is damaged",
    (host) => host.replace("manifest", "damaged"),
    5,
    () => "",
    "the local manifest is damaged",
  ],
  [
    "FET-92",
    "the origin does not answer",
    (host) => rmSync(join(host.originDirectory, "manifest")),
    4,
    () => "",
    "cannot read it: no such file or directory",
  ],
];

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test.each(cases)("%s: %s, and nothing is written", async (...row) => {
      const [, , change, expected, results, message] = row;
      await using host = hostInUse();
      change(host);
      const before = host.snapshot();
      const systemctl = fakeSystemctl();
      const { status, stdout, stderr } = await program.run(["fetch", "--dry-run", host.file], {
        env: systemctl.env,
      });
      expect(systemctl.calls()).toEqual([]);
      systemctl.remove();
      expect([status, stdout]).toEqual([expected, results(host.file)]);
      if (message === "") expect(stderr).toBe("");
      else expect(stderr).toContain(message);
      expect(host.snapshot()).toEqual(before);
    });

    test("FET-90: no lock is taken or waited for", async () => {
      await using host = hostInUse();
      const command = [
        "flock",
        host.destination,
        ...program.command(["fetch", "--dry-run", host.file]),
      ];
      const child = Bun.spawn(command, { stdout: "pipe", stderr: "pipe" });
      expect(await child.exited).toBe(0);
      expect(await child.stderr.text()).toBe("");
    });

    test("FET-92, DST-5: a destination that does not exist is status 5, as in a run", async () => {
      await using host = createHost();
      host.publish(one);
      rmSync(host.destination, { recursive: true });
      const { status, stderr } = await program.run(["fetch", "--dry-run", host.file]);
      expect(status).toBe(5);
      expect(stderr).toContain(`${host.destination}: there is no such directory`);
    });

    test("FET-42, FET-82, FET-91: with --init, no restart, and no match is status 1", async () => {
      await using host = hostInUse();
      host.configure({ restart: "app.service", version: "1.1.*" });
      const words = ["fetch", "--init", "--dry-run", host.file];
      const { status, stdout } = await program.run(words);
      expect([status, stdout]).toEqual([
        0,
        `${host.file}: would download 1.1.0\n${host.file}: would activate 1.1.0\n`,
      ]);
      // The restart that is owed is none of this run's.
      host.configure({ restart: "app.service", version: "1.0.*" });
      host.install({ store: [], files: { ".owed": `${one.digest}\n` } });
      expect((await program.run(words)).stdout).toBe(`${host.file}: 1.0.0 is current\n`);
      host.configure({ version: "7" });
      expect((await program.run(words)).status).toBe(1);
    });
  });
}
