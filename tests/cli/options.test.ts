// Every command with each of its options, in this very process: what an option changes, and what help says of it. What is
// behind the options is tried command by command in the other folders.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { readArguments } from "../../src/cli/arguments.ts";
import { run } from "../../src/cli/program.ts";
import { createHost, type Host } from "../support/host.ts";
import {
  image,
  key,
  manifestOf,
  publishManifest,
  secondKey,
  sha256sum,
} from "../support/publishing.ts";
import { io } from "./memory.ts";

const [one, two, three] = [
  image("1.0.0"),
  image("1.1.0"),
  image("2.0.0", "x".repeat(100)),
] as const;

/** A host that has all three images, of which the config allows two; 1.1.0 is in use. */
function stocked(): Host {
  const host = createHost();
  host.configure({ Version: "1.*" });
  host.publish(one, two, three);
  host.install({ published: [one, two, three], latest: two });
  return host;
}

async function ran(words: readonly string[], environment: Record<string, string> = {}) {
  const each = io({ environment: { PATH: process.env["PATH"] ?? "", ...environment } });
  const status = await run(words, each);
  const lines = each.stdout.text.split("\n").slice(0, -1);
  return { status, lines, stdout: each.stdout.text, stderr: each.stderr.text };
}

/** The last object that a command tells. */
async function told(words: readonly string[], environment: Record<string, string> = {}) {
  return JSON.parse((await ran(words, environment)).lines.at(-1) ?? "null");
}

const secret = { TAKO_SECRET_KEY: key.secret };

/** By the first lines of the spec's pages: what a command takes, with the short forms of CLI-2's examples. */
const usages = {
  fetch: [
    "<CONFIG...>",
    "--init --dry-run --activate --no-activate --verify --no-verify --jobs --json",
  ],
  status: ["[CONFIG...]", "--verify --quiet --format --exit-code --json"],
  list: ["<WHAT>", "--matching --public-key --all --json"],
  rollback: ["<CONFIG> [VERSION]", "--dry-run --json"],
  hold: ["<CONFIG>", "--json"],
  release: ["<CONFIG>", "--json"],
  prune: ["[CONFIG...]", "--keep -o,--output --pattern --dry-run --quiet --json"],
  check: ["[CONFIG...]", "--quiet --json"],
  verify: ["[CONFIG...]", "--public-key --quiet --json"],
  store: [
    "[IMAGE] [VERSION] --output=<dir>",
    "-k,--key -f,--key-file -o,--output --rotate-key --dry-run --new --sha256 --size --allow-empty --unsafe-last-writer-wins --pack --json",
  ],
  pack: ["[VERSION...] --output=<dir>", "-o,--output --patches --level --dry-run --quiet --json"],
  "gen-key": ["", "--output --json"],
  "public-key": ["", "-k,--key -f,--key-file --json"],
  inspect: ["<WHAT>", "--public-key --continues --images --deep --json"],
  serve: ["<DIR>", "--port --address --json"],
  completion: ["<SHELL>", "--line"],
  conformance: [
    "",
    "--adapter --cli --profile --run --skip --expected-failures --timeout --strict --save --format --list --answer",
  ],
} as const;

test("CLI-11: help names every command, in this order", async () => {
  const { stdout } = await ran(["help"]);
  const named = [...stdout.matchAll(/^ +([a-z][a-z-]+) {4}[A-Z]/gm)].map(([, name]) => name);
  expect(named).toEqual(Object.keys(usages));
  expect(stdout).toContain("\nUSAGE tako [OPTIONS] COMMAND\n");
  for (const option of ["-h, --help", "-V, --version", "--licenses"])
    expect(stdout).toContain(`${option}    Show`);
});

