// What went wrong with a connection, in Tako's own words: the error codes of Bun's fetch, whose
// messages are never shown (they advise on options that nobody here can set).

import type { Clock } from "../clock.ts";
import { handshakeReason } from "./handshake.ts";
import { tunnelRefusal } from "./http-status.ts";
import { type Fail, OriginError } from "./origin-error.ts";
import type { HttpProxy } from "./proxy.ts";

const PASSING: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was closed before the end of the answer",
  EPIPE: "the connection was closed before the end of the answer",
  ETIMEDOUT: "the connection timed out",
  ENOTFOUND: "the host's name was not found",
  EAI_AGAIN: "the host's name could not be looked up",
  EHOSTUNREACH: "the host is unreachable",
  ENETUNREACH: "the network is unreachable",
};

/** Of these, what happens before there is a connection, with a proxy, to the proxy; and what to look at, without one. */
const CONNECTING: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'Is the server running, and is the port right? "curl -v" with this URL shows who answers.',
  ETIMEDOUT: "Is the server running? A firewall on the way would look the same.",
  ENOTFOUND: 'Is the name right? "getent hosts NAME" shows what this host finds.',
  EAI_AGAIN: "Look at the DNS of this host: /etc/resolv.conf, and whether that server answers.",
  EHOSTUNREACH: 'Look at the network of this host: "ip route get ADDRESS" shows the way.',
  ENETUNREACH: 'Look at the network of this host: "ip route get ADDRESS" shows the way.',
};

const FINAL: Readonly<Record<string, string>> = {
  Malformed_HTTP_Response: "the answer is not HTTP, or has more than 256 header lines",
  InvalidHTTPResponse: "the answer is not valid HTTP",
  InvalidContentLength: "the answer has an invalid Content-Length",
  ResponseHeadersTooLarge: "the headers of the answer are too large",
  UnrequestedUpgrade: "the server answered with status 101",
  EPROTO: "the TLS handshake failed",
};

const AUTHORITY = "A private authority can be added with SSL_CERT_FILE or NODE_EXTRA_CA_CERTS.";

/** What is wrong with a certificate, and what to do, given what this host's clock says. */
const CERTIFICATE: Readonly<Record<string, readonly [string, hint: (clock: string) => string]>> = {
  CERT_HAS_EXPIRED: [
    "it has expired",
    (clock) => `The server needs a new one, if this host's clock is right: it says ${clock}.`,
  ],
  CERT_NOT_YET_VALID: [
    "it is not valid yet",
    (clock) => `Look at this host's clock (timedatectl): it says ${clock}.`,
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    "it is for another host",
    () => "Write the host in Origin= as the certificate has it, or give the server another one.",
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: ["it is signed by itself", () => AUTHORITY],
  SELF_SIGNED_CERT_IN_CHAIN: [
    "its chain ends in a certificate that is not trusted here",
    () => AUTHORITY,
  ],
  UNABLE_TO_GET_ISSUER_CERT: ["its issuer is not trusted here", () => AUTHORITY],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ["its issuer is not trusted here", () => AUTHORITY],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ["its issuer is not trusted here", () => AUTHORITY],
  CERT_REVOKED: ["it was revoked", () => "The server needs a new one."],
};

/** Any other result of OpenSSL's check of a chain, such as `INVALID_PURPOSE`. */
const CERTIFICATE_CODE = /CERT|^CRL_|^INVALID_(CA|PURPOSE)$|^PATH_LENGTH_EXCEEDED$/;

/** A request that got no answer. */
export interface Unanswered {
  readonly target: URL;
  readonly proxy: HttpProxy | undefined;
  /** Makes an error that names the proxy on the way, if there is one. */
  readonly fail: Fail;
  /** Makes one that is the proxy's. */
  readonly failOfProxy: Fail;
  readonly clock: Clock;
}

/** The error of a request that got no answer: whose it is, the proxy's or the server's, and why. */
export async function requestError(error: unknown, request: Unanswered): Promise<OriginError> {
  // The request was given up here, with a reason of its own.
  if (error instanceof OriginError) return error;
  const { target, proxy, fail, clock } = request;
  const code = codeOf(error);
  if (proxy !== undefined) {
    const refused = errorOfProxy(error, code, proxy, request);
    if (refused !== undefined) return refused;
  }
  const [wrong, hint] = CERTIFICATE[code] ?? (CERTIFICATE_CODE.test(code) ? [code] : []);
  if (wrong !== undefined) {
    const now = new Date(clock.now()).toISOString().replace(/\.\d+/, "");
    // An https: proxy has one of its own, and the code does not tell which it was.
    const whose = proxy?.href.startsWith("https:") ? "a certificate" : "the server's certificate";
    return fail(`${whose} was refused: ${wrong}`, {
      rule: "ORG-12",
      hint: hint?.(now) ?? "Ask whoever runs the server.",
      cause: error,
    });
  }
  if (code === "EPROTO") {
    const { reason, hint, isProxys } = await handshakeReason(target, proxy, clock);
    const failed = isProxys ? request.failOfProxy : fail;
    return failed(reason, { hint, rule: "ORG-120", cause: error });
  }
  return connectionError(error, false, fail);
}

/** The error of a proxy that cannot be reached, or that refuses the way to the server (ORG-132). */
function errorOfProxy(
  error: unknown,
  code: string,
  proxy: HttpProxy,
  { failOfProxy, clock }: Unanswered,
): OriginError | undefined {
  if (code === "ERR_PROXY_TUNNEL" && error instanceof Error) {
    const status = "status" in error ? Number(error.status) : 0;
    const headers = "headers" in error && error.headers instanceof Headers ? error.headers : null;
    const answer = { status, headers: headers ?? new Headers(), fail: failOfProxy };
    return tunnelRefusal(answer, proxy, clock.now());
  }
  if (!(code in CONNECTING)) return undefined;
  return failOfProxy(`the proxy ${proxy.shown} cannot be reached: ${PASSING[code]}`, {
    rule: "ORG-132",
    passing: true,
    hint: `Check ${proxy.variable}, and that the proxy is running.`,
    cause: error,
  });
}

/**
 * The error of a connection that ended.
 *
 * @param error what fetch, or reading its body, rejected with
 * @param inBody whether the headers had arrived: from then on any failure is the network's (ORG-28)
 */
export function connectionError(error: unknown, inBody: boolean, fail: Fail): OriginError {
  if (error instanceof OriginError) return error;
  const code = codeOf(error);
  const passing = PASSING[code];
  if (passing !== undefined) {
    const hint = inBody ? undefined : CONNECTING[code];
    return fail(passing, { passing: true, hint, cause: error });
  }
  // HPE: what the parser of node: has against an answer.
  const final = code.startsWith("HPE_") ? FINAL["InvalidHTTPResponse"] : FINAL[code];
  if (final !== undefined) return fail(final, { passing: inBody, cause: error });
  return fail(`the connection failed (${code})`, { passing: true, cause: error });
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" && /^\w{1,60}$/.test(code) ? code : "unknown error";
}

/** Whether it was the file that a body goes to, not the connection, that failed: a call of the system says so. */
export function isFileError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && typeof error.syscall === "string";
}
