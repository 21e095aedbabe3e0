// What the conformance suite consists of: cases, and the ways in which one ends. Where cases come
// from and how they are shown is not known here.

/** The parts of the specification that a program may claim, each by itself. */
export const PROFILES = [
  "formats",
  "publish",
  "fetch",
  "extensions",
  "activation",
  "packed",
] as const;

export type Profile = (typeof PROFILES)[number];

/** One thing that the suite checks. */
export interface Case {
  /** Unique among all cases, and never with another meaning. */
  readonly id: string;
  /** Those that the case checks, such as `MAN-6`. */
  readonly requirements: readonly string[];
  readonly profile: Profile;
  /** Why the case exists, a short phrase. */
  readonly why: string;
  /**
   * Resolves when the subject passed.
   *
   * @param signal aborts at the case's time-out
   * @throws Failure when it did not, Skip when it does not offer what the case needs
   */
  run(signal: AbortSignal): Promise<void>;
}

/** Bytes or texts that show what happened, by the name of the file that they are saved as. */
export type Evidence = Readonly<Record<string, string | Uint8Array>>;

/** The subject did not do what the specification says. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly evidence: Evidence;

  constructor(message: string, evidence: Evidence = {}) {
    super(message);
    this.evidence = evidence;
  }
}

/** The subject does not offer what the case needs. The message is the reason. */
export class Skip extends Error {
  override readonly name = "Skip";
}

/** The subject cannot be asked any more. The message is the reason. */
export class NotRun extends Error {
  override readonly name = "NotRun";
}