test.each(Object.entries(usages))(
  "CLI-8, CLI-11: help of %s names its arguments and options, and its mistakes name the help",
  async (name, [words, options]) => {
    const { status, stdout } = await ran([name, "--help"]);
    expect(status).toBe(0);
    expect(stdout.replace(/ +\n/g, "\n")).toContain(
      `(tako ${name} v${(await ran(["--version"])).stdout.trim().slice("tako ".length)})\n\nUSAGE tako ${name} [OPTIONS] ${words}`.trimEnd(),
    );
    const found = [...stdout.matchAll(/^ +((?:-\w, )?--[a-z0-9-]+)(?:=<\S+>)? {4}\S/gm)];
    const expected = [...options.split(" "), "-h,--help"];
    expect(found.map(([, option]) => option?.replace(" ", ""))).toEqual(expected);
    expect(stdout).toContain(`tako-${name}(1)`);
    const wrong = await ran([name, "--nonsense"]);
    expect([wrong.status, wrong.stdout]).toEqual([2, ""]);
    expect(wrong.stderr).toBe(
      `tako: unknown option --nonsense\n  tako ${name} --help shows what is possible.\n`,
    );
    // Each option is a switch or takes a value, and all but --key take what help says.
    for (const [, option = "", value] of stdout.matchAll(/(--[a-z0-9-]+)(=<\S+>)? {4}\S/g)) {
      if (option === "--help" || option.startsWith("--no-")) continue;
      const { stderr } = await ran([name, value === undefined ? `${option}=x` : option]);
      const needs = value === undefined ? "takes no value" : "needs a value";
      expect(stderr).toMatch(new RegExp(`^tako: option (-\\w, )?${option} ${needs}\n`));
    }
  },
);

test("CLI-5: an option that is missing is named with its hint, and without one has a value", () => {
  const option = { type: "string", required: true } as const;
  expect(() => readArguments([], { out: option })).toThrow(/^missing option --out=VALUE$/);
  const hinted = { out: { ...option, valueHint: "dir" } };
  expect(() => readArguments([], hinted)).toThrow(/^missing option --out=DIR$/);
});

test("CLI-3, CLI-10: what stands before -- asks for help, what follows does not", async () => {
  const help = await ran(["hold", "--help"]);
  for (const words of [
    ["-h", "--"],
    ["-h", "--", "x"],
    ["x", "-h", "--", "y"],
  ]) {
    expect(await ran(["hold", ...words])).toEqual(help);
  }
  expect(await ran(["hold", "--", "-h"])).toMatchObject({ status: 2, stdout: "" });
});

