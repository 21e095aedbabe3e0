// The black-box cases: Tako passes them all, from its sources and as a binary, and no program harms the
// suite, whatever it does instead of its work.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blackBoxCases, blackBoxFixtures } from "../../conformance/black-box/cases.ts";
import { parseFixtures } from "../../conformance/black-box/fixture.ts";
import { watchLink } from "../../conformance/black-box/watch.ts";
import { KEYS, readKeyPair, sha256 } from "../../conformance/publisher.ts";
import type { Result } from "../../conformance/results.ts";
import { runCases } from "../../conformance/run-cases.ts";
import { needs } from "../support/needs.ts";
import { environment, programs } from "../support/program.ts";

const LONG_MS = 600_000;

/** What did not pass, and why. */
function failures(results: readonly Result[]): string[] {
  return results
    .filter(({ outcome }) => outcome !== "passed")
    .map(({ case: { id }, reason }) => `${id}: ${reason}`);
}

for (const program of programs) {
  test(
    `CNF-5: Tako passes every black-box case, exact exit statuses included (${program.name})`,
    async () => {
      const cases = blackBoxCases(program.command([]), { strict: true, timeoutMs: 60_000 });
      const results = await runCases([{ cases, jobs: 6, timeoutMs: LONG_MS }], []);
      expect(failures(results)).toEqual([]);
      expect(results.length).toBeGreaterThan(290);
    },
    LONG_MS,
  );
}

test("CNF-1: ids are unique, and every case expects something of each run", () => {
  const fixtures = blackBoxFixtures();
  const ids = fixtures.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)]);
  for (const { id, requirement, why, step } of fixtures) {
    expect({ id, requirements: requirement.length > 0, why: why !== "" }).toEqual({
      id,
      requirements: true,
      why: true,
    });
    for (const { expect: expected } of step) {
      const says = Object.entries(expected).filter(
        ([key, value]) => key !== "origin_key" && value !== undefined && value !== false,
      );
      expect(says.some(([, value]) => JSON.stringify(value).length > 2)).toBe(true);
    }
  }
});

test("CNF-1: a key of a case that is not known is an error", () => {
  const text = '[[case]]\nid = "x"\nprofile = "fetch"\nrequirement = []\nwhy = ""\n';
  const step = "[[case.step]]\nrun = []\nexpect.";
  const parsed = (line: string) => () => parseFixtures(text + step + line, "x.toml");
  expect(parsed('latest = "1"')).not.toThrow();
  expect(parsed('latset = "1"')).toThrow("x.toml[0].step[0].expect: unknown key latset");
  expect(parsed("latest = 1")).toThrow("x.toml[0].step[0].expect.latest: expected a text");
});

