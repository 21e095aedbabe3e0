// Several configs in one run: directories of them, wrong ones, ones with the same destination, how many
// at a time, and whose exit status counts.

import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, linkSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { entry, type Image, image, manifestOf, secondKey, write } from "../support/publishing.ts";
import { fakeSystemctl } from "./systemctl.ts";

const [one, two] = [image("1.0.0"), image("1.1.0")];
const installed = stateOf({ published: [one], latest: one });

function hostWith(...images: readonly Image[]): Host {
  const host = createHost();
  host.publish(...images);
  return host;
}

/** Hosts whose runs end with each of the statuses. */
const ending: Readonly<Record<number, () => Host>> = {
  0: () => hostWith(one),
  1: () => {
    // Only --init has it: nothing matches.
    const host = hostWith(one);
    host.configure({ Version: "7" });
    return host;
  },
  2: () => {
    const host = hostWith(one);
    write(host.file, "Origin=nonsense\n");
    return host;
  },
  65: () => {
    const host = hostWith(one);
    host.configure({ PublicKey: secondKey.public });
    return host;
  },
  69: () => {
    const host = hostWith(one);
    rmSync(host.originDirectory, { recursive: true });
    return host;
  },
  74: () => {
    const host = hostWith(one);
    rmSync(host.destination, { recursive: true });
    return host;
  },
  70: () => {
    const host = hostWith(one);
    host.configure({ Restart: "app.service" });
    return host;
  },
};