describe("store", () => {
  test("PUB-1, PUB-66, PUB-70 to PUB-74: its options", async () => {
    using host = createHost();
    const [file, empty] = [host.write("app.img", one.content), host.write("empty", "")];
    const store = ["store", "-o", host.originDirectory];
    const manifest = `${host.originDirectory}/manifest`;
    expect((await ran([...store, file, "1.0.0"], secret)).status).toBe(74);
    const plan = await told([...store, "--new", "--dry-run", "--json", file, "1.0.0"], secret);
    expect(plan).toMatchObject({ event: "result", changed: false, size: one.content.length });
    expect(existsSync(manifest)).toBe(false);
    const digest = sha256sum(one.content);
    for (const [options, status] of [
      [["--sha256", sha256sum("x")], 65],
      [["--sha256", "x"], 2],
      [["--size", "1"], 65],
      [["--size", "1e3"], 2],
      [["--size", "x19"], 2],
      [["--size", "9".repeat(20)], 2],
    ] as const) {
      expect([
        options,
        (await ran([...store, "--new", ...options, file, "1"], secret)).status,
      ]).toEqual([options, status]);
    }
    expect(existsSync(manifest)).toBe(false);
    const exact = ["--sha256", digest.toUpperCase(), "--size", `${one.content.length}`];
    expect(await ran([...store, "--new", ...exact, file, "1.0.0"], secret)).toMatchObject({
      ...{ status: 0, stdout: `1.0.0 -> ${digest}\n` },
    });
    expect(readFileSync(manifest, "latin1")).toBe(manifestOf([one]));
    const again = await ran([...store, file, "1.0.0"], secret);
    expect(again.stdout).toBe(`1.0.0 -> ${digest}\n`);
    expect(again.stderr).toBe("tako: 1.0.0 is already published: nothing changed\n");
    rmSync(`${host.originDirectory}/store/${digest}`, { force: true });
    expect((await ran([...store, file, "1.0.0"], secret)).stderr).toBe(
      "tako: 1.0.0 is already published: its image, which was missing or damaged, is there again\n",
    );
    const planned = await ran([...store, "--dry-run", file, "1.0.0"], secret);
    expect(planned.lines[0]).toBe("1.0.0 is published already, with these bytes");
    expect((await ran([...store, empty, "1.1.0"], secret)).status).toBe(1);
    expect((await ran([...store, "--allow-empty", empty, "1.1.0"], secret)).status).toBe(0);
  });

  test("PUB-1, PUB-50: the key by each option, also to sign anew", async () => {
    using host = createHost();
    host.publish(one);
    const keyFile = host.write("second.key", secondKey.secret);
    const rotate = ["store", "-o", host.originDirectory, "--rotate-key", key.public];
    expect(await told([...rotate, "--json", "-f", keyFile])).toEqual({
      event: "result",
      changed: true,
    });
    const path = `${host.originDirectory}/manifest`;
    expect(readFileSync(path, "latin1")).toBe(manifestOf([one], secondKey));
    expect((await ran([...rotate, "--key", secondKey.secret])).lines[0]).toStartWith("nothing");
    for (const words of [
      ["-k", secondKey.secret],
      ["-f", keyFile],
    ]) {
      expect((await ran(["public-key", ...words], secret)).stdout).toBe(`${secondKey.public}\n`);
    }
    expect(await told(["public-key", "--json"], secret)).toEqual({
      ...{ event: "result", public_key: key.public },
    });
  });
});

test("PUB-63: the seed is what the random generator gives, of a program around this one, too", async () => {
  const each = io();
  const asked: number[] = [];
  const randomBytes = (count: number) => {
    asked.push(count);
    return Uint8Array.from(key.seed);
  };
  expect(await run(["gen-key"], each, { randomBytes })).toBe(0);
  expect([asked, each.stdout.text.split("\n").slice(1, 5)]).toEqual([
    ...[[32], [key.secret, "", "Public key", key.public]],
  ]);
});

test("PUB-60, PUB-61: a key pair, printed or in files", async () => {
  using host = createHost();
  const printed = await ran(["gen-key"]);
  expect(printed.stdout).toMatch(/^Secret key\nSECRET\+\S+\n\nPublic key\n\S+=\n$/);
  const [, pair = "", , , shown = ""] = printed.lines;
  expect((await ran(["public-key", "-k", pair])).lines).toEqual([shown]);
  const written = await ran(["gen-key", "--output", host.at("new.key")]);
  expect([written.status, written.stdout]).toEqual([0, host.read("new.key.pub")]);
});

