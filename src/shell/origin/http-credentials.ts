// User and password of an origin over HTTP: how they are sent, and how to tell them in foreign text.

import type { Credentials } from "../../core/origin-url.ts";

/** The header of Basic authentication (RFC 7617): a URL would show them (ORG-15). */
export function authorization(credentials: Credentials): Readonly<Record<string, string>> {
  return { Authorization: `Basic ${basic(credentials)}` };
}

/**
 * Whether a text has the secret in it: as it is, percent-encoded however often, or as it was sent, in
 * any form of base64 (ORG-90). Without a password the user is the secret: many origins want a token there.
 */
export function tells(text: string, credentials: Credentials): boolean {
  const { user, password } = credentials;
  const secret = password === "" ? user : password;
  const forms = [
    Buffer.from(secret, "utf8").toString("latin1"),
    ...[basic(credentials), Buffer.from(secret, "utf8").toString("base64")].map(plain),
  ].filter((form) => form !== "");
  const versions = decodings(text);
  if (versions === undefined) return true;
  // A host's name comes in lower case.
  return versions
    .flatMap((version) => [version, plain(version)].map((each) => each.toLowerCase()))
    .some((version) => forms.some((form) => version.includes(form.toLowerCase())));
}

/** The text, and what it stands for when it is decoded once or more; `undefined` when there is no end to it. */
function decodings(text: string): readonly string[] | undefined {
  const all: string[] = [];
  let version = text;
  while (all.length < 20) {
    all.push(version, version.replaceAll("+", " "));
    const next = version.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (next === version) return all;
    version = next;
  }
  return undefined;
}

/** Base64 without its filling, in the alphabet of URLs (RFC 4648, section 5). */
function plain(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function basic({ user, password }: Credentials): string {
  return Buffer.from(`${user}:${password}`, "utf8").toString("base64");
}
