// From the word of a command line to what is inspected: an origin, a manifest, a key or a config (INS-1).

import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Config, MAX_CONFIG_BYTES, parseConfig } from "../../core/config.ts";
import { asTakoError, TakoError } from "../../core/error.ts";
import { contentOf } from "../../core/inspect.ts";
import { type PublicKey, parsePublicKey } from "../../core/keys.ts";
import { MAX_MANIFEST_BYTES } from "../../core/manifest.ts";
import { type OriginUrl, parseOriginUrl } from "../../core/origin-url.ts";
import { shownPath } from "../../core/text.ts";
import { readPipe, readRegularFile } from "../../shell/disk/read-files.ts";
import { naming } from "../../shell/disk/storage-error.ts";
import { parseKeyText } from "../../shell/secret-key.ts";
import { lookedFor, pathOf } from "../fetch/configs.ts";

export type What =
  | { readonly kind: "origin"; readonly url: OriginUrl }
  | { readonly kind: "config"; readonly config: Config }
  | {
      readonly kind: "manifest";
      readonly bytes: Uint8Array;
      readonly source: string;
      readonly changed?: number;
    }
  | { readonly kind: "key"; readonly isSecret: boolean; readonly publicKey: PublicKey };

/** @throws TakoError of kind `storage` for what cannot be read, or of the kind of what is wrong with it */
export function findWhat(word: string): What {
  if (word.includes("://")) return { kind: "origin", url: urlOf(word) };
  const path = pathOf(word);
  const stats = naming(path, "read", () => statSync(path, { throwIfNoEntry: false }));
  if (stats === undefined) {
    const hint = `Looked for ${lookedFor(word)}.`;
    throw new TakoError("storage", "there is no such file", { source: shownPath(path), hint });
  }
  if (stats.isDirectory()) return { kind: "origin", url: urlOf(pathToFileURL(resolve(path)).href) };
  const bytes = readFile(path, stats.isFIFO());
  const source = shownPath(path);
  switch (contentOf(bytes)) {
    case "manifest":
      return {
        kind: "manifest",
        bytes,
        source,
        ...(stats.isFile() ? { changed: stats.mtimeMs } : {}),
      };
    case "key":
      return readKey(bytes, source);
    case "config":
      if (bytes.length > MAX_CONFIG_BYTES) throw isNothing(source);
      return { kind: "config", config: parseConfig(bytes, path) };
  }
}

/** A file as a whole; links are followed, as somebody named it on purpose. */
export function readFile(path: string, isPipe = false): Uint8Array {
  const bytes = isPipe
    ? readPipe(path, MAX_MANIFEST_BYTES)
    : readRegularFile(
        naming(path, "read", () => realpathSync(path)),
        MAX_MANIFEST_BYTES,
      );
  if (bytes !== undefined) return bytes;
  throw new TakoError("storage", "there is no such file", { source: shownPath(path) });
}

function urlOf(text: string): OriginUrl {
  try {
    return parseOriginUrl(text);
  } catch (error) {
    // It may hold a password, so nothing of it is shown.
    throw new TakoError("usage", asTakoError(error).message, { rule: asTakoError(error).rule });
  }
}

function readKey(bytes: Uint8Array, source: string): What {
  const text = new TextDecoder().decode(bytes).trim();
  const isSecret = !/^[A-Za-z0-9+/]{43}=$/.test(text);
  try {
    const publicKey = isSecret ? parseKeyText(text, { source }).publicKey : parsePublicKey(text);
    return { kind: "key", isSecret, publicKey };
  } catch (error) {
    throw asTakoError(error).with({ source });
  }
}

function isNothing(source: string): TakoError {
  return new TakoError("config", "it is no manifest, no key and no config", {
    rule: "INS-1",
    source,
  });
}