test("DST-11: a link that is absent for a moment is noticed, however short the moment is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tako-link-"));
  const path = join(folder, "latest");
  const seenWhile = async (change: () => void) => {
    rmSync(path, { force: true });
    symlinkSync("a", path);
    const ended = watchLink(folder, "latest");
    change();
    return [...(await ended())].toSorted();
  };
  const make = (target: string, name: string) => symlinkSync(target, join(folder, name));
  try {
    // A loop that reads the link has no time to look while these run.
    expect(
      await seenWhile(() => {
        make("b", "new");
        renameSync(join(folder, "new"), path);
      }),
    ).not.toContain("none");
    expect(
      await seenWhile(() => {
        rmSync(path);
        make("b", "latest");
      }),
    ).toContain("none");
    expect(
      await seenWhile(() => {
        renameSync(path, join(folder, "old"));
        make("b", "latest");
      }),
    ).toContain("none");
    expect(await seenWhile(() => {})).toEqual(["a"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("CNF-3: the suite's own publisher", () => {
  test("has the keys and signatures of RFC 8032 section 7.1", () => {
    const { "test-1": first, "test-2": second } = KEYS;
    expect(Buffer.from(first!.public, "base64").toString("hex")).toBe(
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    );
    expect(Buffer.from(first!.sign(""), "base64").toString("hex")).toBe(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    );
    expect(Buffer.from(second!.sign(Uint8Array.of(0x72)), "base64").toString("hex")).toBe(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
  });

  test("finds what is wrong with a pair of keys", () => {
    const { "test-1": first, "test-2": second } = KEYS;
    const output = (secret: string, publicKey: string) =>
      `Secret key:\n${secret}\n\nPublic key:\n${publicKey}\n`;
    expect(readKeyPair(output(first!.secret, first!.public))).toMatchObject({
      public: first!.public,
    });
    for (const wrong of [
      output(first!.secret, second!.public),
      output(first!.secret.replace("SECRET+", ""), first!.public),
      output(first!.secret.slice(0, 60) + second!.secret.slice(60), first!.public),
      `${output(first!.secret, first!.public)}\n`,
      "",
    ]) {
      expect(typeof readKeyPair(wrong)).toBe("string");
    }
  });

  test("hashes as FIPS 180-4 has it", () => {
    expect(sha256("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

describe.concurrent("CNF-10, CNF-11: a program that does not behave fails its case with the reason", () => {
  /** Runs cases on a shell script, which notes its processes' ids in `$PIDS`. */
  async function judge(
    script: string,
    timeoutMs: number,
    ids: readonly string[] = ["gen-key-pair"],
  ) {
    const folder = mkdtempSync(join(tmpdir(), "tako-odd-"));
    try {
      const pids = join(folder, "pids");
      const command = join(folder, "program");
      await Bun.write(command, `#!/bin/sh\nPIDS='${pids}'\necho $$ >>"$PIDS"\n${script}\n`);
      chmodSync(command, 0o755);
      const all = blackBoxCases([command], { strict: false, timeoutMs });
      const cases = all.filter(({ id }) => ids.includes(id));
      const results = await runCases([{ cases, jobs: 4, timeoutMs: 60_000 }], []);
      const started = readFileSync(pids, "utf8").trim().split("\n").map(Number);
      return { results, running: started.filter(isRunning) };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  function isRunning(pid: number): boolean {
    try {
      // What has ended and is not waited for yet is no harm.
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      return false;
    }
  }

  test.each([
    ["hangs", 'sleep 1000 & echo $! >>"$PIDS"; wait', "did not end within 2 s"],
    [
      "ignores SIGTERM and hangs",
      "trap '' TERM INT HUP; while :; do sleep 1000; done",
      "did not end within 2 s",
    ],
    ["crashes", "kill -SEGV $$", "SIGSEGV ended it"],
    ["kills itself", "kill -KILL $$", "SIGKILL ended it"],
    [
      "leaves a process",
      'sleep 1000 >/dev/null 2>&1 & echo $! >>"$PIDS"',
      "left a process running",
    ],
    ["leaves one that has its output", 'sleep 1000 & echo $! >>"$PIDS"', "left a process running"],
    [
      "removes its folder",
      'for word; do case $word in */app.tako) rm -rf "$(dirname "$word")" ;; esac; done',
      "expected origin/manifest to stay",
    ],
    [
      "makes files that are too large, and may not be read",
      'for word; do case $word in */app.tako) f=$(dirname "$word"); truncate -s 9G "$f/app/x"; mkdir -m 0 "$f/y" ;; esac; done',
      "expected nothing left over, got app/x: 0644 file, not read",
    ],
    [
      "makes directories without end",
      'for word; do case $word in */app.tako) mkdir -p "$(dirname "$word")/$(printf "d/%.0s" $(seq 1200))" ;; esac; done',
      "it made more than 1000 files",
    ],
    ["says nonsense", "echo nonsense", "expected a key pair"],
  ])("%s", async (_, script, reason) => {
    const timeoutMs = reason.includes("within 2 s") ? 2000 : 60_000;
    const ids = script.includes("app.tako") ? ["fetch-first-install"] : ["gen-key-pair"];
    const { results, running } = await judge(script, timeoutMs, ids);
    expect(failures(results)).toEqual([expect.stringContaining(reason)]);
    expect(running).toEqual([]);
  });

  test.each([
    ["standard output", "exec yes"],
    ["standard error", "exec yes >&2"],
  ])("floods its %s: what is more than 100 MB ends it", async (name, script) => {
    const { results, running } = await judge(script, 60_000);
    expect(failures(results)).toEqual([
      expect.stringContaining(`printed more than 100000000 bytes on ${name}`),
    ]);
    const [{ evidence }] = results as [Result];
    const kept = evidence[name === "standard output" ? "stdout" : "stderr"];
    expect(String(kept).length).toBeLessThan(70_000);
    expect(running).toEqual([]);
  });

  test("prints 50 MB: that is odd, and no reason to end it", async () => {
    const { results } = await judge("head -c 50000000 /dev/zero >&2", 60_000);
    expect(failures(results)).toEqual([expect.stringContaining("expected a key pair")]);
  });

  test("does not exist: each case says so", async () => {
    const all = blackBoxCases(["/missing/program"], { strict: false, timeoutMs: 1000 });
    const cases = all.filter(({ id }) => /^gen-key-(pair|differs)$/.test(id));
    const results = await runCases([{ cases, jobs: 4, timeoutMs: 60_000 }], []);
    const reasons = failures(results);
    expect(reasons.length).toBe(cases.length);
    for (const reason of reasons) expect(reason).toContain("can't be started");
  });

  test("hangs in one case only: the rest is judged", async () => {
    const script = 'case "$*" in *--init*) sleep 1000 ;; *) exit 7 ;; esac';
    const ids = ["fetch-init-first-install", "fetch-no-config", "fetch-unknown-command"];
    const { results } = await judge(script, 2000, ids);
    expect(failures(results)).toEqual([
      expect.stringContaining("fetch-init-first-install: it did not end within 2 s"),
    ]);
  });

  test("the case's own time-out ends a run, too", async () => {
    const [first] = blackBoxCases(["sh", "-c", "sleep 1000"], { strict: false, timeoutMs: 60_000 });
    const run = runCases([{ cases: [first!], jobs: 1, timeoutMs: 200 }], []);
    expect(failures(await run)).toEqual([expect.stringContaining("the case took too long")]);
  });
});

test("CNF-10: the folder of a case goes, passed or failed", async () => {
  const { TMPDIR } = process.env;
  const folder = mkdtempSync(join(tmpdir(), "tako-odd-"));
  process.env["TMPDIR"] = folder;
  try {
    expect(tmpdir()).toBe(folder);
    const all = blackBoxCases(["false"], { strict: false, timeoutMs: 10_000 });
    const ids = ["fetch-no-config", "fetch-first-install"];
    const cases = all.filter(({ id }) => ids.includes(id));
    const results = await runCases([{ cases, jobs: 1, timeoutMs: 60_000 }], []);
    expect(results.map(({ outcome }) => outcome)).toEqual(["failed", "passed"]);
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    if (TMPDIR === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = TMPDIR;
    rmSync(folder, { recursive: true });
  }
});

const namespaces = needs("systemd");

test.skipIf(namespaces.missing)(
  "CNF-10: what a program mounts in the folder of a case is not removed",
  async () => {
    const foreign = mkdtempSync(join(tmpdir(), "tako-odd-"));
    try {
      writeFileSync(join(foreign, "kept"), "");
      const mount = `'for word; do case $word in */app.tako)
        d=$(dirname "$word"); mkdir "$d/m"; mount --bind "${foreign}" "$d/m" ;; esac; done'`;
      const [sources] = programs;
      const words = ["--cli", `sh -c ${mount} sh`, "--run", "fetch-first-install"];
      const child = Bun.spawn(
        ["unshare", "--mount", ...sources!.command(["conformance", ...words])],
        {
          env: environment({ TMPDIR: foreign.replace(/[^/]+$/, "") }),
          stdout: "pipe",
        },
      );
      const report = await child.stdout.text();
      expect(report).toContain("the folder of the case cannot be removed: ");
      expect(readdirSync(foreign)).toEqual(["kept"]);
      rmSync(/removed: (\S+)/.exec(report)?.[1] ?? "", { recursive: true });
    } finally {
      rmSync(foreign, { recursive: true });
    }
  },
);
