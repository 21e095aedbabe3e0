// A host in this very process: `tako fetch` as the command line calls it, on a clock that passes only where somebody
// waits, and a systemd whose units do as a test says. What real units do is proved in tests/systemd.
//
//   using bench = new Bench({ Restart: "app.service", WatchSec: "1" });
//   bench.on("restart", () => Object.assign(bench.units, { "app.service": failed }));
//   const { result, orders } = await bench.fetch();

import type { Effects } from "../../src/commands/effects.ts";
import type { Event } from "../../src/commands/events.ts";
import { type FetchOptions, fetchAll } from "../../src/commands/fetch/fetch.ts";
import type { FetchResult } from "../../src/commands/fetch/result.ts";
import type { Clock } from "../../src/shell/clock.ts";
import type { CallResult, Limits, Systemd } from "../../src/shell/systemd.ts";
import { type ConfigLines, createHost } from "../support/host.ts";

export const OK: CallResult = { status: 0, stdout: "", stderr: "" };

/** What `systemctl show` prints of a unit that runs; these lines count more. */
export const up = (...lines: readonly string[]) =>
  ["LoadState=loaded", "ActiveState=active", "Result=success", "InvocationID=1", ...lines].join(
    "\n",
  );
export const ended = (...lines: readonly string[]) => up("ActiveState=inactive", ...lines);
export const failed = up("ActiveState=failed", "Result=exit-code", "ExecMainStatus=3");

export interface Call {
  /** In milliseconds since the beginning. */
  readonly at: number;
  readonly words: string;
  readonly limits: Limits;
}

type Handler = (units: readonly string[]) => void;

export class Bench implements Disposable {
  readonly host = createHost();
  now = 0;
  readonly calls: Call[] = [];
  readonly events: Event[] = [];
  /** How a unit is, at each moment or until that is changed, as `show` prints it; one that is not here runs. */
  units: Record<string, string | ((at: number) => string)> = {};
  /** The units that this process runs in. */
  ownUnits: readonly string[] = [];
  /** What is looked at each time that so many milliseconds went by: that is for a test to do. */
  readonly limits = new Set<{ readonly ms: number; readonly look: () => void }>();
  /** Whether `show` has an answer. */
  answers: (at: number) => boolean = () => true;
  /** How a call ends: well, unless told. */
  outcome: (words: string) => Partial<CallResult> = () => OK;
  /** How long a `start` that is waited for takes; it ends sooner at its limit, or at the signal. */
  startMs = 0;
  /** What the journal has for a question; nothing unless told. */
  journal: (words: string, at: number) => string | undefined = () => "";
  readonly #handlers = new Map<string, Handler>();
  #invocations = 1;

  constructor(lines: ConfigLines = {}) {
    this.host.configure(lines);
  }

  readonly clock: Clock = {
    now: () => 1_700_000_000_000 + this.now,
    elapsed: () => this.now,
    sleep: async (ms) => {
      await Bun.sleep(0);
      this.now += ms;
      await Bun.sleep(0);
    },
    every: (ms, look) => {
      const limit = { ms, look };
      this.limits.add(limit);
      return { [Symbol.dispose]: () => void this.limits.delete(limit) };
    },
  };

  readonly #systemd: Systemd = {
    manager: "system",
    systemctl: async (words, limits = {}) => {
      const call = { at: this.now, words: words.join(" "), limits };
      this.calls.push(call);
      // No answer comes at once: what is not waited for comes too late.
      await Bun.sleep(0);
      const [verb = ""] = words;
      const names = words.slice(words.indexOf("--") + 1);
      if (verb === "show") return this.#show(names);
      if (verb === "start" && !words.includes("--no-block")) {
        const end = call.at + Math.min(this.startMs, limits.timeoutMs ?? Number.POSITIVE_INFINITY);
        while (this.now < end && limits.signal?.aborted !== true) await this.#pass();
        if (this.now - call.at < this.startMs) return { ...OK, status: undefined };
      }
      this.#handlers.get(verb)?.(names);
      return { ...OK, ...this.outcome(call.words) };
    },
    journalctl: async (words) => {
      const question = words.join(" ");
      this.calls.push({ at: this.now, words: question, limits: {} });
      await Bun.sleep(0);
      const stdout = this.journal(question, this.now);
      return stdout === undefined ? { ...OK, status: 1 } : { ...OK, stdout };
    },
    ownUnits: () => this.ownUnits,
  };

  readonly effects: Effects = {
    clock: this.clock,
    random: Math.random,
    randomBytes: (count) => new Uint8Array(count),
    environment: {},
    stdin: 0,
    systemd: this.#systemd,
    report: (event) => this.events.push(event),
  };

  /** What a call does to the units. */
  on(verb: "start" | "stop" | "restart" | "reload-or-restart", handler: Handler): void {
    this.#handlers.set(verb, handler);
  }

  /** Another run of a unit. */
  invocation(): string {
    this.#invocations++;
    return `InvocationID=${this.#invocations}`;
  }

  /** One run, for the host's config unless told. */
  async fetch(options: Partial<FetchOptions> = {}) {
    const [calls, events] = [this.calls.length, this.events.length];
    const results: FetchResult[] = [];
    const usual = { mode: "run", activates: true, verify: true, jobs: 4 } as const;
    const all = { paths: [this.host.file], ...usual, ...options };
    await fetchAll(all, this.effects, (result) => results.push(result));
    const [result] = results;
    if (result === undefined) throw new Error("no result");
    const news = this.calls.slice(calls);
    return {
      result,
      results,
      calls: news,
      orders: orders(news),
      events: this.events.slice(events),
    };
  }

  /** The moments of the calls that begin so. */
  at(words: string): readonly number[] {
    return this.calls.filter((call) => call.words.startsWith(words)).map(({ at }) => at);
  }

  #show(names: readonly string[]): CallResult {
    if (!this.answers(this.now)) return { ...OK, status: 1 };
    const blocks = names.map((name) => {
      const state = this.units[name] ?? up();
      return typeof state === "string" ? state : state(this.now);
    });
    return { ...OK, stdout: blocks.join("\n\n") };
  }

  /** Time passes also where only a call is waited for. */
  async #pass(): Promise<void> {
    const { now } = this;
    for (let turn = 0; turn < 20 && this.now === now; turn++) await Bun.sleep(0);
    if (this.now === now) this.now += 1000;
  }

  [Symbol.dispose](): void {
    this.host[Symbol.dispose]();
  }
}

/** What units were told, without the questions, and the `reset-failed` that goes before. */
function orders(calls: readonly Call[]): readonly string[] {
  return calls
    .map(({ words }) => words)
    .filter((words) => /^(start|stop|re(start|load))/.test(words));
}
