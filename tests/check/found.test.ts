// What `tako check` finds, in this very process, on a systemd that says what a test tells it (spec/check.md). The same by
// the program is in check.test.ts.

import { expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { checkAll } from "../../src/commands/check/check.ts";
import { shippedUnits } from "../../src/commands/check/surroundings.ts";
import { Bench } from "../fetch/bench.ts";
import { image, manifestOf, secondKey } from "../support/publishing.ts";
import { seen, warningsOf } from "../support/told.ts";

async function check(bench: Bench, ...paths: readonly string[]) {
  const results = await checkAll(paths.length === 0 ? [bench.host.file] : paths, bench.effects);
  return {
    files: results.map(({ config }) => config),
    errors: results.map(({ errors }) => errors.map((error) => [seen(error), error.problems])),
    warnings: results.flatMap(({ warnings }) =>
      warnings.map(({ line, key, message }) => [line, key, message]),
    ),
    told: warningsOf(bench.events),
    asked: bench.calls.map(({ words }) => words),
  };
}

test("CHK-17: each unit that cannot be used, by the line that names it; of a template both instances", async () => {
  using bench = new Bench({
    ...{ Slots: "a b", Restart: "app@.service", WatchSec: "1s", Check: "ask.service" },
    ...{ OnUpdate: "up.service", OnRollback: "back.service" },
  });
  const load = (state: string) => `LoadState=${state}\nActiveState=inactive`;
  bench.units = {
    "app@b.service": load("not-found"),
    "ask.service": load("masked"),
    "up.service": load("bad-setting"),
    "back.service": load("error"),
  };
  const { warnings, told, errors } = await check(bench);
  expect([told, errors]).toEqual([[], [[]]]);
  expect(warnings).toEqual([
    [6, "Restart", "app@b.service: systemd knows no unit of this name"],
    [8, "Check", "ask.service: it is masked, so nothing starts it"],
    [9, "OnUpdate", "up.service: systemd refuses its file: systemctl status tells why"],
    [10, "OnRollback", "back.service: systemd cannot read its file: systemctl status tells why"],
  ]);
});

test("CHK-16: the service that this runs in, and what keeps it from the destination; links are followed", async () => {
  using bench = new Bench();
  bench.ownUnits = ["user.slice", "old.service", "own.service", "x.scope"];
  const path = bench.host.destination;
  const asked = () => bench.calls.splice(0).map(({ words }) => words);
  bench.units = { "own.service": "LoadState=loaded\nProtectSystem=strict" };
  const message = `own.service cannot write to ${path} (ProtectSystem=strict): add ReadWritePaths= to it`;
  expect((await check(bench)).warnings).toEqual([[3, "Destination", message]]);
  const [question, ...more] = asked();
  expect([question, more]).toEqual([expect.stringMatching(/^show .*-- own\.service$/), []]);
  symlinkSync(path, bench.host.at("link"));
  bench.host.configure({ Destination: bench.host.at("link") });
  expect((await check(bench)).warnings).toEqual([[3, "Destination", message]]);
  bench.units = { "own.service": `LoadState=loaded\nProtectSystem=strict\nReadWritePaths=${path}` };
  expect((await check(bench)).warnings).toEqual([]);
  bench.units = { "own.service": "LoadState=not-found\nProtectSystem=strict" };
  expect((await check(bench)).warnings).toEqual([]);
});

test("CHK-18: a systemd that does not answer, told once; without a unit it is not asked", async () => {
  const message =
    "systemd does not answer here: units, and what they may write to, were not checked";
  using bench = new Bench({ Restart: "app.service" });
  bench.host.config("b", { Restart: "b.service" });
  bench.answers = () => false;
  expect((await check(bench, bench.host.folder)).told).toEqual([message]);
  using other = new Bench();
  other.answers = () => false;
  expect(await check(other)).toMatchObject({ told: [], asked: [], warnings: [] });
  other.ownUnits = ["own.service"];
  expect((await check(other)).told).toEqual([message]);
});

test("CHK-3, CHK-5, CHK-19: what two configs have in common, each by its line", async () => {
  using bench = new Bench({ Restart: ["app.service", "web.service"] });
  const { host } = bench;
  host.config("b", { Reload: "web", Restart: "own.service" });
  host.config("c", { OnUpdate: "app", Check: "own", Restart: "c.service", WatchSec: "1s" });
  const files = ["app", "b", "c"].map((name) => host.at(`${name}.tako`));
  const units = await check(bench, host.folder);
  expect(units.files).toEqual(files);
  expect(units.errors).toEqual([[], [], []]);
  expect(units.warnings).toEqual([
    [6, "Restart", `web.service is also a unit of ${files[1]}: both change together`],
    [5, "Reload", `web.service is also a unit of ${files[0]}: both change together`],
  ]);
  host.config("b", { Destination: host.destination });
  const shared = await check(bench, ...files.slice(0, 2));
  const wrong = (of: number, other: number) => {
    const message = `its destination ${host.destination} is also that of ${files[other]}`;
    const problem = { line: 3, key: "Destination", message, rule: "FET-6" };
    return [[{ kind: "config", source: files[of], message }, [problem]]];
  };
  expect(shared.errors).toEqual([wrong(0, 1), wrong(1, 0)]);
});

test("CHK-10 to CHK-15, CHK-20: doubts about a config, in the order of the lines", async () => {
  using bench = new Bench({ Version: "3.*", WatchSec: "1s" });
  const { host } = bench;
  host.install({ published: [image("1.0.0"), image("2.0.0")] });
  const newest = "no version that this host knows matches; the newest of them: 2.0.0, 1.0.0";
  const unwatched = [5, "WatchSec", "without Restart= and Reload= there is no unit to watch"];
  expect((await check(bench)).warnings).toEqual([[4, "Version", newest], unwatched]);
  // What is wrong with a manifest is for tako verify, and so is who signed it.
  host.replace("manifest", manifestOf([image("1.0.0")], secondKey));
  expect((await check(bench)).warnings).toEqual([
    [4, "Version", expect.stringContaining("1.0.0")],
    unwatched,
  ]);
  host.replace("manifest", "x");
  expect((await check(bench)).warnings).toEqual([unwatched]);
  rmSync(host.path("manifest"));
  expect((await check(bench)).warnings).toEqual([unwatched]);
  rmSync(host.destination, { recursive: true });
  const destination = (message: string) => [3, "Destination", `${message}`];
  expect((await check(bench)).warnings).toEqual([
    destination(`there is no ${host.destination}, and tako makes none`),
    unwatched,
  ]);
  writeFileSync(host.destination, "");
  expect((await check(bench)).warnings).toEqual([
    destination(`${host.destination} is not a directory`),
    unwatched,
  ]);
  rmSync(host.destination);
  mkdirSync(host.destination);
  const gone = await check(bench, host.at("gone.tako"), host.file);
  expect(gone.errors[0]).toMatchObject([[{ kind: "config", source: host.at("gone.tako") }, []]]);
  expect(gone.warnings).toEqual([unwatched]);
});

test.each<[string, readonly string[]]>([
  ["/etc/tako/web.tako", ["tako-fetch.service", "tako-fetch@web.service"]],
  ["/etc/tako/a web.tako", ["tako-fetch.service"]],
  ["/etc/tako/web.conf", ["tako-fetch.service"]],
  ["/srv/tako/web.tako", []],
])("CHK-16: the units that ship and run tako for %s", (file, units) => {
  expect(shippedUnits(file)).toEqual(units);
});
