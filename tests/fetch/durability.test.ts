// In which order an update reaches the disk, by strace, and what a run leaves that is killed at each step.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { needs } from "../support/needs.ts";
import {
  createHost,
  type Host,
  image,
  manifestOf,
  sha256sum,
  stateOf,
} from "../support/origin-fixture.ts";
import { type Program, programs } from "../support/program.ts";
import { etagFile, Site, type SiteOrigin } from "./site.ts";
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
function hostBefore(): { host: Host; origin: SiteOrigin } {
  const host = createHost();
  const origin = site.origin(one, two);
  host.configure({ origin: origin.url, restart: "app.service" });
  host.install({ published: [one], latest: one });
  return { host, origin };
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
  const calls = systemctl.calls();
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
      const { host } = hostBefore();
      await using _ = host;
      const calls =
        "openat,write,fchmod,ftruncate,fsync,fdatasync,rename,renameat2,symlink,unlink,flock,mkdir,execve";
      const trace = join(host.folder, "trace");
      const options = ["-y", "-s", "300", "-e", `trace=${calls}`, "-o", trace];
      expect((await runUnder(options, program, host)).calls).toEqual([restart]);
      expect(steps(readFileSync(trace, "latin1"), host.destination)).toEqual([
        "flock .",
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
      ]);
    });
  });
}

/** Where a run is killed: just before this call on this path. */
const points: readonly (readonly [call: string, path: string])[] = [
  ...[".manifest.new", partial, ".owed.new"].flatMap((path) =>
    ["openat", "fsync", "rename"].map((call) => [call, path] as const),
  ),
  ["fsync", "."],
  ["openat", ".etag.new"],
  ["rename", ".etag.new"],
  ["fsync", "store"],
  ["symlink", ".latest.new"],
  ["rename", ".latest.new"],
  ["unlink", ".owed"],
];

describe.skipIf(tools.missing).concurrent("killed", () => {
  test.each(points)(
    "DST-10 to DST-15, DST-23: killed at %s %s, all is whole, and the next run does the rest",
    async (call, path) => {
      const program = programs.at(-1);
      if (program === undefined) throw new Error("no program");
      const { host, origin } = hostBefore();
      await using _ = host;
      const kill = [
        "-P",
        host.path(path),
        "-e",
        `trace=${call}`,
        "-e",
        `inject=${call}:signal=KILL:when=1`,
      ];
      const killed = await runUnder([...kill, "-o", "/dev/null"], program, host);
      expect(killed.status).not.toBe(0);

      const state = host.state();
      const link = readlinkSync(host.path("latest"));
      expect([one, two].map(({ digest }) => `store/${digest}`)).toContain(link);
      expect([[one], [one, two]].map((each) => `444 ${manifestOf(each)}`)).toContain(
        state["manifest"] ?? "",
      );
      for (const [name, described] of Object.entries(state)) {
        const digest = /^store\/([0-9a-f]{64})$/.exec(name)?.[1];
        if (digest === undefined) continue;
        expect(described).toStartWith("444 ");
        expect(sha256sum(readFileSync(host.path(name), "latin1"))).toBe(digest);
      }
      expect(Object.keys(state)).toContain(link);
      const isOwed = state[".owed"] === `644 ${two.digest}\n`;
      if (link === `store/${two.digest}` && killed.calls.length === 0) expect(isOwed).toBe(true);

      const systemctl = fakeSystemctl();
      const { status } = await program.run(["fetch", host.file], { env: systemctl.env });
      expect(status).toBe(0);
      expect([...killed.calls, ...systemctl.calls()]).toContain(restart);
      systemctl.remove();
      const files = { ".etag": await etagFile(origin, manifestOf([one, two])) };
      expect(host.state()).toEqual(stateOf({ published: [one, two], latest: two, files }));
    },
  );
});
