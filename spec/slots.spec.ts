// Proof of the decisions about slots (spec/activation.md, ACT-100 to ACT-113): each for itself, then a host walked at random
// whose runs die after any step. What real units make of it is proved in tests/systemd/slots.test.ts.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ActivationStep, type Standing, standingAfter } from "../src/core/activation.ts";
import { parseSha256Hex, type Sha256Hex } from "../src/core/digest.ts";
import { withRefusal } from "../src/core/refusals.ts";
import { slotUnit } from "../src/core/slot-name.ts";
import {
  findSlots,
  freeSlot,
  isServing,
  type Slot,
  type SlotPair,
  stepsOfTakeover,
  stepsToSettleSlots,
  taskOf,
} from "../src/core/slots.ts";
import { runs } from "../tests/support/properties.ts";

function imageOf(place: number): Sha256Hex {
  const digest = parseSha256Hex(place.toString(16).padStart(64, "0"));
  if (digest === undefined) throw new Error("no digest");
  return digest;
}
const [old, next] = [imageOf(1), imageOf(2)];

function slot(name: string, link?: Sha256Hex | "another"): Slot {
  const unit = slotUnit("app@.service", name);
  return { name, unit, isLinked: link !== undefined, image: link === "another" ? undefined : link };
}

const rest: Standing = {
  inUse: old,
  owed: [],
  units: ["app@a.service", "app@b.service"],
  watches: false,
  good: old,
  canGoBack: false,
  refusals: [],
};

const names = (slots: readonly Slot[]) => slots.map(({ name }) => name);

test("CFG-66: a slot is an instance of the template", () => {
  expect(slotUnit("app@.service", "a")).toBe("app@a.service");
  expect(slotUnit("a.b@.service", "v$&.1")).toBe("a.b@v$&.1.service");
});

describe("what links say", () => {
  test.each([
    ["at rest", old, old, undefined, ["a"], []],
    ["before a swap", old, old, next, ["a"], ["b"]],
    ["after it", next, old, next, ["b"], ["a"]],
    ["before a first swap", undefined, old, undefined, [], ["a"]],
    ["without slots so far", old, undefined, undefined, [], []],
    ["of nothing that Tako made", old, "another", old, ["b"], ["a"]],
    ["while the same image takes over", old, old, old, ["a", "b"], []],
  ] as const)("ACT-100, ACT-101: %s", (_, inUse, a, b, current, stale) => {
    const good = inUse === undefined ? undefined : old;
    const found = findSlots([slot("a", a), slot("b", b)], { inUse, good });
    expect([names(found.current), names(found.stale)]).toEqual([[...current], [...stale]]);
  });

  test("FET-56, ACT-100: while a damaged image cannot be had, the slot that proved it is current", () => {
    const found = findSlots([slot("a"), slot("b", old)], { inUse: undefined, good: old });
    expect([names(found.current), found.stale]).toEqual([["b"], []]);
  });

  test("ACT-103: the free slot is the other one, or the first", () => {
    const [a, b] = [slot("a"), slot("b")];
    expect([undefined, a, b].map((current) => freeSlot([a, b], current).name)).toEqual([
      ...["a", "b", "a"],
    ]);
  });

  test.each([
    ["nothing", {}, "a", false, "rest"],
    ["nothing before the first image", { inUse: undefined }, undefined, false, "rest"],
    ["a slot for the image in use", {}, undefined, false, "prove"],
    ["and it comes before an update", {}, undefined, true, "prove"],
    ["what a run began that died", { good: next }, "a", false, "prove"],
    ["but for an update, which comes in its place", { good: next }, "a", true, "rest"],
    ["a new start of what was damaged", { owed: [{ digest: old, done: [] }] }, "a", false, "renew"],
    ["but not where another comes", { owed: [{ digest: old, done: [] }] }, "a", true, "rest"],
    ["nothing of another image", { owed: [{ digest: next, done: [] }] }, "a", false, "rest"],
  ] as const)("ACT-108, ACT-109: owed is %s", (_, differs, current, swaps, task) => {
    const found = current === undefined ? undefined : slot(current, old);
    expect(taskOf({ ...rest, ...differs }, found, swaps)).toBe(task);
  });

  test.each([
    ["active", true],
    ["reloading", true],
    ["refreshing", true],
    ["activating", false],
    ["deactivating", false],
    ["inactive", false],
    ["failed", false],
  ])("ACT-106: a unit that is %s serves: %p", (active, serves) => {
    const state = { ...UNKNOWN, active };
    expect([isServing(state), isServing(undefined)]).toEqual([serves, false]);
  });
});

