// Where an origin is: the URL of `Origin=`, and where its manifest and images lie (spec/config.md).

import type { Branded } from "./branded.ts";
import type { Sha256Hex } from "./digest.ts";
import { TakoError } from "./error.ts";
import { MANIFEST, STORE } from "./layout.ts";
import { printable } from "./text.ts";

const SCHEMES = ["https", "http", "file", "sftp", "scp", "ftp", "ftps"] as const;

export type Scheme = (typeof SCHEMES)[number];

/** User and password for one scheme, host and port. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Where something is. */
export interface Location {
  /** The URL, without credentials. */
  readonly href: string;
  /** The URL for people and logs: credentials as `***@` (ORG-90). */
  readonly shown: string;
}

/** A parsed `Origin=`; the URL has no final slash. */
export type OriginUrl = Branded<
  Location & { readonly scheme: Scheme; readonly credentials?: Credentials },
  "OriginUrl"
>;

/**
 * Parses the URL of an origin (CFG-20 to CFG-28).
 *
 * @throws TakoError of kind `config`, which shows nothing of the credentials
 */
export function parseOriginUrl(text: string): OriginUrl {
  const scheme = SCHEMES.find((name) => text.toLowerCase().startsWith(`${name}:`));
  if (scheme === undefined) {
    const given = /^[A-Za-z][A-Za-z0-9+.-]*(?=:)/.exec(text)?.[0];
    // In `token:@host` what looks like a scheme is a secret (CFG-18).
    const got = given === undefined || text.includes("@") ? "" : `, not ${printable(given, 20)}:`;
    throw invalid(`expected a URL with the scheme ${SCHEMES.join(", ")}${got}`, "CFG-20");
  }
  if (!/^[\x21-\x5b\x5d-\x7e]+$/.test(text)) {
    throw invalid(
      "expected printable ASCII without white space and backslash; write other bytes as %XX",
      "CFG-21",
    );
  }
  if (/[?#]/.test(text)) throw invalid("expected no ? and no #", "CFG-22");
  if (!text.slice(scheme.length).startsWith("://"))
    throw invalid(`expected ${scheme}://`, "CFG-20");

  // The URL parser would take the first word of https:///path for the host.
  const isFile = scheme === "file";
  const url = isFile || !text.startsWith("/", scheme.length + 3) ? URL.parse(text) : null;
  if (url === null) {
    throw isFile
      ? invalid("expected file:///absolute/path", "CFG-23")
      : invalid("expected a valid URL", "CFG-20");
  }
  return (isFile ? fileUrl(url) : networkUrl(url, scheme)) as OriginUrl;
}

/** What an `OriginUrl` is made of. */
type Parts = Location & Pick<OriginUrl, "scheme" | "credentials">;

function fileUrl(url: URL): Parts {
  // A drive letter, which the URL parser knows, is none on the systems of Tako: /C|/x is not /C:/x.
  if (url.host !== "" || /^\/[A-Za-z]:/.test(url.pathname)) {
    throw invalid("expected file:///absolute/path", "CFG-23");
  }
  if (decodePercent(url.pathname)?.includes("\0") !== false) {
    throw invalid("expected a path whose %XX are valid UTF-8 without NUL", "CFG-23");
  }
  const href = `file://${withoutFinalSlash(url.pathname)}`;
  return { scheme: "file", href, shown: href };
}

function networkUrl(url: URL, scheme: Scheme): Parts {
  if (url.host === "") throw invalid(`expected ${scheme}://host`, "CFG-20");
  const place = url.host + withoutFinalSlash(url.pathname);
  const href = `${scheme}://${place}`;
  if (url.username === "" && url.password === "") return { scheme, href, shown: href };

  const user = decodePercent(url.username);
  const password = decodePercent(url.password);
  if (user === undefined || password === undefined) {
    throw invalid("expected user and password with valid %XX", "CFG-24");
  }
  // RFC 7617 section 2. A line feed would also end its line in what curl reads.
  if (user.includes(":") || /\p{Cc}/u.test(user + password)) {
    throw invalid("expected a user without colon, and no control characters", "CFG-24");
  }
  const shown = `${scheme}://***@${place}`;
  return { scheme, href, shown, credentials: { user, password } };
}

/** Where the manifest of an origin is (ORG-1). */
export function manifestLocation(origin: OriginUrl): Location {
  return below(origin, MANIFEST);
}

/** Where an image of an origin is (ORG-1). */
export function imageLocation(origin: OriginUrl, digest: Sha256Hex): Location {
  return storeLocation(origin, digest);
}

/** Where a file of an origin's `store/` is: an image, or what belongs to one. */
export function storeLocation(origin: OriginUrl, name: string): Location {
  return below(origin, `${STORE}/${name}`);
}

function below({ href, shown }: Location, name: string): Location {
  return { href: `${href}/${name}`, shown: `${shown}/${name}` };
}

function withoutFinalSlash(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}

/** What %XX in a part of a URL stand for, `undefined` if that is no UTF-8. */
export function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function invalid(expected: string, rule: string): TakoError {
  return new TakoError("config", `invalid origin: ${expected}`, { rule });
}
