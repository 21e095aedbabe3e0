// systemd's journal, by its native protocol: entries with fields of their own (systemd, Native Journal Protocol). The
// program's process sends them itself: of one that it started, the journal could not tell any more whose it was.

import { openLibc } from "./libc.ts";

const SOCKET = "/run/systemd/journal/socket";
const [AF_UNIX, SOCK_DGRAM, SOCK_CLOEXEC] = [1, 2, 0o2000000];

const SYMBOLS = {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
} as const;

/**
 * Adds an entry to the journal.
 *
 * @param fields values of one line each, by names of capital letters
 * @returns whether the journal has it; if not, nothing went wrong that anybody had to know
 */
export function sendToJournal(fields: Readonly<Record<string, string>>): boolean {
  const entry = Buffer.from(
    Object.entries(fields)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  const address = Buffer.concat([Uint8Array.of(AF_UNIX, 0), Buffer.from(`${SOCKET}\0`)]);
  try {
    const { socket, sendto, close } = openLibc(SYMBOLS).symbols;
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    const sent = sendto(fd, entry, entry.length, 0, address, address.length);
    close(fd);
    return Number(sent) === entry.length;
  } catch {
    return false;
  }
}
