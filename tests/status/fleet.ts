// A host with a config for each state that runs leave behind, all of them made by real publishing and fetching. What is
// offered to each config is an origin of its own.

import { existsSync, mkdirSync, renameSync, rmSync, truncateSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type FakeSystemctl, fakeSystemctl } from "../fetch/systemctl.ts";
import { type ConfigLines, emptyHost, type Host } from "../support/host.ts";
import type { Program } from "../support/program.ts";
import { type Image, image, publishTo } from "../support/publishing.ts";

export const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("2.0.0")] as const;

/** A systemctl with which no unit comes up on what is in use now. */
const BROKEN = `if [ $1 = restart ]; then
  printf 'ActiveState=failed\\nResult=exit-code\\nExecMainStatus=3\\n' > $UNITS/app.service; exit 1; fi`;

/** As {@link BROKEN} for one image only. */
const brokenOn = ({ digest }: Image, destination: string) =>
  `if [ $1 = restart ]; then case $(readlink ${destination}/latest) in
    store/${digest}) printf 'ActiveState=failed\\nResult=exit-code\\nExecMainStatus=3\\n' > $UNITS/app.service; exit 1;;
    *) rm -f $UNITS/app.service;; esac; fi`;

export class Fleet implements Disposable {
  readonly host: Host = emptyHost();
  readonly #program: Program;
  readonly #fakes: FakeSystemctl[] = [];

  constructor(program: Program) {
    this.#program = program;
  }

  origin(name: string): string {
    return this.host.at(`${name}.origin`);
  }

  /** A config, to which these images are offered. @returns its file */
  config(name: string, images: readonly Image[], lines: ConfigLines = {}): string {
    mkdirSync(this.origin(name), { recursive: true });
    publishTo(this.origin(name), images);
    this.host.config(name, { Origin: pathToFileURL(this.origin(name)).href, ...lines });
    return this.host.at(`${name}.tako`);
  }

  publish(name: string, ...images: readonly Image[]): void {
    publishTo(this.origin(name), images);
  }

  /** Runs the program in the host's folder. @param script what its systemctl does */
  run(words: readonly string[], script = "") {
    const fake = fakeSystemctl(script);
    this.#fakes.push(fake);
    return this.#program.run(words, { cwd: this.host.folder, env: fake.env });
  }

  async fetched(name: string, images: readonly Image[], lines: ConfigLines = {}): Promise<string> {
    const file = this.config(name, images, lines);
    const { status, stderr } = await this.run(["fetch", file]);
    if (status !== 0) throw new Error(stderr);
    return file;
  }

  /** 1.1.0 is known, and its image could not be had. */
  async stale(name: string): Promise<void> {
    const file = await this.fetched(name, [one]);
    this.publish(name, one, two);
    rmSync(`${this.origin(name)}/store/${two.digest}`);
    await this.run(["fetch", file]);
  }

  /** The image in use has lost its end. */
  async damaged(name: string): Promise<void> {
    await this.fetched(name, [one]);
    truncateSync(this.host.at(name, "store", one.digest), 3);
  }

  /** Two runs could not restart app.service. */
  async owed(name: string): Promise<void> {
    const file = this.config(name, [one], { Restart: "app.service" });
    await this.run(["fetch", file], BROKEN);
    await this.run(["fetch", file], BROKEN);
  }

  async held(name: string): Promise<void> {
    const file = await this.fetched(name, [one]);
    await this.run(["hold", file]);
    this.publish(name, one, two);
    await this.run(["fetch", file]);
  }

  /** 1.1.0 did not work, and the host went back to 1.0.0. */
  async skipped(name: string): Promise<void> {
    const lines = { Restart: "app.service", WatchSec: "1" };
    const file = await this.fetched(name, [one], lines);
    this.publish(name, one, two);
    await this.run(["fetch", file], brokenOn(two, this.host.at(name)));
  }

  /** All origins go away. */
  takeOriginsAway(...names: readonly string[]): void {
    for (const name of names) {
      if (existsSync(this.origin(name))) renameSync(this.origin(name), `${this.origin(name)}.away`);
    }
  }

  [Symbol.dispose](): void {
    for (const fake of this.#fakes) fake.remove();
    this.host[Symbol.dispose]();
  }
}
