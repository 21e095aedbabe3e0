// What a command tells, in the form that was asked for: for people, or as JSON. Results go to standard
// output, messages to standard error (CLI-20).

import type { Event, Report } from "../commands/events.ts";
import { TakoError } from "../core/error.ts";
import { sendToJournal } from "../shell/journal.ts";
import { Display } from "./display.ts";
import { describeError, errorFields } from "./errors.ts";
import { describeEvent, eventFields } from "./events.ts";
import { exitStatus, FAILED } from "./exit-status.ts";
import type { Io } from "./io.ts";
import { journalEntry } from "./journal.ts";
import { jsonLine } from "./json.ts";
import { isReading, LongReads, readingKey } from "./long-reads.ts";
import type { Presenter, Said } from "./presenter.ts";
import { safe } from "./text.ts";

export class Output {
  readonly #display: Display;
  readonly #isJson: boolean;
  readonly #isJournal: boolean;
  readonly #isDebugging: boolean;
  readonly #help: string;
  readonly #reads: LongReads;

  /** @param how `help` is the command line that shows help, for usage errors (CLI-8) */
  constructor(
    io: Io,
    how: { readonly help: string; readonly json?: boolean; readonly quiet?: boolean },
  ) {
    this.#display = new Display(io);
    this.#reads = new LongReads(how.quiet ?? false);
    this.#isJson = how.json ?? false;
    this.#isJournal = io.isJournal;
    this.#isDebugging = io.environment["TAKO_DEBUG"] === "1";
    this.#help = how.help;
  }

  /** Tells an event. */
  readonly report: Report = (event) => {
    const isNoted = this.#isJournal && this.#note(event);
    if (this.#isJson) {
      const fields = eventFields(event);
      if (fields !== undefined) this.#display.print(jsonLine(fields));
    } else if (event.event === "would" || event.event === "serving") {
      // What would be done, or where the origin is, is what was asked for: a result.
      this.print(describeEvent(event)?.text ?? "");
    } else if (!isNoted && !this.#moveBars(event) && this.#reads.isWorthALine(event)) {
      const message = describeEvent(event);
      if (message) this.#display.say(message.priority, [`tako: ${message.text}`]);
    }
  };

  /** Whether the event is in the journal with fields, so that its line would be there twice (ACT-130). */
  #note(event: Event): boolean {
    const message = describeEvent(event);
    const entry = message && journalEntry(event, message);
    return entry !== undefined && sendToJournal(entry);
  }

  /** Whether the event is shown by a bar in place of a line. */
  #moveBars(event: Event): boolean {
    if (!this.#display.hasBars) return false;
    const key = event.config ?? "";
    if (event.event === "download") {
      this.#display.startBar(key, event.version, event.size, event.offset);
      return true;
    }
    if (event.event === "hashing") {
      this.#display.readOn(readingKey(event), { ...event, path: key });
    }
    if (event.event === "image") this.#display.endBar(readingKey(event));
    if (event.event === "reading") this.#display.startReading(key, event.version, event.size);
    if (event.event === "progress") this.#display.moveBar(key, event.done);
    if (event.event === "downloaded" || event.event === "gone") this.#display.endBar(key);
    return isReading(event);
  }

  /**
   * Tells a result, in the order of its presenter: what was done stands before what explains it (CLI-57).
   *
   * @param config the config file that it is about, if it is about one
   * @returns the exit status that it stands for
   */
  show<Result>(presenter: Presenter<Result>, result: Result, config?: string): number {
    this.#showErrors(presenter, result, config);
    if (this.#isJson) this.showResult(presenter, result);
    else for (const said of presenter.text(result)) this.#tell(said);
    return presenter.status(result);
  }

  /** The part of it that is for standard error, where the rest is told later. */
  showMessages<Result>(presenter: Presenter<Result>, result: Result, config?: string): void {
    this.#showErrors(presenter, result, config);
    if (this.#isJson) return;
    for (const said of presenter.text(result)) if (said.on === "stderr") this.#tell(said);
  }

  /** The part of it that is for standard output. */
  showResult<Result>(presenter: Presenter<Result>, result: Result): void {
    if (this.#isJson) {
      this.#display.print(jsonLine({ event: "result", ...presenter.json(result) }));
      return;
    }
    for (const said of presenter.text(result)) if (said.on === "stdout") this.#tell(said);
  }

  #showErrors<Result>(presenter: Presenter<Result>, result: Result, config?: string): void {
    this.#display.endBar(config ?? "");
    for (const error of presenter.errors(result)) this.#sayError(error, config);
  }

  #tell(said: Said): void {
    if (said.on === "stdout") this.print(said.line);
    else this.#display.say(said.priority, said.lines);
  }

  /** A line of a result for people. */
  print(line: string): void {
    this.#display.print(`${safe(line)}\n`);
  }

  /** Tells what ended the command. @returns the exit status */
  failed(error: unknown): number {
    this.#display.endBar("");
    if (!(error instanceof TakoError)) return this.#crashed(error);
    const isUsage = error.kind === "usage";
    // A usage error leaves standard output empty (CLI-8).
    if (this.#isJson && !isUsage) {
      for (const fields of errorFields(error)) {
        this.#display.print(jsonLine({ event: "error", ...fields }));
      }
    }
    this.#sayError(error);
    if (isUsage) this.#display.say("info", [`  ${this.#help} shows what is possible.`]);
    return exitStatus([error.kind]);
  }

  #sayError(error: TakoError, config?: string): void {
    this.#display.say("error", describeError(error, config));
    if (this.#isDebugging) this.#sayStack(error);
  }

  /** An error that nobody foresaw (CLI-32, CLI-42). */
  #crashed(error: unknown): number {
    const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    this.#display.say("error", [`tako: internal error: ${reason}`]);
    if (this.#isDebugging) this.#sayStack(error);
    else this.#display.say("info", ["  Please report it, with what TAKO_DEBUG=1 adds."]);
    return FAILED;
  }

  #sayStack(error: unknown): void {
    for (let at = error; at instanceof Error; at = at.cause) {
      this.#display.say("info", (at.stack ?? at.message).split("\n"));
    }
  }
}