const UNKNOWN = {
  unit: "app@a.service",
  load: "loaded",
  sub: "",
  result: "success",
  status: "0",
  restarts: 0,
  invocation: "",
  isJob: false,
  triggeredBy: [],
  triggers: [],
  after: [],
  startLimitMs: 0,
  longestMs: 0,
};

describe("the steps of a takeover", () => {
  test("ACT-105: the swap, then what is good", () => {
    expect(stepsOfTakeover(rest, next)).toEqual([
      { step: "swap", image: next },
      { step: "good", image: next },
    ]);
  });

  test("FET-71, DST-60: what is on record for it goes before the swap", () => {
    const [stays, goes] = [old, next].map((digest) => ({ digest, done: [] }));
    expect(stepsOfTakeover({ ...rest, owed: [goes!, stays!] }, next)).toEqual([
      { step: "record", owed: [stays!] },
      { step: "swap", image: next },
      { step: "good", image: next },
    ]);
  });

  test("ACT-109, DST-66: what is in use already is good, and owes nothing once the other slot has ended", () => {
    const owed = [{ digest: old, done: [] }];
    expect(stepsOfTakeover({ ...rest, owed }, old)).toEqual([{ step: "good", image: old }]);
    expect(stepsToSettleSlots({ ...rest, owed })).toEqual([{ step: "record", owed: [] }]);
    expect(stepsToSettleSlots(rest)).toEqual([]);
    expect(stepsToSettleSlots({ ...rest, owed, inUse: undefined })).toEqual([]);
  });
});

// The walk

type Event =
  | { readonly event: "publish"; readonly works: boolean }
  /** A run that dies after so many steps, or comes to its end. */
  | { readonly event: "run"; readonly steps: number }
  /** The image in use is damaged, and whole again: a restart is owed (FET-55). */
  | { readonly event: "damage" }
  /** At boot, every slot starts whose link is there. */
  | { readonly event: "boot" };

const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    fc.record({ event: fc.constant("publish" as const), works: fc.boolean() }),
    {
      arbitrary: fc.record({ event: fc.constant("run" as const), steps: fc.nat(12) }),
      weight: 4,
    },
    fc.record({ event: fc.constantFrom("damage" as const, "boot" as const) }),
  ),
  { maxLength: 24 },
);

class Died extends Error {}

class Host {
  standing: Standing = { ...rest, inUse: undefined, good: undefined };
  readonly works = new Map<Sha256Hex, boolean>();
  readonly links = new Map<string, Sha256Hex>();
  /** What the units run; none while they are down. */
  readonly running = new Map<string, Sha256Hex>();
  /** The units that have read a damaged image. */
  readonly spoilt = new Set<string>();
  #stepsLeft = Number.POSITIVE_INFINITY;

  get slots(): SlotPair {
    return [slot("a", this.links.get("a")), slot("b", this.links.get("b"))];
  }

  get newest(): Sha256Hex | undefined {
    return [...this.works.keys()].at(-1);
  }

  publish(works: boolean): void {
    this.works.set(imageOf(this.works.size + 1), works);
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

  damage(): void {
    const { inUse } = this.standing;
    if (inUse === undefined) return;
    this.standing = { ...this.standing, owed: [{ digest: inUse, done: [] }] };
    for (const [name, image] of this.running) if (image === inUse) this.spoilt.add(name);
  }

  boot(): void {
    this.running.clear();
    for (const [name, image] of this.links) this.#start(name, image);
  }

  #start(name: string, image: Sha256Hex): void {
    // The start of a unit that runs is none.
    if (!this.works.get(image) || this.running.has(name)) return;
    this.running.set(name, image);
    this.spoilt.delete(name);
  }

