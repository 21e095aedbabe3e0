// What a program that runs `tako prune --json` reads, held against its schema, docs/schema/prune.json (PRU-12, PRU-24).

import { expect, test } from "bun:test";
import { createHost } from "../support/host.ts";
import { sources } from "../support/program.ts";
import { image } from "../support/publishing.ts";
import { schemaOf } from "../support/schemas.ts";

const program = sources();
const all = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"].map((version) => image(version));

const isValid = schemaOf("prune");

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
