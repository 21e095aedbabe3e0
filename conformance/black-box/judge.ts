// Compares what a step expects with what happened. Each difference is one line that says both; nothing is run or
// written here.

import type { HostileRequest } from "../hostile/origin.ts";
import { isSigned, type KeyPair, readKeyPair } from "../publisher.ts";
import { latin1 } from "./contents.ts";
import type { Expected, Step } from "./fixture.ts";
import type { RunEnd } from "./guarded-run.ts";
import { destination, latestDuring, storeHolds } from "./judge-destination.ts";
import { ABSENT, fileAt, holds, pathsOf, type Trees, unchanged, untouched } from "./judge-files.ts";
import { differs, output, requests, status } from "./judge-output.ts";
import { standingOf } from "./layout.ts";
import type { World } from "./world.ts";

/** What was seen of one step. */
export interface Observed extends Trees {
  /** Of `run` and of each of `also_run`. */
  readonly outcomes: readonly RunEnd[];
  readonly requests: readonly HostileRequest[];
  /** Where `latest` led at any time during the run; `none` while it was absent. */
  readonly latestSeen: ReadonlySet<string>;
}

export interface Verdict {
  /** One line each. None: the step passed. */
  readonly problems: readonly string[];
  /** The pair that `gen-key` printed. */
  readonly keys?: KeyPair;
}

export function judge(world: World, step: Step, seen: Observed, strict: boolean): Verdict {
  const { expect } = step;
  const [outcome] = seen.outcomes;
  const keys = expect.keys === undefined ? undefined : readKeyPair(outcome?.stdout ?? "");
  const destinations = Object.entries({ app: expect, ...expect.destinations });
  const problems = [
    ...seen.outcomes.flatMap((each) => status(each, expect, strict)),
    ...output(world, expect, outcome),
    ...destinations.flatMap(([name, expected]) => destination(world, name, expected, expect, seen)),
    ...origin(world, expect, seen),
    ...Object.entries(expect.files).flatMap(([path, file]) =>
      fileAt(world, world.fill(path), file, seen.after),
    ),
    ...untouched(
      expect.untouched.map((path) => world.fill(path)),
      seen,
    ),
    ...outside(
      world,
      step,
      destinations.map(([name]) => name),
      seen,
    ),
    ...latestDuring(world, expect, seen.latestSeen),
    ...requests(world, expect, seen.requests),
    ...(typeof keys === "string" ? [`expected a key pair; ${keys}`] : []),
  ];
  return typeof keys === "object" ? { problems, keys } : { problems };
}

/** Where the stand-in for systemctl keeps the states of units. */
const UNITS = "units";

/** What lies beside destinations and origin is nobody's to change. */
function outside(
  world: World,
  step: Step,
  destinations: readonly string[],
  trees: Trees,
): string[] {
  const named = new Set(Object.keys(step.expect.files).map((path) => world.fill(path)));
  const inside = [...destinations, UNITS, ...(step.run[0] === "fetch" ? [] : ["origin"])];
  const isOutside = (path: string) =>
    !named.has(path) && !inside.some((name) => path === name || path.startsWith(`${name}/`));
  return untouched(pathsOf(trees).filter(isOutside), trees);
}

function origin(world: World, expect: Expected, trees: Trees): string[] {
  const { after } = trees;
  const problems: string[] = [];
  const { origin_manifest, origin_key, origin_store } = expect;
  if (origin_manifest !== undefined) {
    const place = "origin/manifest";
    const node = after.get(place) ?? ABSENT;
    const key = world.key(origin_key);
    const wanted = latin1(world.manifestOf(origin_manifest, origin_key));
    const isOther = node.content !== undefined && Buffer.compare(wanted, node.content) !== 0;
    problems.push(
      ...holds(place, wanted, node),
      ...(isOther && !isSigned(node.content, key.public)
        ? [`expected ${place} to be signed by ${key.public}, got another signature`]
        : []),
      ...differs(`mode of ${place}`, "0444", node.mode),
    );
  }
  if (origin_store !== undefined)
    problems.push(...storeHolds(world, "origin", origin_store, expect, after));
  // Such as a lock: DST-9 holds for a publisher's directory, too.
  const isJudged = (path: string) => standingOf(path.slice("origin/".length)) !== "added";
  return expect.origin_unchanged
    ? [...problems, ...unchanged("origin", trees, isJudged)]
    : problems;
}
