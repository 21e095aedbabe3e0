// In which order what Tako does reaches the disk, by strace. Runs that are killed are in tests/faults.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { binary } from "../faults/binary.ts";
import { Unsynced } from "../faults/durability.ts";
import { fetchStories, storeStories } from "../faults/stories.ts";
import { parseTrace } from "../faults/strace.ts";
import { sideBySide, undisturbed } from "../faults/sweep.ts";
import { createHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { type Program, programs } from "../support/program.ts";
import { image } from "../support/publishing.ts";
import { Site } from "./site.ts";
import { fakeSystemctl } from "./systemctl.ts";

const tools = needs("nginx", "strace");
const [one, two] = [image("1.0.0"), image("1.1.0")];
const partial = `store/${two.digest}.partial`;
const restart = "restart -- app.service";

let site: Site;
beforeAll(async () => {
  if (!tools.missing) site = await Site.start();
});
afterAll(() => site?.stop());

/** A host with 1.0.0 in use, to which 1.1.0 is offered, with a unit to restart. */
function hostBefore(): Host {
  const host = createHost();
  const origin = site.origin(one, two);
  host.configure({ Origin: origin.url, Restart: "app.service" });
  host.install({ published: [one], latest: one });
  return host;
}

async function runUnder(
  strace: readonly string[],
  program: Program,
  host: Host,
): Promise<{ status: number; calls: readonly string[] }> {
  const systemctl = fakeSystemctl();
  const child = Bun.spawn(
    ["strace", "-f", "-qq", ...strace, ...program.command(["fetch", host.file])],
    {
      env: { ...systemctl.env },
      stdio: ["ignore", "ignore", "ignore"],
    },
  );
  await child.exited;
  const calls = systemctl.orders();
  systemctl.remove();
  return { status: child.exitCode ?? 128, calls };
}

/** The calls of a trace that change a destination, in order, with paths relative to it. */
function steps(trace: string, destination: string): string[] {
  return trace.split("\n").flatMap((line) => {
    const [, name = "", rest = ""] = /^\d+ +(\w+)\((.*)/.exec(line) ?? [];
    const paths = [...rest.matchAll(/[<"]([^<">]+)[>"]/g)].map(([, path = ""]) => path);
    const shown = paths
      .filter((path) => path === destination || path.startsWith(`${destination}/`))
      .map((path) => path.slice(destination.length + 1) || ".");
    if (name === "execve")
      return rest.includes("systemctl") && rest.includes('"restart"') ? [name] : [];
    if (shown.length === 0) return [];
    if (name === "openat") {
      if (!rest.includes("O_CREAT")) return [];
      expect(rest).toContain("O_EXCL");
      expect(rest).toContain("O_NOFOLLOW");
    }
    const mode = name === "fchmod" ? ` ${/, (\d+)/.exec(rest)?.[1]}` : "";
    return [`${name} ${[...new Set(shown)].join(" ")}${mode}`];
  });
}

/** What DST-20 says of a small file. */
const writing = (name: string, temporary: string, mode: string) => [
  `openat ${temporary}`,
  `write ${temporary}`,
  `fchmod ${temporary} ${mode}`,
  `fsync ${temporary}`,
  `rename ${temporary} ${name}`,
  "fsync .",
];

for (const program of programs) {
  describe.skipIf(tools.missing).concurrent(program.name, () => {
    test("DST-15, DST-20, DST-21, DST-22, DST-26, DST-51, FET-71: the order in which an update reaches the disk", async () => {
      await using host = hostBefore();
      const calls =
        "openat,write,fchmod,ftruncate,fsync,fdatasync,rename,renameat2,symlink,unlink,flock,mkdir,execve";
      const trace = join(host.folder, "trace");
      const options = ["-y", "-s", "300", "-e", `trace=${calls}`, "-o", trace];
      expect((await runUnder(options, program, host)).calls).toEqual([restart]);
      expect(steps(readFileSync(trace, "latin1"), host.destination)).toEqual([
        "flock .lock",
        ...writing("manifest", ".manifest.new", "0444"),
        ...writing(".etag", ".etag.new", "0644"),
        `openat ${partial}`,
        `write ${partial}`,
        `fchmod ${partial} 0444`,
        `fsync ${partial}`,
        `rename ${partial} store/${two.digest}`,
        "fsync store",
        ...writing(".owed", ".owed.new", "0644"),
        "symlink .latest.new",
        "rename .latest.new latest",
        "fsync .",
        "execve",
        "unlink .owed",
        "fsync .",
        ...writing(".checked", ".checked.new", "0644").filter((call) => !call.startsWith("fsync")),
        "flock .lock", // and unlocked
      ]);
    });
  });
}

describe.skipIf(tools.missing)("whatever it does", () => {
  test("DST-15, DST-20 to DST-22, PUB-13, PUB-14: what a step relies on is on disk before it, and all when the run ends", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tako-durability-"));
    const stories = [...(await fetchStories(site)), ...storeStories(folder)];
    const wrong: string[] = [];
    await sideBySide(stories, 3, async (story) => {
      const { problems } = await undisturbed(story, binary);
      wrong.push(...problems.map((problem) => `${story.name}: ${problem}`));
    });
    expect(wrong).toEqual([]);
    expect(stories.length).toBeGreaterThan(15);
    rmSync(folder, { recursive: true });
  });
});

describe("the judge of traces", () => {
  const hex = "0".repeat(64);
  const target = `store/${hex}`;
  const made = (path: string) => [
    `openat(AT_FDCWD, "/app/${path}", O_WRONLY|O_CREAT) = 3`,
    `write(3</app/${path}>, ""..., 9) = 9`,
    `fsync(3</app/${path}>) = 0`,
  ];
  const synced = (directory: string) => `fsync(3</app${directory}>) = 0`;
  const renamed = (from: string, to: string) => `rename("/app/${from}", "/app/${to}") = 0`;
  const good = [
    ...made(".manifest.new"),
    renamed(".manifest.new", "manifest"),
    synced(""),
    ...made(`${target}.partial`),
    renamed(`${target}.partial`, target),
    synced("/store"),
    ...made(".owed.new"),
    renamed(".owed.new", ".owed"),
    synced(""),
    `symlink("${target}", "/app/.latest.new") = 0`,
    renamed(".latest.new", "latest"),
    synced(""),
    `execve("/bin/systemctl", [""...], 0x1 /* 9 vars */) = 0`,
    `unlink("/app/.owed") = 0`,
  ];
  const judge = (lines: readonly string[]) =>
    new Unsynced("destination").follow(
      parseTrace(lines.map((line) => `7 ${line}`).join("\n"), "/app"),
      true,
    );
  const without = (index: number) => judge(good.filter((_, each) => each !== index));

  test("an update as DST-15 to DST-22 have it has nothing wrong", () => {
    expect(judge(good)).toEqual([]);
  });

  test("a sync that is left out is told", () => {
    const syncs = [...good.entries()].filter(([, line]) => line.startsWith("fsync"));
    expect(syncs.length).toBe(7);
    // Of the destination the next one, still before the swap, makes the first one good.
    const wrong = syncs.map(([index]) => without(index).length > 0);
    expect(wrong).toEqual([true, false, true, true, true, true, true]);
    expect(without(2)).toContain(".manifest.new is renamed before it is synced");
    expect(without(9)).toContain(`the name ${target} is not synced before the swap of latest`);
  });
});
