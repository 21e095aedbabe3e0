// How a host stands with one config (spec/status.md): what is so, from the manifest, the records and the images that are
// here. Which version is taken next, and what is owed or on trial, is decided by plan.ts and activation.ts; this says it.

import { type Phase, phaseOf, type Standing } from "./activation.ts";
import { type Checked, isOk } from "./checked.ts";
import type { Sha256Hex } from "./digest.ts";
import type { Entry, Manifest } from "./manifest.ts";
import { isWorthList, missingBytes } from "./packed/cheapest-way.ts";
import { matches, type Pattern } from "./pattern.ts";
import type { Choice, ImageState } from "./plan.ts";
import { entryInUse, firstLeft, newestMatch } from "./select.ts";

/** Something that is so (STS-10). Times are seconds since the epoch. */
export type State =
  | {
      readonly state: "damaged";
      readonly version: string;
      readonly sha256: Sha256Hex;
      readonly isInUse: boolean;
      readonly isMissing: boolean;
    }
  | { readonly state: "restart-owed"; readonly units: readonly string[]; readonly tries: number }
  | { readonly state: "no-image" }
  | {
      readonly state: "rejected" | "failed" | "outage";
      readonly kind: string;
      readonly message: string;
      readonly since: number;
    }
  | { readonly state: "unchecked"; readonly since: number }
  | { readonly state: "skipped"; readonly version: string; readonly reason: string }
  | { readonly state: "no-match"; readonly pattern: string; readonly offered: readonly string[] }
  | { readonly state: "unlisted"; readonly sha256: Sha256Hex }
  | { readonly state: "foreign" }
  | { readonly state: "record"; readonly message: string }
  | { readonly state: "on-trial"; readonly version: string }
  | { readonly state: "going-back"; readonly version: string; readonly reason: string }
  | { readonly state: "held"; readonly version: string }
  | {
      readonly state: "behind";
      readonly version: string;
      readonly isHere: boolean;
      /** The bytes that travel at most. */
      readonly missing: number;
      /** Whether packed files may make them fewer (PCK-50). */
      readonly mayBeLess: boolean;
    }
  | { readonly state: "withdrawn"; readonly version: string }
  | { readonly state: "waiting"; readonly version: string; readonly at: number }
  | { readonly state: "beyond"; readonly version: string }
  | {
      readonly state: "partial";
      readonly version: string;
      /** That are here, of the image or of the packed files that travel for it. */
      readonly bytes: number;
      /** In bytes, of what travels. */
      readonly size: number;
    }
  | { readonly state: "no-news"; readonly since: number }
  | { readonly state: "current" };

export type StateName = State["state"] | "error";

export type Severity = "ok" | "warning" | "critical" | "unknown";

/** What is here of a download. Sizes in bytes. */
export interface Partial {
  /** Of `.partial`. */
  readonly image: number;
  /** Of packed files that travel. */
  readonly packed: number;
  /** That these have in all. */
  readonly packedSize: number;
}

/** What is on the disk. */
export interface Sight {
  readonly pattern: Pattern;
  /** The local one. */
  readonly manifest: Manifest | undefined;
  /** When it changed last; seconds since the epoch. */
  readonly changed: number | undefined;
  /** Whether a key of the config signed it; undefined if that was not looked at. */
  readonly isSigned: boolean | undefined;
  readonly standing: Standing;
  /** With slots: the unit that is to be started anew. */
  readonly slotOwed: string | undefined;
  readonly hold: Sha256Hex | undefined;
  /** What the next run may take; undefined without a manifest. */
  readonly choice: Choice | undefined;
  /** The entries of the manifest whose image was looked at, and how it is. */
  readonly images: ReadonlyMap<Entry, ImageState>;
  /** Whether the config has packed files asked for. */
  readonly packed: boolean;
  /** Downloads that are not complete. */
  readonly partials: ReadonlyMap<Entry, Partial>;
  /** The images that the origin had taken away at the last look, and that are not here. */
  readonly withdrawn: ReadonlySet<Sha256Hex>;
  readonly checked: Checked | undefined;
  /** Records that are damaged, in words. */
  readonly damagedRecords: readonly string[];
  /** Seconds since the epoch. */
  readonly now: number;
}