test("VFY-1, VFY-4, VFY-6: verify of configs and of an origin", async () => {
  using host = stocked();
  const size = [one, two, three].reduce((sum, { content }) => sum + content.length, 0);
  const line = `3 images, ${size} B, whole`;
  expect(await ran(["verify", host.file])).toMatchObject({
    ...{ status: 0, stdout: `${host.file}: ${line}; 1.1.0 is in use\n`, stderr: "" },
  });
  expect((await ran(["verify", "--quiet", host.file])).stdout).toBe("");
  expect(await told(["verify", "--json", host.file])).toMatchObject({
    ...{ event: "result", config: host.file, outcome: "good", images: 3, in_use: "1.1.0" },
  });
  const ofOrigin = ["verify", host.originDirectory];
  const unchecked = await ran(ofOrigin);
  expect([unchecked.status, unchecked.lines.length]).toEqual([0, 1]);
  expect(unchecked.stderr).toStartWith("tako: warning: ");
  expect((await ran([...ofOrigin, "--public-key", key.public])).stderr).toBe("");
  expect((await ran([...ofOrigin, "--public-key", secondKey.public])).status).toBe(65);
  expect((await ran(["verify", host.file, "--public-key", key.public])).status).toBe(2);
  host.replace(`store/${one.digest}`, "damaged");
  const damaged = await ran(["verify", host.file, host.at("missing.tako")]);
  expect([damaged.status, damaged.lines.length]).toEqual([74, 1]);
  expect(damaged.stdout).toContain("2 of them whole");
  // CLI-34: the file of the config is said before what is about another.
  expect(damaged.stderr).toContain(`tako: ${host.file}: ${host.path("store")}/${one.digest}: `);
});

test("CHK-3 to CHK-5: check of several configs", async () => {
  using host = createHost();
  host.write("bad.tako", "Nonsense=1\n");
  const both = await ran(["check", host.file, host.at("bad.tako")]);
  expect([both.status, both.stdout]).toEqual([2, `${host.file}: valid\n`]);
  expect(both.stderr).toContain(`${host.at("bad.tako")}:1: unknown key "Nonsense"`);
  expect(await ran(["check", "--quiet", host.file])).toMatchObject({ status: 0, stdout: "" });
  expect(await told(["check", "--json", host.file])).toEqual({
    ...{ event: "result", config: host.file, valid: true, errors: [], warnings: [] },
  });
});

describe("prune", () => {
  test("PRU-6, PRU-9, PRU-12, PRU-13: its options on a host", async () => {
    using host = stocked();
    const unlimited = await ran(["prune", host.file]);
    expect(unlimited.stdout).toBe(`${host.file}: nothing to remove, 3 images stay\n`);
    expect(unlimited.stderr).toContain("no --keep");
    const plan = await ran(["prune", "--dry-run", "--keep", "0", host.file]);
    expect(plan.lines).toContain(`${host.file}: would remove 2.0.0, ${three.content.length} B`);
    expect(await told(["prune", "--dry-run", "--keep=2", "--json", host.file])).toMatchObject({
      ...{ event: "result", config: host.file, outcome: "nothing", keep: 2, removed: [] },
    });
    expect(existsSync(host.path(`store/${three.digest}`))).toBe(true);
    expect((await ran(["prune", "--quiet", host.file])).stdout).toBe("");
    const done = await ran(["prune", "--quiet", "--keep=0", host.file, host.at("missing.tako")]);
    expect([done.status, done.lines.length]).toEqual([2, 1]);
    expect(done.stderr).toContain(`removed 2.0.0, ${three.content.length} B`);
    expect(existsSync(host.path(`store/${three.digest}`))).toBe(false);
  });

  test("PRU-20, PRU-23 to PRU-25: its options at a publisher's", async () => {
    using host = stocked();
    const origin = ["prune", "-o", host.originDirectory];
    for (const [words, message] of [
      [["prune", "--pattern", "1.*"], "option --pattern is for the origin that --output names"],
      [["prune", "--pattern", "*", host.file], "option --pattern is for the origin"],
      [
        [...origin, "--keep=1", "--pattern=*", host.file],
        "a CONFIG and --output exclude each other",
      ],
      [[...origin, "--pattern=*"], "missing option --keep=N"],
      [[...origin, "--keep=1"], "missing option --pattern=P"],
      [[...origin, "--keep=x", "--pattern=*"], "option --keep: "],
      [["prune", "--keep=-1", host.file], "option --keep: "],
    ] as const) {
      const { status, stdout, stderr } = await ran(words);
      expect([words, status, stdout]).toEqual([words, 2, ""]);
      expect(stderr).toStartWith(`tako: ${message}`);
    }
    const all = ["--keep=1", "--pattern=1.*"];
    expect((await ran([...origin, ...all, "--dry-run"])).lines[0]).toStartWith(
      "would remove 1.0.0",
    );
    expect((await ran([...origin, ...all, "--dry-run", "--quiet"])).lines.length).toBeGreaterThan(
      1,
    );
    expect(await told([...origin, ...all, "--json"])).toMatchObject({
      ...{ event: "result", outcome: "pruned", kept: ["1.1.0"] },
    });
    expect(await ran([...origin, ...all, "--quiet"])).toMatchObject({ status: 0, stdout: "" });
    expect((await ran([...origin, ...all])).lines[0]).toBe(
      "nothing to remove, 1 version of the pattern stays",
    );
  });
});

