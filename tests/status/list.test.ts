// tako list (spec/status.md): the versions of a config, of a directory and of a URL.

import { describe, expect, test } from "bun:test";
import { readFileSync, renameSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { needs } from "../support/needs.ts";
import { serveWithNginx } from "../support/nginx.ts";
import { programs, sources } from "../support/program.ts";
import { image, key, secondKey, write } from "../support/publishing.ts";
import { Fleet, one, three, two } from "./fleet.ts";

const program = sources();
const nginx = needs("nginx");
const schema = JSON.parse(
  readFileSync(join(import.meta.dir, "../../docs/schema/list.json"), "utf8"),
);
const isDocumented = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);
const unchecked =
  "tako: warning: the signature of the manifest is not checked without --public-key\n";

interface Told {
  readonly versions: readonly Record<string, unknown>[];
  readonly [field: string]: unknown;
}

/** The result of `tako list --json`, as its schema has it (STS-36). */
async function told(fleet: Fleet, ...words: readonly string[]): Promise<Told> {
  const { stdout } = await fleet.run(["list", "--json", ...words]);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const result = lines.find(({ event }) => event === "result");
  isDocumented(result);
  expect([result, isDocumented.errors]).toEqual([result, null]);
  return result;
}

for (const each of programs) {
  test(`STS-30 to STS-34: ${each.name}: what a host has of its versions`, async () => {
    using fleet = new Fleet(each);
    await fleet.skipped("app");
    fleet.publish("app", one, two, image("1.2.0"), three);
    fleet.host.config("app", {
      ...{ Origin: `file://${fleet.origin("app")}`, Version: "1.*" },
      ...{ Restart: "app.service", WatchSec: "1" },
    });
    rmSync(`${fleet.origin("app")}/store/${image("1.2.0").digest}`);
    await fleet.run(["fetch", "app.tako"]);
    truncateSync(fleet.host.at("app", "store", two.digest), 1);
    renameSync(fleet.origin("app"), `${fleet.origin("app")}.away`);
    const { status, stdout, stderr } = await fleet.run(["list", "app.tako"]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toBe(
      "   VERSION  SIZE  HERE     ALLOWED  STATE\n" +
        "*  1.0.0    19 B  yes      yes      in use\n" +
        "x  1.1.0    19 B  damaged  yes      skipped, it did not work here: app.service: failed (exit-code), status 3\n" +
        "u  1.2.0    19 B  -        yes      next\n" +
        "   2.0.0    19 B  -        -\n",
    );
  });
}

describe("a config", () => {
  test("STS-33, STS-34: held, and too young", async () => {
    using fleet = new Fleet(program);
    await fleet.held("app");
    const { stdout } = await fleet.run(["list", "app.tako"]);
    expect(stdout).toContain("o  1.0.0    19 B  yes   yes      in use, held\n");
    expect(stdout).not.toMatch(/^u/m);
    fleet.config("young", [one], { MinAge: "1d" });
    await fleet.run(["fetch", "young.tako"]);
    fleet.publish("young", one, two);
    await fleet.run(["fetch", "young.tako"]);
    const { versions } = await told(fleet, "young.tako");
    expect(Number(versions[1]?.["young_until"]) * 1000).toBeGreaterThan(Date.now());
  });

  test("STS-32, STS-33: another pattern shows what it would take", async () => {
    using fleet = new Fleet(program);
    await fleet.fetched("app", [one, two, three]);
    const seen = async (pattern: string) => {
      const { versions } = await told(fleet, "app.tako", "--matching", pattern);
      return versions.map(({ allowed, next, in_use }) => [allowed, next, in_use]);
    };
    const [no, yes] = [false, true];
    expect(await seen("*")).toEqual([
      [yes, no, no],
      [yes, no, no],
      [yes, no, yes],
    ]);
    expect(await seen("1.*")).toEqual([
      [yes, no, no],
      [yes, yes, no],
      [no, no, yes],
    ]);
    expect(await seen("7.*")).toEqual([
      [no, no, no],
      [no, no, no],
      [no, no, yes],
    ]);
    const { status, stdout } = await fleet.run(["list", "app.tako", "--matching", "<"]);
    expect([status, stdout]).toEqual([2, ""]);
  });

  test("STS-31: the 20 newest and what is in use, or every one", async () => {
    using fleet = new Fleet(program);
    const images = Array.from({ length: 30 }, (_, minor) => image(`1.${minor}`));
    await fleet.fetched("app", images, { Version: "1.3" });
    const short = await fleet.run(["list", "app.tako"]);
    const versions = Array.from(short.stdout.matchAll(/ 1\.(\d+) /g), ([, minor]) => Number(minor));
    expect(versions).toEqual([3, ...Array.from({ length: 20 }, (_, index) => index + 10)]);
    expect(short.stderr).toBe("tako: 9 older versions left out; --all shows every one\n");
    const all = await fleet.run(["list", "--all", "app.tako"]);
    expect([all.stdout.split("\n").length, all.stderr]).toEqual([32, ""]);
    const { left_out, versions: some } = await told(fleet, "app.tako");
    expect([left_out, some.length]).toEqual([9, 21]);
  });

  test("STS-35, STS-37: its keys are checked, and no manifest is an error", async () => {
    using fleet = new Fleet(program);
    await fleet.fetched("app", [one]);
    const { config, source, signed_by } = await told(fleet, "app.tako");
    expect([config, source, signed_by]).toEqual(["app.tako", "app.tako", key.public]);
    fleet.host.config("app", { PublicKey: secondKey.public });
    const { status, stderr } = await fleet.run(["list", "app.tako"]);
    expect([status, stderr]).toEqual([
      0,
      "tako: warning: the local manifest is not signed by any key of the config\n",
    ]);
    rmSync(fleet.host.at("app", "manifest"));
    const none = await fleet.run(["list", "app.tako"]);
    expect([none.status, none.stdout]).toEqual([74, ""]);
    const lines = none.stderr.split("\n");
    expect(lines[0]).toEndWith(`${fleet.host.at("app", "manifest")}: there is no manifest`);
    expect(lines[1]).toMatch(/^ {2}tako fetch .* tako store /);
    expect((await fleet.run(["list", "no-such-config"])).status).toBe(2);
  });
});

describe("an origin", () => {
  test("STS-30, STS-35: a directory, unverified or by a key", async () => {
    using fleet = new Fleet(program);
    fleet.config("app", [one, two]);
    rmSync(`${fleet.origin("app")}/store/${one.digest}`);
    const plain = await fleet.run(["list", "app.origin"]);
    expect([plain.status, plain.stderr]).toEqual([0, unchecked]);
    expect(plain.stdout).toBe(
      "   VERSION  SIZE  HERE  ALLOWED  STATE\n" +
        "   1.0.0    19 B  -     yes\n" +
        "u  1.1.0    19 B  yes   yes      next\n",
    );
    const checked = await fleet.run(["list", "--public-key", key.public, "app.origin"]);
    expect([checked.status, checked.stderr, checked.stdout]).toEqual([0, "", plain.stdout]);
    const foreign = await fleet.run(["list", "--public-key", secondKey.public, "app.origin"]);
    expect([foreign.status, foreign.stdout]).toEqual([65, ""]);
    const none = await fleet.run(["list", "--public-key", "x", "app.origin"]);
    expect([none.status, none.stderr]).toEqual([2, expect.stringContaining("--public-key: ")]);
    write(`${fleet.origin("app")}/manifest`, "Tako Manifest 1\n\nx\n");
    expect((await fleet.run(["list", "app.origin"])).status).toBe(74);
  });

  test("STS-30: a host's directory knows what is in use", async () => {
    using fleet = new Fleet(program);
    await fleet.fetched("app", [one, two]);
    expect((await fleet.run(["list", "app"])).stdout).toContain(
      "\n*  1.1.0    19 B  yes   yes      in use\n",
    );
    expect((await fleet.run(["list", "."])).stderr).toContain("manifest: there is no manifest");
  });

  test.skipIf(nginx.missing)(
    "STS-30, STS-35, STS-37: a URL is asked for its manifest",
    async () => {
      using fleet = new Fleet(program);
      fleet.config("app", [one, two]);
      const server = await serveWithNginx(fleet.origin("app"));
      try {
        const { status, stdout, stderr } = await fleet.run(["list", server.url]);
        expect([status, stderr]).toEqual([0, unchecked]);
        expect(stdout).toContain("\nu  1.1.0    19 B  -     yes      next\n");
        const result = await told(fleet, "--public-key", key.public, server.url);
        expect([result["source"], result["signed_by"]]).toEqual([server.url, key.public]);
        const foreign = await fleet.run(["list", "--public-key", secondKey.public, server.url]);
        expect([foreign.status, foreign.stdout]).toEqual([65, ""]);
        expect(foreign.stderr).toContain(`${server.url}/manifest, line `);
        const none = await fleet.run(["list", `${server.url}/nothing`]);
        expect([none.status, none.stdout]).toEqual([69, ""]);
      } finally {
        await server.stop();
      }
      expect((await fleet.run(["list", "gopher://x"])).status).toBe(2);
    },
  );
});
