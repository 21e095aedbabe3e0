// User and password of an origin over HTTP: how they are sent, and how to tell them in foreign text.

import type { Credentials } from "../../core/origin-url.ts";

/** The header of Basic authentication (RFC 7617): a URL would show them (ORG-15). */
export function authorization(credentials: Credentials): Readonly<Record<string, string>> {
  return { Authorization: `Basic ${basic(credentials)}` };
}

/** Whether a text has the password in it, as it is, percent-encoded, or as it was sent (ORG-90). */
export function tells(text: string, credentials: Credentials): boolean {
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const password = Buffer.from(credentials.password, "utf8").toString("latin1");
  // A host's name comes in lower case.
  return [password, basic(credentials)].some(
    (secret) => secret !== "" && decoded.toLowerCase().includes(secret.toLowerCase()),
  );
}

function basic({ user, password }: Credentials): string {
  return Buffer.from(`${user}:${password}`, "utf8").toString("base64");
}
