// `tako verify` against `openssl dgst -sha256` of the same files: of one image, and of several, which it reads on
// several cores. The files are in the page cache, so that it is the hash which is measured.

import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { key, manifestOf, sha256sumOfFile, write } from "../tests/support/publishing.ts";
import { type Comparison, compare } from "./measure.ts";

/** @param writeImage makes a file of so many bytes */
export async function compareVerify(
  tako: string,
  writeImage: (path: string, size: number) => void,
  size: number,
  pairs: number,
): Promise<readonly Comparison[]> {
  /** An origin of so many images. */
  const origin = (name: string, count: number, each: number): string => {
    mkdirSync(join(name, "store"), { recursive: true });
    const entries = Array.from({ length: count }, (_, index) => {
      const path = join(name, "image");
      writeImage(path, each);
      const digest = sha256sumOfFile(path);
      renameSync(path, join(name, "store", digest));
      return `${index}.0 ${each} ${digest}`;
    });
    write(join(name, "manifest"), manifestOf(entries));
    return name;
  };
  const against = (title: string, name: string) =>
    compare(
      title,
      { command: `${tako} verify --public-key ${key.public} ${name}` },
      { command: `openssl dgst -sha256 ${name}/store/*` },
      pairs,
    );
  return [
    await against("verify of one image", origin("verify-one", 1, size)),
    await against("verify of four images", origin("verify-four", 4, size / 2)),
  ];
}
