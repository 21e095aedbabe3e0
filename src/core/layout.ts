// Every name on disk: what lies in a host's destination and in a publisher's directory, which have the
// manifest and `store/` in common (spec/destination.md, spec/publish.md). What is done with it is the
// shell's business.

import { parseSha256Hex, type Sha256Hex } from "./digest.ts";

/** The signed list of versions, of a publisher and of a host (DST-3). */
export const MANIFEST = "manifest";
/** The directory of the images, of a publisher and of a host (DST-1). */
export const STORE = "store";
/** The symbolic link to the image in use (DST-2). */
export const LATEST = "latest";
/** The name under which the link of any slot is made (DST-101). No name of a slot begins with a dot. */
export const NEW_SLOT = ".slot.new";
/** What makes the next check conditional (DST-50). */
export const ETAG = ".etag";
/** The restart that is still to be done (DST-60). */
export const OWED = ".owed";

/** The last image that proved itself (DST-70). */
export const GOOD = ".good";
/** The images that did not work here (DST-74). */
export const REFUSED = ".refused";
/** The image that the host is to stay on (DST-80). */
export const HOLD = ".hold";
/** How long young images have been known (DST-90). */
export const SEEN = ".seen";
/** When the last look for news was, and how it ended (DST-110). */
export const CHECKED = ".checked";

/** What a run locks, of a publisher and of a host; it is empty, and stays (DST-47, DST-48). */
export const LOCK = ".lock";

/** In `store/`: the copy of an image that is being published (PUB-11). */
export const NEW_IMAGE = ".new";

/** The files that a host writes whole, under their temporary names first (DST-20, DST-114). */
export const HOST_FILES = [MANIFEST, ETAG, OWED, GOOD, REFUSED, HOLD, SEEN, CHECKED] as const;

/** The name under which a file is written before it is in place: `.manifest.new`, `.etag.new` (DST-23). */
export function temporaryName(name: string): string {
  return `${name.startsWith(".") ? "" : "."}${name}.new`;
}

/** The text of `latest` for an image (DST-2). */
export function linkTarget(digest: Sha256Hex): string {
  return `${STORE}/${digest}`;
}

/** The image that the text of a link `latest` names, `undefined` unless it is `store/<sha256>`. */
export function imageOfLink(target: string): Sha256Hex | undefined {
  const start = `${STORE}/`;
  return target.startsWith(start) ? parseSha256Hex(target.slice(start.length)) : undefined;
}

/** The name in `store/` of an origin of the mark that an image was removed on purpose (FET-111, SRV-40). */
export function goneName(digest: Sha256Hex): string {
  return `${digest}.gone`;
}

/** The name in `store/` of an origin of the list of packed files for an image (PCK-1). */
export function packedName(digest: Sha256Hex): string {
  return `${digest}.packed`;
}

/** The name in `store/` of an origin of an image as a zstd frame (PCK-10). */
export function zstName(digest: Sha256Hex): string {
  return `${digest}.zst`;
}

/** The name in `store/` of an origin of what turns an old image into a new one (PCK-20). */
export function patchName(old: Sha256Hex, next: Sha256Hex): string {
  return `${next}.from-${old}.patch`;
}

/** What a name of a packed file at an origin says. */
export type PackedName =
  | { readonly what: "list" | "zst"; readonly image: Sha256Hex }
  | { readonly what: "patch"; readonly image: Sha256Hex; readonly from: Sha256Hex };

/** What packed file a name in `store/` is of; `undefined` for any other name. */
export function packedFileOf(name: string): PackedName | undefined {
  const image = parseSha256Hex(name.slice(0, 64));
  if (image === undefined) return undefined;
  if (name === packedName(image)) return { what: "list", image };
  if (name === zstName(image)) return { what: "zst", image };
  const from = parseSha256Hex(name.slice(70, 134));
  if (from === undefined || from === image || name !== patchName(from, image)) return undefined;
  return { what: "patch", image, from };
}

