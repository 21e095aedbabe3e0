// What answers in the place of an origin: a login page, a proxy's error page, a server that packs what
// it sends. It claims nothing that a signature could refute, so it is the origin's fault.

import type { Fail, OriginError } from "./origin-error.ts";

/** The error of an answer that is nothing of Tako's (ORG-31, ORG-32, ORG-34). */
export function somethingElse(fail: Fail, reason: string, rule: string): OriginError {
  const hint = "Does a login page, a proxy or an error page answer in the origin's place?";
  return fail(reason, { rule, hint });
}

/** @param encoding as it is shown */
export function packed(encoding: string): string {
  return `the answer has "Content-Encoding: ${encoding}", which was not asked for`;
}
