// A systemctl for runs outside of systemd: it keeps the states of units, and notes each call and what the disk holds at
// that moment. What real units make of it is proved in tests/systemd.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { write } from "../support/publishing.ts";

export interface FakeSystemctl {
  /** The environment in which it is found. */
  readonly env: Readonly<Record<string, string>>;
  /** What it was called with since the last look, and what it printed to $LOG meanwhile: lines. */
  calls(): readonly string[];
  /** Of these, what it was told to do with units: not the questions, nor the `reset-failed` before each restart. */
  orders(): readonly string[];
  remove(): void;
}

/**
 * Units are active, with an InvocationID that each restart changes. `show` answers from the files $UNITS/NAME, lines
 * as `systemctl show` prints them, which count more than what it would say otherwise.
 */
const UNITS = `
words="$*"; names=\${words#*-- }
started() { cat $UNITS/$1.starts 2>/dev/null || echo 1; }
case $1 in
  show)
    for unit in $names; do
      printf '%s\n' LoadState=loaded ActiveState=active SubState=running Result=success NRestarts=0 Type=simple
      printf 'InvocationID=%032d\n' $(started $unit)
      [ ! -e $UNITS/$unit ] || cat $UNITS/$unit
      echo
    done;;
  restart)
    for unit in $names; do echo $(($(started $unit) + 1)) > $UNITS/$unit.starts; done;;
esac
`;

/**
 * The journal has one thing to say of each kind: the last job of a unit, from $UNITS/NAME.jobs; that a watched run failed,
 * if there is $UNITS/failed; that it was stopped, if there is $UNITS/ended; and a run's last words, from $UNITS/said.
 */
const JOURNAL = `
case "$*" in *" INVOCATION_ID="*JOB_TYPE=*) cat $UNITS/ended 2> /dev/null; exit 0;; esac
for word; do case $word in
  UNIT=*) tail -n 1 $UNITS/\${word#UNIT=}.jobs;;
  INVOCATION_ID=*) cat $UNITS/failed;;
  _SYSTEMD_INVOCATION_ID=*) tail -n 1 $UNITS/said;;
esac; done 2> /dev/null
exit 0
`;

/** @param script what it does in sh after noting its arguments, and before all else; `$LOG` is where notes go */
export function fakeSystemctl(script = ""): FakeSystemctl {
  const folder = mkdtempSync(join(tmpdir(), "tako-systemctl-"));
  const log = join(folder, "log");
  mkdirSync(join(folder, "units"));
  const note = 'echo "$@" | sed "s/ --property=[^ ]*//" >> $LOG';
  const start = `#!/bin/sh\nLOG=${log}\nUNITS=${join(folder, "units")}\n${note}\n`;
  write(join(folder, "systemctl"), `${start}${script}\n${UNITS}`, 0o755);
  write(join(folder, "journalctl"), `#!/bin/sh\nUNITS=${join(folder, "units")}\n${JOURNAL}`, 0o755);
  let seen = 0;
  const calls = () => {
    const lines = existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
    const news = lines.slice(seen);
    seen = lines.length;
    return news;
  };
  return {
    env: { PATH: `${folder}:${process.env["PATH"]}` },
    calls,
    orders: () => calls().filter((call) => !/^(show|reset-failed) /.test(call)),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