test("STS-4, STS-14, STS-20 to STS-25: the options of status", async () => {
  using host = stocked();
  const file = host.file;
  const fine = await ran(["status", file]);
  expect([fine.status, fine.lines.length]).toEqual([0, 3]);
  expect(fine.lines[1]).toEndWith(
    "  1.1.0   1.1.0    2.0.0   1.*      138 B    never  2.0.0 is beyond Version=",
  );
  expect(fine.lines[0]).toMatch(
    /^NAME +IN USE {2}ALLOWED {2}NEWEST {2}PATTERN {3}DISK {2}CHECKED {2}STATE$/,
  );
  const unlisted = image("0.1.0");
  using other = createHost();
  other.install({ published: [one], store: [one, unlisted], latest: unlisted });
  expect((await ran(["status", other.file])).lines[1]?.split(/ +/)[1]).toBe(
    unlisted.digest.slice(0, 12),
  );
  const json = ["status", "--json", file];
  expect(await told(json)).toMatchObject({
    ...{ event: "result", config: file, in_use: { version: "1.1.0", sha256: two.digest } },
  });
  const held = host.config("held", { Version: "1.*" });
  const bad = host.write("bad.tako", "");
  const names = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).config);
  const every = ["status", "--json", file, host.at(held), bad];
  expect(names((await ran(every)).lines)).toEqual([file, host.at(held), bad]);
  // Nobody has fetched to it yet: it has no image, and wants a person.
  expect((await ran(every)).status).toBe(2);
  const only = await ran(["status", "--quiet", "--json", host.at(held)]);
  expect(names(only.lines)).toEqual([host.at(held)]);
  expect((await ran(["status", host.at(held)])).status).toBe(0);
  expect((await ran(["status", "--exit-code", host.at(held)])).status).toBe(1);
  expect((await ran(["status", "--format=prometheus", file])).lines[0]).toStartWith("# HELP tako_");
  const nagios = await ran(["status", "--format=nagios", host.at(held)]);
  expect([nagios.status, nagios.stdout.slice(0, 15)]).toEqual([2, "TAKO CRITICAL -"]);
  expect((await ran(["status", "--format=table", file])).lines[0]).toBe(fine.lines[0]);
  // What is not known is said to be so (STS-20).
  expect((await ran(["status", bad])).stderr).toBe("");
  expect((await ran(["status", "--json", bad])).stderr).toContain(bad);
  const empty = (await ran(["status", host.at(held)])).lines[1];
  expect(empty?.split(/ {2,}/).slice(1)).toEqual([
    ...["-", "-", "-", "1.*", "0 B", "never", "no image is in use"],
  ]);
  const unseen = (await ran(["status", bad])).lines[1]?.split(/ +/).slice(1, 8);
  expect(unseen).toEqual(["-", "-", "-", "-", "-", "-", expect.not.stringMatching("^-")]);
  for (const [words, message] of [
    [
      ["--format=json"],
      "invalid --format json: expected table, prometheus, nagios, or --json in its place",
    ],
    [["--json", "--format=table"], "--json and --format exclude each other"],
    [["--quiet", "--format=nagios"], "--quiet leaves out what --format=nagios is for"],
  ] as const) {
    const { status, stdout, stderr } = await ran(["status", ...words, file]);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toStartWith(`tako: ${message}\n`);
  }
});

