// What went wrong with a connection, in Tako's own words: the error codes of Bun's fetch, whose
// messages are never shown (they advise on options that nobody here can set).

import { type Fail, OriginError } from "./origin-error.ts";

const PASSING: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was closed before the end of the answer",
  EPIPE: "the connection was closed before the end of the answer",
  ETIMEDOUT: "the connection timed out",
  ENOTFOUND: "the host's name was not found",
  EAI_AGAIN: "the host's name could not be looked up",
  EHOSTUNREACH: "the host is unreachable",
  ENETUNREACH: "the network is unreachable",
  ERR_PROXY_TUNNEL: "the proxy refused the connection",
};

const FINAL: Readonly<Record<string, string>> = {
  Malformed_HTTP_Response: "the answer is not HTTP, or has more than 256 header lines",
  InvalidHTTPResponse: "the answer is not valid HTTP",
  InvalidContentLength: "the answer has an invalid Content-Length",
  ResponseHeadersTooLarge: "the headers of the answer are too large",
  UnrequestedUpgrade: "the server answered with status 101",
  EPROTO: "the TLS handshake failed; is it an http: server?",
  UnsupportedProxyProtocol: "the configured proxy is neither http nor https",
};

const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "its chain ends in a certificate that is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT: "its issuer is not trusted here",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its issuer is not trusted here",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its issuer is not trusted here",
  ERR_TLS_CERT_ALTNAME_INVALID: "it is for another host",
  CERT_REVOKED: "it was revoked",
};

/** Any other result of OpenSSL's check of a chain, such as `INVALID_PURPOSE`. */
const CERTIFICATE_CODE = /CERT|^CRL_|^INVALID_(CA|PURPOSE)$|^PATH_LENGTH_EXCEEDED$/;

/**
 * The error of a request that got no answer, or not all of it.
 *
 * @param error what fetch, or reading its body, rejected with
 * @param inBody whether the headers had arrived: from then on any failure is the network's (ORG-28)
 */
export function connectionError(error: unknown, inBody: boolean, fail: Fail): OriginError {
  // The request was given up here, with a reason of its own.
  if (error instanceof OriginError) return error;
  const code = codeOf(error);
  const certificate = CERTIFICATE[code] ?? (CERTIFICATE_CODE.test(code) ? code : undefined);
  if (certificate !== undefined) {
    return fail(`the server's certificate was refused: ${certificate}`, {
      rule: "ORG-12",
      hint: "A private authority can be added with SSL_CERT_FILE or NODE_EXTRA_CA_CERTS.",
      cause: error,
    });
  }
  const passing = PASSING[code];
  if (passing !== undefined) return fail(passing, { passing: true, cause: error });
  const final = FINAL[code];
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
