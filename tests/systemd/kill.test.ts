// kill -9 of a run before, during and after each call of systemctl and journalctl that it makes, in an activation and on
// a way back: the next run ends as if nothing had been, and the one after that changes nothing (spec/activation.md).

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { needs } from "../support/needs.ts";
import { type App, type Apps, startApps } from "./apps.ts";

const systemd = needs("systemd");

/** `nth` counts the calls of the same word, from 1. */
interface Moment {
  readonly when: "before" | "during" | "after";
  readonly word: string;
  readonly nth: number;
}

/** Kills the caller at the call that $KILL_AT names, and no other that finds $KILL_COUNTS. */
const WRAPPER = `#!/bin/sh
program=/usr/bin/$(basename $0)
[ -n "$KILL_AT" ] || exec $program "$@"
case $0 in *journalctl) word=journalctl;; *) word=$1;; esac
nth=$(($(cat $KILL_COUNTS.$word 2> /dev/null || echo 0) + 1))
echo $nth > $KILL_COUNTS.$word
case $KILL_AT in
  "before $word $nth") kill -9 $PPID; exit 1;;
  "during $word $nth") (sleep 0.2; kill -9 $PPID) & exec $program "$@";;
  "after $word $nth") $program "$@"; kill -9 $PPID; exit 1;;
esac
exec $program "$@"
`;

/** A start of this type has failed, or not, when it is over, so that the calls of a run are always the same. */
const FORKING = (name: string) => `[Service]
Type=forking
ExecStart=/bin/sh /srv/${name}/latest
`;
/** A working image, which notes that it was started. */
const works = (version: string) =>
  `echo ${version} >> $(dirname $0)/starts; sleep 0.3; sleep infinity & exit 0`;
const broken = (version: string) => `echo ${version} >> $(dirname $0)/starts; sleep 0.3; exit 1`;

/** Before and after each of these calls, in this order. */
function around(...words: readonly string[]): readonly Moment[] {
  return words.flatMap((word, index) => {
    const nth = words.slice(0, index + 1).filter((other) => other === word).length;
    return [
      { when: "before", word, nth } as const,
      ...(word === "restart" ? [{ when: "during", word, nth } as const] : []),
      { when: "after", word, nth } as const,
    ];
  });
}

const RESTART = ["show", "reset-failed", "restart", "show"];
/** More looks follow, as many as there is time for. */
const LOOK = "show";
const TRIAL = [...RESTART, LOOK];
/** The verdict is bad at the first look; then the last words of the unit are asked for. */
const WAY_BACK = [...TRIAL, "journalctl", ...RESTART, LOOK];

