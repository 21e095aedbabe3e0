// The examples of systemd/examples/ as an admin takes them over, on a machine of their own: the commands in their
// comments are run, and only what a config leaves open is filled in.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { programs } from "../support/program.ts";
import { type Machine, startMachine } from "./machine.ts";
import { installUnits, shipped } from "./shipped.ts";

const systemd = needs("systemd", "mksquashfs");
/** Containers may have none of it: then the machine runs the image unpacked. */
const mountsImages =
  existsSync("/dev/loop-control") && readFileSync("/proc/filesystems", "utf8").includes("squashfs");

describe.skipIf(systemd.missing)("the examples, the binary", () => {
  let machine: Machine;

  beforeAll(async () => {
    // It is built when it is too old.
    expect(programs[1]?.name).toBe("binary");
    machine = await startMachine({ binary: join(import.meta.dir, "../../dist/tako") });
    await installUnits(machine);
    await machine.must("install", "-d", "/etc/tako", "/srv/build");
    for (const image of ["app", "site"])
      await machine.must(
        "install",
        "-d",
        "-m",
        "0755",
        "/var/lib/images",
        `/var/lib/images/${image}`,
      );
  }, 60_000);
  afterAll(() => machine?.stop());

  /** The commands in the comment of an example, those left out that begin with this word. */
  function commandsOf(example: string, except: string): string[] {
    const commands = Array.from(
      shipped(example).matchAll(/^# {3}(\S.*)$/gm),
      ([, each = ""]) => each,
    );
    return commands.filter((command) => !command.startsWith(`${except} `));
  }

  const shell = (script: string) => machine.must("sh", "-ec", `cd /srv/build\n${script}`);

  async function configure(image: string, publicKey: string): Promise<void> {
    const config = shipped(`examples/${image}.tako`)
      .replace("https://images.example.com/", "file:///srv/origin/")
      .replace(/^PublicKey=.*/m, `PublicKey=${publicKey}`)
      .replace(/^WatchSec=.*/m, "WatchSec=1s");
    await machine.write(`/etc/tako/${image}.tako`, config);
  }

  /** What a unit's processes wrote, once it is there. */
  async function wrote(unit: string, line: string): Promise<string> {
    let journal = "";
    for (const deadline = Date.now() + 10_000; Date.now() < deadline; await Bun.sleep(50)) {
      journal = await machine.must("journalctl", "-q", "-o", "cat", "-u", unit);
      if (journal.includes(`${line}\n`)) break;
    }
    return journal;
  }

  test.each(["app", "site"])(
    "%s.tako is refused until somebody has filled in the key",
    async (image) => {
      await machine.write(`/etc/tako/${image}.tako`, shipped(`examples/${image}.tako`));
      const { status, stderr } = await machine.run(["tako", "fetch", `/etc/tako/${image}.tako`]);
      expect([status, stderr]).toEqual([2, expect.stringContaining("invalid public key")]);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      await machine.must("rm", `/etc/tako/${image}.tako`);
    },
  );

  test("publish-app@.service publishes, app.service runs the image, and tako-fetch.service brings the next one", async () => {
    const prepare = commandsOf("examples/publish-app@.service", "systemctl").join("\n");
    const build = async (version: string) => {
      const script = `echo "version ${version}, user $(id -un)"; exec sleep infinity\n`;
      await machine.write("/srv/build/app.img", script);
    };
    const publish = async (version: string) => {
      await build(version);
      await machine.must("systemctl", "start", `publish-app@${version}.service`);
    };

    await build("1.0.0");
    await shell(prepare);
    await configure("app", (await shell("cat /etc/tako/secret.key.pub")).trim());
    await machine.must("useradd", "--system", "app");
    await machine.must("systemctl", "start", "app.service");
    expect(await wrote("app", "version 1.0.0, user app")).toContain("version 1.0.0, user app\n");

    await publish("1.1.0-rc.1");
    await machine.must("systemctl", "start", "tako-fetch@app.service");
    const next = "version 1.1.0-rc.1, user app";
    expect(await wrote("app", next)).toContain(`${next}\n`);
  });

  test("the key file of publish-app@.service stays one that only root reads", async () => {
    expect(await shell("stat -c '%U %a' /etc/tako/secret.key")).toBe("root 600\n");
    const asPublisher = ["runuser", "-u", "publisher", "--", "cat", "/etc/tako/secret.key"];
    expect((await machine.run(asPublisher)).status).toBe(1);
  });

  test("site.service runs in the squashfs that the commands of its comment make", async () => {
    // Two programs with their libraries stand for the distribution that mmdebstrap would download.
    await machine.write(
      "/srv/build/site",
      "#!/bin/sh\necho here is / of $(/bin/stat -f -c %T /)\nexec /bin/sleep infinity\n",
    );
    const publicKey = await shell(`
      mkdir -p tree/proc tree/sys tree/dev tree/run tree/tmp tree/var/tmp
      for file in /bin/sh /bin/sleep /bin/stat; do
        for each in $file $(ldd $file | grep -o '/[^ ]*'); do install -D $each tree$each; done
      done
      tako gen-key --output secret.key`);
    await configure("site", publicKey.trim());
    const commands = commandsOf("examples/site.service", "mmdebstrap");
    await shell(commands.join("\n"));

    const digest = "sha256sum site.squashfs";
    const before = await shell(digest);
    const make = commands.find((command) => command.startsWith("mksquashfs ")) ?? "";
    await shell(`find tree -exec touch {} +\n${make}`);
    expect(await shell(digest)).toBe(before);

    if (!mountsImages) {
      await shell("unsquashfs -no-progress -dest /srv/unpacked site.squashfs");
      const unpacked = "[Service]\nRootImage=\nRootDirectory=/srv/unpacked\n";
      await machine.write("/etc/systemd/system/site.service.d/test.conf", unpacked);
      await machine.must("systemctl", "daemon-reload");
    }
    await machine.must("systemctl", "start", "site.service");
    const line =
      `here is / of ${mountsImages ? "squashfs" : await shell("stat -f -c %T /srv")}`.trim();
    expect(await wrote("site", line)).toContain(`${line}\n`);
    expect(existsSync(machine.path("/var/lib/images/site/latest"))).toBe(true);
    await machine.must("systemctl", "stop", "site.service");
  });
});
