// A host for walks (walks.spec.ts): one unit, and what systemd, a publisher, somebody at its keyboard and a power cut may do
// to it. What a run decides is the core's alone, in the order of commands/fetch/; what a step does to a real disk and to
// real units is proved in tests/. Each step is checked against the laws that hold at every step.

import { expect } from "bun:test";
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
} from "../../src/core/activation.ts";
import { rollbackTarget } from "../../src/core/by-hand.ts";
import { parseSha256Hex, type Sha256Hex } from "../../src/core/digest.ts";
import { TakoError } from "../../src/core/error.ts";
import { EMPTY_MANIFEST, insertEntry, type Manifest } from "../../src/core/manifest.ts";
import { parsePattern } from "../../src/core/pattern.ts";
import { choose, chooseHere } from "../../src/core/plan.ts";
import { refusalOf, withoutRefusal } from "../../src/core/refusals.ts";
import { parseSize } from "../../src/core/size.ts";
import type { Verdict } from "../../src/core/verdict.ts";
import { parseVersion } from "../../src/core/version.ts";

/** What becomes of a unit that is restarted on an image: it works, is down at once, or comes up and is bad. */
export type Quality = "works" | "down" | "sick";

const UNIT = "app.service";
const ALL = parsePattern("*");

/** A power cut. */
class Died extends Error {}

export class WalkingHost {
  standing: Standing = {
    inUse: undefined,
    owed: [],
    units: [UNIT],
    watches: true,
    good: undefined,
    canGoBack: false,
    refusals: [],
  };
  hold: Sha256Hex | undefined;
  /** What the unit's process was started from; none while it is down. */
  runsOn: Sha256Hex | undefined;
  /** Somebody stopped the unit. */
  isStopped = false;
  /** It went down, and not when Tako restarted it: systemd and whoever started it know. */
  isDownByItself = false;
  /** What becomes of the best image here: what all of them need may be away. */
  atBest: Quality = "works";
  /** systemd restarts the unit when it is told to. */
  restartsWork = true;
  hasOrigin = true;

  /** Of the versions that were published, oldest first. */
  readonly #qualities: Quality[] = [];
  /** How many of them the local manifest lists. */
  #known = 0;
  readonly #store = new Set<Sha256Hex>();
  /** The images that proved themselves, and the one that was in use before there was any trial (ACT-41). */
  readonly #proven = new Set<Sha256Hex>();
  /** The images that were refused, and not forgiven. */
  readonly #refused = new Set<Sha256Hex>();
  #stepsLeft = Number.POSITIVE_INFINITY;
  #isByHand = false;

  get newest(): Sha256Hex | undefined {
    return this.#qualities.length === 0 ? undefined : imageOf(this.#qualities.length - 1);
  }

  /** What becomes of an image as things stand. */
  qualityOf(image: Sha256Hex): Quality {
    const quality = this.#qualities[placeOf(image)] ?? "down";
    return quality === "works" ? this.atBest : quality;
  }

  publish(quality: Quality): void {
    this.#qualities.push(quality);
  }

  stop(): void {
    // Before there is an image, the unit does not run, and the first one starts it (ACT-6).
    if (this.standing.inUse === undefined) return;
    [this.isStopped, this.runsOn] = [true, undefined];
  }

  start(): void {
    const { inUse } = this.standing;
    if (!this.isStopped || inUse === undefined) return;
    this.#startOn(inUse);
    this.isDownByItself = this.runsOn === undefined;
  }

  /** The unit's process ends by itself, and systemd gives it up. */
  fail(): void {
    if (this.runsOn === undefined) return;
    [this.isDownByItself, this.runsOn] = [true, undefined];
  }

  /** `WatchSec=` is written into the config, or taken out. */
  watch(watches: boolean): void {
    this.#stand({ ...this.standing, watches });
  }

  /** `tako release` (ACT-84). */
  release(): void {
    this.standing = { ...this.standing, refusals: [] };
    this.#refused.clear();
    this.hold = undefined;
  }

