// What is said of a run of tako store on its command line, and which of these words cannot go together (spec/publish.md).

import { existsSync } from "node:fs";
import { asTakoError, TakoError } from "../core/error.ts";
import { type PublicKey, parsePublicKey } from "../core/keys.ts";
import { shownPath } from "../core/text.ts";
import { parseVersion, type Version } from "../core/version.ts";
import { type ExpectedImage, expectation } from "./expected-image.ts";

/** The options and arguments of the command line, as they were given. */
export interface StoreOptions {
  /** The path of the image; `-` is standard input. */
  readonly image?: string;
  readonly version?: string;
  readonly directory: string;
  readonly key?: string;
  readonly keyFile?: string;
  /** The public key that signed the manifest until now. */
  readonly rotateKey?: string;
  /** Only tell where the version would stand. */
  readonly dryRun?: boolean;
  /** Begin a manifest (PUB-70, PUB-71). */
  readonly isNew?: boolean;
  /** Somebody sees what is warned of, as on a terminal (PUB-70). */
  readonly isWatched?: boolean;
  readonly expected?: ExpectedImage;
  /** Make packed files of the image before the manifest names it (PUB-85). */
  readonly pack?: { readonly level: number; readonly patches: number };
  /** A bucket that keeps no conditions is written all the same (BKT-33). */
  readonly isUnsafeAllowed?: boolean;
}

/** `tako store 1.0.0 app.img` is a likely slip (PUB-57). */
export function refuseSwapped({ image = "-", version = "" }: StoreOptions): void {
  if (image === "-" || existsSync(image) || !existsSync(version)) return;
  throw new TakoError("storage", "there is no such image", {
    rule: "PUB-57",
    source: shownPath(image),
    hint: "IMAGE comes before VERSION.",
  });
}

/** The key that is replaced (PUB-50). */
export function parseReplaced({ rotateKey }: StoreOptions): PublicKey | undefined {
  try {
    return rotateKey === undefined ? undefined : parsePublicKey(rotateKey);
  } catch (error) {
    throw asTakoError(error).with({ source: "--rotate-key" });
  }
}

/**
 * IMAGE and VERSION come together; only a rotation goes without, and not a dry one (PUB-54, PUB-66), nor one that says
 * what the image has to be (PUB-82).
 */
export function parseImageVersion(options: StoreOptions): Version | undefined {
  const { image, version, rotateKey, dryRun } = options;
  if (options.isNew && rotateKey !== undefined) {
    const message = "--new and --rotate-key exclude each other";
    throw new TakoError("usage", message, { rule: "PUB-72" });
  }
  if (version?.includes("SECRET+")) {
    throw new TakoError("usage", "the version is a secret key, which would be published", {
      rule: "PUB-27",
      hint: "A key is given with --key-file FILE; treat this one as exposed.",
    });
  }
  if (image !== undefined && version !== undefined) return parseVersion(version);
  const isRotation = rotateKey !== undefined && dryRun !== true;
  if (image === undefined && version === undefined && isRotation) {
    refuseExpectation(options);
    return undefined;
  }
  throw new TakoError("usage", `${image === undefined ? "IMAGE" : "VERSION"} is missing`, {
    rule: "PUB-54",
  });
}

function refuseExpectation({ expected = {}, pack }: StoreOptions): void {
  const option = expectation(expected) ?? (pack && "--pack");
  if (option === undefined) return;
  throw new TakoError("usage", `option ${option} is for an image, and there is none`, {
    rule: option === "--pack" ? "PUB-85" : "PUB-82",
    hint: "--rotate-key alone signs the manifest anew, and stores nothing.",
  });
}