test("STS-4, STS-14: --verify hashes what --quiet had nothing to say of", async () => {
  using host = createHost();
  host.publish(one);
  expect((await ran(["fetch", host.file])).status).toBe(0);
  expect(await ran(["status", "--quiet", host.file])).toMatchObject({ status: 0, stdout: "" });
  expect((await ran(["status", "--quiet", "--json", host.file])).stdout).toBe("");
  host.replace(`store/${one.digest}`, one.content.toUpperCase());
  expect((await ran(["status", "--quiet", "--exit-code", host.file])).status).toBe(0);
  const verified = await ran(["status", "--quiet", "--exit-code", "--verify", host.file]);
  expect([verified.status, verified.lines.length]).toEqual([1, 2]);
});

test("STS-31 to STS-37: the options of list", async () => {
  using host = stocked();
  const words = ["list", host.file];
  expect((await ran(words)).lines).toEqual([
    "   VERSION   SIZE  HERE  ALLOWED  STATE",
    "   1.0.0     19 B  yes   yes",
    "*  1.1.0     19 B  yes   yes      in use",
    "   2.0.0    100 B  yes   -",
  ]);
  const rows = async (...more: string[]) =>
    (await told([...words, "--json", ...more])).versions.map((row: Record<string, unknown>) =>
      [row["version"], row["here"], row["allowed"], row["in_use"], row["next"]].join(" "),
    );
  expect(await rows()).toEqual([
    "1.0.0 present true false false",
    expect.stringMatching(/^1\.1\.0 \w+ true true false$/),
    "2.0.0 present false false false",
  ]);
  expect((await rows("--matching", "2.*"))[2]).toBe("2.0.0 present true false true");
  const next = (await ran([...words, "--matching", "2.*"])).lines;
  expect(next[3]).toBe("u  2.0.0    100 B  yes   yes      next");
  expect((await ran([...words, "--matching", "1.**"])).status).toBe(2);
  rmSync(host.path(`store/${one.digest}`));
  rmSync(host.path(`store/${three.digest}`));
  host.install({
    files: {
      ".hold": `${two.digest}\n`,
      ".refused": `${one.digest} ${two.digest} 1 it fell\n`,
      [`store/${three.digest}.partial`]: "the",
    },
  });
  expect((await ran(words)).lines.slice(1)).toEqual([
    "x  1.0.0     19 B  -        yes      skipped, it did not work here: it fell",
    "o  1.1.0     19 B  yes      yes      in use, held",
    "   2.0.0    100 B  partial  -",
  ]);
  expect((await told([...words, "--json"])).versions).toMatchObject([
    { version: "1.0.0", here: "absent", skipped: "it fell" },
    { version: "1.1.0", here: "present", held: true },
    { version: "2.0.0", here: "partial", size: 100, sha256: three.digest },
  ]);
  const origin = ["list", host.originDirectory];
  expect((await ran(origin)).stderr).toStartWith("tako: warning: ");
  expect(await told([...origin, "--json", "--public-key", key.public])).toMatchObject({
    ...{ event: "result", signed_by: key.public, pattern: "*", left_out: 0 },
  });
  expect((await ran([...origin, "--public-key", secondKey.public])).status).toBe(65);
  const many = Array.from({ length: 22 }, (_, index) => image(`1.${index}.0`, "x"));
  publishManifest(host.originDirectory, manifestOf(many));
  const short = await ran(origin);
  expect([short.lines.length, short.stderr]).toEqual([
    21,
    expect.stringContaining("tako: 2 older versions left out; --all shows every one\n"),
  ]);
  const all = await ran([...origin, "--all"]);
  expect([all.lines.length, all.stderr]).toEqual([23, expect.not.stringContaining("left out")]);
});