const failing = fakeSystemctl("exit 1");
afterAll(() => failing.remove());

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("FET-1: a directory means every *.tako file in it, sorted by name", async () => {
      await using stack = new AsyncDisposableStack();
      await using folder = createHost();
      const hosts = ["b", "a", "B", "c"].map((name) => {
        const host = stack.use(hostWith(one));
        // A link to a config is a config, wherever it is.
        symlinkSync(host.file, join(folder.folder, `${name}.tako`));
        return { name, host };
      });
      rmSync(folder.file);
      for (const name of ["d.tako.bak", "e.conf", "tako", ".#a.tako", ".f.tako"])
        write(join(folder.folder, name), "nonsense\n");
      mkdirSync(join(folder.folder, "sub"));
      write(join(folder.folder, "sub", "g.tako"), "nonsense\n");

      const words = ["fetch", "--jobs=1", folder.folder];
      const { status, stdout } = await program.run(words);
      expect(status).toBe(0);
      const expected = ["B", "a", "b", "c"].map((name) => join(folder.folder, `${name}.tako`));
      expect(stdout).toBe(expected.map((file) => `${file}: updated to 1.0.0\n`).join(""));
      for (const { host } of hosts) expect(host.state()).toEqual(installed);
    });

    test("FET-16: a config of a directory that links to /dev/null is masked; alone, there is nothing to do", async () => {
      using host = hostWith(one);
      mkdirSync(host.at("configs"));
      symlinkSync("/dev/null", host.at("configs", "off.tako"));
      const alone = await program.run(["fetch", host.at("configs")]);
      expect([alone.status, alone.stdout, alone.stderr]).toEqual([0, "", ""]);
      symlinkSync(host.file, host.at("configs", "on.tako"));
      const { status, stdout } = await program.run(["fetch", host.at("configs")]);
      expect([status, stdout]).toEqual([0, `${host.at("configs", "on.tako")}: updated to 1.0.0\n`]);
      // An empty file is no mask, and neither is one that is named by hand.
      write(host.at("configs", "off2.tako"), "");
      expect((await program.run(["fetch", host.at("configs")])).status).toBe(2);
      expect((await program.run(["fetch", host.at("configs", "off.tako")])).status).toBe(2);
    });

    test.skipIf(process.getuid?.() !== 0)(
      "FET-18: as root, a config that others can write, or its directory, gets a warning, and the run goes on",
      async () => {
        for (const [change, expected] of [
          [() => {}, []],
          [
            (host: Host) => chmodSync(host.file, 0o664),
            ["app.tako: warning: it can be written by its group"],
          ],
          [
            (host: Host) => chownSync(host.file, 65534, 0),
            ["app.tako: warning: it belongs to another user (uid 65534)"],
          ],
          [(host: Host) => chmodSync(host.folder, 0o757), ["can be written by its group"]],
          [(host: Host) => chmodSync(host.folder, 0o1777), []],
        ] as const) {
          using host = hostWith(one);
          change(host);
          const { status, stderr } = await program.run(["fetch", host.file]);
          const told = stderr
            .split("\n")
            .filter((line) => line.includes("who can change the config"));
          expect([status, told.length]).toEqual([0, expected.length]);
          for (const [index, text] of expected.entries()) expect(told[index]).toContain(text);
        }
      },
    );

    test("FET-18: a password that others can read gets a warning that does not show it", async () => {
      for (const [mode, origin, expected] of [
        [0o644, "http://user:geheim@127.0.0.1:1", true],
        [0o640, "http://user:geheim@127.0.0.1:1", false],
        [0o644, "http://user@127.0.0.1:1", false],
      ] as const) {
        using host = hostWith(one);
        host.configure({ Origin: origin, Version: "1" });
        host.install({ published: [one], latest: one });
        chmodSync(host.file, mode);
        const { stderr } = await program.run(["fetch", "--init", host.file]);
        expect(
          stderr.includes("app.tako: warning: it has a password, and every user can read it"),
        ).toBe(expected);
        expect(stderr).not.toContain("geheim");
      }
    });

    test("FET-17: a pipe is a config, from the shell or a FIFO; one in a directory is not waited for", async () => {
      using host = hostWith(one);
      const words = program.command(["fetch"]);
      const shell = async (script: string) => {
        const child = Bun.spawn(["bash", "-c", script, host.file, ...words], {
          stdout: "pipe",
          stderr: "pipe",
          timeout: 20_000,
        });
        return [await child.stdout.text(), await child.exited];
      };
      const [substituted, first] = await shell('"$@" <(cat "$0")');
      expect(substituted).toMatch(/^\/dev\/fd\/\d+: updated to 1\.0\.0\n$/);
      expect(first).toBe(0);
      expect(await shell('cat "$0" | "$@" /dev/stdin')).toEqual([
        "/dev/stdin: 1.0.0 is current\n",
        0,
      ]);
      mkdirSync(host.at("configs"));
      const fifo = host.at("configs", "a.tako");
      Bun.spawnSync(["mkfifo", fifo]);
      const { status, stderr } = await program.run(["fetch", host.at("configs")]);
      expect([status, stderr]).toEqual([2, `tako: ${fifo}: it is not a regular file\n`]);
      expect(await shell(`cat "$0" > ${fifo} & "$@" ${fifo}`)).toEqual([
        `${fifo}: 1.0.0 is current\n`,
        0,
      ]);
      // What is neither gets advice on configs, not on files of Tako's own.
      for (const device of ["/dev/zero", "/dev/null"]) {
        const refused = await program.run(["fetch", device]);
        expect([refused.status, refused.stderr]).toEqual([
          2,
          `tako: ${device}: it is not a regular file\n  A CONFIG is a file, a pipe, or a directory with *.tako files.\n`,
        ]);
      }
      // CFG-34 holds for a pipe, too.
      const [, endless] = await shell('"$@" <(yes)');
      expect(endless).toBe(2);
    });

    test("FET-2: a directory without any *.tako is status 2, and the other configs run", async () => {
      await using host = hostWith(one);
      const empty = join(host.folder, "empty");
      mkdirSync(empty);
      write(join(empty, "app.conf"), "");
      const { status, stderr } = await program.run(["fetch", empty, host.file]);
      expect(status).toBe(2);
      expect(stderr).toContain(`tako: ${empty}: there is no *.tako file in this directory\n`);
      expect(host.state()).toEqual(installed);
    });

    test("FET-4, FET-5: wrong, missing and unreadable configs are status 2, all are told, and the others run", async () => {
      await using host = hostWith(one);
      const path = (name: string) => join(host.folder, name);
      write(path("wrong.tako"), "Origin=nonsense\nVersion=\nDestinaton=/x\n");
      mkdirSync(path("directory.tako"));
      write(path("directory.tako/inner.tako"), "Origin\n");
      write(path("large.tako"), "#".repeat(2 ** 21));
      const names = ["wrong.tako", "missing.tako", "directory.tako", "large.tako"];
      const { status, stdout, stderr } = await program.run(
        ["fetch", ...names.slice(0, 2), host.file, ...names.slice(2)],
        { cwd: host.folder },
      );
      expect(status).toBe(2);
      expect(stdout).toBe(`${host.file}: updated to 1.0.0\n`);
      for (const place of [
        "wrong.tako:1: ",
        "wrong.tako:2: ",
        "wrong.tako:3: ",
        "missing.tako: ",
        "directory.tako/inner.tako:1: ",
        "large.tako: ",
      ])
        expect(stderr).toMatch(new RegExp(`^(tako: )?${place}`, "m"));
      expect(host.state()).toEqual(installed);
    });

    test("FET-6: configs with the same destination are both refused, and it stays untouched", async () => {
      await using host = hostWith(one);
      await using other = hostWith(one);
      await using apart = hostWith(one);
      symlinkSync(host.destination, join(other.folder, "link"));
      other.configure({ Destination: join(other.folder, "link") });
      const before = [host.snapshot(), other.snapshot()];
      const { status, stderr } = await program.run(["fetch", host.file, other.file, apart.file]);
      expect(status).toBe(2);
      expect(stderr).toContain(
        `tako: ${host.file}: its destination ${host.destination} is also that of ${other.file}\n`,
      );
      expect(stderr).toContain(
        `tako: ${other.file}: its destination ${other.folder}/link is also that of ${host.file}\n`,
      );
      expect([host.snapshot(), other.snapshot()]).toEqual(before);
      expect(apart.state()).toEqual(installed);
    });

    test("FET-7, FET-75: an earlier failure and a failed restart are both told, and the worse counts", async () => {
      await using host = hostWith(two);
      host.configure({ Restart: "app.service" });
      const owed = `${one.digest}\n`;
      host.install({ published: [one], latest: one, files: { ".owed": owed } });
      const { status, stderr } = await program.run(["fetch", host.file], {
        env: failing.env,
      });
      expect(status).toBe(65);
      expect(stderr).toContain(`"${entry(one)}" is missing`);
      expect(stderr).toContain("systemctl could not restart app.service");
      expect(host.state()).toEqual(
        stateOf({ published: [one], latest: one, files: { ".owed": owed } }),
      );
    });
  });
}

