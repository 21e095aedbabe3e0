// Apps side by side on one machine, each with a unit, an origin, a destination and a config of its own, so that one
// run of the binary activates many of them at once, and a test takes no longer than one of them does.
//
//   const apps = await startApps();
//   const app = await apps.add("app", { config: ["WatchSec=2"] });
//   app.publish("1.0.0", WORKS);
//   expect((await app.fetch()).outcome).toBe("updated");

import { expect } from "bun:test";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";
import { programs } from "../support/program.ts";
import { type Image, image, key, publishTo } from "../support/publishing.ts";
import { type Finished, type Machine, startMachine } from "./machine.ts";

/** An image is a script, which is all that a unit runs. This one works. */
export const WORKS = "exec sleep infinity";

export interface AppOptions {
  /** Lines of its config beside the four that it must have; `Restart=NAME.service` unless one of them lists units. */
  readonly config?: readonly string[];
  /** The unit file of NAME.service; a plain service that runs the image unless given, none if it is empty. */
  readonly unit?: string;
}

export interface AppRun extends Finished {
  /** How the config ended. */
  readonly outcome: string;
  /** Why, if it failed. */
  readonly errors: readonly string[];
  readonly events: readonly Event[];
}

export type Event = Readonly<Record<string, unknown>>;

export interface Apps {
  readonly machine: Machine;
  /** Adds an app, with nothing published. */
  add(name: string, options?: AppOptions): Promise<App>;
  /** One run for several apps; what it said, by the names of apps. */
  fetch(apps: readonly App[], ...options: readonly string[]): Promise<ReadonlyMap<string, AppRun>>;
  /** Properties of units, as `systemctl show` has them, by one call. */
  show(units: readonly string[], properties: readonly string[]): Promise<readonly UnitProperties[]>;
}

export type UnitProperties = Readonly<Record<string, string>>;

export async function startApps(bind: Readonly<Record<string, string>> = {}): Promise<Apps> {
  // It is built when it is too old.
  expect(programs.map(({ name }) => name)).toContain("binary");
  const binary = `${import.meta.dir}/../../dist/tako`;
  const machine = await startMachine({ binary, bind });
  const show: Apps["show"] = async (units, properties) => {
    const words = ["/usr/bin/systemctl", "show", `--property=${properties.join()}`, "--", ...units];
    const blocks = (await machine.must(...words)).trim().split(/\n\n+/);
    return blocks.map((block) => {
      const lines = block.split("\n").map((line) => /^(\w+)=(.*)$/.exec(line) ?? []);
      return Object.fromEntries(lines.map(([, name = "", value = ""]) => [name, value]));
    });
  };
  const fetch: Apps["fetch"] = async (apps, ...options) => {
    const configs = apps.map(({ config }) => config);
    const run = await machine.run(["tako", "fetch", "--json", ...options, ...configs]);
    return new Map(apps.map(({ name, config }) => [name, runOf(run, config)]));
  };
  return {
    machine,
    show,
    fetch,
    async add(name, options = {}) {
      const app = new App(name, machine, fetch, show);
      await app.configure(...(options.config ?? []));
      const unit = options.unit ?? `[Service]\nExecStart=/bin/sh ${app.destination}/latest\n`;
      if (unit !== "") await machine.write(`/etc/systemd/system/${name}.service`, unit);
      await machine.must("install", "-d", app.destination, app.origin);
      return app;
    },
  };
}

/** What a run said of one config. */
function runOf(run: Finished, config: string): AppRun {
  const lines = run.stdout.split("\n").filter(Boolean);
  const all: Event[] = lines.map((line) => JSON.parse(line));
  const events = all.filter((event) => event["config"] === config);
  const { outcome, errors = [] } = (events.at(-1) ?? {}) as { outcome?: string; errors?: Event[] };
  const messages = errors.map(({ message }) => `${message}`);
  return { ...run, events, outcome: outcome ?? `none: ${run.stderr}`, errors: messages };
}

export class App {
  readonly name: string;
  readonly unit: string;
  readonly origin: string;
  readonly destination: string;
  readonly config: string;
  readonly machine: Machine;
  readonly #fetch: Apps["fetch"];
  readonly #show: Apps["show"];
  #images: readonly Image[] = [];

  constructor(name: string, machine: Machine, fetch: Apps["fetch"], show: Apps["show"]) {
    this.name = name;
    this.unit = `${name}.service`;
    this.origin = `/srv/origin/${name}`;
    this.destination = `/srv/${name}`;
    this.config = `/etc/tako/${name}.tako`;
    this.machine = machine;
    this.#fetch = fetch;
    this.#show = show;
  }

  /** Writes the config anew, with these lines beside the four that it must have. */
  async configure(...lines: readonly string[]): Promise<void> {
    const has = (name: string) => lines.some((line) => line.startsWith(`${name}=`));
    const all = [
      `Origin=file://${this.origin}`,
      `Destination=${this.destination}`,
      ...(has("PublicKey") ? [] : [`PublicKey=${key.public}`]),
      ...(has("Version") ? [] : ["Version=1.*"]),
      ...(has("Restart") || has("Reload") ? [] : [`Restart=${this.unit}`]),
      ...lines,
    ];
    await this.machine.write(this.config, `${all.join("\n")}\n`);
  }

  /** Publishes a version beside those before it: lines for sh, or a script with its own first line. */
  publish(version: string, script: string): void {
    const lines = script.startsWith("#!") ? script : `#!/bin/sh\n${script}`;
    this.#images = [...this.#images, image(version, `${lines}\n# ${version}\n`)];
    publishTo(this.machine.path(this.origin), this.#images);
  }

  async fetch(...options: readonly string[]): Promise<AppRun> {
    const run = (await this.#fetch([this], ...options)).get(this.name);
    if (run === undefined) throw new Error("a run without this app");
    return run;
  }

  /** The values of these properties of its unit. */
  async is(...properties: readonly string[]): Promise<readonly (string | undefined)[]> {
    const [values = {}] = await this.#show([this.unit], properties);
    return properties.map((property) => values[property]);
  }

  /** The version that `latest` names. */
  get inUse(): string | undefined {
    return this.versionOf(basename(readlinkSync(this.#path("latest"))));
  }

  get good(): string | undefined {
    return this.versionOf(this.record(".good").trim());
  }

  /** The versions that did not work here. */
  get refused(): readonly (string | undefined)[] {
    const lines = this.record(".refused").split("\n").filter(Boolean);
    return lines.map((line) => this.versionOf(line.slice(0, 64)));
  }

  get isOwed(): boolean {
    return existsSync(this.#path(".owed"));
  }

  /** What a file of the destination holds; empty without it. */
  record(name: string): string {
    return existsSync(this.#path(name)) ? readFileSync(this.#path(name), "utf8") : "";
  }

  /** Where the machine has the image of a version. */
  imageOf(version: string): string {
    const found = this.#images.find((each) => each.version === version);
    return `${this.destination}/store/${found?.digest}`;
  }

  versionOf(digest: string): string | undefined {
    return this.#images.find((each) => each.digest === digest)?.version;
  }

  #path(name: string): string {
    return this.machine.path(`${this.destination}/${name}`);
  }
}
