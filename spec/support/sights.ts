// What a look at a destination finds, for examples of states: a host whose manifest lists 1.0 and 1.1, and what differs.

import type { Sha256Hex } from "../../src/core/digest.ts";
import type { Entry } from "../../src/core/manifest.ts";
import { parsePattern } from "../../src/core/pattern.ts";
import { choose, type ImageState } from "../../src/core/plan.ts";
import { parseSize } from "../../src/core/size.ts";
import type { Sight } from "../../src/core/status.ts";
import { parseVersion } from "../../src/core/version.ts";
import { digestOf, manifestOf } from "./manifests.ts";

export interface Changes {
  readonly versions?: readonly string[];
  readonly pattern?: string;
  /** Versions stand for their images. */
  readonly inUse: string | undefined;
  readonly hold?: string;
  readonly good?: string;
  readonly refused?: string;
  readonly young?: string;
  readonly withdrawn?: readonly string[];
  readonly watches?: boolean;
  readonly units?: readonly string[];
  /** There is a group for the image in use in `.owed`, with these units done. */
  readonly owed?: readonly string[];
  /** Three runs could not restart for this image. */
  readonly tries?: string;
  readonly images?: Readonly<Record<string, ImageState>>;
  readonly partial?: string;
  readonly isSigned?: boolean;
  readonly damagedRecords?: readonly string[];
  readonly look?: {
    readonly outcome: string;
    /** Seconds since it ended. */
    readonly ago?: number;
    /** Seconds since the manifest changed. */
    readonly changedAgo?: number;
  };
}

const NOW = 1_795_000_000;

/** The image of a version. */
export function imageOf(version: string): Sha256Hex {
  return digestOf(Buffer.from(version).toString("hex").padStart(64, "0"));
}

export function sightOf(changes: Changes): Sight {
  const { versions = ["1.0", "1.1"], pattern: text = "*", inUse, look } = changes;
  const manifest = manifestOf(
    versions.map((version) => ({
      version: parseVersion(version),
      size: parseSize(1),
      digest: imageOf(version),
    })),
  );
  const pattern = parsePattern(text);
  const digest = (version: string | undefined) =>
    version === undefined ? undefined : imageOf(version);
  const entry = (version: string): Entry =>
    manifest.entries.find((each) => each.version.text === version) ?? unlisted(version);
  const { refused, young } = changes;
  const refusals =
    refused === undefined
      ? []
      : [{ digest: imageOf(refused), instead: imageOf("1.0"), time: 0, reason: "down" }];
  const [used, good] = [digest(inUse), digest(changes.good)];
  const host = {
    inUse: used,
    hold: digest(changes.hold),
    refusals,
    young: new Map(young === undefined ? [] : [[imageOf(young), NOW + 60]]),
  };
  const owed =
    changes.owed === undefined || used === undefined ? [] : [{ digest: used, done: changes.owed }];
  const standing = {
    ...{ inUse: used, owed, units: changes.units ?? [], watches: changes.watches ?? false },
    ...{ good, canGoBack: good !== undefined && good !== used, refusals },
  };
  const time = NOW - (look?.ago ?? 0);
  const outcome = look?.outcome ?? "ok";
  const message = outcome === "ok" ? "" : "what was wrong";
  const tries =
    changes.tries === undefined ? undefined : { image: imageOf(changes.tries), count: 3 };
  return {
    pattern,
    manifest,
    changed: NOW - (look?.changedAgo ?? 0),
    isSigned: changes.isSigned,
    standing,
    slotOwed: undefined,
    hold: host.hold,
    choice: choose(manifest, pattern, host),
    images: new Map(
      Object.entries(changes.images ?? {}).map(([version, state]) => [entry(version), state]),
    ),
    packed: true,
    partials: new Map(changes.partial === undefined ? [] : [[entry(changes.partial), NOTHING]]),
    withdrawn: new Set((changes.withdrawn ?? []).map(imageOf)),
    checked: { look: { time, outcome, since: time, message }, tries, gone: [] },
    damagedRecords: changes.damagedRecords ?? [],
    now: NOW,
  };
}

const NOTHING = { image: 0, packed: 0, packedSize: 0 };

function unlisted(version: string): never {
  throw new Error(`the manifest does not list ${version}`);
}
