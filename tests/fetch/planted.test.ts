// What stands in the place of Tako's files and is not Tako's: it is an error, and stays untouched. And what
// an earlier run left: it is removed.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { image, write } from "../support/publishing.ts";

const isRoot = process.getuid?.() === 0;
const [one, two] = [image("1.0.0"), image("1.1.0")];
const updated = stateOf({ published: [one, two], latest: two });

/** A host with 1.0.0 in use and a restart owed, to which 1.1.0 is offered. */
function hostInUse(): Host {
  const host = createHost();
  host.publish(one, two);
  host.install({ published: [one], latest: one });
  return host;
}

type Kind = "file" | "link" | "dangling link" | "directory" | "FIFO";

function plant(path: string, kind: Kind, victim: string): void {
  rmSync(path, { recursive: true, force: true });
  if (kind === "file") write(path, "planted");
  if (kind === "link") symlinkSync(victim, path);
  if (kind === "dangling link") symlinkSync(`${victim}-missing`, path);
  if (kind === "directory") mkdirSync(path);
  if (kind === "FIFO") Bun.spawnSync(["mkfifo", path]);
}

const noFile: readonly Kind[] = ["link", "dangling link", "directory", "FIFO"];
const noLink: readonly Kind[] = ["file", "directory", "FIFO"];

/** Every place, and what does not belong there. */
const places: readonly (readonly [name: string, kinds: readonly Kind[]])[] = [
  ["manifest", noFile],
  [".etag", noFile],
  [".owed", noFile],
  [".good", noFile],
  [".refused", noFile],
  [".hold", noFile],
  [".seen", noFile],
  [`store/${two.digest}`, noFile],
  [`store/${two.digest}.partial`, noFile],
  [`store/${one.digest}.partial`, noFile],
  [".manifest.new", noFile],
  [".etag.new", noFile],
  [".owed.new", noFile],
  [".good.new", noFile],
  [".refused.new", noFile],
  [".hold.new", noFile],
  [".seen.new", noFile],
  [".checked.new", noFile],
  ["latest", noLink],
  [".latest.new", noLink],
  ["store", ["file", "link", "dangling link", "FIFO"]],
];

for (const program of programs) {
  describe.concurrent(program.name, () => {
    test("DST-25, DST-27: whatever is in the place of Tako's files is status 74, and stays untouched", async () => {
      await using stack = new AsyncDisposableStack();
      const planted = places
        .flatMap(([name, kinds]) => kinds.map((kind) => ({ name, kind })))
        .map(({ name, kind }) => {
          const host = stack.use(hostInUse());
          // Something valuable, of the right content even.
          const victim = join(host.folder, "victim");
          if (name === "store") {
            mkdirSync(victim);
            for (const each of [one, two])
              writeFileSync(join(victim, each.digest), each.content, { mode: 0o444 });
          } else {
            write(victim, name.includes(two.digest) ? two.content : "valuable");
          }
          plant(host.path(name), kind, victim);
          return { host, name, kind, victim, before: host.snapshot() };
        });
      const files = planted.map(({ host }) => host.file);
      const { status, stdout, stderr } = await program.run(["fetch", "--json", ...files]);
      expect(status).toBe(74);
      const results = stdout
        .split("\n")
        .filter((line) => line.includes('"result"'))
        .map((line) => JSON.parse(line));
      for (const { host, name, kind, before } of planted) {
        const { outcome, errors } = results.find(({ config }) => config === host.file);
        const path = host.path(name);
        expect({ name, kind, outcome, errors }).toEqual({
          name,
          kind,
          outcome: "failed",
          errors: [expect.objectContaining({ kind: "storage", source: path })],
        });
        expect(stderr).toContain(`${path}: `);
        const after = host.snapshot();
        expect({ name, kind, state: after[name] }).toEqual({ name, kind, state: before[name] });
        // Nothing was put into use, and no finished file was changed.
        for (const kept of ["latest", `store/${one.digest}`])
          expect({ name, kind, state: after[kept] }).toEqual({ name, kind, state: before[kept] });
        expect(Object.keys(after).filter((path) => path.endsWith(".new"))).toEqual(
          name.endsWith(".new") ? [name] : [],
        );
      }
      for (const { name, victim } of planted) {
        const content =
          name === "store" ? one.content : name.includes(two.digest) ? two.content : "valuable";
        const file = Bun.file(name === "store" ? join(victim, one.digest) : victim);
        expect(await file.text()).toBe(content);
        expect(await Bun.file(`${victim}-missing`).exists()).toBe(false);
      }
    });

    test("DST-24: what a killed run left is removed", async () => {
      await using host = hostInUse();
      const names = ["manifest", "etag", "owed", "good", "refused", "hold", "seen", "checked"];
      const files = Object.fromEntries(names.map((name) => [`.${name}.new`, "x"]));
      host.install({ store: [], files });
      symlinkSync("store/x", host.path(".latest.new"));
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(updated);
    });

    test("DST-4, DST-2: the destination may be a link, and a directory that is moved stays whole", async () => {
      await using host = hostInUse();
      const link = join(host.folder, "link");
      symlinkSync("app", link);
      host.configure({ Destination: link });
      expect((await program.run(["fetch", host.file])).status).toBe(0);
      expect(host.state()).toEqual(updated);

      renameSync(host.destination, join(host.folder, "moved"));
      expect(await Bun.file(join(host.folder, "moved", "latest")).text()).toBe(two.content);
    });

    test("DST-5: a destination that does not exist, or is no directory, is status 74 and is not made", async () => {
      await using stack = new AsyncDisposableStack();
      const hosts = (["missing", "file", "FIFO", "dangling link"] as const).map((kind) => {
        const host = stack.use(hostInUse());
        const path = join(host.folder, "other");
        if (kind !== "missing") plant(path, kind, join(host.folder, "victim"));
        host.configure({ Destination: path });
        return { host, kind, path };
      });
      const { status, stderr } = await program.run([
        "fetch",
        ...hosts.map(({ host }) => host.file),
      ]);
      expect(status).toBe(74);
      for (const { host, kind, path } of hosts) {
        expect(stderr).toContain(`tako: ${host.file}: ${path}: `);
        expect(existsSync(join(host.folder, "victim-missing"))).toBe(false);
        if (kind === "missing") expect(existsSync(path)).toBe(false);
      }
    });

    test.skipIf(!isRoot)(
      "DST-33: as root, a destination that others can change is a warning, and the run goes on",
      async () => {
        await using stack = new AsyncDisposableStack();
        const hosts = (
          [
            [(path: string) => chownSync(path, 1234, 0), "belongs to another user (uid 1234)"],
            [(path: string) => chmodSync(path, 0o775), "can be written by its group or by others"],
            [(path: string) => chmodSync(path, 0o777), "can be written by its group or by others"],
            [() => {}, undefined],
          ] as const
        ).map(([change, says]) => {
          const host = stack.use(hostInUse());
          change(host.destination);
          return { host, says };
        });
        const files = hosts.map(({ host }) => host.file);
        const { status, stderr } = await program.run(["fetch", ...files]);
        expect(status).toBe(0);
        for (const { host, says } of hosts) {
          const warnings = stderr
            .split("\n")
            .filter((line) => line.startsWith(`tako: ${host.file}: warning: `));
          expect(warnings).toEqual(says === undefined ? [] : [expect.stringContaining(says)]);
          expect({ ...host.state(), ".": "" }).toEqual({ ...updated, ".": "" });
        }
      },
    );
  });
}
