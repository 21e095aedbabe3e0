// What is known about a deliberate fault, of the small command line or of an adapter.

import type { Arguments, Operation } from "../../../src/adapter/arguments.ts";

export interface Fault {
  /** What the program does wrong, one phrase. */
  readonly what: string;
  /** The requirements that it breaks, or pages of them, such as `VER`. */
  readonly breaks: readonly string[];
  /** The cases that are meant for it, each about one of those. All of them must fail. */
  readonly caught: readonly string[];
}

export interface AdapterFault extends Fault {
  /** The one operation that is not ours. */
  readonly op: string;
  /** Answers instead of the right operation, which it may ask. */
  answer(args: Arguments, right: Operation): unknown;
}

export type AdapterFaults = Readonly<Record<string, AdapterFault>>;

/** An argument that the suite sends as a text. */
export function text(args: Arguments, name: string): string {
  const value = args[name];
  if (typeof value === "string") return value;
  throw new Error(`expected a text as ${name}`);
}

/** An argument that the suite sends as bytes. */
export function bytes(args: Arguments, name: string): Uint8Array {
  return Uint8Array.fromBase64(text(args, name));
}

/** The public keys that the suite sends. */
export function keysOf(args: Arguments): readonly string[] {
  return args["keys"] as readonly string[];
}
