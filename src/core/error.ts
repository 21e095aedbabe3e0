// The one way to fail: TakoError, with the facts of the failure as fields. Which exit status a
// kind gives is the command line's business; how an error looks, too.

/** What went wrong. The exit status of each kind is fixed by CLI's table in spec/cli.md. */
export type ErrorKind =
  // The user's input is wrong.
  | "usage"
  | "config"
  | "version"
  | "pattern"
  | "key"
  // What was received is not authentic.
  | "manifest"
  | "newer-format"
  | "signature"
  | "history"
  | "digest"
  // The world did not do its part.
  | "origin"
  | "storage"
  | "unit"
  // Anything else that keeps a command from doing its job.
  | "failed";

/** One thing that is wrong with a config file. */
export interface Problem {
  /** The 1-based line, absent when the whole file is meant. */
  readonly line?: number;
  /** The config key, where one is concerned. */
  readonly key?: string;
  /** What is wrong and what was expected. */
  readonly message: string;
  /** The requirement that is broken, such as `CFG-7`. */
  readonly rule: string | undefined;
}

/** The facts of a failure, each present only where it means something. */
export interface Facts {
  /** The requirement that is broken, such as `MAN-6`. */
  readonly rule?: string | undefined;
  /** The 1-based line of the input. */
  readonly line?: number | undefined;
  /** The file or URL concerned, without credentials. */
  readonly source?: string | undefined;
  /** What to do next, one sentence. */
  readonly hint?: string | undefined;
  /** Every problem of a config file, in the order of its lines. */
  readonly problems?: readonly Problem[];
  readonly cause?: unknown;
}

/** A failure that Tako foresees. The message is one printable line. */
export class TakoError extends Error {
  override readonly name = "TakoError";
  readonly kind: ErrorKind;
  readonly rule: string | undefined;
  readonly line: number | undefined;
  readonly source: string | undefined;
  readonly hint: string | undefined;
  readonly problems: readonly Problem[];

  constructor(kind: ErrorKind, message: string, facts: Facts = {}) {
    super(message, facts);
    this.kind = kind;
    this.rule = facts.rule;
    this.line = facts.line;
    this.source = facts.source;
    this.hint = facts.hint;
    this.problems = facts.problems ?? [];
  }
}

/** What was caught, if Tako threw it; anything else is a fault of the program and goes on its way. */
export function ownError(caught: unknown): TakoError {
  if (caught instanceof TakoError) return caught;
  throw caught;
}

/**
 * Makes foreign text safe to show: secrets in it become `***`, whatever is not printable ASCII
 * becomes `\u{...}`, and a long text is cut.
 *
 * @param limit the most characters of the text to show
 */
export function printable(text: string, limit = 200): string {
  const told = withoutSecrets(text);
  const shown = told.length > limit ? `${told.slice(0, limit)}...` : told;
  return shown.replace(
    /[^\x20-\x7e]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/**
 * Takes secrets out of a text: a mistyped line may hold a password or a secret key, and messages
 * end in logs (CFG-18, CLI-14, CLI-25). URL parsers skip tabs and line ends, so these end no URL here.
 */
export function withoutSecrets(text: string): string {
  return text.replace(/SECRET\+[\w+/=-].*/s, "SECRET+***").replace(/:\/\/[^ /]*@/g, "://***@");
}
