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
  | "stale"
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

  /** The same failure with these facts in place of its own; it is the cause of the new one. */
  with(facts: Facts): TakoError {
    const { kind, message, rule, line, source, hint, problems } = this;
    return new TakoError(kind, message, {
      ...{ rule, line, source, hint, problems, cause: this },
      ...facts,
    });
  }
}

/** What was caught, if Tako threw it; anything else is a fault of the program and goes on its way. */
export function asTakoError(caught: unknown): TakoError {
  if (caught instanceof TakoError) return caught;
  throw caught;
}
