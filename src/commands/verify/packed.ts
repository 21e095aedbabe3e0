// Whether the packed files of an origin make the images that they are for, each decoded as a host does it (VFY-16).

import { closeSync } from "node:fs";
import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError, TakoError } from "../../core/error.ts";
import { packedName, patchName, zstName } from "../../core/layout.ts";
import type { OwnPacked } from "../../core/packed/own-list.ts";
import { parsePackedList } from "../../core/packed/packed-list.ts";
import { shownPath } from "../../core/text.ts";
import { openRegularFile } from "../../shell/disk/read-files.ts";
import { makesByFrame, makesByPatch } from "../../shell/packed/check-packed.ts";
import type { PackedFiles } from "../../shell/packed/packed-files.ts";
import { openDirectoryPublication } from "../../shell/publication/directory.ts";
import type { ImageCheck } from "./images.ts";

type Whole = Pick<ImageCheck, "sha256" | "size">;

/** @returns what is wrong with them; of images that are not whole themselves they are not looked at */
export async function checkPacked(
  directory: string,
  images: readonly ImageCheck[],
): Promise<readonly TakoError[]> {
  const { packed, pathOf } = openDirectoryPublication(directory);
  const whole = images.filter(({ state }) => state === "whole" || state === "exposed");
  const here = new Map(whole.map((image) => [image.sha256, image]));
  const listed = packed.listed();
  const wrong: TakoError[] = [];
  for (const [image, own] of listed) {
    const found = here.get(image);
    if (found === undefined) continue;
    wrong.push(...wrongList(packed, image, listed));
    for (const name of await wrongFiles(packed, found, own, here, pathOf)) {
      wrong.push(wrongFile(packed.pathOf(name), "it does not make the image"));
    }
  }
  return wrong;
}

/** A list that hosts refuse, or that names what is not there with that size. */
function wrongList(
  packed: PackedFiles,
  image: Sha256Hex,
  listed: ReadonlyMap<Sha256Hex, OwnPacked>,
): readonly TakoError[] {
  const path = packed.pathOf(packedName(image));
  const bytes = packed.listBytes(image);
  if (bytes === undefined) return [wrongFile(path, "it is larger than 64 KiB")];
  try {
    const { zst, patches } = parsePackedList(bytes);
    const wrong = [
      ...(zst === listed.get(image)?.zst ? [] : [zstName(image)]),
      ...patches
        .filter((patch) => listed.get(patch.new)?.patches.get(patch.old) !== patch.size)
        .map((patch) => patchName(patch.old, patch.new)),
    ];
    return wrong.map((name) => wrongFile(path, `${name} is not there, or not with this size`));
  } catch (caught) {
    return [wrongFile(path, asTakoError(caught).message)];
  }
}

async function wrongFiles(
  packed: PackedFiles,
  { sha256: digest, size }: Whole,
  { zst, patches }: OwnPacked,
  here: ReadonlyMap<Sha256Hex, Whole>,
  pathOf: (digest: Sha256Hex) => string,
): Promise<readonly string[]> {
  const wrong: string[] = [];
  const frame = zstName(digest);
  if (zst !== undefined && !(await makesByFrame(packed.pathOf(frame), { digest, size }))) {
    wrong.push(frame);
  }
  for (const from of patches.keys()) {
    const old = here.get(from);
    const fd = old && openRegularFile(pathOf(from));
    if (old === undefined || fd === undefined) continue;
    try {
      const name = patchName(from, digest);
      const isRight = await makesByPatch(
        packed.pathOf(name),
        { fd, size: old.size },
        { digest, size },
      );
      if (!isRight) wrong.push(name);
    } finally {
      closeSync(fd);
    }
  }
  return wrong;
}

function wrongFile(path: string, message: string): TakoError {
  const source = shownPath(path);
  return new TakoError("storage", message, {
    rule: "VFY-16",
    source,
    hint: "Hosts take the plain image then. tako pack makes what is missing, and anew what is removed.",
  });
}
