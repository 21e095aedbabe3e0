// How the result of `tako store` looks: `VERSION -> DIGEST`, as upstream has it (PUB-23).

import type { StoreResult } from "../../commands/store.ts";
import { DONE } from "../exit-status.ts";
import type { Presenter, Said } from "../presenter.ts";
import { count } from "../text.ts";

export const storePresenter: Presenter<StoreResult> = {
  text(result) {
    if (result.stored === "image") {
      return [
        ...(result.changed ? [] : [sayUnchanged(result)]),
        { on: "stdout", line: `${result.version} -> ${result.sha256}` },
      ];
    }
    if (result.stored === "nothing") {
      return describePlace(result).map((line) => ({ on: "stdout", line }));
    }
    // Named, since keys that were swapped look like success (PUB-52).
    const key = `the secret key of ${result.publicKey.text}`;
    const line = result.changed
      ? `signed the manifest anew, with ${key}`
      : `nothing changed: the manifest is signed with ${key} already`;
    return [{ on: "stdout", line }];
  },

  json(result) {
    if (result.stored === "nothing") {
      const { version, sha256, size, changed, place, published } = result;
      const patterns = place.patterns.map(({ pattern, takes }) => ({
        pattern: pattern.text,
        takes: takes.text,
      }));
      const [after, before] = [place.after?.text, place.before?.text];
      return { version, sha256, size, published, after, before, patterns, changed };
    }
    const { changed } = result;
    return result.stored === "image"
      ? { version: result.version, sha256: result.sha256, changed }
      : { changed };
  },

  errors: () => [],

  status: () => DONE,
};

/** So that nobody takes it for news (PUB-77). */
function sayUnchanged({
  version,
  isKept,
  isUnmarked,
}: Extract<StoreResult, { stored: "image" }>): Said {
  const done = [
    ...(isKept ? ["its image, which was missing or damaged, is there again"] : []),
    ...(isUnmarked ? ["the mark that it was removed is gone"] : []),
  ];
  const what = done.length === 0 ? "nothing changed" : done.join(", and ");
  const lines = [`tako: ${version} is already published: ${what}`];
  return { on: "stderr", priority: "info", lines };
}

/** Its neighbours, and what hosts would take by each pattern that it belongs to (PUB-66). */
function describePlace({
  version,
  place: { after, before, patterns },
  sha256,
  size,
  published,
}: Extract<StoreResult, { stored: "nothing" }>): readonly string[] {
  const neighbours = [
    ...(after === undefined ? [] : [`after ${after.text}`]),
    ...(before === undefined ? [] : [`before ${before.text}`]),
  ];
  const where =
    neighbours.length === 0 ? "is the only version" : `sorts ${neighbours.join(" and ")}`;
  const width = Math.max(...patterns.map(({ pattern }) => pattern.text.length));
  return [
    ...(published === undefined ? [] : [`${published} is published already, with these bytes`]),
    `${version} -> ${sha256}, ${count(size, "byte")}`,
    `${version} ${where}`,
    ...patterns.map(
      ({ pattern, takes }) => `Version=${pattern.text.padEnd(width)}  takes ${takes.text}`,
    ),
  ];
}
