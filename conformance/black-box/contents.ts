// What the files of a case hold: configs, what an origin serves in place of an image, bytes of a manifest. Where they
// lie is not known here.

import type { ConfigSpec, ImageSpec } from "./fixture.ts";

/** The text of a config: the lines that every case has, unless it gives others, or all of it. */
export function configOf(config: ConfigSpec): string {
  if (typeof config === "string") return config;
  const usual = {
    Origin: "{origin}",
    PublicKey: "{public:test-1}",
    Destination: "{folder}/app",
    Version: "*",
  };
  return Object.entries({ ...usual, ...config })
    .flatMap(([key, value]) => [value].flat().map((each) => `${key}=${each}\n`))
    .join("");
}

/** What the origin has under the name of an image. */
export function servedOf(content: Buffer, served: ImageSpec["served"]): Buffer {
  if (served === "damaged")
    return Buffer.concat([Buffer.of((content[0] ?? 0) ^ 1), content.subarray(1)]);
  if (served === "short") return content.subarray(0, -1);
  if (served === "long") return Buffer.concat([content, Buffer.from("x")]);
  return served === "empty" ? Buffer.of() : content;
}

/** `3:ab` is `ababab`. */
export function repeated(argument: string): string {
  const [count, ...text] = argument.split(":");
  return text.join(":").repeat(Number(count));
}

/** Manifests are bytes; a text of them has a character for each. */
export function latin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
