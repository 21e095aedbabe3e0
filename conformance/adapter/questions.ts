// Questions to an adapter, and the judgement of its answers. Which questions there are is not known
// here, nor how they reach the adapter.

import { isDeepStrictEqual } from "node:util";
import { printable } from "../../src/index.ts";
import { Failure, Skip } from "../case.ts";

/** An answer of the protocol, whose shape is checked and whose content is not (ADP-5). */
export type Answer =
  | { readonly value: unknown }
  | { readonly error: unknown; readonly line?: unknown }
  | { readonly unsupported: true };

/** What went to and fro. */
export interface Answered {
  readonly request: string;
  readonly reply: string;
  readonly answer: Answer;
  /** The end of what the adapter said on standard error so far. */
  stderr(): string;
}

/** Asks an adapter. @throws Failure when it does not answer */
export type Ask = (op: string, args: object, signal: AbortSignal) => Promise<Answered>;

/** An answer that is right. A line counts only where the adapter gives one. */
export type RightAnswer =
  | { readonly value: unknown }
  | { readonly error: string; readonly line?: number | undefined };

/** One request, and the answers to it that are right. */
export interface Question {
  readonly op: string;
  readonly args: object;
  readonly expected: readonly RightAnswer[];
}

export function question(op: string, args: object, ...expected: readonly RightAnswer[]): Question {
  return { op, args, expected };
}

/**
 * Asks all questions of a case. Those that the adapter does not offer are left out.
 *
 * @throws Failure for the first wrong answer, Skip when nothing was offered
 */
export async function judge(
  questions: readonly Question[],
  ask: Ask,
  signal: AbortSignal,
): Promise<void> {
  const missing = new Set<string>();
  let answered = 0;
  for (const { op, args, expected } of questions) {
    if (missing.has(op)) continue;
    const { answer, request, reply, stderr } = await ask(op, args, signal);
    if ("unsupported" in answer) {
      missing.add(op);
    } else if (expected.some((each) => isRight(answer, each))) {
      answered += 1;
    } else {
      const difference = [
        `${op} ${cut(JSON.stringify(args))}`,
        `expected ${expected.map(describe).join(" or ")}`,
        `got ${describe(answer)}`,
      ];
      throw new Failure(difference.join("\n"), { request, reply, stderr: stderr() });
    }
  }
  if (answered === 0) throw new Skip(`${[...missing].join(", ")} not offered`);
}

function isRight(answer: Exclude<Answer, { unsupported: true }>, expected: RightAnswer): boolean {
  if ("value" in expected) {
    return "value" in answer && isDeepStrictEqual(answer.value, plain(expected.value));
  }
  if (!("error" in answer) || answer.error !== expected.error) return false;
  return answer.line === undefined || expected.line === undefined || answer.line === expected.line;
}

/** As it would come out of JSON. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function describe(answer: Answer | RightAnswer): string {
  if ("unsupported" in answer) return "unsupported";
  if ("value" in answer) return cut(JSON.stringify(answer.value));
  const line = answer.line === undefined ? "" : ` on line ${printable(String(answer.line))}`;
  return `error ${cut(JSON.stringify(answer.error))}${line}`;
}

/** A text that may be long, for people. */
export function cut(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}...` : text;
}
