// Reads what an adapter writes: a line of bytes in, an answer of the protocol out, or the reason why it is none.
// What an answer means is not known here.

import { printable } from "../../src/index.ts";
import type { Answer } from "./questions.ts";

const MAX_DEPTH = 100;
const MAX_DIGITS = 100;

/** Why a request got no answer, and what went to and fro. */
export class NoAnswer extends Error {
  evidence: { readonly request?: string; readonly reply?: string | Uint8Array } = {};
}

export function decodeUtf8(line: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(line);
  } catch {
    throw new NoAnswer("the answer is not UTF-8 (ADP-1)");
  }
}

/** Reads an answer (ADP-5, ADP-6). */
export function parseAnswer(reply: string, id: number): Answer {
  const object = parseObject(reply);
  if (object?.["id"] !== id) {
    const what = object === undefined ? "no JSON object" : `not the one to request ${id}`;
    throw new NoAnswer(`the answer is ${what}: ${printable(reply)}`);
  }
  const { value, error, line, unsupported } = object;
  const given = [value !== undefined, error !== undefined, unsupported === true];
  if (given.filter(Boolean).length !== 1) {
    throw new NoAnswer(`expected one of value, error and unsupported: ${printable(reply)}`);
  }
  if (unsupported === true) return { unsupported };
  if (error === undefined) return { value };
  return { error, ...(line === undefined || line === null ? {} : { line }) };
}

/** `undefined` for what is no JSON object. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = isModest(text) ? JSON.parse(text) : undefined;
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether a text, if it is JSON, is read in little time and memory: no value of the protocol nests
 * as deep as `MAX_DEPTH`, or has a number of so many digits (ADP-7).
 */
function isModest(text: string): boolean {
  let [depth, digits, isInText] = [0, 0, false];
  for (let at = 0; at < text.length && depth <= MAX_DEPTH && digits <= MAX_DIGITS; at++) {
    const character = text[at] ?? "";
    if (isInText) {
      if (character === "\\") at++;
      else isInText = character !== '"';
    } else {
      digits = /\d/.test(character) ? digits + 1 : 0;
      if (character === '"') isInText = true;
      else if (character === "[" || character === "{") depth++;
      else if (character === "]" || character === "}") depth--;
    }
  }
  return depth <= MAX_DEPTH && digits <= MAX_DIGITS;
}
