// The packed files in the `store/` of a publisher: which there are, and how they come and go (PCK-66 to PCK-70). What is
// made, and of what, is the business of commands/pack/.

import { join } from "node:path";
import type { Sha256Hex } from "../../core/digest.ts";
import {
  NEW_IMAGE,
  packedFileOf,
  packedName,
  patchName,
  unfinishedName,
  unfinishedOf,
  zstName,
} from "../../core/layout.ts";
import {
  encodeOwnList,
  NOTHING_PACKED,
  type OwnPacked,
  parseOwnPacked,
  patchesTowards,
} from "../../core/packed/own-list.ts";
import { MAX_PACKED_BYTES } from "../../core/packed/packed-list.ts";
import {
  moveIntoPlace,
  removeIfPresent,
  syncDirectory,
  writeFileAtomically,
} from "../disk/files.ts";
import type { ImageStore } from "../disk/image-store.ts";
import type { Lock } from "../disk/lock.ts";
import { readRegularFile } from "../disk/read-files.ts";
import { removeAbandoned, UnfinishedFile } from "./unfinished-file.ts";

/** What each image has of packed files. */
export type PackedByImage = ReadonlyMap<Sha256Hex, OwnPacked>;

/** The packed files, for those who only look. All methods throw TakoError of kind `storage`. */
export class PackedFiles {
  protected readonly store: ImageStore;

  constructor(store: ImageStore) {
    this.store = store;
  }

  pathOf(name: string): string {
    return join(this.store.path, name);
  }

  /** The bytes of each that is there, by its name; what is no regular file is none. */
  sizes(): ReadonlyMap<string, number> {
    return new Map(
      [...this.store.files()].flatMap(([name, stats]): [string, number][] =>
        packedFileOf(name) !== undefined && stats.isFile() ? [[name, stats.size]] : [],
      ),
    );
  }

  /** What the list of each image says of its own, as far as it is there with that size. */
  listed(sizes = this.sizes()): PackedByImage {
    return new Map(
      [...sizes.keys()].flatMap((name): [Sha256Hex, OwnPacked][] => {
        const file = packedFileOf(name);
        if (file?.what !== "list") return [];
        return [[file.image, present(file.image, this.#read(file.image), sizes)]];
      }),
    );
  }

  #read(image: Sha256Hex): OwnPacked {
    const bytes = this.listBytes(image);
    return bytes === undefined ? NOTHING_PACKED : parseOwnPacked(image, bytes);
  }

  /** `undefined` if there is no list, or one that is too large to be one. */
  listBytes(image: Sha256Hex): Uint8Array | undefined {
    return readRegularFile(this.pathOf(packedName(image)), MAX_PACKED_BYTES, "absent");
  }
}

function present(
  image: Sha256Hex,
  { zst, patches, tried }: OwnPacked,
  sizes: ReadonlyMap<string, number>,
): OwnPacked {
  const isThere = ([old, size]: [Sha256Hex, number]) => sizes.get(patchName(old, image)) === size;
  return {
    zst: zst === sizes.get(zstName(image)) ? zst : undefined,
    patches: new Map([...patches].filter(isThere)),
    tried,
  };
}

/** The packed files, for who holds the lock on the directory. */
export class LockedPackedFiles extends PackedFiles {
  readonly #lock: Lock;

  constructor(store: ImageStore, lock: Lock) {
    super(store);
    this.#lock = lock;
  }

  /** Begins to make a file. @returns `undefined` while another run makes it */
  begin(name: string): Promise<UnfinishedFile | undefined> {
    this.#lock.requireHeld();
    return UnfinishedFile.begin(this.pathOf(unfinishedName(name)), name);
  }

  /** Moves a file that is finished into place. */
  async keep(file: UnfinishedFile): Promise<void> {
    this.#lock.requireHeld();
    await moveIntoPlace(file.path, this.store.path, file.name);
    file.kept();
  }

  /** Removes what is left of runs that were killed. */
  removeLeftovers(): void {
    this.#lock.requireHeld();
    for (const name of this.store.names()) {
      if (unfinishedOf(name) !== undefined) removeAbandoned(this.pathOf(name));
    }
  }

  /**
   * Removes files; who asks for one that a list still names takes the plain image.
   *
   * @throws TakoError of kind `storage`, once all others are removed
   */
  async remove(names: readonly string[]): Promise<void> {
    this.#lock.requireHeld();
    const errors: unknown[] = [];
    for (const name of names) {
      try {
        removeIfPresent(this.pathOf(name));
      } catch (error) {
        errors.push(error);
      }
    }
    if (names.length > 0) await syncDirectory(this.store.path);
    if (errors.length > 0) throw errors[0];
  }

  /**
   * Writes the lists anew that are not as they should be.
   *
   * @param news what is known of images beyond their lists
   * @param going names that are not to be in any of them
   */
  async writeLists(news: PackedByImage, going: ReadonlySet<string> = new Set()): Promise<void> {
    this.#lock.requireHeld();
    const sizes = new Map([...this.sizes()].filter(([name]) => !going.has(name)));
    const known = this.listed(sizes);
    const packed = new Map(known);
    for (const [image, own] of news) {
      packed.set(image, present(image, together(known.get(image) ?? NOTHING_PACKED, own), sizes));
    }
    for (const image of packed.keys()) await this.#writeList(image, packed);
  }

  async #writeList(image: Sha256Hex, packed: PackedByImage): Promise<void> {
    const { zst, tried } = packed.get(image) ?? NOTHING_PACKED;
    const name = packedName(image);
    if (zst === undefined && tried.size === 0 && patchesTowards(image, packed).length === 0) {
      return removeIfPresent(this.pathOf(name));
    }
    const bytes = encodeOwnList(image, packed);
    if (Buffer.from(bytes).equals(this.listBytes(image) ?? new Uint8Array())) return;
    await writeFileAtomically(this.store.path, name, bytes, 0o444, NEW_IMAGE);
  }
}

function together(known: OwnPacked, own: OwnPacked): OwnPacked {
  const zst = own.zst ?? known.zst;
  const patches = new Map([...known.patches, ...own.patches]);
  const isLeftOut = (what: Sha256Hex | "zst") =>
    what === "zst" ? zst === undefined : !patches.has(what);
  const tried = [...known.tried, ...own.tried].filter(([what]) => isLeftOut(what));
  return { zst, patches, tried: new Map(tried) };
}
