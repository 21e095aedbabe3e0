// Origins over sftp:, scp:, ftp: and ftps:, by running the installed curl (ORG-80 to ORG-86).

import type { Sha256Hex } from "../../core/digest.ts";
import {
  type Location,
  manifestLocation,
  type OriginUrl,
  storeLocation,
} from "../../core/origin-url.ts";
import { printable } from "../../core/text.ts";
import { spawnFailure } from "../spawn-error.ts";
import { bodyFrom, type Sink, type Source } from "./body.ts";
import { secretOf, tells } from "./http-credentials.ts";
import { type Fail, OriginError } from "./origin-error.ts";
import { proxyCredentials } from "./proxy.ts";
import { readAhead } from "./read-ahead.ts";
import { prepareSsh, type Ssh } from "./ssh.ts";
import { watched } from "./stall.ts";
import type {
  FileAnswer,
  ManifestAnswer,
  Patience,
  Presence,
  Received,
  Transport,
} from "./transport.ts";

/** Exit statuses of curl that another try may turn out better (its manual, "EXIT CODES"). */
const PASSING: readonly number[] = [
  5, // the proxy's name was not found
  6, // the host's name was not found
  7, // no connection
  12, // FTP: the server did not connect back in time
  18, // the transfer ended early
  28, // a time-out
  35, // the TLS handshake failed
  52, // nothing was answered
  55, // sending failed
  56, // receiving failed
];
/** The server cannot continue at an offset: REST failed, ranges are unknown, the file is shorter. */
const CANNOT_CONTINUE: readonly number[] = [31, 33, 36];

/** The file is not there, or not to be had: the server's words do not tell which (FET-111). */
const MISSING: readonly number[] = [
  9, // access denied
  19, // FTP: RETR failed
  78, // no such file
];

const HINTS: Readonly<Record<number, string>> = {
  1: "Install a curl that has this scheme; curl --version lists its protocols.",
  5: "Check ALL_PROXY and the other variables that name a proxy.",
  9: "Check Origin=, and the permissions at the origin.",
  19: "Check Origin=, and that the publisher has uploaded everything.",
  60: "Check the server's certificate, or for SSH that ~/.ssh/known_hosts or /etc/ssh/ssh_known_hosts has the server's key.",
  67: "Check the user and password in Origin=, or the SSH key of the user who runs this.",
  78: "Check Origin=, and that the publisher has uploaded everything.",
  97: "Check ALL_PROXY and the other variables that name a proxy.",
};

/** More than this of what curl says is not kept. */
const MAX_STDERR_CHARACTERS = 2000;

export class CurlTransport implements Transport {
  readonly #origin: OriginUrl;
  readonly #patience: Patience;

  constructor(origin: OriginUrl, patience: Patience) {
    this.#origin = origin;
    this.#patience = patience;
  }

