// Watches a symbolic link while the command under test runs: where it led, and whether it was absent for a
// moment. Reading it again and again shows the first; only the kernel's own record surely shows the second.

import { dlopen } from "bun:ffi";
import { closeSync, readlinkSync, readSync } from "node:fs";
import { join } from "node:path";

/** Stands for a link that is not there. */
export const ABSENT = "none";

/** How long the link is read without a pause: the suite's server runs in the same thread. */
const BURST_MS = 2;

/**
 * Begins to watch `directory/name`.
 *
 * @returns ends that, and tells where the link led
 */
export function watchLink(directory: string, name: string): () => Promise<ReadonlySet<string>> {
  const path = join(directory, name);
  const events = openEvents(directory);
  const seen = new Set<string>();
  let isOpen = true;
  const watching = (async () => {
    while (isOpen) {
      const end = performance.now() + BURST_MS;
      while (performance.now() < end) for (let i = 0; i < 50; i++) seen.add(targetOf(path));
      await new Promise((resume) => setImmediate(resume));
    }
  })();
  return async () => {
    isOpen = false;
    await watching;
    if (events !== undefined) {
      if (wasRemoved(readEvents(events), name)) seen.add(ABSENT);
      closeSync(events);
    }
    return seen;
  };
}

function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ABSENT;
  }
}

// <sys/inotify.h> of Linux, the same on every architecture that Bun runs on.
const IN_MOVED_FROM = 0x40;
const IN_MOVED_TO = 0x80;
const IN_DELETE = 0x200;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;
/** Watch, mask, cookie and length of the name, 32 bits each. */
const HEADER_BYTES = 16;

interface Event {
  readonly mask: number;
  readonly name: string;
}

/** A descriptor of inotify(7), to be read at the end: the kernel keeps 16,384 events. */
function openEvents(directory: string): number | undefined {
  const libc = openLibc();
  const fd = libc?.symbols.inotify_init1(IN_NONBLOCK | IN_CLOEXEC) ?? -1;
  if (libc === undefined || fd < 0) return undefined;
  const mask = IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE;
  if (libc.symbols.inotify_add_watch(fd, Buffer.from(`${directory}\0`), mask) >= 0) return fd;
  // The case has removed the directory.
  closeSync(fd);
  return undefined;
}

/** Without it the link is only read again and again. */
function openLibc() {
  const symbols = {
    inotify_init1: { args: ["i32"], returns: "i32" },
    inotify_add_watch: { args: ["i32", "ptr", "u32"], returns: "i32" },
  } as const;
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  for (const name of ["libc.so.6", `libc.musl-${machine}.so.1`]) {
    try {
      return dlopen(name, symbols);
    } catch {
      // Another C library, or one that may not be loaded.
    }
  }
  return undefined;
}

function readEvents(fd: number): readonly Event[] {
  const events: Event[] = [];
  const buffer = Buffer.alloc(64 * 1024);
  for (;;) {
    let length = 0;
    try {
      length = readSync(fd, buffer);
    } catch {
      return events; // EAGAIN: no more.
    }
    for (let at = 0; at < length; ) {
      const nameBytes = buffer.readUInt32LE(at + 12);
      const end = at + HEADER_BYTES + nameBytes;
      const name = buffer.toString("utf8", at + HEADER_BYTES, end).replace(/\0+$/, "");
      events.push({ mask: buffer.readUInt32LE(at + 4), name });
      at = end;
    }
  }
}

/** A link that moves away as another takes its place was exchanged (renameat2), not removed. */
function wasRemoved(events: readonly Event[], name: string): boolean {
  return events.some(({ mask, name: changed }, index) => {
    if (changed !== name) return false;
    const before = events[index - 1];
    const isExchange = before?.name === name && (before.mask & IN_MOVED_TO) !== 0;
    return (mask & IN_DELETE) !== 0 || ((mask & IN_MOVED_FROM) !== 0 && !isExchange);
  });
}
