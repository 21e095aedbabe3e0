// The images of an origin that packed files are made of: each is read to its end and compared with the manifest before
// the first use, and stays open (PCK-64).

import { closeSync, fstatSync } from "node:fs";
import type { Sha256Hex } from "../../core/digest.ts";
import { asTakoError, TakoError } from "../../core/error.ts";
import type { Entry } from "../../core/manifest.ts";
import { shownPath } from "../../core/text.ts";
import { hexDigest, newHasher, readBlocks } from "../../shell/disk/hash.ts";
import { openRegularFile } from "../../shell/disk/read-files.ts";
import type { OpenImage } from "../../shell/packed/make-patch.ts";
import type { Report } from "../events.ts";

export class VerifiedImages implements Disposable {
  readonly #pathOf: (digest: Sha256Hex) => string;
  readonly #report: Report;
  readonly #opened = new Map<Sha256Hex, Promise<OpenImage>>();
  readonly #open: number[] = [];
  readonly #wrong = new Map<Sha256Hex, TakoError>();

  constructor(pathOf: (digest: Sha256Hex) => string, report: Report) {
    this.#pathOf = pathOf;
    this.#report = report;
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open) closeSync(fd);
  }

  /** What is wrong with images that were to be used. */
  get wrong(): ReadonlyMap<Sha256Hex, TakoError> {
    return this.#wrong;
  }

  /** @returns `undefined` if it is not as the manifest says, or cannot be read, which is told by {@link wrong} then */
  async open(entry: Entry): Promise<OpenImage | undefined> {
    const opened = this.#opened.get(entry.digest) ?? this.#verify(entry);
    this.#opened.set(entry.digest, opened);
    try {
      return await opened;
    } catch (caught) {
      this.#wrong.set(entry.digest, asTakoError(caught));
      return undefined;
    }
  }

  async #verify({ digest, size, version }: Entry): Promise<OpenImage> {
    const path = this.#pathOf(digest);
    const fd = openRegularFile(path);
    if (fd === undefined) throw wrong(path, `the image of ${version.text} is not here any more`);
    this.#open.push(fd);
    const found = fstatSync(fd).size;
    if (found !== size) {
      throw wrong(
        path,
        `the image of ${version.text} is damaged: it has ${found} bytes, and the manifest says ${size}`,
      );
    }
    const hasher = newHasher();
    let done = 0;
    for await (const block of readBlocks(fd, path)) {
      hasher.update(block);
      done += block.length;
      this.#report({ event: "hashing", version: version.text, sha256: digest, size, done });
    }
    const actual = hexDigest(hasher);
    if (actual === digest) return { fd, size };
    throw wrong(path, `the image of ${version.text} is damaged: its SHA-256 is ${actual}`);
  }
}

function wrong(path: string, message: string): TakoError {
  return new TakoError("storage", message, {
    rule: "PCK-64",
    source: shownPath(path),
    hint: "Nothing is packed of it. tako store of the same image puts it there again.",
  });
}
