// The state machine of an activation, walked at random (spec/activation.md): a host whose runs die after any step,
// with images that work or do not, units that somebody stops, and a database that is away. It is driven by the
// functions of the core alone; what each step does on a real disk and to real units is proved in tests/.

import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  type ActivationStep,
  phaseOf,
  recordAfterRestart,
  type Standing,
  standingAfter,
  stepsOfControl,
  stepsOfProof,
  stepsToActivate,
  stepsToGoBack,
  stepsToSettle,
} from "../src/core/activation.ts";
import { parseSha256Hex, type Sha256Hex } from "../src/core/digest.ts";
import { refusalOf } from "../src/core/refusals.ts";
import { runs } from "../tests/support/properties.ts";

type Event =
  /** A newer version is on offer, which works or does not. */
  | { readonly event: "publish"; readonly works: boolean }
  /** A run that dies after so many steps, or comes to its end. */
  | { readonly event: "run"; readonly steps: number }
  /** What every image needs is away, or is back. */
  | { readonly event: "host"; readonly works: boolean }
  | { readonly event: "stop" | "start" };

const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    fc.record({ event: fc.constant("publish" as const), works: fc.boolean() }),
    {
      arbitrary: fc.record({ event: fc.constant("run" as const), steps: fc.nat(14) }),
      weight: 3,
    },
    fc.record({ event: fc.constant("host" as const), works: fc.boolean() }),
    fc.record({ event: fc.constantFrom("stop" as const, "start" as const) }),
  ),
  { maxLength: 24 },
);

const UNIT = "app.service";

class Died extends Error {}

/** A host with one unit. A version is its place among those that were published. */
class Host {
  standing: Standing = {
    inUse: undefined,
    owed: [],
    units: [UNIT],
    watches: true,
    good: undefined,
    canGoBack: false,
    refusals: [],
  };
  readonly #works: boolean[] = [];
  /** The images that proved themselves, and those that became good as ACT-41 has it. */
  readonly #proven = new Set<Sha256Hex>();
  /** What the unit's process was started from; none while it is down. */
  runsOn: Sha256Hex | undefined;
  isStopped = false;
  hostWorks = true;
  #stepsLeft = Number.POSITIVE_INFINITY;

  publish(works: boolean): void {
    this.#works.push(works);
  }

  /** @param steps after how many it dies */
  run(steps = Number.POSITIVE_INFINITY): void {
    this.#stepsLeft = steps;
    try {
      this.#run();
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
  }

  stop(): void {
    // Before there is an image, the unit does not run, and the first one starts it (ACT-6).
    if (this.standing.inUse === undefined) return;
    [this.isStopped, this.runsOn] = [true, undefined];
  }

  start(): void {
    const { inUse } = this.standing;
    if (!this.isStopped || inUse === undefined) return;
    this.isStopped = false;
    this.runsOn = this.#isFine(inUse) ? inUse : undefined;
  }

  get newest(): Sha256Hex | undefined {
    return this.#works.length === 0 ? undefined : imageOf(this.#works.length - 1);
  }

  #isFine(image: Sha256Hex): boolean {
    return this.hostWorks && (this.#works[placeOf(image)] ?? false);
  }

  #run(): void {
    const found = phaseOf(this.standing);
    if (found.phase === "way-back") {
      this.#perform(stepsToGoBack(this.standing, { time: 0, reason: "" }, this.#stopped()));
    }
    if (found.phase === "way-back" || found.phase === "control") {
      this.#control();
      return;
    }
    const wanted = this.#choose();
    if (wanted !== undefined) {
      const isOwed = "units" in found && found.units.length > 0;
      const isSound = this.isStopped || this.runsOn !== undefined;
      const stopped = isOwed ? [] : this.#stopped();
      this.#perform(
        stepsToActivate(this.standing, wanted, { startsUnit: false, stopped, isSound }),
      );
    }
    this.#perform(stepsToSettle(this.standing));
    this.#restart();
    if (phaseOf(this.standing).phase === "on-trial") this.#judge();
  }

  /** The newest that is newer than what is in use and than all that was refused (ACT-31). */
  #choose(): Sha256Hex | undefined {
    const refused = this.standing.refusals.map(({ digest }) => placeOf(digest));
    const { inUse } = this.standing;
    const floor = Math.max(-1, ...refused, inUse === undefined ? -1 : placeOf(inUse));
    const newest = this.#works.length - 1;
    return newest > floor ? imageOf(newest) : undefined;
  }

  #stopped(): readonly string[] {
    return this.isStopped ? [UNIT] : [];
  }

  #restart(): void {
    const phase = phaseOf(this.standing);
    const { inUse } = this.standing;
    if (!("units" in phase) || phase.units.length === 0 || inUse === undefined) return;
    this.#countStep();
    if (!this.isStopped) this.runsOn = this.#isFine(inUse) ? inUse : undefined;
    const isDone = this.isStopped || this.runsOn !== undefined;
    this.#perform([recordAfterRestart(this.standing, isDone ? [] : [UNIT])]);
  }

  #judge(): void {
    const { inUse } = this.standing;
    if (this.isStopped || inUse === undefined) return;
    if (this.runsOn === inUse && this.#isFine(inUse)) {
      this.#proven.add(inUse);
      this.#perform(stepsOfProof(this.standing));
      return;
    }
    const back = stepsToGoBack(this.standing, { time: 0, reason: "down" }, []);
    if (back.length === 0) {
      this.#perform([recordAfterRestart(this.standing, [UNIT])]);
      return;
    }
    this.#perform(back);
    this.#control();
  }

  #control(): void {
    this.#restart();
    const phase = phaseOf(this.standing);
    if (phase.phase !== "control") return;
    const works = this.isStopped || this.runsOn !== undefined;
    this.#perform(stepsOfControl(this.standing, phase.refusal, works));
  }

  #perform(steps: readonly ActivationStep[]): void {
    for (const step of steps) {
      this.#countStep();
      this.#checkStep(step);
      if (step.step === "good" && this.standing.inUse !== undefined) {
        // What was in use before there was any trial is taken on trust (ACT-41).
        this.#proven.add(this.standing.inUse);
      }
      const next = standingAfter(this.standing, step);
      const canGoBack = next.good !== undefined && next.good !== next.inUse;
      this.standing = { ...next, canGoBack };
    }
  }

  #checkStep(step: ActivationStep): void {
    const { inUse, refusals, good } = this.standing;
    if (step.step === "swap") {
      // A version that did not work here is never taken again.
      expect(refusalOf(refusals, step.image)).toBeUndefined();
      // Back from an image that does not work only once that is on record (DST-18).
      if (inUse !== undefined && placeOf(step.image) < placeOf(inUse)) {
        expect(step.image).toBe(good as Sha256Hex);
        expect(refusalOf(refusals, inUse)).toBeDefined();
      }
    }
    if (step.step === "good" && step.image !== undefined) {
      expect(this.#proven.has(step.image) || good === undefined).toBe(true);
    }
  }

  #countStep(): void {
    if (this.#stepsLeft === 0) throw new Died();
    this.#stepsLeft--;
  }
}

