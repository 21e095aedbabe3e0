// The suite's side of the adapter protocol: one process, one request at a time. Whatever the process
// does, a request ends with an answer or a Failure, and the next one finds a process that is well.

import { printable } from "../../src/index.ts";
import { Failure, NotRun } from "../case.ts";
import {
  type ByteReader,
  describeEnd,
  killProgram,
  lastLines,
  startProgram,
} from "../processes.ts";
import { PROTOCOL, SPEC_VERSION } from "../version.ts";
import { decodeUtf8, NoAnswer, parseAnswer, parseObject } from "./answers.ts";
import { LineReader, LineTooLong } from "./lines.ts";
import { type Answered, type Ask, cut } from "./questions.ts";

/** How much of the end of standard error is kept for a failure. */
const STDERR_BYTES = 4096;
/** How long an adapter may take to end after its input did. */
const END_MS = 2000;
/** How long the last of its standard error may take to come, once it was killed. */
const LAST_WORDS_MS = 200;

/** Who is asked: what `hello` answers. */
export interface Subject {
  readonly name: string;
  readonly version: string;
}

interface Running {
  readonly child: ReturnType<typeof startProgram>;
  readonly lines: LineReader;
  /** Resolves when the process was killed: some reads would wait for its grandchildren. */
  readonly killed: Promise<undefined>;
  readonly kill: () => void;
  readonly stderr: StreamEnd;
  nextId: number;
}

export class AdapterProcess {
  readonly #command: readonly string[];
  readonly #patienceMs: number;
  #running: Running | undefined;
  #subject: Subject | undefined;
  #waitedMs = 0;

  /**
   * @param command the words of the adapter's command line
   * @param patienceMs how long, in all, requests may take that get no answer; after that, no more
   *   are sent
   */
  constructor(command: readonly string[], patienceMs: number) {
    this.#command = command;
    this.#patienceMs = patienceMs;
  }

  /** Starts the adapter. @throws Failure when it does not answer `hello` as it should */
  async hello(timeoutMs: number): Promise<Subject> {
    const late = `no answer within ${timeoutMs / 1000} s: is its output flushed after each line? (ADP-2)`;
    await this.#attempt("hello", AbortSignal.timeout(timeoutMs), late, async () => undefined);
    return this.#subject ?? { name: "", version: "" };
  }