  #step(effect: () => void): void {
    if (this.#stepsLeft-- === 0) throw new Died();
    effect();
    this.expectServed();
  }

  /** Whatever a run does, one that works serves, once there was one; and only such a one is in use. */
  expectServed(): void {
    const { inUse } = this.standing;
    if (inUse === undefined) return;
    expect(this.works.get(inUse)).toBe(true);
    expect(this.running.size).toBeGreaterThan(0);
  }

  #run(): void {
    const { current, stale } = findSlots(this.slots, this.standing);
    for (const { name } of stale) this.#end(name);
    const [first, second] = this.#best(current);
    if (second !== undefined) this.#end(second.name);
    const { inUse } = this.standing;
    const isRefused = this.standing.refusals.some(({ digest }) => digest === this.newest);
    const wanted = this.newest === inUse || isRefused ? undefined : this.newest;
    const task = taskOf(this.standing, first, wanted !== undefined);
    if (task !== "rest" && inUse !== undefined) {
      this.#takeOver(
        task === "renew" ? freeSlot(this.slots, first) : (first ?? this.slots[0]),
        inUse,
      );
    }
    if (wanted !== undefined) {
      this.#takeOver(freeSlot(this.slots, findSlots(this.slots, this.standing).current[0]), wanted);
    } else if (task === "rest") this.#perform(stepsToSettleSlots(this.standing));
  }

  #perform(steps: readonly ActivationStep[]): void {
    for (const step of steps) {
      this.#step(() => {
        this.standing = standingAfter(this.standing, step);
      });
    }
  }

  /** Of two slots with one image, the one that serves (ACT-101). */
  #best([first, second]: readonly Slot[]): readonly (Slot | undefined)[] {
    const isSecond =
      first !== undefined &&
      second !== undefined &&
      !this.running.has(first.name) &&
      this.running.has(second.name);
    return isSecond ? [second, first] : [first, second];
  }

  #takeOver({ name }: Slot, image: Sha256Hex): void {
    this.#step(() => this.links.set(name, image));
    this.#step(() => this.#start(name, image));
    if (this.running.get(name) !== image) {
      const { inUse: instead, refusals } = this.standing;
      if (instead !== undefined) {
        const refusal = { digest: image, instead, time: 0, reason: "failed" };
        const step = { step: "refuse", refusals: withRefusal(refusals, refusal) } as const;
        this.#perform([step]);
      }
      this.#end(name);
      return;
    }
    this.#perform(stepsOfTakeover(this.standing, image));
    for (const other of ["a", "b"]) {
      if (other !== name && this.links.has(other)) this.#end(other);
    }
    this.#perform(stepsToSettleSlots(this.standing));
  }

  /** In this order (ACT-101). */
  #end(name: string): void {
    this.#step(() => this.running.delete(name));
    this.#step(() => this.links.delete(name));
  }
}

test("ACT-101, ACT-105, DST-102: wherever runs die, something that works serves, and one whole run puts all in order", () => {
  fc.assert(
    fc.property(events, fc.boolean(), (walk, works) => {
      const host = new Host();
      for (const event of walk) {
        if (event.event === "publish") host.publish(event.works);
        else if (event.event === "run") host.run(event.steps);
        else if (event.event === "damage") host.damage();
        else host.boot();
        host.expectServed();
      }
      host.publish(works);
      host.run();
      const { inUse } = host.standing;
      if (works) expect(inUse).toBe(host.newest!);
      else expect(inUse).not.toBe(host.newest!);
      expect([...host.links.values()]).toEqual(inUse === undefined ? [] : [inUse]);
      expect([...host.running]).toEqual([...host.links]);
      // What a run that had an image to refuse did not come to, the next one does (ACT-108, ACT-109).
      host.run();
      expect([host.standing.inUse, host.standing.good]).toEqual([inUse, inUse]);
      expect(host.standing.owed).toEqual([]);
      expect([...host.running.keys()].filter((name) => host.spoilt.has(name))).toEqual([]);
    }),
    runs,
  );
});
