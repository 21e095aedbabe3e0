// tako verify for the destination of one config: manifest, images, `latest` and the records, as they are now. Nothing
// is locked and nothing written; what is not as it should be comes with the command that repairs it.

import { join } from "node:path";
import { doubtsAbout, type Pointers } from "../../core/doubts.ts";
import { asTakoError, TakoError } from "../../core/error.ts";
import { ETAG, HOST_FILES, LATEST, LOCK, SEEN } from "../../core/layout.ts";
import type { Manifest } from "../../core/manifest.ts";
import { entryInUse } from "../../core/select.ts";
import { shownPath } from "../../core/text.ts";
import { type Destination, openDestination } from "../../shell/destination.ts";
import type { HashLanes } from "../../shell/disk/hash-lanes.ts";
import { changeableByOthers } from "../../shell/disk/loose-files.ts";
import { readManifestFile } from "../../shell/disk/manifest-file.ts";
import { isPresent } from "../../shell/disk/read-files.ts";
import { hostRecords } from "../../shell/host-records.ts";
import type { Report } from "../events.ts";
import type { Readable } from "../fetch/configs.ts";
import { unitsOf } from "../fetch/standing.ts";
import { checkImages, type ImageCheck, warnOf } from "./images.ts";
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
  const attempt = async <T>(look: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await look();
    } catch (caught) {
      errors.push(asTakoError(caught));
      return undefined;
    }
  };
  const warn = (messages: readonly string[] = []) => {
    for (const message of messages) report({ event: "warning", message });
  };
  warn(readable.warnings);
  const destination = openDestination(config.destination);
  const isThere = await attempt(() => {
    destination.requireDirectory();
    return true;
  });
  if (isThere === undefined) return { of, images: [], inUse: undefined, errors };

  const manifest = await attempt(() => readManifest(readable, destination, errors));
  const store = await attempt(() => checkImages(destination.images, manifest, lanes, report));
  // After the images, which takes its time: what a run beside this one made of it meanwhile.
  const latest = await attempt(() => destination.readLink(LATEST));
  const inUse = latest?.image;
  const here = (store && (await attempt(() => destination.images.digests()))) ?? new Set();
  const records = hostRecords(destination.path, inUse);
  const pointers = {
    ...{ inUse, here },
    owed: (await attempt(() => records.owed)) ?? [],
    good: await attempt(() => records.good),
    refusals: (await attempt(() => records.refusals)) ?? [],
    hold: await attempt(() => records.hold),
    slots: await attempt(() => readSlots(readable, destination)),
  };
  // Nothing of these is needed here, and a run reads them.
  for (const name of [ETAG, SEEN])
    await attempt(() => isPresent(join(destination.path, name), "regular file"));
  const images = store?.images ?? [];
  errors.push(...images.flatMap((image) => wrongImage(readable, destination, image, pointers)));
  if (latest?.isLinked) errors.push(...wrongLatest(readable, destination, pointers));
  warn(store?.warnings);
  warn(await attempt(() => looseFiles(destination, store?.otherModes ?? [])));
  warn(await attempt(() => destination.recordWarnings()));
  warn(doubts(readable, pointers, manifest));
  const entry = inUse && manifest && entryInUse(manifest, inUse, config.pattern);
  return { of, images, inUse: entry?.version.text ?? inUse, errors };
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
      const source = shownPath(manifestPath);
      const hint = `tako fetch ${config.file} takes the origin's, unless that lacks an entry of this one: then rm ${source}`;
      errors.push(new TakoError("signature", message, { rule: "VFY-3", source, hint }));
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
  { sha256, version, what, error }: ImageCheck,
  { inUse, hold }: Pick<Pointers, "inUse" | "hold">,
): readonly TakoError[] {
  if (error !== undefined) return [error];
  if (what === undefined) return [];
  const path = shownPath(destination.images.pathOf(sha256));
  const name = version === undefined ? "this image" : `the image of ${version}`;
  const isWanted = sha256 === inUse || sha256 === hold;
  const hint = isWanted
    ? `tako fetch ${config.file} gets it anew, or a newer one in its place.`
    : `It is not in use. Remove it: rm ${path}`;
  return [new TakoError("storage", `${name} ${what}`, { rule: "VFY-12", source: path, hint })];
}

/** Where `latest` leads nowhere, no unit starts. */
function wrongLatest(
  { config }: Readable,
  destination: Destination,
  { inUse, here }: Pick<Pointers, "inUse" | "here">,
): readonly TakoError[] {
  if (inUse !== undefined && here.has(inUse)) return [];
  const message =
    inUse === undefined
      ? "it names no image of store/"
      : `it names ${inUse}, and there is no such image`;
  const source = shownPath(`${destination.path}/${LATEST}`);
  const hint = `tako fetch ${config.file} puts an image into use.`;
  return [new TakoError("storage", message, { rule: "VFY-20", source, hint })];
}

/** Who else could change something, and what has not the mode that Tako gives it. */
function looseFiles(destination: Destination, otherModes: readonly string[]): readonly string[] {
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
  found: Omit<Pointers, "listed" | "units">,
  manifest: Manifest | undefined,
): readonly string[] {
  const versions = new Map(manifest?.entries.map(({ digest, version }) => [digest, version.text]));
  const listed = manifest && new Set(versions.keys());
  const pointers = { ...found, listed, units: unitsOf({ config }) };
  return doubtsAbout(pointers, (digest) => versions.get(digest) ?? digest);
}