  async manifest(): Promise<ManifestAnswer> {
    const location = manifestLocation(this.#origin);
    return { kind: "body", fail: failOf(location), body: bodyFrom(this.#start(location, 0)) };
  }

  async file(name: string, size: number, offset: number): Promise<FileAnswer> {
    const location = storeLocation(this.#origin, name);
    const fail = failOf(location);
    // scp has no offsets: curl would send the whole file as if it were the rest.
    if (offset > 0 && this.#origin.scheme !== "scp") {
      const source = this.#start(location, offset, size);
      try {
        // Only the first bytes, or their absence, tell whether the server continues.
        const first = await source.read();
        return { kind: "body", offset, fail, body: bodyFrom(startingWith(first, source)) };
      } catch (error) {
        await source.stop();
        if (!(error instanceof CurlError && CANNOT_CONTINUE.includes(error.status))) throw error;
      }
    }
    return { kind: "body", offset: 0, fail, body: bodyFrom(this.#start(location, 0, size)) };
  }

  async small(name: string, most: number): Promise<Received> {
    const location = storeLocation(this.#origin, name);
    return { fail: failOf(location), body: bodyFrom(this.#start(location, 0, most)) };
  }

  /** By its last byte: curl has no word for the size of a file that all these schemes know. */
  async look(digest: Sha256Hex, size: number): Promise<Presence> {
    const answer = await this.file(digest, size, Math.max(size - 1, 0));
    if (answer.kind === "gone") return "gone";
    let received = answer.offset;
    const counter: Sink = {
      write(chunk) {
        received += chunk.length;
        return undefined;
      },
    };
    const end = await answer.body.into(counter, size - answer.offset);
    if (end === "ended" && received === size) return "there";
    const compared = end === "longer" ? "more" : "fewer";
    throw answer.fail(`the file has ${compared} bytes than the image, ${size}`, { rule: "INS-8" });
  }

  #start(location: Location, offset: number, size?: number): Source {
    const source = readAhead(startCurl(this.#origin, location, offset));
    return watched(source, failOf(location), this.#patience, size);
  }
}

function failOf({ shown }: Location): Fail {
  return (reason, facts) => new OriginError(shown, reason, facts);
}

/** curl ended with an error. */
class CurlError extends OriginError {
  readonly status: number;

  constructor({ shown }: Location, status: number, said: string) {
    const hint = HINTS[status];
    super(shown, `curl failed with status ${status}${said === "" ? "" : `: ${said}`}`, {
      rule: "ORG-84",
      passing: PASSING.includes(status),
      isMissing: MISSING.includes(status),
      hint,
    });
    this.status = status;
  }
}

function startCurl(origin: OriginUrl, location: Location, offset: number): Source {
  const isSsh = origin.scheme === "sftp" || origin.scheme === "scp";
  const ssh = isSsh ? prepareSsh(origin, location) : undefined;
  const curl = spawnCurl(origin, location, offset, ssh);
  void curl.exited.then(() => ssh?.dispose());
  // Bytes that nobody has asked for do not keep the program running.
  curl.unref();
  const reader = curl.stdout.getReader();
  const said = beginningOf(curl.stderr);
  return {
    read: async () => {
      curl.ref();
      try {
        const { value } = await reader.read();
        if (value !== undefined) return value;
        const status = await curl.exited;
        if (status !== 0) throw new CurlError(location, status, messageIn(await said, origin));
        return undefined;
      } finally {
        curl.unref();
      }
    },
    stop: async () => {
      curl.ref();
      curl.kill("SIGKILL");
      await curl.exited;
    },
  };
}

function spawnCurl(
  origin: OriginUrl,
  { href, shown }: Location,
  offset: number,
  ssh: Ssh | undefined,
) {
  const cmd = ["curl", "-q", "-g", "--proto", `=${origin.scheme}`, "--silent", "--show-error"];
  if (offset > 0) cmd.push("--continue-at", `${offset}`);
  cmd.push("--output", "-", "--config", "-");
  const key = ssh?.key === undefined ? "" : `key = ${quoted(ssh.key)}\n`;
  const config = `url = ${quoted(withCredentials(origin, href))}\n${key}`;
  const env = { ...process.env, ...ssh?.environment };
  try {
    return Bun.spawn(cmd, { env, stdin: Buffer.from(config), stdout: "pipe", stderr: "pipe" });
  } catch (error) {
    ssh?.dispose();
    const { reason, ...facts } = spawnFailure(error) ?? { reason: "", hint: "Install curl." };
    const why = reason === "" ? "" : `: ${reason}`;
    const message = `cannot run curl, which reads ${origin.scheme}: origins${why}`;
    throw new OriginError(shown, message, { rule: "ORG-84", ...facts, cause: error });
  }
}

/** Percent-encoded, credentials need no quoting of any kind. */
function withCredentials({ credentials }: OriginUrl, url: string): string {
  if (credentials === undefined) return url;
  const { user, password } = credentials;
  const secret = password === "" ? "" : `:${encodeURIComponent(password)}`;
  return url.replace("://", () => `://${encodeURIComponent(user)}${secret}@`);
}

/** A word of curl's config. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/** What curl said, in its first line, without anything secret (ORG-84, ORG-90). */
function messageIn(stderr: string, { credentials }: OriginUrl): string {
  let line = /^curl: \(\d+\) (.*)/m.exec(stderr)?.[1] ?? "";
  const own = credentials === undefined ? [] : [credentials];
  const told = [...own, ...proxyCredentials(process.env)];
  for (const secret of [...told.map(secretOf), ...own.map(({ user }) => user)]) {
    if (secret === "") continue;
    line = line.replaceAll(encodeURIComponent(secret), "***").replaceAll(secret, "***");
  }
  // It repeats a proxy's address as it is written in the environment, scheme or not.
  const rest = line.replace(/[^\s'"]*@/g, "***@");
  // Whoever answered may have put it into another form.
  return tells(rest, told) ? "" : printable(rest);
}

async function beginningOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    if (text.length < MAX_STDERR_CHARACTERS) text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** The same bytes, of which the first are read already. */
function startingWith(first: Uint8Array | undefined, { read, stop }: Source): Source {
  let isFirst = true;
  return {
    async read() {
      if (!isFirst) return read();
      isFirst = false;
      return first;
    },
    stop,
  };
}
