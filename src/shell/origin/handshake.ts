// Why a server breaks off a TLS handshake. Bun's fetch gives one code for every reason, so the question
// is asked once more, by a connection of its own that sends no request (ORG-120).

import type { Clock } from "../clock.ts";

/** What is wrong, and what to do about it. */
export interface Reason {
  readonly reason: string;
  readonly hint?: string;
}

/** The second look is worth this much. */
const LIMIT_MS = 5000;

const NO_VERSION: Reason = {
  reason: "the server and Tako have no version of TLS in common",
  hint: "Tako speaks TLS 1.2 and 1.3; one of them must be enabled at the server.",
};
const NO_CIPHER: Reason = {
  reason: "the server and Tako have no cipher of TLS in common",
  hint: "Enable the server's usual ciphers and curves, those of TLS 1.3 say.",
};
const CLIENT_CERTIFICATE: Reason = {
  reason: "the server wants a client certificate, and Tako has none",
  hint: "Protect the origin by user and password, or not at all: what it serves is signed.",
};
const NOT_TLS: Reason = { reason: "the TLS handshake failed; is it an http: server?" };

/** Codes of BoringSSL: what the server's alert says (RFC 8446, section 6.2), or what is wrong here. */
const REASONS: Readonly<Record<string, Reason>> = {
  TLSV1_ALERT_PROTOCOL_VERSION: NO_VERSION,
  UNSUPPORTED_PROTOCOL: NO_VERSION,
  SSLV3_ALERT_HANDSHAKE_FAILURE: NO_CIPHER,
  TLSV1_ALERT_INSUFFICIENT_SECURITY: NO_CIPHER,
  TLSV1_ALERT_CERTIFICATE_REQUIRED: CLIENT_CERTIFICATE,
  TLSV1_ALERT_NO_APPLICATION_PROTOCOL: {
    reason: "the server does not speak HTTP/1.1, only HTTP/2 perhaps",
    hint: "Enable HTTP/1.1 at the server.",
  },
  TLSV1_ALERT_UNRECOGNIZED_NAME: {
    reason: "the server has no site of this name",
    hint: "Check the host in Origin=.",
  },
  WRONG_VERSION_NUMBER: NOT_TLS,
  HTTP_REQUEST: NOT_TLS,
};

/** Asks a server for a handshake, and tells why it fails. */
export async function handshakeReason(target: URL, clock: Clock): Promise<Reason> {
  const { connect } = await import("node:tls");
  const { promise, resolve } = Promise.withResolvers<Reason>();
  const host = target.hostname.replace(/^\[(.*)\]$/, "$1");
  const socket = connect({
    host,
    port: Number(target.port || "443"),
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ALPNProtocols: ["http/1.1"],
    // Nothing is told to this server, and nothing that it says is believed.
    rejectUnauthorized: false,
  });
  socket.on("error", (error) => {
    // Until TLS 1.2 a missing client certificate has the same alert as a missing cipher. But the server
    // shows its own certificate only once the cipher is agreed on.
    const wasAgreed = Object.keys(socket.getPeerCertificate() ?? {}).length > 0;
    const found = reasonOf(error);
    resolve(found === NO_CIPHER && wasAgreed ? CLIENT_CERTIFICATE : found);
  });
  socket.on("close", () => resolve({ reason: "the TLS handshake failed" }));
  using _limit = clock.every(LIMIT_MS, () => socket.destroy());
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

function reasonOf(error: Error): Reason {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const name = /^ERR_SSL_(\w{1,60})$/.exec(code)?.[1];
  if (name === undefined) return { reason: "the TLS handshake failed" };
  return REASONS[name] ?? { reason: `the TLS handshake failed (${name})` };
}
