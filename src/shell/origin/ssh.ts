// What curl needs for sftp: and scp: as ssh has it: a key of the usual names, and the servers' keys of
// the user and of the host (ORG-87 to ORG-89). By itself it looks for ~/.ssh/id_rsa and known_hosts only.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Location, OriginUrl } from "../../core/origin-url.ts";
import { shownPath } from "../../core/text.ts";
import { naming, storageError } from "../disk/storage-error.ts";
import { OriginError } from "./origin-error.ts";

/** In the order of preference, as for ssh. */
const KEYS = ["id_ed25519", "id_ecdsa", "id_rsa"] as const;
const HOST_WIDE = "/etc/ssh/ssh_known_hosts";
const TEMPORARY = "/tmp";

export interface Ssh {
  /** The path of a private key, when curl is to be given one. */
  readonly key: string | undefined;
  /** More variables for curl. */
  readonly environment: Readonly<Record<string, string>>;
  /** Removes what was made for it. */
  readonly dispose: () => void;
}

/** @throws OriginError when nothing says which key the server has (ORG-87) */
export function prepareSsh({ credentials }: OriginUrl, location: Location): Ssh {
  const folder = join(homedir(), ".ssh");
  const hasPassword = (credentials?.password ?? "") !== "";
  const hasAgent = (process.env["SSH_AUTH_SOCK"] ?? "") !== "";
  const key =
    hasPassword || hasAgent
      ? undefined
      : KEYS.map((name) => join(folder, name)).find((path) => existsSync(path));
  return { key, ...knownHosts(join(folder, "known_hosts"), location) };
}

/**
 * curl knows one file only, the first `.ssh/known_hosts` below `CURL_HOME` or `HOME`. So where the host
 * has keys for all its users, both files become one, for the time of the request.
 */
function knownHosts(ofUser: string, { shown }: Location): Omit<Ssh, "key"> {
  const files = [ofUser, HOST_WIDE].filter((path) => existsSync(path));
  if (files.length === 0) {
    throw new OriginError(
      shown,
      `there is neither ${shownPath(ofUser)} nor ${HOST_WIDE} to check the server's key with`,
      { rule: "ORG-87", hint: "Put the server's key into it; ssh-keyscan prints it." },
    );
  }
  if (files.length === 1 && files[0] === ofUser) return { environment: {}, dispose: () => {} };
  const text = files
    .map((path) => naming(path, "read", () => readFileSync(path, "utf8")))
    .join("\n");
  const home = naming(TEMPORARY, "make a folder in", () =>
    mkdtempSync(join(TEMPORARY, "tako-ssh-")),
  );
  const dispose = () => rmSync(home, { recursive: true, force: true });
  try {
    mkdirSync(join(home, ".ssh"));
    writeFileSync(join(home, ".ssh", "known_hosts"), withoutMarks(text));
  } catch (error) {
    dispose();
    throw storageError(error, "write", home);
  }
  return { environment: { CURL_HOME: home }, dispose };
}

/**
 * Without the lines that begin with a mark, which end curl's reading, and without every key that one of
 * them revokes (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
 */
function withoutMarks(text: string): string {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const revoked = lines
    .filter((line) => line.startsWith("@revoked"))
    .flatMap((line) => line.split(/\s+/)[3] ?? []);
  const kept = lines.filter(
    (line) => !/^\s*[@#]/.test(line) && !line.split(/\s+/).some((word) => revoked.includes(word)),
  );
  return `${kept.join("\n")}\n`;
}
