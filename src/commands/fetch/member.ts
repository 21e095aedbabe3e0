// One config while its destination is locked: what its run has found and done so far. Configs that share a unit are
// activated together (ACT-60), so several of these may be at work at once.

import type { ActivationStep, Standing } from "../../core/activation.ts";
import type { Sha256Hex } from "../../core/digest.ts";
import type { TakoError } from "../../core/error.ts";
import type { LockedDestination } from "../../shell/destination.ts";
import { withRoom } from "./carry-out.ts";
import type { LookEnd } from "./note-look.ts";
import { asFailure, type FetchResult, failedResult, type Outcome } from "./result.ts";
import type { Run } from "./run.ts";
import { listedEntry, readStanding, unitsOf } from "./standing.ts";
import type { Prepared } from "./update.ts";

export class Member {
  readonly run: Run;
  readonly destination: LockedDestination;
  /** What was brought here, if that went well; it is not in use yet. */
  prepared: Prepared | undefined;
  /** How its look for news ended, if it came to one. */
  look: LookEnd | undefined;
  /** How the activation ended, where that is more than the update knows. */
  outcome: Outcome | undefined;
  /** Units that are left alone, for they are stopped or masked. */
  stopped: readonly string[] = [];
  readonly #errors: TakoError[] = [];

  constructor(run: Run, destination: LockedDestination) {
    this.run = run;
    this.destination = destination;
  }

  /** Whether another image is to come into use. */
  get swaps(): boolean {
    return this.prepared?.plan?.swaps ?? false;
  }

  /** As the disk has it now. */
  standing(): Standing {
    return readStanding(this.run, this.destination);
  }

  /** Where there is no room for it, what is left of downloads gives way (FET-74). */
  perform(step: ActivationStep): Promise<void> {
    const { destination } = this;
    return withRoom(destination.images, undefined, () => destination.perform(step));
  }

  /** Makes a step whose failure is noted, and keeps no other step from its work. */
  async attempt<T>(step: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await step();
    } catch (thrown) {
      this.fail(thrown);
      return undefined;
    }
  }

  fail(thrown: unknown): void {
    const error = asFailure(thrown);
    const { message, source } = error;
    // What stops the update may stop the restart as well, and is told once.
    if (this.#errors.some((other) => other.message === message && other.source === source)) return;
    this.#errors.push(error);
  }

  async result(): Promise<FetchResult> {
    const config = this.run.config.file;
    const outcome = this.outcome ?? (await this.attempt(() => this.prepared?.end()));
    return this.#errors.length === 0 && outcome !== undefined
      ? { config, ...outcome }
      : failedResult(config, this.#errors);
  }
}

/** The units of all members, each once. */
export function allUnits(members: readonly Member[]): readonly string[] {
  return [...new Set(members.flatMap(({ run }) => unitsOf(run)))];
}

/** A version for people; of an image that no manifest lists any more, its digest. */
export function versionOf({ run, destination }: Member, digest: Sha256Hex): string {
  return listedEntry(run, destination, digest)?.version.text ?? digest;
}