const UNFINISHED = ".new";

/** The name in `store/` under which a packed file is made (PCK-66). */
export function unfinishedName(name: string): string {
  return `.${name}${UNFINISHED}`;
}

/** What packed file is being made under a name in `store/`; `undefined` for any other name. */
export function unfinishedOf(name: string): PackedName | undefined {
  const isSo = name.startsWith(".") && name.endsWith(UNFINISHED);
  return isSo ? packedFileOf(name.slice(1, -UNFINISHED.length)) : undefined;
}

/**
 * Of the names in the `store/` of an origin, those of all packed files for an image of which that is so, or that need one; also of
 * what is being made.
 */
export function packedNamesOf(
  names: readonly string[],
  isSo: (image: Sha256Hex) => boolean,
): readonly string[] {
  return names.filter((name) => {
    const file = packedFileOf(name) ?? unfinishedOf(name);
    return file !== undefined && (isSo(file.image) || (file.what === "patch" && isSo(file.from)));
  });
}

/** Of the names in a `store/`, those that neither a host nor a publisher gives (DST-9). */
export function foreignNames(names: readonly string[]): readonly string[] {
  return names.filter((name) => {
    const [digest, more] = [name.slice(0, 64), name.slice(64)];
    const isOurs = parseSha256Hex(digest) !== undefined && /^(\.[^.]+)*$/.test(more);
    return !isOurs && name !== NEW_IMAGE && unfinishedOf(name) === undefined;
  });
}

const PARTIAL = ".partial";

/** The name in `store/` of a download that is not complete yet (DST-12). */
export function partialName(digest: Sha256Hex): string {
  return `${digest}${PARTIAL}`;
}

/** What follows the digest in the name of what belongs to a packed download of it (PCK-55). */
const PART = ".part-";

/** The name in `store/` of a zstd frame of so many bytes that is not complete yet (PCK-55). */
export function zstPartName(wanted: Sha256Hex, size: number): string {
  return `${wanted}${PART}zst-${size}`;
}

/** The name in `store/` of a patch of so many bytes that is not complete yet, on the way to the image `wanted` (PCK-55). */
export function patchPartName(
  wanted: Sha256Hex,
  old: Sha256Hex,
  next: Sha256Hex,
  size: number,
): string {
  // Not whole: some file systems have no room for three digests in a name.
  return `${wanted}${PART}${old.slice(0, 16)}-${next.slice(0, 16)}-${size}`;
}

/** The name in `store/` of what a patch or a frame is becoming, the Nth on the way to the image `wanted` (PCK-55). */
export function unpackedName(wanted: Sha256Hex, nth: number): string {
  return `${wanted}${PART}image-${nth}`;
}

/** How many bytes a packed file has that is on its way under this name; `undefined` for any other name (PCK-55). */
export function travellingSize(name: string): number | undefined {
  const size = /^[0-9a-f]{64}\.part-(?:zst|[0-9a-f]{16}-[0-9a-f]{16})-(\d{1,16})$/.exec(name)?.[1];
  return size === undefined ? undefined : Number(size);
}

/** Of the names in `store/`, those that belong to a packed download of an image (PCK-55). */
export function partsOf(names: readonly string[], wanted: Sha256Hex): readonly string[] {
  return names.filter((name) => name.startsWith(`${wanted}${PART}`));
}

/** Of the names in `store/`, what is left of downloads of other images (FET-65, PCK-56). */
export function stalePartials(
  names: readonly string[],
  wanted: Sha256Hex | undefined,
): readonly string[] {
  return names.filter((name) => {
    const digest = imageOfPartial(name);
    return digest !== undefined && digest !== wanted;
  });
}

/** The image that a partial or packed download is of; `undefined` for any other name. */
export function imageOfPartial(name: string): Sha256Hex | undefined {
  const digest = parseSha256Hex(name.slice(0, 64));
  const more = name.slice(64);
  return more === PARTIAL || more.startsWith(PART) ? digest : undefined;
}
