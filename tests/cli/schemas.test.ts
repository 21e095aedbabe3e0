// The schemas in docs/schema and the tables in docs/reference/json.md name the same events and fields; and what is not as its
// schema has it is noticed, in whichever test the program prints it.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eventFields } from "../../src/cli/events.ts";
import { jsonLine } from "../../src/cli/json.ts";
import type { Event } from "../../src/commands/events.ts";
import { checkJson } from "../support/schemas.ts";

const docs = join(import.meta.dir, "../../docs");
const reference = readFileSync(join(docs, "reference/json.md"), "utf8");

/** The fields of each event, as the table under this heading has them. */
function eventsUnder(heading: string): ReadonlyMap<string, readonly string[]> {
  const [, section = ""] = reference.split(`\n## ${heading}\n`);
  const [table = ""] = section.split("\n##");
  const rows = table.matchAll(/^\| `([\w-]+)` \| (`[^|]+`) \|/gm);
  return new Map(
    [...rows].map(([, event = "", fields = ""]) => [event, fields.match(/\w+/g)?.toSorted() ?? []]),
  );
}

/** The fields of each event besides `event` and `config`, as its schema has them. */
function eventsOf(name: string): ReadonlyMap<string, readonly string[]> {
  const { $defs, oneOf } = JSON.parse(readFileSync(join(docs, `schema/${name}.json`), "utf8"));
  const told: string[] = oneOf.map(({ $ref }: { $ref: string }) => $ref.replace("#/$defs/", ""));
  return new Map(
    told
      .filter((event) => event !== "result" && event !== "error")
      .map((event) => {
        const { properties } = $defs[event];
        expect(properties.event).toEqual({ const: event });
        const fields = Object.keys(properties).filter((key) => key !== "event" && key !== "config");
        return [event, fields.toSorted()];
      }),
  );
}

test("FET-97: the schema has the events and fields of the reference", () => {
  const events = eventsUnder("Events of `fetch`, `rollback`, `hold` and `release`");
  expect(events.size).toBeGreaterThan(20);
  expect(Object.fromEntries(eventsOf("fetch"))).toEqual(Object.fromEntries(events));
});

test("SRV-8: the schema has the events and fields of the reference", () => {
  const events = eventsUnder("Events of `serve`");
  expect(Object.fromEntries(eventsOf("serve"))).toEqual(Object.fromEntries(events));
});

test("FET-97: the examples of the reference are as the schemas have them", () => {
  const examples = [...reference.matchAll(/^ {4}\$ tako (.+)\n((?: {4}\{.*\n)+)/gm)];
  const commands = examples.map(([, words = "", lines = ""]) => {
    checkJson(words.split(" "), lines.replace(/^ {4}/gm, ""));
    return words.split(" ")[0];
  });
  const named = ["fetch", "prune", "store", "gen-key", "public-key", "inspect", "serve", "check"];
  expect(commands).toEqual(expect.arrayContaining(named));
});

// What needs a slow disk, a young version or two slots to be seen.
test.each<Event>([
  { event: "verifying", config: "a", version: "1", size: 1 },
  { event: "too-young", config: "a", version: "1", at: 1_700_003_600 },
  { event: "switched", config: "a", slot: "b", unit: "app@b.service" },
])("FET-97: %j is as the schema has it", (event) => {
  checkJson(["fetch", "--json"], jsonLine(eventFields(event) ?? {}));
});

test.each([
  ["a field that is not there", '{"event":"gone","config":"a","version":"1"}'],
  ["a field too many", '{"event":"gone","config":"a","version":"1","url":"u","more":1}'],
  ["another type", '{"event":"gone","config":"a","version":1,"url":"u"}'],
  ["another event", '{"event":"lost","config":"a","version":"1","url":"u"}'],
])("FET-97: %s is noticed", (_, line) => {
  const good = '{"event":"gone","config":"a","version":"1","url":"u"}\n';
  expect(() => checkJson(["fetch", "--json", "a"], good)).not.toThrow();
  expect(() => checkJson(["fetch", "--json", "a"], `${good}${line}\n`)).toThrow("docs/schema");
});