  /** `tako fetch`. @param steps after how many it dies */
  run(steps = Number.POSITIVE_INFINITY): void {
    this.#live(steps, false, () => {
      const { phase } = phaseOf(this.standing);
      if (phase === "way-back" || phase === "control") this.#finishReturn();
      else this.#activate(this.#choose());
    });
  }

  /** `tako rollback` (ACT-70 to ACT-76). @param steps after how many it dies */
  rollBack(steps = Number.POSITIVE_INFINITY): void {
    this.#live(steps, true, () => {
      const target = this.#rollbackTarget();
      if (target === undefined) return;
      const { refusals, good } = this.standing;
      if (refusalOf(refusals, target) !== undefined) {
        this.#refused.delete(target);
        this.#perform([{ step: "refuse", refusals: withoutRefusal(refusals, target) }]);
      }
      this.#countStep();
      this.hold = target;
      const { phase } = phaseOf(this.standing);
      const isReturning = phase === "way-back" || phase === "control";
      if (isReturning && good === target) this.#finishReturn();
      else this.#activate(target);
    });
  }

  #live(steps: number, isByHand: boolean, run: () => void): void {
    [this.#stepsLeft, this.#isByHand] = [steps, isByHand];
    try {
      run();
    } catch (error) {
      if (!(error instanceof Died)) throw error;
    }
  }

  #countStep(): void {
    if (this.#stepsLeft === 0) throw new Died();
    this.#stepsLeft--;
  }

  /** The image to be in use, if it is another one than that in use, and can be had. */
  #choose(): Sha256Hex | undefined {
    const { inUse, refusals } = this.standing;
    const host = { inUse, hold: this.hold, refusals, young: new Map() };
    if (!this.hasOrigin) {
      const here = chooseHere(manifestOf(this.#known), ALL, host);
      return here.find(({ digest }) => this.#store.has(digest))?.digest;
    }
    this.#known = this.#qualities.length;
    const choice = choose(manifestOf(this.#known), ALL, host);
    return choice.choice === "take" ? choice.candidates[0].digest : undefined;
  }

  #rollbackTarget(): Sha256Hex | undefined {
    const { inUse, good, refusals } = this.standing;
    const manifest = manifestOf(this.#known);
    const images = this.#store;
    try {
      return rollbackTarget(
        { manifest, pattern: ALL, inUse, good, refusals, images },
        undefined,
        "app.tako",
      ).digest;
    } catch (error) {
      if (error instanceof TakoError) return undefined;
      throw error;
    }
  }

  #activate(image: Sha256Hex | undefined): void {
    const found = phaseOf(this.standing);
    const swaps = image !== undefined && image !== this.standing.inUse;
    if (!swaps && found.phase !== "on-trial" && found.phase !== "restart-owed") {
      this.#perform(stepsToSettle(this.standing));
      return;
    }
    const stopped = found.phase === "no-image" ? [] : this.#stopped();
    if (swaps) {
      const isSound = this.isStopped || this.runsOn !== undefined;
      this.#perform(stepsToActivate(this.standing, image, { startsUnit: false, stopped, isSound }));
    }
    this.#restart(stopped);
    if (phaseOf(this.standing).phase === "on-trial") this.#tryOut();
  }

  #tryOut(): void {
    const verdict = this.#verdict();
    const { inUse } = this.standing;
    if (verdict === "good" && inUse !== undefined) {
      this.#proven.add(inUse);
      this.#perform(stepsOfProof(this.standing));
    }
    if (verdict !== "bad") return;
    const back = stepsToGoBack(this.standing, { time: 0, reason: "down" }, this.#stopped());
    if (back.length === 0) {
      this.#perform([recordAfterRestart(this.standing, [UNIT])]);
      return;
    }
    this.#perform(back);
    this.#control();
  }

  #finishReturn(): void {
    this.#perform(stepsToGoBack(this.standing, { time: 0, reason: "" }, []));
    this.#control();
  }

  #control(): void {
    const isRestarted = this.#restart(this.#stopped());
    const phase = phaseOf(this.standing);
    if (phase.phase !== "control") return;
    const verdict = this.#verdict();
    // A unit that was not restarted keeps it open.
    if (verdict !== "bad" && !isRestarted) return;
    const works = verdict !== "bad";
    if (!works) this.#refused.delete(phase.refusal.digest);
    const left = works ? [] : [UNIT];
    this.#perform(stepsOfControl(this.standing, phase.refusal, works, left));
  }

  /** @returns whether nothing that was to be restarted was left out */
  #restart(stopped: readonly string[]): boolean {
    const phase = phaseOf(this.standing);
    const { inUse } = this.standing;
    const owed = "units" in phase ? phase.units.filter((unit) => !stopped.includes(unit)) : [];
    if (owed.length === 0 || inUse === undefined) return true;
    this.#countStep();
    if (this.restartsWork) {
      this.#startOn(inUse);
      this.isDownByItself = false;
    }
    const isDone = this.runsOn === inUse;
    this.#perform([recordAfterRestart(this.standing, isDone ? [] : [UNIT])]);
    return isDone;
  }

  #startOn(image: Sha256Hex): void {
    this.isStopped = false;
    this.runsOn = this.qualityOf(image) === "down" ? undefined : image;
  }

  /** Of the watch: a unit that is stopped, or that runs what it ran before, tells nothing (ACT-26, ACT-27). */
  #verdict(): Verdict {
    const { inUse } = this.standing;
    if (this.isStopped || inUse === undefined) return "open";
    if (this.runsOn === undefined) return "bad";
    if (this.runsOn !== inUse) return "open";
    return this.qualityOf(inUse) === "works" ? "good" : "bad";
  }

  #stopped(): readonly string[] {
    return this.isStopped ? [UNIT] : [];
  }

  #stand(next: Standing): void {
    const { watches, good, inUse } = next;
    this.standing = { ...next, canGoBack: watches && good !== undefined && good !== inUse };
  }

  #perform(steps: readonly ActivationStep[]): void {
    for (const step of steps) {
      this.#countStep();
      if (step.step === "swap") this.#checkSwap(step.image);
      if (step.step === "good" && step.image !== undefined) this.#checkGood(step.image);
      if (step.step === "refuse") {
        for (const { digest } of step.refusals) this.#refused.add(digest);
      }
      this.#stand(standingAfter(this.standing, step));
    }
  }

  #checkSwap(image: Sha256Hex): void {
    const { inUse, refusals, good } = this.standing;
    this.#store.add(image);
    // What did not work here is not tried again (ACT-31).
    expect(this.#refused).not.toContain(image);
    const isBack = inUse !== undefined && placeOf(image) < placeOf(inUse);
    if (!isBack || this.#isByHand || image === this.hold) return;
    // By itself a host goes back to what proved itself alone, and only once it is on record why (DST-18).
    expect(image).toBe(good as Sha256Hex);
    expect(this.#proven).toContain(image);
    expect(refusalOf(refusals, inUse)).toBeDefined();
  }

  #checkGood(image: Sha256Hex): void {
    const { inUse, good, owed } = this.standing;
    const isTrusted =
      good === undefined &&
      (this.isStopped || this.runsOn !== undefined) &&
      owed.every(({ digest }) => digest !== image);
    // What was in use before there was any trial is taken on trust (ACT-41).
    if (isTrusted) this.#proven.add(image);
    expect(image).toBe(inUse as Sha256Hex);
    expect(this.#proven).toContain(image);
    expect(this.#refused).not.toContain(image);
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

const manifests: Manifest[] = [EMPTY_MANIFEST];

/** Lists so many versions, each with an image of its own. Made once: walks ask for the same ones again and again. */
function manifestOf(count: number): Manifest {
  for (let place = manifests.length - 1; place < count; place++) {
    const version = parseVersion(`1.${place}`);
    const entry = { version, size: parseSize(1), digest: imageOf(place) };
    manifests.push(insertEntry(manifests[place] as Manifest, entry));
  }
  return manifests[count] as Manifest;
}
