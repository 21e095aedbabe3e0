// --json: what a program that runs Tako reads.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { createHost } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { type Program, programs, withFasterClock } from "../support/program.ts";
import {
  bigImage,
  entry,
  type Image,
  image,
  key,
  manifestOf,
  secondKey,
  sha256sum,
  write,
} from "../support/publishing.ts";
import { Site } from "./site.ts";
import { cuttingOrigin } from "./slow-origins.ts";
import { fakeSystemctl } from "./systemctl.ts";
import { Watching } from "./watching.ts";

const nginx = needs("nginx");
const [one, two] = [image("1.0.0"), image("1.1.0")];
const big = bigImage("1.1.0", 100_000);

let site: Site;
beforeAll(async () => {
  if (!nginx.missing) site = await Site.start();
});
afterAll(() => site?.stop());

/** What tells a fleet that its hosts saw the same manifest. */
function signedOver(...images: readonly Image[]) {
  return { sha256: sha256sum(manifestOf(images)), signed_by: key.public };
}

/** Runs with --json. Every line of standard output is an object with an `event` (FET-95, FET-96). */
async function events(program: Program, ...words: string[]) {
  const systemctl = fakeSystemctl();
  const run = await program.run(["fetch", "--json", ...words], { env: systemctl.env });
  systemctl.remove();
  const { status, stdout, stderr } = run;
  expect(stdout).toEndWith("\n");
  expect(stdout).toMatch(/^[\x20-\x7e\n]*$/);
  const lines: Record<string, unknown>[] = stdout
    .slice(0, -1)
    .split("\n")
    .map((line) => JSON.parse(line));
  for (const line of lines) expect(line["event"]).toBeString();
  return { status, lines, stderr };
}

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("FET-95, FET-96, FET-97, FET-98: the events of a first install, a run without news and an update", async () => {
      await using host = createHost();
      const config = host.file;
      const url = (digest: string) => `file://${host.originDirectory}/store/${digest}`;
      const size = 19;
      const all = { size, by: "image", bytes: size };
      host.publish(one);
      host.configure({ Restart: "app.service" });
      const [first, second] = [
        { version: "1.0.0", sha256: one.digest },
        { version: "1.1.0", sha256: two.digest },
      ];
      const installed = await events(program, host.file);
      expect(installed).toEqual({
        status: 0,
        lines: [
          { event: "manifest", config, state: "new", versions: 1, ...signedOver(one) },
          { event: "download", config, version: "1.0.0", url: url(one.digest), offset: 0, ...all },
          { event: "downloaded", config, ...first, size, by: "image", received: 19 },
          { event: "activated", config, ...first, previous: null },
          { event: "restarted", config, units: ["app.service"] },
          { event: "result", config, outcome: "updated", ...first },
        ],
        stderr: "",
      });

      expect((await events(program, host.file)).lines).toEqual([
        { event: "manifest", config, state: "unchanged", versions: 1, ...signedOver(one) },
        { event: "result", config, outcome: "current", ...first },
      ]);

      host.publish(one, two);
      write(host.path(`store/${two.digest}.partial`), two.content.slice(0, 9));
      expect((await events(program, host.file)).lines).toEqual([
        { event: "manifest", config, state: "updated", versions: 2, ...signedOver(one, two) },
        { event: "download", config, version: "1.1.0", url: url(two.digest), offset: 9, ...all },
        { event: "downloaded", config, ...second, size, by: "image", received: 10 },
        { event: "activated", config, ...second, previous: one.digest },
        { event: "restarted", config, units: ["app.service"] },
        { event: "result", config, outcome: "updated", ...second },
      ]);
    });

    test("FET-97, FET-98: what a dry run would do, no match, and a repair", async () => {
      await using host = createHost();
      const config = host.file;
      host.publish(one, two);
      host.configure({ Restart: "app.service web.service" });
      expect((await events(program, "--dry-run", host.file)).lines).toEqual([
        {
          event: "would",
          config,
          action: "download",
          what: "1.1.0",
          size: 19,
          missing: 19,
          by: "image",
        },
        { event: "would", config, action: "activate", what: "1.1.0" },
        { event: "would", config, action: "restart", what: "app.service web.service" },
        { event: "result", config, outcome: "planned", version: "1.1.0", sha256: two.digest },
      ]);

      host.configure({ Version: "7.*" });
      expect((await events(program, host.file)).lines.at(-1)).toEqual({
        event: "result",
        config,
        outcome: "no-match",
        pattern: "7.*",
        offered: ["1.1.0", "1.0.0"],
      });

      host.configure();
      host.install({ published: [one, two], store: [two], latest: two });
      host.replace(`store/${two.digest}`, "damaged");
      expect((await events(program, host.file)).lines.slice(1, 2)).toEqual([
        { event: "damaged", config, version: "1.1.0", path: host.path(`store/${two.digest}`) },
      ]);
    });

    test("FET-97, FET-98: units that are left alone, an image on trial, and a host on hold", async () => {
      await using each = new Watching({ Restart: "app.service db.service web.service" });
      const config = each.host.file;
      const script = `echo ActiveState=inactive > $UNITS/db.service
        printf 'LoadState=masked\\nActiveState=inactive\\n' > $UNITS/web.service
        [ $1 != restart ] || echo ActiveState=activating > $UNITS/app.service`;
      const { status, stdout } = await each.run(program, script, "--json");
      expect(status).toBe(0);
      const lines = stdout.trimEnd().split("\n");
      const second = { version: "1.1.0", sha256: two.digest };
      expect(lines.slice(3).map((line) => JSON.parse(line))).toEqual([
        { event: "skipped", config, unit: "db.service", reason: "stopped" },
        { event: "skipped", config, unit: "web.service", reason: "masked" },
        { event: "activated", config, ...second, previous: one.digest },
        { event: "restarted", config, units: ["app.service"] },
        { event: "watching", config, units: ["app.service"], seconds: 1 },
        { event: "result", config, outcome: "unconfirmed", ...second },
      ]);

      await using held = new Watching();
      write(held.host.path(".hold"), `${one.digest}\n`);
      const kept = (await held.run(program, "", "--json")).stdout.trimEnd().split("\n").at(-1);
      expect(JSON.parse(kept ?? "")).toEqual({
        event: "result",
        config: held.host.file,
        outcome: "held",
        version: "1.0.0",
        sha256: one.digest,
      });
    });

    test("FET-97, ACT-17: a restart that takes its time", async () => {
      await using each = new Watching();
      const faster = withFasterClock({ waits: 1, limits: 20 });
      const { stdout } = await each.run(faster, "[ $1 != restart ] || sleep 2", "--json");
      const told = stdout.split("\n").filter((line) => line.includes('"starting"'));
      expect(told.map((line) => JSON.parse(line))).toEqual([
        {
          event: "starting",
          config: each.host.file,
          units: ["app.service"],
          limit_ms: 15 * 60_000,
        },
      ]);
    });

    test("FET-98, FET-99: errors are in the result, and on standard error", async () => {
      await using signature = createHost();
      signature.publish(one);
      signature.configure({ PublicKey: secondKey.public });
      await using history = createHost();
      history.publish(two);
      history.install({ published: [one], latest: one });
      await using config = createHost();
      write(config.file, "Origin=nonsense\n");
      await using fine = createHost();
      fine.publish(one);

      const files = [signature, history, config, fine].map(({ file }) => file);
      const { status, lines, stderr } = await events(program, ...files);
      expect(status).toBe(65);
      const results = lines.filter(({ event }) => event === "result");
      expect(results.map(({ config, outcome }) => [config, outcome]).toSorted()).toEqual(
        files.map((file) => [file, file === fine.file ? "updated" : "failed"]).toSorted(),
      );
      const errorsOf = (file: string) =>
        results.find((each) => each["config"] === file)?.["errors"];
      expect(errorsOf(signature.file)).toEqual([
        {
          kind: "signature",
          message: "the manifest is not signed by any of the given public keys",
          rule: "MAN-12",
          line: 5,
          source: `file://${signature.originDirectory}/manifest`,
          hint: `Compare the PublicKey= of ${signature.file} with the publisher's.`,
        },
      ]);
      expect(errorsOf(history.file)).toEqual([
        {
          kind: "history",
          message: `the manifest is not a continuation of the local one: "${entry(one)}" is missing`,
          rule: "FET-31",
          source: `file://${history.originDirectory}/manifest`,
          hint: expect.stringContaining("to start the history anew"),
        },
      ]);
      expect(errorsOf(config.file)).toContainEqual(
        expect.objectContaining({ kind: "config", line: 1, source: config.file }),
      );
      for (const file of files.slice(0, 3)) expect(stderr).toContain(`${file}:`);
      expect(stderr).not.toContain(fine.file);
    });

    test.skipIf(nginx.missing)("FET-97: gone images", async () => {
      await using host = createHost();
      const origin = site.origin(one, two);
      origin.retire(two);
      host.configure({ Origin: origin.url });
      const image = {
        config: host.file,
        version: "1.1.0",
        url: `${origin.url}/store/${two.digest}`,
      };
      expect((await events(program, host.file)).lines.slice(1, 3)).toEqual([
        { event: "download", ...image, size: 19, offset: 0, by: "image", bytes: 19 },
        { event: "gone", ...image },
      ]);
    });

    test("FET-97, ORG-52, ORG-55: further tries", async () => {
      await using host = createHost();
      await using origin = await cuttingOrigin(1, host.path(`store/${big.digest}.partial`), big);
      host.configure({ Origin: origin.url });
      const { lines } = await events(program, host.file);
      const [config, version, url] = [host.file, big.version, `${origin.url}/store/${big.digest}`];
      const whole = { size: 100_000, by: "image", bytes: 100_000 };
      const download = { event: "download", config, version, url, ...whole };
      expect(lines.slice(1, 4)).toEqual([
        { ...download, offset: 0 },
        {
          event: "retry",
          config,
          url,
          reason: "the connection was closed before the end of the answer",
          delay_ms: expect.any(Number),
        },
        { ...download, offset: 50_000 },
      ]);
      // About a second.
      expect(lines[2]?.["delay_ms"]).toBeGreaterThanOrEqual(750);
      expect(lines[2]?.["delay_ms"]).toBeLessThanOrEqual(1250);
    });

    test("FET-97: warnings and waiting", async () => {
      await using host = createHost();
      host.publish(one);
      chmodSync(host.destination, 0o777);
      // The lock is another's for as long as nobody has been told that it is waited for.
      const holder = Bun.spawn(
        ["flock", host.path(".lock"), "sh", "-c", "echo locked; read told"],
        {
          stdin: "pipe",
          stdout: "pipe",
        },
      );
      await holder.stdout.getReader().read();
      const child = Bun.spawn(program.command(["fetch", "--json", host.file]), { stdout: "pipe" });
      const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const { value: waiting = "" } = await lines.read();
      const [config, directory] = [host.file, host.destination];
      expect(JSON.parse(waiting)).toEqual({ event: "waiting", config, directory });
      await holder.stdin.end();
      let rest = "";
      for (let part = await lines.read(); !part.done; part = await lines.read()) rest += part.value;
      const message = `${directory} can be written by its group or by others`;
      const events = rest
        .slice(0, -1)
        .split("\n")
        .map((line) => JSON.parse(line));
      if (process.getuid?.() === 0)
        expect(events[0]).toEqual({ event: "warning", config, message });
      expect(events.at(-1)).toMatchObject({ event: "result", outcome: "updated" });
      expect([await child.exited, await holder.exited]).toEqual([0, 1]);
    });

    test("CLI-24, FET-95: what an origin sends cannot steer a terminal or break a line", async () => {
      await using host = createHost();
      host.publish(one);
      write(join(host.originDirectory, "manifest"), "Tako Manifest \x1b[2J\r\x9b\n\n");
      const { status, lines, stderr } = await events(program, host.file);
      expect(status).toBe(65);
      expect(lines.length).toBe(1);
      expect(stderr).toMatch(/^[\x20-\x7e\n]*$/);
    });
  });
}
