// tako verify for the destination of one config: manifest, images, `latest` and the records, as they are now. Nothing
// is locked and nothing written; what is not as it should be comes with the command that repairs it.

import type { Sha256Hex } from "../../core/digest.ts";
import { doubtsAbout, type Pointers } from "../../core/doubts.ts";
import { asTakoError, TakoError } from "../../core/error.ts";
import { HOST_FILES, LATEST, LOCK } from "../../core/layout.ts";
import type { Manifest } from "../../core/manifest.ts";
import { entryInUse } from "../../core/select.ts";
import { shownPath } from "../../core/text.ts";
import { type Destination, openDestination } from "../../shell/destination.ts";
import type { HashLanes } from "../../shell/disk/hash-lanes.ts";
import { changeableByOthers } from "../../shell/disk/loose-files.ts";
import { readManifestFile } from "../../shell/disk/manifest-file.ts";
import { hostRecords } from "../../shell/host-records.ts";
import type { Report } from "../events.ts";
import type { Readable } from "../fetch/configs.ts";
import { unitsOf } from "../fetch/standing.ts";
import { checkImages, type ImageCheck, type StoreCheck, warnOf } from "./images.ts";
import type { VerifyResult } from "./result.ts";

/** @param report which adds the config to each event */
export async function verifyHost(
  readable: Readable,
  lanes: HashLanes,
  report: Report,
): Promise<VerifyResult> {
  const { config } = readable;
  const of = { config: config.file };
  const errors: TakoError[] = [];
  /** What cannot be looked at keeps nobody from the rest (VFY-5). */
  const attempt = <T>(look: () => T): T | undefined => {
    try {
      return look();
    } catch (caught) {
      errors.push(asTakoError(caught));
      return undefined;
    }
  };
  const warn = (messages: readonly string[] = []) => {
    for (const message of messages) report({ event: "warning", message });
  };
  warn(readable.warnings);
  try {
    const destination = openDestination(config.destination);
    destination.requireDirectory();
    const manifest = attempt(() => readManifest(readable, destination, errors));
    const latest = attempt(() => destination.readLink(LATEST));
    const records = hostRecords(destination.path, latest?.image);
    const pointers = {
      inUse: latest?.image,
      owed: attempt(() => records.owed) ?? [],
      good: attempt(() => records.good),
      refusals: attempt(() => records.refusals) ?? [],
      hold: attempt(() => records.hold),
      slots: attempt(() => readSlots(readable, destination)),
    };
    const store = await checkImages(destination.images, manifest, lanes, report);
    const { images } = store;
    const isWanted = (digest: Sha256Hex) => digest === pointers.inUse || digest === pointers.hold;
    errors.push(...images.flatMap((image) => wrongImage(readable, destination, image, isWanted)));
    if (latest?.isLinked) errors.push(...wrongLatest(readable, destination, latest.image, images));
    warn(store.warnings);
    warn(attempt(() => looseFiles(destination, store)));
    warn(attempt(() => destination.recordWarnings()));
    warn(doubts(readable, pointers, manifest, images));
    const entry = latest?.image && manifest && entryInUse(manifest, latest.image, config.pattern);
    return { of, images, inUse: entry?.version.text ?? latest?.image, errors };
  } catch (caught) {
    return { of, images: [], inUse: undefined, errors: [...errors, asTakoError(caught)] };
  }
}

/** The local manifest, also one of another key; what is wrong with it is added to the errors. */
function readManifest(
  { config }: Readable,
  { path, manifestPath }: Destination,
  errors: TakoError[],
): Manifest | undefined {
  const file = readManifestFile(path, config.publicKeys);
  switch (file.state) {
    case "absent":
      return undefined;
    case "signed":
      return file.manifest;
    case "foreign": {
      const message = "the manifest is not signed by any PublicKey= of the config";
      const hint = `tako fetch ${config.file} takes the origin's, if a key of the config signed that.`;
      errors.push(
        new TakoError("signature", message, {
          rule: "VFY-3",
          source: shownPath(manifestPath),
          hint,
        }),
      );
      return file.manifest;
    }
    case "damaged": {
      const hint = `Restore it, or remove it to start the history anew: tako fetch ${config.file} gets it.`;
      errors.push(file.error.with({ source: shownPath(manifestPath), hint }));
      return undefined;
    }
  }
}

/** What is wrong with an image, and what to do about it. */
function wrongImage(
  { config }: Readable,
  destination: Destination,
  { sha256, version, state, reason, error }: ImageCheck,
  isWanted: (digest: Sha256Hex) => boolean,
): readonly TakoError[] {
  if (error !== undefined) return [error];
  if (state === "whole") return [];
  const path = shownPath(destination.images.pathOf(sha256));
  const name = version === undefined ? "this image" : `the image of ${version}`;
  const hint = isWanted(sha256)
    ? `tako fetch ${config.file} gets it anew.`
    : `It is not in use. Remove it: rm ${path}`;
  const said = state === "damaged" ? `${name} is damaged: ${reason}` : `${name} ${EXPOSED[state]}`;
  return [new TakoError("storage", said, { rule: "VFY-12", source: path, hint })];
}

const EXPOSED = {
  exposed: "can be changed by others: by its owner, or by its mode",
  linked: "has another name, too (a hard link), by which it can be changed",
  missing: "is missing",
  unreadable: "cannot be read",
} as const;

/** Where `latest` leads nowhere, no unit starts. */
function wrongLatest(
  { config }: Readable,
  destination: Destination,
  image: Sha256Hex | undefined,
  images: readonly ImageCheck[],
): readonly TakoError[] {
  if (images.some(({ sha256 }) => sha256 === image)) return [];
  const message =
    image === undefined
      ? "it names no image of store/"
      : `it names ${image}, and there is no such image`;
  const source = shownPath(`${destination.path}/${LATEST}`);
  const hint = `tako fetch ${config.file} puts an image into use.`;
  return [new TakoError("storage", message, { rule: "VFY-20", source, hint })];
}

/** Who else could change something, and what has not the mode that Tako gives it. */
function looseFiles(destination: Destination, { otherModes }: StoreCheck): readonly string[] {
  const loose = changeableByOthers(destination.path, [...HOST_FILES, LOCK]);
  return [
    ...destination.permissionWarnings(),
    ...warnOf(loose, "others can change it, by its owner or by its mode"),
    ...warnOf(otherModes, "its mode is not 0444"),
  ];
}

/** The slots whose link is there; `undefined` without slots. */
function readSlots({ config }: Readable, destination: Destination): Pointers["slots"] {
  const linked = config.slots?.flatMap((name) => {
    const { isLinked, image } = destination.readLink(name);
    return isLinked ? [[name, image] as const] : [];
  });
  return linked && new Map(linked);
}

function doubts(
  { config }: Readable,
  found: Omit<Pointers, "here" | "listed" | "units">,
  manifest: Manifest | undefined,
  images: readonly ImageCheck[],
): readonly string[] {
  const versions = new Map(manifest?.entries.map(({ digest, version }) => [digest, version.text]));
  const here = new Set(images.map(({ sha256 }) => sha256));
  const listed = manifest && new Set(versions.keys());
  const pointers = { ...found, here, listed, units: unitsOf({ config }) };
  return doubtsAbout(pointers, (digest) => versions.get(digest) ?? digest);
}
