// Where a redirect leads, whether it may be followed, and how that is told (ORG-40 to ORG-44, ORG-90).

import type { Credentials } from "../../core/origin-url.ts";
import { printable } from "../../core/text.ts";
import { tells } from "./http-credentials.ts";
import type { Fail } from "./origin-error.ts";

/** The most redirects of one request (ORG-40). */
export const MAX_REDIRECTS = 10;

/** Whether an answer of this status only says where to ask. */
export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/**
 * Where a redirect leads, if it may be followed (ORG-41 to ORG-44).
 *
 * @param show how a target is told
 * @throws OriginError
 */
export function redirectTarget(
  from: URL,
  { headers, fail }: { readonly headers: Headers; readonly fail: Fail },
  show: (to: URL) => string,
): URL {
  const location = headers.get("Location");
  const to = location === null ? null : URL.parse(location, from.href);
  if (to === null) throw fail("a redirect without a valid Location", { rule: "ORG-43" });
  // Credentials and fragment of a Location are nothing that an origin may set (ORG-44).
  to.username = "";
  to.password = "";
  to.hash = "";
  const isSafer = to.protocol === "https:";
  if (!isSafer && from.protocol === "https:") {
    throw fail(`redirected from https to ${show(to)}, which is not https`, { rule: "ORG-41" });
  }
  if (!isSafer && to.protocol !== "http:") {
    throw fail(`redirected to ${show(to)}, which is neither http nor https`, { rule: "ORG-42" });
  }
  return to;
}

/**
 * A target without its query, which in a presigned URL is as good as a password. A server may put into a `Location`
 * what it was told, in any form. So to one that was told a secret, only the place of the host is shown, and that only
 * if it has not the secret in it (ORG-90, ORG-93).
 *
 * @param told what has been sent so far
 */
export function shownTarget(
  { href, search, protocol, host }: URL,
  told: readonly Credentials[],
): string {
  if (told.length > 0) {
    const place = host === "" ? protocol : `${protocol}//${host}/`;
    return [place, place.replaceAll(".", "")].some((text) => tells(text, told))
      ? "***"
      : printable(`${place}...`, 300);
  }
  return printable(search === "" ? href : `${href.slice(0, -search.length)}?...`, 300);
}