  /** Asks the adapter, and starts it anew if it does not run. @throws Failure without an answer */
  readonly ask: Ask = async (op, args, signal) => {
    if (this.#waitedMs >= this.#patienceMs) {
      const seconds = Math.round(this.#waitedMs / 1000);
      throw new NotRun(`the adapter left requests without answer for ${seconds} s in all`);
    }
    const late = "no answer before the time-out";
    return await this.#attempt(op, signal, late, (running) => converse(running, op, args));
  };

  async #attempt<T>(
    op: string,
    signal: AbortSignal,
    late: string,
    act: (running: Running) => Promise<T>,
  ): Promise<T> {
    if (signal.aborted) throw new Failure(`${op}: the time-out came before this request`);
    const startedAt = performance.now();
    const abort = () => this.#running?.kill();
    signal.addEventListener("abort", abort);
    try {
      if (this.#running === undefined) {
        this.#running = start(this.#command);
        this.#subject = await greet(this.#running);
      }
      return await act(this.#running);
    } catch (error) {
      const running = this.#running;
      running?.kill();
      this.#running = undefined;
      this.#waitedMs += performance.now() - startedAt;
      if (!(error instanceof NoAnswer)) throw error;
      const reason = signal.aborted ? late : error.message;
      await Promise.race([running?.stderr.ended, Bun.sleep(LAST_WORDS_MS)]);
      const evidence = { ...error.evidence, stderr: running?.stderr.text() ?? "" };
      throw new Failure([`${op}: ${reason}`, ...circumstances(evidence)].join("\n"), evidence);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Ends the adapter. */
  async close(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    await Promise.resolve(running.child.stdin.end()).catch(() => {});
    await Promise.race([running.child.exited, Bun.sleep(END_MS)]);
    running.kill();
  }
}

function start(command: readonly string[]): Running {
  const child = spawn(command);
  const lines = new LineReader(child.stdout);
  const stderr = keepEnd(child.stderr);
  const { promise: killed, resolve } = Promise.withResolvers<undefined>();
  const kill = () => {
    killProgram(child);
    resolve(undefined);
    // What a process that got away still holds open does not hold the suite.
    setTimeout(() => {
      lines.cancel();
      stderr.cancel();
    }, LAST_WORDS_MS);
  };
  return { child, lines, killed, kill, stderr, nextId: 0 };
}

function spawn(command: readonly string[]) {
  try {
    return startProgram(command);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new NoAnswer(`cannot start ${printable(command[0] ?? "")}: ${printable(reason)}`);
  }
}

/** What is known of a request without an answer, as lines. */
function circumstances({ request, stderr }: { request?: string; stderr: string }): string[] {
  const said = lastLines(stderr);
  return [
    ...(request === undefined ? [] : [`request: ${cut(request.trimEnd())}`]),
    ...(said.length === 0 ? [] : ["standard error:", ...said.map((line) => `  ${line}`)]),
  ];
}

interface StreamEnd {
  readonly text: () => string;
  readonly ended: Promise<void>;
  readonly cancel: () => void;
}

/** Reads a stream to its end, and keeps the last of it. */
function keepEnd(stream: ReadableStream<Uint8Array>): StreamEnd {
  const reader: ByteReader = stream.getReader();
  let kept = Buffer.alloc(0);
  const reading = async () => {
    for (
      let { value } = await reader.read();
      value !== undefined;
      { value } = await reader.read()
    ) {
      kept = Buffer.concat([kept, value.subarray(-STDERR_BYTES)]).subarray(-STDERR_BYTES);
    }
  };
  // A stream that breaks off ends with its process.
  const ended = reading().catch(() => {});
  return { text: () => kept.toString(), ended, cancel: () => void reader.cancel().catch(() => {}) };
}

async function greet(running: Running): Promise<Subject> {
  const { answer } = await converse(running, "hello", { protocol: PROTOCOL, spec: SPEC_VERSION });
  const value: unknown = "value" in answer ? answer.value : undefined;
  if (typeof value !== "object" || value === null || !("protocol" in value)) {
    throw new NoAnswer("hello must be answered with name, version and protocol (ADP-12)");
  }
  if (value.protocol !== PROTOCOL) {
    throw new NoAnswer(`the adapter speaks another protocol than ${PROTOCOL} (ADP-12)`);
  }
  const { name, version } = { name: "", version: "", ...value };
  return { name: String(name), version: String(version) };
}

/** Sends a request and waits for its answer. @throws NoAnswer */
async function converse(running: Running, op: string, args: object): Promise<Answered> {
  const id = running.nextId++;
  const request = `${JSON.stringify({ id, op, ...args })}\n`;
  try {
    running.child.stdin.write(request);
    // Not waited for: an adapter that does not read it does not answer either.
    Promise.resolve(running.child.stdin.flush()).catch(() => {});
  } catch {
    // It has ended, and reading says how.
  }
  let line: Uint8Array | undefined;
  try {
    line = await readLine(running);
    const { ahead } = running.lines;
    if (ahead.length > 0) {
      const foreign = printable(foreignLine(line, ahead, id));
      throw new NoAnswer(`more than one line for one request (ADP-2): ${foreign}`);
    }
    const reply = decodeUtf8(line);
    return { request, reply, answer: parseAnswer(reply, id), stderr: running.stderr.text };
  } catch (error) {
    if (error instanceof NoAnswer) error.evidence = { request, reply: line ?? "" };
    throw error;
  }
}

/** The first of the lines that is not the answer. */
function foreignLine(line: Uint8Array, ahead: Uint8Array, id: number): string {
  const text = Buffer.from(line).toString();
  if (parseObject(text)?.["id"] !== id) return text;
  const [next = ""] = Buffer.from(ahead).toString().split("\n", 1);
  return next;
}

async function readLine({ lines, child, killed }: Running): Promise<Uint8Array> {
  try {
    const line = await Promise.race([lines.read(), killed]);
    if (line !== undefined) return line;
  } catch (error) {
    if (!(error instanceof LineTooLong)) throw error;
    throw new NoAnswer(`the answer is ${error.message} (ADP-8)`);
  }
  await Promise.race([child.exited, killed, Bun.sleep(END_MS)]);
  const hasEnded = child.exitCode !== null || child.signalCode !== null;
  throw new NoAnswer(`the adapter ${hasEnded ? describeEnd(child) : "closed its output"}`);
}
