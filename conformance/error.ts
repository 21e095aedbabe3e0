// Why the suite cannot do what it was asked for. How that is shown, and which exit status it gives, is the
// business of the command that runs it. What a judged program does wrong is in case.ts.

export type Trouble =
  /** The request means nothing. */
  | {
      readonly kind: "usage";
      readonly message: string;
      /** The file and the 1-based line that say so. */
      readonly file?: string;
      readonly line?: number;
    }
  /** A program that is to be judged does not start. */
  | {
      readonly kind: "no-start";
      readonly message: string;
      /** The last lines of what it said. */
      readonly said: readonly string[];
      readonly hint?: string;
      readonly cause?: unknown;
    }
  /** A file that the request names cannot be read or written. */
  | {
      readonly kind: "file";
      readonly action: "read" | "write";
      readonly path: string;
      readonly cause: unknown;
    };

export class SuiteError extends Error {
  override readonly name = "SuiteError";
  readonly trouble: Trouble;

  constructor(trouble: Trouble) {
    super(trouble.kind === "file" ? `cannot ${trouble.action} ${trouble.path}` : trouble.message, {
      ...("cause" in trouble ? { cause: trouble.cause } : {}),
    });
    this.trouble = trouble;
  }
}