describe.skipIf(systemd.missing).concurrent("after kill -9", () => {
  let apps: Apps;
  beforeAll(async () => {
    apps = await startApps();
    for (const program of ["systemctl", "journalctl"])
      await apps.machine.write(`/usr/local/bin/${program}`, WRAPPER, 0o755);
  }, 60_000);
  afterAll(() => apps?.machine.stop());

  async function addApp(name: string, config: readonly string[], unit = FORKING(name)) {
    const app = await apps.add(name, { config, unit });
    await apps.machine.must("/usr/bin/systemctl", "daemon-reload");
    return app;
  }

  /** A run that is killed at the moment. */
  async function killAt(app: App, { when, word, nth }: Moment): Promise<void> {
    const env = { KILL_AT: `${when} ${word} ${nth}`, KILL_COUNTS: `/run/${app.name}` };
    const { status } = await apps.machine.run(app.fetchCommand, { env });
    expect(status).toBe(128 + 9);
    // The restart that it had ordered goes on without it.
    await Bun.sleep(when === "during" ? 500 : 0);
  }

  /** The versions that were started, in their order. */
  function starts({ destination }: App): readonly string[] {
    const path = apps.machine.path(`${destination}/starts`);
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  }

  const standing = (app: App) => [app.inUse, app.good, app.refused, app.isOwed];

  /** All that a run could change. */
  async function everything(app: App) {
    const records = [".owed", ".good", ".refused", "manifest"].map((name) => app.record(name));
    return [app.inUse, ...records, starts(app), ...(await app.is("ActiveState", "InvocationID"))];
  }

  async function changesNothing(app: App, outcome: string): Promise<void> {
    const before = await everything(app);
    const run = await app.fetch();
    expect([run.status, run.outcome]).toEqual([0, outcome]);
    expect(await everything(app)).toEqual(before);
  }

  /** A test for each moment, with an app of its own. */
  function each(
    title: string,
    word: string,
    moments: readonly Moment[],
    prove: (name: string, moment: Moment) => Promise<void>,
  ): void {
    for (const moment of moments) {
      const { when, word: call, nth } = moment;
      test(`${title}: ${when} ${call} ${nth}`, () =>
        prove(`${word}-${when}-${call}-${nth}`, moment));
    }
  }

  each("ACT-6, ACT-40: a first image", "first", around(...TRIAL), async (name, moment) => {
    const app = await addApp(name, ["WatchSec=1"]);
    app.publish("1.0.0", works("1.0.0"));
    await killAt(app, moment);
    expect((await app.fetch()).errors).toEqual([]);
    expect(standing(app)).toEqual(["1.0.0", "1.0.0", [], false]);
    expect(await app.is("ActiveState")).toEqual(["active"]);
    await changesNothing(app, "current");
  });

  for (const [word, watch] of [
    ["plain", []],
    ["watched", ["WatchSec=1"]],
  ] as const) {
    const calls = watch.length === 0 ? RESTART : TRIAL;
    const good = watch.length === 0 ? undefined : "1.1.0";

    each(
      `ACT-40, DST-15: an update, ${word}`,
      `update-${word}`,
      around(...calls),
      async (name, moment) => {
        const app = await addApp(name, watch);
        app.publish("1.0.0", works("1.0.0"));
        await app.fetch();
        app.publish("1.1.0", works("1.1.0"));
        await killAt(app, moment);
        expect((await app.fetch()).errors).toEqual([]);
        expect(standing(app)).toEqual(["1.1.0", good, [], false]);
        expect(await app.is("ActiveState")).toEqual(["active"]);
        // Once, and twice if nobody could note that it was done; what is still starting may be joined.
        const { when, word: call, nth } = moment;
        const isUnnoted = call === "restart" ? when !== "before" : call === "show" && nth === 2;
        const isJoined = when === "during" && starts(app).length === 2;
        const again = isUnnoted && !isJoined ? ["1.1.0"] : [];
        expect(starts(app)).toEqual(["1.0.0", "1.1.0", ...again]);
        await changesNothing(app, "current");
      },
    );
  }

  each("ACT-50, ACT-54, ACT-56: a way back", "back", around(...WAY_BACK), async (name, moment) => {
    const app = await addApp(name, ["WatchSec=1"]);
    app.publish("1.0.0", works("1.0.0"));
    await app.fetch();
    app.publish("1.1.0", broken("1.1.0"));
    await killAt(app, moment);
    const { status, outcome } = await app.fetch();
    expect([status, outcome]).toEqual([75, "rolled-back"]);
    expect(standing(app)).toEqual(["1.0.0", "1.0.0", ["1.1.0"], false]);
    expect(await app.is("ActiveState")).toEqual(["active"]);
    expect(starts(app).at(-1)).toBe("1.0.0");
    await changesNothing(app, "refused");
  });

  each(
    "ACT-54, ACT-57: a way back that does not help",
    "neither",
    around(...WAY_BACK).slice(around(...TRIAL).length),
    async (name, moment) => {
      const away = `/run/${name}.away`;
      const unit = `${FORKING(name)}ExecStartPre=/usr/bin/test ! -e ${away}\n`;
      const app = await addApp(name, ["WatchSec=1"], unit);
      app.publish("1.0.0", works("1.0.0"));
      await app.fetch();
      app.publish("1.1.0", works("1.1.0"));
      await apps.machine.write(away, "");
      await killAt(app, moment);
      const { status, errors } = await app.fetch();
      expect([status, standing(app)]).toEqual([70, ["1.0.0", "1.0.0", [], true]]);
      expect(errors.join()).toContain("neither 1.1.0 nor 1.0.0");
      await apps.machine.must("rm", away);
      expect((await app.fetch()).errors).toEqual([]);
      expect(standing(app)).toEqual(["1.1.0", "1.1.0", [], false]);
      expect(await app.is("ActiveState")).toEqual(["active"]);
      await changesNothing(app, "current");
    },
  );

  const revival = around("stop", "start");
  each("ACT-55: a way back with a dead socket", "socket", revival, async (name, moment) => {
    const limit = "[Unit]\nStartLimitBurst=1\n\n";
    const unit = `${limit}${FORKING(name)}Restart=always\nRestartSec=1ms\n`;
    const socket = `/etc/systemd/system/${name}.socket`;
    await apps.machine.write(socket, `[Socket]\nListenStream=/run/${name}.socket\n`);
    const app = await addApp(name, ["WatchSec=1"], unit);
    await apps.machine.must("/usr/bin/systemctl", "start", `${name}.socket`);
    app.publish("1.0.0", works("1.0.0"));
    await app.fetch();
    app.publish("1.1.0", broken("1.1.0"));
    await killAt(app, moment);
    expect((await app.fetch()).outcome).toBe("rolled-back");
    expect(standing(app)).toEqual(["1.0.0", "1.0.0", ["1.1.0"], false]);
    const [service, listening] = await apps.show([app.unit, `${name}.socket`], ["ActiveState"]);
    expect([service, listening]).toEqual([{ ActiveState: "active" }, { ActiveState: "active" }]);
    await changesNothing(app, "refused");
  });
});
