// What a parent can leave a process with in its signals, and what the kernel does to those of the first
// process of a container: put right before anything runs (CLI-46, CLI-47).

import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { libc } from "./libc.ts";

export function putSignalsRight(): void {
  endAsFirstProcess();
  if (isChildSignalIgnored()) heedChildSignal();
}

/** The kernel drops the signals of the first process that it does not handle itself. */
function endAsFirstProcess(): void {
  if (process.pid !== 1) return;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    // At once, as the signal itself would.
    process.on(signal, () => libc()._exit(128 + constants.signals[signal]));
  }
}

/** Does something before SIGINT or SIGTERM ends the process, as it would by itself. */
export function beforeInterrupt(act: () => void): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) actBefore(signal, act);
}

/** Does something each time before SIGTSTP (Ctrl-Z) stops the process, as it would by itself. */
export function beforeStop(act: () => void): void {
  actBefore("SIGTSTP", act);
  process.on("SIGCONT", () => actBefore("SIGTSTP", act));
}

function actBefore(signal: NodeJS.Signals, act: () => void): void {
  process.prependOnceListener(signal, () => {
    act();
    // Nobody listens any more, unless this is the first process of a container (CLI-47).
    process.kill(process.pid, signal);
  });
}

const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** As long as what is to be done before the end may take. */
const BEFORE_END_MS = 3000;

/** Does something before a signal ends the process, until it is disposed of. */
export function beforeEnd(act: () => Promise<void>): AsyncDisposable {
  let isEnding = false;
  const end = async (signal: NodeJS.Signals) => {
    if (isEnding) return;
    isEnding = true;
    await Promise.race([act(), Bun.sleep(BEFORE_END_MS)]);
    stop();
    process.kill(process.pid, signal);
  };
  const stop = () => {
    for (const signal of ENDING) process.off(signal, end);
  };
  for (const signal of ENDING) process.on(signal, end);
  const dispose = async () => {
    // What failed because of it is not told any more.
    if (isEnding) await new Promise(() => {});
    stop();
  };
  return { [Symbol.asyncDispose]: dispose };
}

/** Waits until the process is asked to end, by SIGINT or SIGTERM, which do not end it any more. */
export function askedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) {
      process.removeAllListeners(signal);
      process.on(signal, () => resolve());
    }
  });
}

function isChildSignalIgnored(): boolean {
  try {
    const [, ignored = "0"] =
      /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return ((BigInt(`0x${ignored}`) >> BigInt(constants.signals.SIGCHLD - 1)) & 1n) === 1n;
  } catch {
    // Without /proc nobody knows.
    return false;
  }
}

/** As long as it is ignored, the kernel keeps from us how a child ended. */
function heedChildSignal(): void {
  try {
    libc().signal(constants.signals.SIGCHLD, null);
  } catch {
    // Who needs a child, or a lock, is told then.
  }
}