/** How long an origin may be away, or nobody look for news, before a person is to know. */
const PATIENCE = 2 * 24 * 60 * 60;
/** From when on it is worth a word that a manifest has not changed. */
const NO_NEWS = 30 * 24 * 60 * 60;

/** What status 65 stands for (CLI-40). */
const NOT_AUTHENTIC: readonly string[] = [
  "manifest",
  "newer-format",
  "signature",
  "history",
  "digest",
];
const OF_THE_ORIGIN: readonly string[] = ["origin", "stale"];

/** The names of all states, in the order of the table (STS-10, STS-11). */
export const STATES: readonly StateName[] = [
  "error",
  "damaged",
  "restart-owed",
  "no-image",
  "rejected",
  "failed",
  "outage",
  "unchecked",
  "skipped",
  "no-match",
  "unlisted",
  "foreign",
  "record",
  "on-trial",
  "going-back",
  "held",
  "behind",
  "withdrawn",
  "waiting",
  "beyond",
  "partial",
  "no-news",
  "current",
];

/** The severities of states (STS-25). */
export const WORST_FIRST: readonly Severity[] = ["critical", "unknown", "warning", "ok"];

/** The worst of some severities (STS-25). */
export function worstSeverity(severities: readonly Severity[]): Severity {
  return WORST_FIRST.find((severity) => severities.includes(severity)) ?? "ok";
}

/** @param now seconds since the epoch */
export function severityOf(state: State, now: number): Severity {
  switch (state.state) {
    case "damaged":
      return state.isInUse ? "critical" : "warning";
    case "restart-owed":
      return state.tries > 0 ? "critical" : "ok";
    case "outage":
      return now - state.since > PATIENCE ? "warning" : "ok";
    case "no-image":
    case "rejected":
      return "critical";
    case "failed":
    case "unchecked":
    case "skipped":
    case "no-match":
    case "unlisted":
    case "foreign":
    case "record":
    case "going-back":
      return "warning";
    case "on-trial":
    case "held":
    case "behind":
    case "withdrawn":
    case "waiting":
    case "beyond":
    case "partial":
    case "no-news":
    case "current":
      return "ok";
  }
}

/** All that is so, worst first (STS-10, STS-11). */
export function statesOf(sight: Sight): readonly State[] {
  const phase = phaseOf(sight.standing);
  const states = [
    ...statesOfImages(sight),
    ...statesOfActivation(sight, phase),
    ...statesOfLook(sight),
    ...statesOfChoice(sight),
    ...sight.damagedRecords.map((message) => ({ state: "record", message }) as const),
  ];
  const all = isCurrent(states) ? [...states, { state: "current" } as const] : states;
  const rank = (state: State) =>
    WORST_FIRST.indexOf(severityOf(state, sight.now)) * STATES.length + STATES.indexOf(state.state);
  return all.toSorted((a, b) => rank(a) - rank(b));
}

/** What keeps the image in use from being all that a host can have. */
const NOT_CURRENT: readonly StateName[] = [
  "no-image",
  "restart-owed",
  "on-trial",
  "going-back",
  "skipped",
  "no-match",
  "unlisted",
  "held",
  "behind",
];

function isCurrent(states: readonly State[]): boolean {
  return !states.some(
    (each) => NOT_CURRENT.includes(each.state) || (each.state === "damaged" && each.isInUse),
  );
}

function statesOfImages({ images, partials, standing }: Sight): readonly State[] {
  const damaged = [...images].flatMap(([{ version, digest: sha256 }, image]) => {
    const isInUse = sha256 === standing.inUse;
    const isMissing = isInUse && image === "absent";
    return isMissing || image === "damaged"
      ? [{ state: "damaged", version: version.text, sha256, isInUse, isMissing } as const]
      : [];
  });
  const partial = [...partials].map(([{ version, size: whole }, { image, packed, packedSize }]) => {
    const [bytes, size] = packedSize > 0 ? [packed, packedSize] : [image, whole];
    return { state: "partial", version: version.text, bytes, size } as const;
  });
  return [...damaged, ...partial];
}

