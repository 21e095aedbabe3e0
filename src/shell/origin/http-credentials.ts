// User and password of an origin over HTTP: how they are sent, and how to tell them in foreign text.

import type { Credentials } from "../../core/origin-url.ts";

/** The header of Basic authentication (RFC 7617): a URL would show them (ORG-15). */
export function authorization(credentials: Credentials): Readonly<Record<string, string>> {
  return { Authorization: basic(credentials) };
}

/** The value of such a header, for a server or for a proxy. */
export function basic({ user, password }: Credentials): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

/**
 * Whether a text has one of the secrets in it: as it is, percent-encoded however often, as the name of a host, in
 * hexadecimal, or in any form of base64, whatever was encoded before it (ORG-90, ORG-92).
 */
export function tells(text: string, told: readonly Credentials[]): boolean {
  const versions = decodings(text);
  if (versions === undefined) return true;
  const forms = told.flatMap(formsOf).map((form) => form.toLowerCase());
  // A host's name comes in lower case.
  return versions
    .flatMap((version) => [version, plain(version)].map((each) => each.toLowerCase()))
    .some((version) => forms.some((form) => version.includes(form)));
}

/** Without a password it is the user: many origins want a token there (ORG-92). */
export function secretOf({ user, password }: Credentials): string {
  return password === "" ? user : password;
}

function formsOf(credentials: Credentials): readonly string[] {
  const text = secretOf(credentials);
  const secret = Buffer.from(text, "utf8");
  const all = [
    secret.toString("latin1"),
    secret.toString("hex"),
    // What ends a host's name is in none.
    /[/?#@:\\]/.test(text) ? "" : (URL.parse(`http://${text}`)?.hostname ?? ""),
    ...[0, 1, 2].map((before) => innerBase64(secret, before)),
  ];
  return all.filter((form) => form !== "");
}

/** What of a secret's base64 does not depend on what is before and after it. @param before how many bytes, modulo 3 */
function innerBase64(secret: Buffer, before: number): string {
  const bytes = Buffer.concat([Buffer.alloc(before), secret]);
  const inner = bytes
    .toString("base64")
    .slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6));
  return plain(inner);
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