test("INS-3, INS-7, INS-10, INS-11: the options of inspect", async () => {
  using host = stocked();
  const inspect = ["inspect", "--json", host.originDirectory];
  const found = await told(inspect);
  expect(found).toMatchObject({ signature: "unchecked", images: { deep: false, whole: 3 } });
  expect(await told([...inspect, "--images=2", "--deep"])).toMatchObject({
    images: { deep: true, whole: 2 },
  });
  expect((await told([...inspect, "--images=0"])).errors).toEqual([]);
  // All of an option that may be repeated count (CLI-19), in any order.
  for (const keys of [
    [key.public, secondKey.public],
    [secondKey.public, key.public],
  ]) {
    const words = keys.flatMap((each) => ["--public-key", each]);
    expect(await told([...inspect, ...words])).toMatchObject({ signed_by: key.public });
  }
  expect((await ran([...inspect, "--public-key", secondKey.public])).status).toBe(65);
  const old = host.write("old", manifestOf([one]));
  expect((await told([...inspect, "--continues", old])).continues).toMatchObject({ added: 2 });
  for (const images of ["-1", "1.5", "x", "1".repeat(10), "1x"]) {
    const { status, stderr } = await ran([...inspect, `--images=${images}`]);
    expect([status, stderr.split("\n")[0]]).toEqual([
      ...[2, "tako: option --images takes a whole number from 0"],
    ]);
  }
  expect((await ran(["inspect", host.originDirectory])).lines[0]).toStartWith("manifest   file://");
});

test("ACT-70, ACT-80: rollback, hold and release, planned and done", async () => {
  using host = stocked();
  const plan = await ran(["rollback", "--dry-run", host.file]);
  expect([plan.status, host.state()["latest"]]).toEqual([0, `-> store/${two.digest}`]);
  expect(plan.lines).toEqual([
    `${host.file}: would hold 1.0.0`,
    `${host.file}: would activate 1.0.0`,
  ]);
  expect(await told(["hold", "--json", host.file])).toMatchObject({
    ...{ event: "result", config: host.file, outcome: "held", version: "1.1.0" },
  });
  expect(await told(["release", "--json", host.file])).toMatchObject({ held: "1.1.0" });
  const to = await told(["rollback", "--json", host.file, "1.0.0"]);
  expect(to).toMatchObject({ outcome: "held", version: "1.0.0" });
  expect(host.state()["latest"]).toBe(`-> store/${one.digest}`);
  const undo = await ran(["hold", host.file]);
  expect(undo.stderr).toContain(`To undo it: "tako release ${host.file}"`);
});

test("FET-64, FET-110: --no-activate and --no-verify leave that out", async () => {
  using host = createHost();
  host.publish(one, two);
  host.install({ published: [one], latest: one });
  const ready = await ran(["fetch", "--no-activate", host.file]);
  expect(ready.stdout).toBe(`${host.file}: 1.1.0 is ready, and not in use yet\n`);
  expect(host.state()["latest"]).toBe(`-> store/${one.digest}`);
  const dry = await ran(["fetch", "--dry-run", host.file]);
  expect([dry.stdout, host.state()["latest"]]).toEqual([
    ...[`${host.file}: would activate 1.1.0\n`, `-> store/${one.digest}`],
  ]);
  host.replace(`store/${two.digest}`, two.content.toUpperCase());
  const words = ["fetch", "--dry-run", host.file];
  expect((await ran([...words, "--no-verify"])).lines).toEqual([
    `${host.file}: would activate 1.1.0`,
  ]);
  expect((await ran([...words, "--verify"])).lines).toContain(
    `${host.file}: would download 1.1.0, 19 B`,
  );
  expect((await ran(["fetch", "--dry-run", "--init", host.file])).lines).toEqual([
    `${host.file}: 1.0.0 is current`,
  ]);
});
