// tako verify on a machine with a real systemd, in the sandbox of the service that ships: its threads start there, too.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { programs } from "../support/program.ts";
import { bigImage, key, manifestOf } from "../support/publishing.ts";
import { type Machine, startMachine } from "./machine.ts";
import { shipped } from "./shipped.ts";

const systemd = needs("systemd");
const root = join(import.meta.dir, "../..");

describe.skipIf(systemd.missing)("a machine with systemd, the binary", () => {
  let machine: Machine;
  beforeAll(async () => {
    // It is built when it is too old.
    expect(programs[1]?.name).toBe("binary");
    machine = await startMachine({ binary: join(root, "dist/tako") });
  });
  afterAll(() => machine?.stop());

  test("VFY-8, VFY-10: in a sandbox, with a limit on tasks, a damaged image is found among several", async () => {
    const images = ["1.0", "2.0", "3.0"].map((version) => bigImage(version, 6_000_000));
    const store = "/var/lib/images/app/store";
    for (const { digest, content } of images) {
      await machine.write(`${store}/${digest}`, content, 0o444);
    }
    await machine.write("/var/lib/images/app/manifest", manifestOf(images), 0o444);
    const config = [
      "Origin=https://images.example.com/app",
      `PublicKey=${key.public}`,
      "Destination=/var/lib/images/app",
      "Version=*",
    ];
    await machine.write("/etc/tako/app.tako", `${config.join("\n")}\n`);
    const service = shipped("tako-fetch.service").replace(
      /^ExecStart=.*$/m,
      "ExecStart=tako verify",
    );
    const start = async (...settings: readonly string[]) => {
      const more = settings.map((setting) => `${setting}\n`).join("");
      await machine.write("/etc/systemd/system/tako-verify.service", `${service}\n${more}`);
      await machine.must("systemctl", "daemon-reload");
      await machine.run(["systemctl", "start", "tako-verify.service"]);
      const status = await machine.must(
        ...["systemctl", "show", "--property=ExecMainStatus", "--value", "tako-verify.service"],
      );
      return Number(status);
    };
    expect(await start()).toBe(0);
    expect(await start("TasksMax=20")).toBe(0);
    const [, , last] = images;
    await machine.write(`${store}/${last!.digest}`, last!.content.replace("1", "2"), 0o444);
    expect(await start()).toBe(74);
    const log = await machine.must("journalctl", "-u", "tako-verify.service", "-o", "cat");
    expect(log).toContain("/etc/tako/app.tako: 3 images, 18.0 MB, whole; none is in use");
    expect(log).toContain(`${last!.digest}: the image of 3.0 is damaged`);
  });
});
