// tako verify for the directory of an origin: the manifest, and each image that it lists, as they are now. Nothing is
// locked and nothing written.

import { join } from "node:path";
import { asTakoError, TakoError } from "../../core/error.ts";
import type { PublicKey } from "../../core/keys.ts";
import { goneName, MANIFEST } from "../../core/layout.ts";
import type { Manifest } from "../../core/manifest.ts";
import { shownPath } from "../../core/text.ts";
import type { HashLanes } from "../../shell/disk/hash-lanes.ts";
import { ImageStore } from "../../shell/disk/image-store.ts";
import { changeableByOthers } from "../../shell/disk/loose-files.ts";
import { readManifestFile } from "../../shell/disk/manifest-file.ts";
import type { Report } from "../events.ts";
import { checkImages, type ImageCheck, type StoreCheck, warnOf } from "./images.ts";
import type { VerifyResult } from "./result.ts";

/** @param key who has to have signed the manifest; without it, that is not looked at, and said */
export async function verifyOrigin(
  directory: string,
  key: PublicKey | undefined,
  lanes: HashLanes,
  report: Report,
): Promise<VerifyResult> {
  const of = { directory };
  const errors: TakoError[] = [];
  const warn = (messages: readonly string[]) => {
    for (const message of messages) report({ event: "warning", message });
  };
  try {
    const store = new ImageStore(directory);
    const manifest = readManifest(directory, key, errors);
    if (key === undefined) {
      warn(["the signature of the manifest was not checked: that takes --public-key"]);
    }
    const checked = await checkImages(store, manifest, lanes, report);
    const images = [...checked.images, ...missingImages(store, manifest, checked)];
    errors.push(...images.flatMap((image) => wrongImage(directory, store, image)));
    const exposed = images.filter(({ state }) => state === "exposed");
    const loose = [
      ...changeableByOthers(directory, [MANIFEST]),
      ...exposed.map(({ sha256 }) => store.pathOf(sha256)),
    ];
    const marked = checked.images.filter(({ sha256 }) => store.isMarked(sha256));
    warn(checked.warnings);
    warn(
      warnOf(
        marked.map(({ sha256 }) => join(store.path, goneName(sha256))),
        "it marks an image as removed that is here: tako prune removes the image, tako store the mark",
      ),
    );
    warn(warnOf(loose, "others can change it, by its owner or by its mode"));
    return { of, images, inUse: undefined, errors };
  } catch (caught) {
    return { of, images: [], inUse: undefined, errors: [...errors, asTakoError(caught)] };
  }
}

function readManifest(
  directory: string,
  key: PublicKey | undefined,
  errors: TakoError[],
): Manifest | undefined {
  const file = readManifestFile(directory, key === undefined ? [] : [key]);
  const source = shownPath(`${directory}/${MANIFEST}`);
  switch (file.state) {
    case "absent":
      throw new TakoError("storage", "there is no manifest", { rule: "VFY-4", source });
    case "signed":
      return file.manifest;
    case "foreign":
      if (key !== undefined) {
        const message = `the manifest is not signed by ${key.text}`;
        errors.push(new TakoError("signature", message, { rule: "VFY-3", source }));
      }
      return file.manifest;
    case "damaged": {
      const hint = "Restore it from a copy, such as a host's.";
      errors.push(file.error.with({ source, hint }));
      return undefined;
    }
  }
}

/** Images that hosts ask for in vain, and that nobody has marked as removed (SRV-40). */
function missingImages(
  store: ImageStore,
  manifest: Manifest | undefined,
  { images }: StoreCheck,
): readonly ImageCheck[] {
  const here = new Set(images.map(({ sha256 }) => sha256));
  const missing = new Map(
    manifest?.entries
      .filter(({ digest }) => !here.has(digest) && !store.isMarked(digest))
      .map((entry) => [entry.digest, entry]),
  );
  return [...missing.values()].map(({ digest, version, size }) => ({
    sha256: digest,
    version: version.text,
    size,
    state: "missing",
    what: "is missing",
  }));
}

function wrongImage(
  directory: string,
  store: ImageStore,
  { sha256, version, state, what, error }: ImageCheck,
): readonly TakoError[] {
  if (error !== undefined) return [error];
  // An origin may share its files with other names, and whoever may write there publishes.
  if (state !== "damaged" && state !== "missing") return [];
  const source = shownPath(store.pathOf(sha256));
  const name = version === undefined ? "this image" : `the image of ${version}`;
  const put = `tako store -o ${shownPath(directory)} IMAGE ${version} puts the same bytes there again`;
  const hint =
    version === undefined
      ? `The manifest does not list it. Remove it: rm ${source}`
      : state === "missing"
        ? `${put}; removed on purpose, it is marked by a file ${goneName(sha256)}.`
        : `${put}.`;
  return [new TakoError("storage", `${name} ${what}`, { rule: "VFY-12", source, hint })];
}
