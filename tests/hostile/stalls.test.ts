// Origins that stand still or drip, at every place of an answer: time-outs end the run, and what came
// of an image stays. The withFasterClock run on a faster clock; on the true one, time-outs of 30 s are waited
// for once, all side by side.

import { describe, test } from "bun:test";
import { programs, withFasterClock } from "../support/program.ts";
import { judge, type Row, updated } from "./judge.ts";

const late = "no answer within 30 s";
const still = "nothing arrived for 30 s";
const slow = "less than 1 KiB a second arrived for 60 s";
const beforeHeaders = ["start", "status-line", "headers"] as const;
const inBody = ["body", "middle", "end"] as const;
/** Of the image, after tries that each bring half of what is missing, four behind the first 64 KiB; or all but a byte. */
const partial = { body: 0, middle: 96_875, end: 99_999 };

const stalls: readonly Row[] = [
  ...[...beforeHeaders, ...inBody].map(
    (place): Row => ({
      title: `ORG-68, ORG-69: the manifest stands still at the ${place}`,
      scenario: `manifest:stall=${place}`,
      status: 69,
      says: place in partial ? still : late,
      tries: 4,
      leaves: "all as before",
    }),
  ),
  ...beforeHeaders.map(
    (place): Row => ({
      title: `ORG-68: the image stands still at the ${place}`,
      scenario: `image:stall=${place}`,
      status: 69,
      about: "image",
      says: late,
      tries: 4,
      leaves: "manifest",
    }),
  ),
  ...inBody.map(
    (place): Row => ({
      title: `ORG-69, FET-64: the image stands still at the ${place}`,
      scenario: `image:stall=${place}`,
      status: 69,
      about: "image",
      says: still,
      tries: place === "middle" ? 5 : 4,
      leaves: place === "body" ? "manifest" : { partial: partial[place] },
    }),
  ),
  {
    title: "ORG-68: the headers drip, a byte a second",
    scenario: "manifest:drip=start",
    status: 69,
    says: late,
    tries: 4,
    leaves: "all as before",
  },
  {
    title: "ORG-68: one 100 after the other",
    scenario: "manifest:endless-continue",
    status: 69,
    says: late,
    tries: 4,
    leaves: "all as before",
  },
  {
    title: "ORG-67: the manifest drips, a byte a second",
    scenario: "manifest:first:drip=body",
    status: 0,
    tries: 2,
    meanwhile: slow,
    leaves: updated,
  },
  {
    title: "ORG-67: the image drips, a byte a second; the next try continues",
    scenario: "image:first:drip=middle",
    status: 0,
    about: "image",
    tries: 2,
    meanwhile: slow,
    leaves: updated,
  },
];

const titled = (rows: readonly Row[]) => rows.map((row) => [row.title, row] as const);
const timeout = 180_000;

describe.concurrent("the true clock", () => {
  const rows = (["manifest:first:stall=start", "image:first:stall=middle"] as const).map(
    (scenario): Row => ({
      title: `ORG-68, ORG-69: ${scenario}`,
      scenario,
      status: 0,
      about: scenario.startsWith("image") ? "image" : "manifest",
      tries: 2,
      meanwhile: scenario.endsWith("start") ? late : still,
      leaves: updated,
    }),
  );
  const run = async (_: string, row: Row) => {
    const binary = programs.filter(({ name }) => name === "binary");
    await Promise.all(binary.map((program) => judge(program, row, "new")));
  };
  test.each(titled(rows))("%s", run, timeout);
});

describe.concurrent("a faster clock", () => {
  const program = withFasterClock({ waits: 100, limits: 10 });
  const run = (_: string, row: Row) => judge(program, row, "in use");
  test.each(titled(stalls))("%s", run, timeout);
});
