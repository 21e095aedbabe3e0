// What a program that runs `tako prune --json` reads, held against schemas written by docs/reference/json.md (PRU-12, PRU-24).

import { expect, test } from "bun:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { createHost } from "../support/host.ts";
import { sources } from "../support/program.ts";
import { image } from "../support/publishing.ts";

const program = sources();
const all = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"].map((version) => image(version));

const text = { type: "string", minLength: 1 };
const count = { type: "integer", minimum: 0 };
const sha256 = { type: "string", pattern: "^[0-9a-f]{64}$" };
const file = { version: text, sha256, size: count };
const object = (properties: object, optional: readonly string[] = []) => ({
  type: "object",
  additionalProperties: false,
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});
const list = (items: object) => ({ type: "array", items });
const why = {
  enum: "in-use good held owed linked next go-back last newest all".split(" "),
};
const error = object(
  { kind: text, message: text, rule: text, source: text, line: count, key: text, hint: text },
  ["rule", "source", "line", "key", "hint"],
);
const removed = object(
  { event: { const: "removed" }, config: text, what: { enum: ["image", "partial"] }, ...file },
  ["config", "version"],
);
const ofHost = object({
  event: { const: "result" },
  config: text,
  outcome: { enum: ["pruned", "planned", "nothing"] },
  keep: { type: ["integer", "null"], minimum: 0 },
  removed: list(object(file, ["version"])),
  partials: list(object(file, ["version"])),
  kept: list(object({ ...file, why }, ["version"])),
  freed: count,
  busy: { enum: ["restart", "trial", "way-back", null] },
});
const failed = object({
  event: { const: "result" },
  config: text,
  outcome: { const: "failed" },
  errors: { ...list(error), minItems: 1 },
});
const ofOrigin = object({
  event: { const: "result" },
  outcome: { enum: ["pruned", "planned", "nothing"] },
  removed: list(object(file)),
  kept: list(text),
  patterns: list(
    object({ pattern: text, newest: text, instead: { type: ["string", "null"], minLength: 1 } }),
  ),
  freed: count,
});
const ajv = new Ajv2020({ allowUnionTypes: true });
const isValid = ajv.compile({ oneOf: [removed, ofHost, failed, ofOrigin] });

/** The outcomes of a run, each line of which is as its schema has it. */
async function outcomes(cwd: string, ...words: readonly string[]): Promise<readonly unknown[]> {
  const { stdout } = await program.run(["prune", "--json", ...words], { cwd });
  const lines: Record<string, unknown>[] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  for (const line of lines)
    expect([line, isValid(line), isValid.errors]).toEqual([line, true, null]);
  return lines.map(({ event, outcome }) => outcome ?? event);
}

test("PRU-12: of a host", async () => {
  using host = createHost();
  const partial = `store/${"0".repeat(64)}.partial`;
  const foreign = image("foreign");
  host.install({
    published: all,
    store: [...all, foreign],
    latest: all[3]!,
    files: { [partial]: "x" },
  });
  host.write("wrong.tako", "Origin=\n");
  host.config("owing", { Restart: "app.service" });
  const owing = host.at("owing");
  Bun.spawnSync(["cp", "-a", `${host.destination}/.`, owing]);
  await Bun.write(`${owing}/.owed`, `${all[3]!.digest}\n`);
  const words = ["app.tako", "wrong.tako", "owing.tako"];
  const planned = await outcomes(host.folder, "--dry-run", "--keep=0", ...words);
  expect(planned.toSorted()).toEqual(["failed", "planned", "planned"]);
  expect(await outcomes(host.folder, "--keep=0", "app.tako")).toEqual([
    ...["removed", "removed", "removed", "removed"],
    "pruned",
  ]);
  expect(await outcomes(host.folder, "app.tako")).toEqual(["nothing"]);
});

test("PRU-24: of an origin", async () => {
  using host = createHost();
  host.publish(...all);
  const words = ["-o", "origin", "--keep=1", "--pattern", "1.0 <= v < 1.3"];
  expect(await outcomes(host.folder, "--dry-run", ...words)).toEqual(["planned"]);
  expect(await outcomes(host.folder, ...words)).toEqual(["removed", "removed", "pruned"]);
  expect(await outcomes(host.folder, ...words)).toEqual(["nothing"]);
});