test("FET-7: the worst status counts: 65, 70, 74, 1, 2, 69, 0", async () => {
  const sources = programs[0]!;
  const order = [65, 70, 74, 2, 69, 0];
  await Promise.all(
    order.map(async (worst, index) => {
      await using stack = new AsyncDisposableStack();
      const rest = order.slice(index).toReversed();
      const hosts = rest.map((status) => stack.use(ending[status]?.() ?? createHost()));
      const { status } = await sources.run(["fetch", ...hosts.map(({ file }) => file)], {
        env: failing.env,
      });
      expect({ rest, status }).toEqual({ rest, status: worst });
    }),
  );
  // 1 and 70 exclude each other: the one needs --init, and the other comes only without.
  for (const [rest, worst] of [
    [[1, 2, 69, 0], 1],
    [[0, 1, 74], 74],
  ] as const) {
    await using stack = new AsyncDisposableStack();
    const hosts = rest.map((status) => stack.use(ending[status]?.() ?? createHost()));
    const words = ["fetch", "--init", ...hosts.map(({ file }) => file)];
    expect((await sources.run(words)).status).toBe(worst);
  }
});

test("FET-3: eight configs at a time, or as many as --jobs says", async () => {
  for (const [jobs, expected] of [
    [[], 8],
    [["--jobs", "3"], 3],
  ] as const) {
    let [open, most] = [0, 0];
    const manifest = Buffer.from(manifestOf([one]));
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch() {
        open += 1;
        most = Math.max(most, open);
        // More would come by now if more came.
        while (most < expected) await Bun.sleep(10);
        await Bun.sleep(100);
        open -= 1;
        return new Response(manifest);
      },
    });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => server.stop(true));
    const hosts = Array.from({ length: 12 }, () => stack.use(createHost()));
    for (const host of hosts) {
      host.configure({ Origin: `http://127.0.0.1:${server.port}` });
      host.install({ published: [one], latest: one });
    }
    const [sources] = programs;
    const words = ["fetch", ...jobs, ...hosts.map(({ file }) => file)];
    expect((await sources?.run(words))?.status).toBe(0);
    expect(most).toBe(expected);
  }
});

const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
const canBeNobody = Bun.spawnSync([...asNobody, process.execPath, "--version"], {
  stdio: ["ignore", "ignore", "ignore"],
}).success;

async function runAsNobody(...words: string[]) {
  // The sources alone: the way in which the binary is started needs root.
  const command = programs[0]?.command(["fetch", ...words]) ?? [];
  const child = Bun.spawn([...asNobody, ...command], { stdout: "ignore", stderr: "pipe" });
  return { stderr: await child.stderr.text(), status: await child.exited };
}

test.skipIf(!canBeNobody)(
  "FET-102: a user who may not take the lock can start a unit from an image with a second name",
  async () => {
    await using host = hostWith(one);
    host.install({ published: [one], latest: one });
    linkSync(host.path(`store/${one.digest}`), host.at("second"));
    chmodSync(host.folder, 0o755);
    const before = host.snapshot();
    const { status, stderr } = await runAsNobody("--init", host.file);
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining("it stays in use, since no better"),
    ]);
    expect(host.snapshot()).toEqual(before);
  },
);

test.skipIf(!canBeNobody)(
  "FET-4, DST-5, DST-28: destinations that this user may not look into or write to are status 74 for themselves",
  async () => {
    await using closed = hostWith(one);
    const inner = join(closed.folder, "closed");
    mkdirSync(join(inner, "app"), { recursive: true });
    chmodSync(inner, 0o700);
    closed.configure({ Destination: join(inner, "app") });
    await using foreign = hostWith(one, two);
    foreign.install({ published: [one], latest: one });
    await using own = hostWith(one);
    for (const path of [own.destination, own.path(".lock")]) chownSync(path, 65534, 65534);
    for (const { folder } of [closed, foreign, own]) chmodSync(folder, 0o755);
    const before = foreign.snapshot();

    const files = [closed, foreign, own].map(({ file }) => file);
    const planned = await runAsNobody("--dry-run", ...files);
    expect(planned.status).toBe(74);
    expect(planned.stderr).toContain(`${inner}/app: cannot open it: permission denied`);

    const { status, stderr } = await runAsNobody(...files);
    expect(status).toBe(74);
    expect(stderr).toContain(`${inner}/app: cannot open it: permission denied`);
    // DST-57: named, and not only refused.
    expect(stderr).toContain(
      `${foreign.path(".lock")}: it belongs to another user (uid 0; this run has uid 65534), whose runs`,
    );
    expect(foreign.snapshot()).toEqual(before);
    expect(own.state()).toEqual(installed);
  },
);