function imageOf(place: number): Sha256Hex {
  const digest = parseSha256Hex(place.toString(16).padStart(64, "0"));
  if (digest === undefined) throw new Error(`${place} is no place`);
  return digest;
}

function placeOf(image: Sha256Hex): number {
  return Number.parseInt(image, 16);
}

function live(host: Host, event: Event): void {
  if (event.event === "publish") host.publish(event.works);
  else if (event.event === "run") host.run(event.steps);
  else if (event.event === "host") host.hostWorks = event.works;
  else if (event.event === "stop") host.stop();
  else host.start();
}

test("ACT-31, DST-18: on no walk is an image taken again that was refused, nor left before that is on record", () => {
  fc.assert(
    fc.property(events, (all) => {
      const host = new Host();
      for (const event of all) live(host, event);
    }),
    runs,
  );
});

test("ACT-40 to ACT-57: from wherever a walk ends, two runs with a newer version that works bring it, proven and at rest", () => {
  fc.assert(
    fc.property(events, (all) => {
      const host = new Host();
      for (const event of all) live(host, event);
      host.hostWorks = true;
      host.start();
      host.publish(true);
      host.run();
      host.run();
      const { newest } = host;
      expect([host.standing.inUse, host.standing.good, host.runsOn]).toEqual([
        newest,
        newest,
        newest,
      ]);
      expect(phaseOf(host.standing)).toEqual({ phase: "at-rest" });
      expect(host.standing.owed).toEqual([]);
    }),
    runs,
  );
});

test("DST-15: a run that comes to its end leaves no unit on another image than the one in use, unless it says so", () => {
  fc.assert(
    fc.property(events, (all) => {
      const host = new Host();
      for (const event of all) live(host, event);
      host.run();
      const isSaid = phaseOf(host.standing).phase !== "at-rest";
      if (host.isStopped || isSaid || host.runsOn === undefined) return;
      expect(host.runsOn).toBe(host.standing.inUse as Sha256Hex);
    }),
    runs,
  );
});

test("ACT-57: where neither image works, none stays refused for it", () => {
  fc.assert(
    fc.property(fc.nat(10), (steps) => {
      const host = new Host();
      host.publish(true);
      host.run();
      host.hostWorks = false;
      host.publish(true);
      host.run(steps);
      host.run();
      host.run();
      host.hostWorks = true;
      host.run();
      host.run();
      expect(host.standing.inUse).toBe(host.newest as Sha256Hex);
      expect(host.standing.refusals).toEqual([]);
    }),
    runs,
  );
});
