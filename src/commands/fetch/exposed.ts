// An image that is whole, and that others could change (DST-34): what is told of it.

import type { Entry } from "../../core/manifest.ts";
import type { ImageState } from "../../core/plan.ts";
import type { Report } from "../events.ts";

/** Whether an image is whole, and its file not Tako's alone. */
export function isShared(image: ImageState): boolean {
  return image === "linked" || image === "exposed";
}

/** @param consequence what is done about it */
export function warnOfExposed(
  report: Report,
  { version }: Entry,
  path: string,
  consequence = "and it stays in use, since no better one is to be had now",
): void {
  const message = `others could change the image of ${version.text}, by its owner, its mode or another name of it, ${consequence}: ${path}`;
  report({ event: "warning", message });
}
