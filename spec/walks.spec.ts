// The state machine of an activation, walked at random (spec/activation.md): a host whose runs die after any step, with
// images that work or do not, a database that is away, an origin that is, units that somebody stops, and somebody who
// goes back by hand. Laws of single steps are checked by the host itself.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { phaseOf } from "../src/core/activation.ts";
import type { Sha256Hex } from "../src/core/digest.ts";
import { refusalOf } from "../src/core/refusals.ts";
import { runs } from "../tests/support/properties.ts";
import { type Quality, WalkingHost } from "./support/walking-host.ts";

type Event = (host: WalkingHost) => void;

interface Named {
  readonly name: string;
  readonly event: Event;
}

const named = (name: string, event: Event): Named => ({ name, event });
/** How many steps a run makes before it dies; most come to their end. */
const steps = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(12));
const qualities = fc.constantFrom<Quality[]>("works", "works", "down", "sick");

/** What may happen to a host, with names for a walk that breaks a law. */
const events: fc.Arbitrary<readonly Named[]> = fc.array(
  fc.oneof(
    {
      arbitrary: qualities.map((quality) => named(quality, (host) => host.publish(quality))),
      weight: 6,
    },
    {
      arbitrary: steps.map((count) => named(`run ${count}`, (host) => host.run(count))),
      weight: 12,
    },
    steps.map((count) => named(`rollback ${count}`, (host) => host.rollBack(count))),
    qualities.map((quality) =>
      named(`at best ${quality}`, (host) => {
        host.atBest = quality;
      }),
    ),
    fc.boolean().map((works) =>
      named(`restarts ${works}`, (host) => {
        host.restartsWork = works;
      }),
    ),
    fc.boolean().map((has) =>
      named(`origin ${has}`, (host) => {
        host.hasOrigin = has;
      }),
    ),
    fc.boolean().map((watches) => named(`watch ${watches}`, (host) => host.watch(watches))),
    fc.constant(named("fail", (host) => host.fail())),
    fc.constant(named("stop", (host) => host.stop())),
    fc.constant(named("start", (host) => host.start())),
    fc.constant(named("release", (host) => host.release())),
  ),
  { maxLength: 30, size: "max" },
);

/** A host after a walk. */
function walked(all: readonly Named[], each: Event = () => {}): WalkingHost {
  const host = new WalkingHost();
  for (const { event } of all) {
    event(host);
    each(host);
  }
  return host;
}

/** All that was away is back. */
function giveAll(host: WalkingHost): void {
  [host.atBest, host.restartsWork, host.hasOrigin] = ["works", true, true];
}

/** The same, and nobody stops the unit or holds the host any more. */
function letGo(host: WalkingHost): void {
  giveAll(host);
  host.start();
  if (host.hold !== undefined) host.release();
}

test("ACT-31, ACT-41, DST-18: on no walk is an image taken again that was refused, left before that is on record, or good that is not proven", () => {
  fc.assert(
    fc.property(events, (all) => {
      walked(all);
    }),
    runs,
  );
});

test("DST-15, ACT-57: at no moment does a host at rest owe its unit a start on the image in use", () => {
  fc.assert(
    fc.property(events, (all) => {
      walked(all, ({ standing, isStopped, isDownByItself, runsOn }) => {
        if (phaseOf(standing).phase !== "at-rest" || isStopped || isDownByItself) return;
        expect(runsOn).toBe(standing.inUse as Sha256Hex);
      });
    }),
    runs,
  );
});

test("ACT-40 to ACT-57: from wherever a walk ends, two runs with a newer version that works bring it, proven and at rest", () => {
  fc.assert(
    fc.property(events, (all) => {
      const host = walked(all);
      letGo(host);
      host.publish("works");
      host.run();
      host.run();
      const { standing, newest, runsOn } = host;
      expect([standing.inUse, runsOn]).toEqual([newest, newest]);
      if (standing.watches) expect(standing.good).toBe(newest as Sha256Hex);
      expect(phaseOf(standing)).toEqual({ phase: "at-rest" });
      expect(standing.owed).toEqual([]);
    }),
    runs,
  );
});

test("ACT-44, ACT-54, ACT-58: from wherever a walk ends, runs without news change nothing any more after the second", () => {
  fc.assert(
    fc.property(events, (all) => {
      const host = walked(all);
      letGo(host);
      host.run();
      host.run();
      const { standing, runsOn } = host;
      if (phaseOf(standing).phase === "at-rest") expect(standing.owed).toEqual([]);
      host.run();
      expect([host.standing, host.runsOn]).toEqual([standing, runsOn]);
    }),
    runs,
  );
});

test("ACT-30: a host on hold takes nothing newer, and comes to use what it is held on if that works and was not refused", () => {
  fc.assert(
    fc.property(events, (all) => {
      const host = walked(all);
      const { hold } = host;
      if (hold === undefined) return;
      giveAll(host);
      host.publish("works");
      host.run();
      host.run();
      const { inUse, refusals } = host.standing;
      expect(inUse).not.toBe(host.newest);
      if (host.qualityOf(hold) !== "works" || refusalOf(refusals, hold) !== undefined) return;
      expect(inUse).toBe(hold);
    }),
    runs,
  );
});

test("ACT-57: where neither image works, none stays refused for it", () => {
  fc.assert(
    fc.property(fc.nat(10), fc.constantFrom("down", "sick"), (count, atBest) => {
      const host = new WalkingHost();
      host.publish("works");
      host.run();
      host.atBest = atBest;
      host.publish("works");
      host.run(count);
      host.run();
      host.run();
      host.atBest = "works";
      host.run();
      host.run();
      expect(host.standing.inUse).toBe(host.newest as Sha256Hex);
      expect(host.standing.refusals).toEqual([]);
    }),
    runs,
  );
});
