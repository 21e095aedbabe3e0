// The arguments of a request of the adapter protocol: JSON values, each of which may be of any type.

import { parseSha256Hex, type Sha256Hex, TakoError } from "../index.ts";

export type Arguments = Readonly<Record<string, unknown>>;

/** Gives the value of an answer. @throws TakoError for an answer with an error */
export type Operation = (args: Arguments) => unknown;

export function isObject(value: unknown): value is Arguments {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function badRequest(message: string): TakoError {
  return new TakoError("usage", message);
}

export function text(args: Arguments, name: string): string {
  const value = args[name];
  if (typeof value === "string") return value;
  throw badRequest(`expected a text as ${name}`);
}

export function list(args: Arguments, name: string): readonly unknown[] {
  const value = args[name];
  if (Array.isArray(value)) return value;
  throw badRequest(`expected a list as ${name}`);
}

export function texts(args: Arguments, name: string): readonly string[] {
  return list(args, name).map((value) => text({ [name]: value }, name));
}

export function bytes(args: Arguments, name: string): Uint8Array {
  const given = text(args, name);
  try {
    const decoded = Uint8Array.fromBase64(given, { lastChunkHandling: "strict" });
    // The built-in skips white space.
    if (decoded.toBase64() === given) return decoded;
  } catch {
    // Not base64 at all.
  }
  throw badRequest(`expected canonical base64 as ${name}`);
}

export function digest(value: unknown): Sha256Hex {
  const known = typeof value === "string" ? parseSha256Hex(value) : undefined;
  if (known === undefined) throw badRequest("expected a digest");
  return known;
}

export function number(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw badRequest("expected a whole number from 0 on");
}

/** The members of an object, each of which is a whole number. */
export function numbers(args: Arguments, name: string): readonly (readonly [string, number])[] {
  const value = args[name];
  if (!isObject(value)) throw badRequest(`expected an object as ${name}`);
  return Object.entries(value).map(([key, each]) => [key, number(each)]);
}
