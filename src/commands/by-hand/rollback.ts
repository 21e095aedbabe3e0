// tako rollback: puts an earlier image into use and holds the host on it (ACT-70 to ACT-79). The story of it; what
// comes into use, and what follows, is that of tako fetch.

import { offer, rollbackTarget } from "../../core/by-hand.ts";
import { asTakoError, TakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { imageLocation } from "../../core/origin-url.ts";
import { leavesOut, matches } from "../../core/pattern.ts";
import { planFor, type Withheld } from "../../core/plan.ts";
import { refusalOf, withoutRefusal } from "../../core/refusals.ts";
import { parseVersion } from "../../core/version.ts";
import { type Destination, openDestination } from "../../shell/destination.ts";
import type { Effects } from "../effects.ts";
import { activate, isReturning } from "../fetch/activate.ts";
import { obtain, withRoom } from "../fetch/carry-out.ts";
import { checkImage } from "../fetch/check-image.ts";
import { refuseOwnUnit } from "../fetch/init.ts";
import { warnOfDestination } from "../fetch/lock.ts";
import { Member } from "../fetch/member.ts";
import { originOf } from "../fetch/origin.ts";
import { ended, type FetchResult, withheldOutcome } from "../fetch/result.ts";
import type { Run } from "../fetch/run.ts";
import { readStanding } from "../fetch/standing.ts";
import { tellPlan } from "../fetch/tell-plan.ts";
import { planOrTakeAway } from "../fetch/update.ts";
import { forConfig, lockedFor } from "./one-config.ts";

export interface RollbackOptions {
  /** A config, or its name in /etc/tako. */
  readonly name: string;
  /** The last one that proved itself, or the next older one that is here, unless given. */
  readonly version?: string;
  readonly dryRun: boolean;
}

const HELD: Withheld = { why: "held" };

export function rollback(
  { name, version, dryRun }: RollbackOptions,
  effects: Effects,
): Promise<FetchResult> {
  return forConfig(name, dryRun ? "dry-run" : "run", effects, async (run) => {
    refuseOwnUnit(run, "Run it outside of the unit.");
    if (dryRun) return await planOnly(run, version);
    using destination = await lockedFor(run);
    const member = new Member(run, destination);
    const isHere = await member.attempt(() => bring(member, version));
    if (isHere) await activate([member], run.effects);
    return await member.result();
  });
}

/** Gets the image, and puts on record that it is the one to be in use: from then on any run brings that to its end. */
async function bring(member: Member, version: string | undefined): Promise<true> {
  const { run, destination } = member;
  const entry = targetOf(run, destination, version);
  const plan = await planOrTakeAway(run, destination, entry, HELD);
  const step = () => obtain(run, destination, originOf(run), plan);
  const obtained = await withRoom(destination.images, entry.digest, step).catch((caught) =>
    missed(run, destination, entry, caught),
  );
  if (obtained === "gone") throw gone(run, destination, entry);

  const { refusals, good } = member.standing();
  if (refusalOf(refusals, entry.digest) !== undefined) {
    await member.perform({ step: "refuse", refusals: withoutRefusal(refusals, entry.digest) });
  }
  await destination.writeHold(entry.digest);
  // A way back that leads to that image is gone to its end; another one is not gone any further (ACT-76).
  if (isReturning(member) && good === entry.digest) return true;
  const end = () => withheldOutcome(HELD, entry.version.text, entry.digest);
  member.prepared = { plan, end };
  return true;
}

function targetOf(run: Run, destination: Destination, version: string | undefined): Entry {
  const { config, effects } = run;
  const local = destination.readManifest(config.publicKeys);
  if (local === undefined) {
    throw new TakoError(
      "failed",
      "this host has no manifest yet, so there is nothing to go back to",
      {
        rule: "ACT-72",
        source: config.file,
        hint: `"tako fetch ${config.file}" brings a manifest and an image.`,
      },
    );
  }
  const { inUse, good, refusals } = readStanding(run, destination);
  const images = destination.images.digests();
  const host = { manifest: local.manifest, pattern: config.pattern, inUse, good, refusals, images };
  const entry = rollbackTarget(
    host,
    version === undefined ? undefined : parseVersion(version),
    config.file,
  );
  if (!matches(config.pattern, entry.version)) {
    const who = leavesOut(config.pattern, entry.version)
      ? "Skip="
      : `Version=${config.pattern.text}`;
    const message = `${who} does not allow ${entry.version.text}: it is in use as long as the host is on hold`;
    effects.report({ event: "warning", message });
  }
  return entry;
}

function gone(run: Run, destination: Destination, { version, digest }: Entry): TakoError {
  return new TakoError("origin", `the origin no longer has version ${version.text}`, {
    rule: "ACT-74",
    source: imageLocation(run.config.origin, digest).shown,
    hint: whatElse(run, destination),
  });
}

/** Who names a version that is not here needs the origin, or another version (ACT-87). */
function missed(run: Run, destination: Destination, { version }: Entry, caught: unknown): never {
  const error = asTakoError(caught);
  if (error.kind !== "origin") throw error;
  const hints = [
    `The image of ${version.text} has to be downloaded.`,
    whatElse(run, destination),
    error.hint,
  ];
  throw error.with({ hint: hints.filter((hint) => hint !== undefined).join(" ") });
}

function whatElse({ config }: Run, destination: Destination): string | undefined {
  const { publicKeys, pattern } = config;
  const manifest = destination.readManifest(publicKeys)?.manifest;
  const inUse = destination.readLatest();
  return manifest && offer({ manifest, pattern, inUse, images: destination.images.digests() });
}

/** What it would do, every check included, and nothing written (ACT-79). */
async function planOnly(run: Run, version: string | undefined): Promise<FetchResult> {
  const config = run.config.file;
  const destination = openDestination(run.config.destination);
  destination.requireDirectory();
  warnOfDestination(run, destination);
  const entry = targetOf(run, destination, version);
  const image = await checkImage(destination.images, entry, true, run.effects);
  const plan = planFor(entry, image, readStanding(run, destination), HELD);
  const isHeld = destination.records().hold === entry.digest;
  if (!isHeld) run.effects.report({ event: "would", action: "hold", what: entry.version.text });
  const isSomething = tellPlan(run, destination, plan) || !isHeld;
  const outcome = isSomething
    ? ended("planned", entry)
    : withheldOutcome(HELD, entry.version.text, entry.digest);
  return { config, ...outcome };
}
