// A host on which an image has to prove itself, and a systemctl that keeps the states of its units.
//
//   await using each = new Watching();
//   const { status, orders } = await each.run(program, each.failingOn(two));
//   expect([status, each.inUse]).toEqual([75, uses(one)]);

import { existsSync, readFileSync } from "node:fs";
import { createHost } from "../support/host.ts";
import type { Program } from "../support/program.ts";
import { type Image, image } from "../support/publishing.ts";
import { type FakeSystemctl, fakeSystemctl } from "./systemctl.ts";

export const [one, two, three] = [image("1.0.0"), image("1.1.0"), image("1.2.0")] as const;

/** How {@link Watching.inUse} shows an image. */
export const uses = ({ digest }: Image) => `-> store/${digest}`;

export const restart = "restart -- app.service";

/** A host that watches app.service, with 1.0.0 in use and proven, to which 1.1.0 is offered. */
export class Watching implements AsyncDisposable {
  readonly host = createHost();
  readonly #fakes: FakeSystemctl[] = [];

  constructor(lines: Record<string, string> = {}) {
    this.host.publish(one, two);
    this.host.configure({ Restart: "app.service", WatchSec: "1", ...lines });
    this.host.install({ published: [one], latest: one, files: { ".good": `${one.digest}\n` } });
  }

  async run(program: Program, script = "", ...options: readonly string[]) {
    const fake = fakeSystemctl(script);
    this.#fakes.push(fake);
    const words = ["fetch", ...options, this.host.file];
    const outcome = await program.run(words, { env: fake.env });
    return { ...outcome, orders: fake.orders() };
  }

  /** A script in which app.service fails on these images, as `systemctl show` and `restart` then tell. */
  failingOn(...images: readonly Image[]): string {
    const cases = images.map(({ digest }) => `store/${digest}`).join("|");
    return `if [ $1 = restart ]; then case $(readlink ${this.host.destination}/latest) in ${cases})
      printf 'ActiveState=failed\\nResult=exit-code\\nExecMainStatus=3\\n' > $UNITS/app.service
      echo "Job for app.service failed." >&2; exit 1;;
    *) rm -f $UNITS/app.service;; esac; fi`;
  }

  record(name: string): string | undefined {
    const path = this.host.path(name);
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  }

  get inUse(): string {
    return this.host.state()["latest"] ?? "nothing";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const fake of this.#fakes) fake.remove();
    this.host[Symbol.dispose]();
  }
}
