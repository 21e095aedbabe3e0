// Why a server breaks off a TLS handshake. Bun's fetch gives one code for every reason, so the question
// is asked once more, by a connection of its own that sends no request (ORG-120).

import type { Socket } from "node:net";
import type { Clock } from "../clock.ts";
import { basic } from "./http-credentials.ts";
import type { HttpProxy } from "./proxy.ts";

/** What is wrong, and what to do about it. */
export interface Reason {
  readonly reason: string;
  readonly hint?: string;
  /** Whether it is the proxy's: one that is itself reached by TLS. */
  readonly isProxys?: boolean;
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
const FAILED: Reason = { reason: "the TLS handshake failed" };
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

/** Asks a server for a handshake, by way of the proxy if there is one, and tells why it fails. */
export async function handshakeReason(
  target: URL,
  proxy: HttpProxy | undefined,
  clock: Clock,
): Promise<Reason> {
  const { promise, resolve } = Promise.withResolvers<Reason>();
  const stop = new AbortController();
  using _limit = clock.every(LIMIT_MS, () => resolve(FAILED));
  try {
    return await Promise.race([promise, look(target, proxy, stop.signal)]);
  } finally {
    stop.abort();
  }
}

async function look(
  target: URL,
  proxy: HttpProxy | undefined,
  signal: AbortSignal,
): Promise<Reason> {
  if (proxy === undefined) return shakeHands(target, signal);
  const tunnel = await openTunnel(target, proxy, signal);
  return "reason" in tunnel ? tunnel : shakeHands(target, signal, tunnel);
}

/** @param tunnel through which the server is reached already */
async function shakeHands(target: URL, signal: AbortSignal, tunnel?: Socket): Promise<Reason> {
  const { connect } = await import("node:tls");
  const host = target.hostname.replace(/^\[(.*)\]$/, "$1");
  const way =
    tunnel === undefined ? { host, port: Number(target.port || "443") } : { socket: tunnel };
  const socket = connect({
    ...way,
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ALPNProtocols: ["http/1.1"],
    // Nothing is told to this server, and nothing that it says is believed.
    rejectUnauthorized: false,
  });
  signal.addEventListener("abort", () => socket.destroy());
  const { promise, resolve } = Promise.withResolvers<Reason>();
  socket.on("error", (error) => {
    // Until TLS 1.2 a missing client certificate has the same alert as a missing cipher. But the server
    // shows its own certificate only once the cipher is agreed on.
    const wasAgreed = socket.getPeerCertificate()?.raw !== undefined;
    const found = reasonOf(error);
    resolve(found === NO_CIPHER && wasAgreed ? CLIENT_CERTIFICATE : found);
  });
  socket.on("close", () => resolve(FAILED));
  return await promise;
}

/** Asks a proxy for the way to a server; a proxy that speaks TLS itself can fail at that. */
async function openTunnel(
  target: URL,
  proxy: HttpProxy,
  signal: AbortSignal,
): Promise<Socket | Reason> {
  const url = new URL(proxy.href);
  const { request } =
    url.protocol === "https:" ? await import("node:https") : await import("node:http");
  const server = `${target.hostname}:${target.port || "443"}`;
  const { promise, resolve } = Promise.withResolvers<Socket | Reason>();
  const asking = request({
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || (url.protocol === "https:" ? "443" : "80")),
    method: "CONNECT",
    path: server,
    headers: { Host: server, ...authorizationFor(proxy) },
    agent: false,
    rejectUnauthorized: true,
    signal,
  });
  asking.on("connect", ({ statusCode }, socket) => resolve(statusCode === 200 ? socket : FAILED));
  asking.on("response", () => resolve(FAILED));
  asking.on("error", (error) => resolve(ofProxy(reasonOf(error), proxy)));
  asking.end();
  return await promise;
}

/** The reasons speak of the server. */
function ofProxy({ reason }: Reason, { shown, variable }: HttpProxy): Reason {
  const said = reason
    .replace("the TLS handshake", `the TLS handshake with the proxy ${shown}`)
    .replace("the server", `the proxy ${shown}`)
    .replace("http: server", "http: proxy");
  const hint = `Check ${variable}, and which TLS the proxy speaks.`;
  return { reason: said, hint, isProxys: true };
}

function authorizationFor({ credentials: [known] }: HttpProxy): Readonly<Record<string, string>> {
  return known === undefined ? {} : { "Proxy-Authorization": basic(known) };
}

function reasonOf(error: Error): Reason {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const name = /^ERR_SSL_(\w{1,60})$/.exec(code)?.[1];
  if (name === undefined) return FAILED;
  return REASONS[name] ?? { reason: `the TLS handshake failed (${name})` };
}
