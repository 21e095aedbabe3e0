// A systemctl for runs outside of systemd: it notes each call, and what the disk holds at that moment.
// What real units make of it is proved in tests/systemd.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { write } from "../support/publishing.ts";

export interface FakeSystemctl {
  /** The environment in which it is found. */
  readonly env: Readonly<Record<string, string>>;
  /** What it was called with since the last look, and what it printed to $LOG meanwhile: lines. */
  calls(): readonly string[];
  remove(): void;
}

/** @param script what it does in sh after noting its arguments; `$LOG` is where notes go */
export function fakeSystemctl(script = ""): FakeSystemctl {
  const folder = mkdtempSync(join(tmpdir(), "tako-systemctl-"));
  const log = join(folder, "log");
  write(join(folder, "systemctl"), `#!/bin/sh\nLOG=${log}\necho "$@" >> $LOG\n${script}\n`, 0o755);
  let seen = 0;
  return {
    env: { PATH: `${folder}:${process.env["PATH"]}` },
    calls() {
      const lines = existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
      const news = lines.slice(seen);
      seen = lines.length;
      return news;
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