function statesOfActivation(sight: Sight, phase: Phase): readonly State[] {
  const { standing, slotOwed, checked } = sight;
  const { inUse } = standing;
  const tries = inUse !== undefined && checked?.tries?.image === inUse ? checked.tries.count : 0;
  const left = "units" in phase && slotOwed === undefined ? phase.units : [];
  const units = slotOwed === undefined ? left : [slotOwed];
  const owed = units.length === 0 ? [] : [{ state: "restart-owed", units, tries } as const];
  switch (phase.phase) {
    case "no-image":
      return [{ state: "no-image" }];
    case "at-rest":
    case "restart-owed":
      return owed;
    case "on-trial":
      return [...owed, { state: "on-trial", version: versionOf(sight, phase.image) }];
    case "way-back":
    case "control": {
      const { digest, reason } = phase.refusal;
      return [...owed, { state: "going-back", version: versionOf(sight, digest), reason }];
    }
  }
}

function statesOfLook({ checked, changed, now }: Sight): readonly State[] {
  if (checked === undefined) return [];
  const { look } = checked;
  const { outcome: kind, message, since } = look;
  const isOld = now - look.time > PATIENCE;
  const unchecked = isOld ? [{ state: "unchecked", since: look.time } as const] : [];
  if (isOk(look)) {
    const isFrozen = !isOld && changed !== undefined && now - changed > NO_NEWS;
    return isFrozen ? [{ state: "no-news", since: changed }] : unchecked;
  }
  const state = OF_THE_ORIGIN.includes(kind)
    ? "outage"
    : NOT_AUTHENTIC.includes(kind)
      ? "rejected"
      : "failed";
  return [...unchecked, { state, kind, message, since }];
}

function statesOfChoice(sight: Sight): readonly State[] {
  const { manifest, isSigned, pattern, choice, hold, images, withdrawn } = sight;
  const { inUse } = sight.standing;
  const states: State[] = [];
  if (inUse !== undefined && !(manifest && entryInUse(manifest, inUse, pattern))) {
    states.push({ state: "unlisted", sha256: inUse });
  }
  if (manifest === undefined || choice === undefined) return states;
  if (isSigned === false) states.push({ state: "foreign" });
  const newest = manifest.entries.at(-1)?.version;
  if (newest !== undefined && !matches(pattern, newest) && newestMatch(manifest, pattern)) {
    states.push({ state: "beyond", version: newest.text });
  }
  if (choice.choice === "no-match") {
    return [...states, { state: "no-match", pattern: choice.pattern, offered: choice.offered }];
  }
  const { withheld, waiting } = choice;
  if (withheld?.why === "held") {
    states.push({ state: "held", version: versionOf(sight, hold ?? inUse) });
  }
  if (withheld?.why === "refused") {
    states.push({ state: "skipped", version: withheld.version, reason: withheld.reason });
  }
  if (waiting !== undefined) states.push({ state: "waiting", ...waiting });
  const candidates: readonly Entry[] = choice.choice === "take" ? choice.candidates : [];
  const next = firstLeft(candidates, withdrawn);
  if (next !== undefined && next.digest !== inUse) {
    const isHere = images.get(next) === "present";
    const missing = isHere ? 0 : missingBytes(next.size, sight.partials.get(next)?.image ?? 0);
    const mayBeLess = sight.packed && isWorthList(missing);
    states.push({ state: "behind", version: next.version.text, isHere, missing, mayBeLess });
  }
  for (const { version } of candidates.slice(0, next && candidates.indexOf(next))) {
    states.push({ state: "withdrawn", version: version.text });
  }
  return states;
}

/** A version for people; of an image that the manifest does not list, its digest. */
function versionOf({ manifest, pattern }: Sight, digest: Sha256Hex | undefined): string {
  const entry = manifest && digest && entryInUse(manifest, digest, pattern);
  return entry?.version.text ?? digest ?? "nothing";
}
