// docs/how-to/update-tako.md, word for word: a machine with the Debian package, where each command of the page runs in turn and
// prints what the page says, but for keys, digests and sizes. The origin's URL and the public key are filled in.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import { type NginxServer, serveWithNginx } from "../support/nginx.ts";
import type { Machine } from "../systemd/machine.ts";
import { bareMachine, makeDeb } from "./deb.ts";

const repository = join(import.meta.dir, "../..");
const page = readFileSync(join(repository, "docs/how-to/update-tako.md"), "utf8");
const URL_OF_PAGE = "https://images.example.com";
const KEY_OF_PAGE = /^ {4}\$ tako gen-key .*\n {4}(\S+)$/m.exec(page)?.[1] ?? "";

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The commands below a heading, with what the page says that they print. */
function stepsOf(heading: string): Step[] {
  const section = page.split(/^## /m).find((each) => each.startsWith(`${heading}\n`)) ?? "";
  const lines = (section.match(/^ {4}.*$/gm) ?? []).map((line) => line.slice(4));
  const steps: Step[] = [];
  for (const line of lines) {
    if (line.startsWith("$ ")) steps.push({ command: line.slice(2), output: "" });
    else {
      const last = steps.pop();
      if (last === undefined) throw new Error(`${heading}: an output without a command: ${line}`);
      steps.push({ ...last, output: `${last.output}${line}\n` });
    }
  }
  return steps;
}

/** What no two runs have alike is masked, and what only a slow machine says is left out. */
const masked = (text: string) =>
  text
    .replaceAll(/^tako: (\S+: )?(reading|verifying) .*\n/gm, "")
    .replaceAll(/\b[0-9a-f]{64}\b/g, "DIGEST")
    .replaceAll(/^[A-Za-z0-9+/]{43}=$/gm, "KEY")
    .replaceAll(/ *\b[\d.]+ MB\b/g, " SIZE")
    .replaceAll(/ *\b\d+ (s|min) ago\b/g, " AGE");

describe.skipIf(needs("systemd", "nginx", "dpkg-gencontrol").missing)(
  "docs/how-to/update-tako.md",
  () => {
    let folder: string;
    let machine: Machine;
    let server: NginxServer;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "tako-guide-"));
      const deb = makeDeb(folder);
      for (const name of ["origin", "dist"]) mkdirSync(join(folder, name));
      for (const name of ["tako", "tako-arm64"])
        copyFileSync(join(repository, "dist/tako"), join(folder, "dist", name));
      server = await serveWithNginx(join(folder, "origin"));
      const origin = { [join(folder, "origin")]: "/srv/origin" };
      const bind = { ...origin, [deb]: "/mnt/tako.deb", [join(folder, "dist")]: "/srv/tako/dist" };
      machine = await bareMachine("/", bind);
      await machine.must("dpkg", "--install", "/mnt/tako.deb");
    }, 120_000);
    afterAll(async () => {
      await machine?.stop();
      await server?.stop();
      rmSync(folder, { recursive: true });
    });

    /** Writes into the program at an offset; appends without one. */
    function patch(name: string, bytes: string, offset?: number): void {
      const file = openSync(join(folder, "dist", name), offset === undefined ? "a" : "r+");
      writeSync(file, Buffer.from(bytes, "latin1"), 0, bytes.length, offset);
      closeSync(file);
    }

    async function follow(heading: string): Promise<void> {
      const steps = stepsOf(heading);
      expect(steps.length).toBeGreaterThan(0);
      for (const { command, output } of steps) {
        let filled = command.replaceAll(URL_OF_PAGE, server.url);
        if (filled.includes(KEY_OF_PAGE)) {
          const publicKey = await machine.must("cat", "/srv/tako/tako.key.pub");
          filled = filled.replaceAll(KEY_OF_PAGE, publicKey.trim());
        }
        const { stdout } = await machine.run(["sh", "-c", `cd /srv/tako; exec 2>&1; ${filled}`]);
        expect([command, masked(stdout)]).toEqual([command, masked(output)]);
      }
    }

    /** Whether the program that hosts run is this one of the build server. */
    const runs = async (name: string) =>
      (await machine.run(["cmp", "/usr/local/bin/tako", `/srv/tako/dist/${name}`])).status === 0;

    test("the first version", async () => {
      await follow("Publish it");
      await follow("Set up a host");
      expect(await runs("tako")).toBe(true);
    }, 120_000);

    test("a new version is taken, and is what tako-fetch.service runs", async () => {
      patch("tako", "\n");
      expect(await runs("tako")).toBe(false);
      await follow("A new version");
      expect(await runs("tako")).toBe(true);
      await machine.must("systemctl", "start", "tako-fetch.service");
      const started = await machine.must("systemctl", "show", "-P", "ExecMainStatus", "tako-fetch");
      expect(started).toBe("0\n");
    }, 120_000);

    test("one that does not start is refused, and never gets the name", async () => {
      patch("tako-arm64", "\xff\xff", 18); // e_machine of the ELF header, which no kernel knows
      await follow("One that does not work");
      expect(await runs("tako")).toBe(true);
      expect(await machine.must("ls", "-A", "/usr/local/bin")).not.toContain(".tako.new");
    }, 120_000);

    test("the next version is taken; if it cannot even go back, the package's does it", async () => {
      patch("tako", "\n");
      const words = ["-f", "/srv/tako/tako.key", "-o", "/srv/origin/tako"];
      await machine.must("tako", "store", ...words, "/srv/tako/dist/tako", "0.2.2");
      expect(await machine.must("tako", "fetch", "tako")).toContain("updated to 0.2.2\n");
      expect(await runs("tako")).toBe(true);

      await machine.must("cp", "/srv/tako/dist/tako-arm64", "/usr/local/bin/broken");
      await machine.must("mv", "/usr/local/bin/broken", "/usr/local/bin/tako");
      expect((await machine.run(["/usr/local/bin/tako", "--version"])).status).not.toBe(0);
      const goBack = ["/usr/bin/tako", "rollback", "tako"];
      expect(page).toContain(`\`${goBack.join(" ")}\``);
      expect(await machine.must(...goBack)).toContain("held on 0.2.0\n");
      expect((await machine.run(["/usr/local/bin/tako", "--version"])).status).toBe(0);
    }, 120_000);

    test("going back by hand", async () => {
      await follow("Go back by hand");
      expect(await runs("tako")).toBe(false);
    }, 120_000);

    test("without it, the units run the package's", async () => {
      await machine.must("mv", "/usr/local/bin/tako", "/usr/local/bin/tako.away");
      await machine.must("systemctl", "start", "tako-fetch.service");
      await machine.must("mv", "/usr/local/bin/tako.away", "/usr/local/bin/tako");
    }, 120_000);

    test("giving it up", async () => {
      await machine.must("cp", "/var/lib/images/tako/latest", "/usr/local/bin/tako");
      await follow("Give it up");
    }, 120_000);
  },
);
