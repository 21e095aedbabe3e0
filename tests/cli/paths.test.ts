// Each message names the path that it is about, and names it once, whoever adds it on the way from where the error is
// noticed to where it is told.

import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createHost, type Host } from "../support/host.ts";
import { programs } from "../support/program.ts";
import { image, key, manifestOf, secondKey } from "../support/publishing.ts";

const [one, two] = [image("1.0.0"), image("1.1.0")];
const stored = `store/${two.digest}`;
const isRoot = process.getuid?.() === 0;
const fifo = (path: string) => Bun.spawnSync(["mkfifo", path]);
const origin = (host: Host, name: string) => `${host.originDirectory}/${name}`;
const installed = (host: Host) => host.install({ published: [one, two], latest: two });
const instead = (path: string, make: (path: string) => unknown) => {
  rmSync(path, { recursive: true, force: true });
  make(path);
};
const loop = (path: string) => symlinkSync(path, path);
const file = (path: string) => writeFileSync(path, "x");

/** What is wrong with a host, by the name of what is wrong; the message is about that. */
const fetches: Readonly<Record<string, (host: Host) => unknown>> = {
  "config: missing": (host) => rmSync(host.file),
  "config: no config": (host) => file(host.file),
  "config: empty": (host) => writeFileSync(host.file, ""),
  "config: a loop": (host) => instead(host.file, loop),
  "config: an empty directory": (host) => instead(host.file, mkdirSync),
  "config: no UTF-8": (host) => writeFileSync(host.file, Buffer.from([0xff, 10])),
  "config: others may write": (host) => chmodSync(host.file, 0o666),
  "config: others may read the password": (host) => {
    host.configure({ Origin: "http://user:sesame@127.0.0.1" });
    chmodSync(host.file, 0o644);
  },
  "destination: missing": (host) => rmSync(host.destination, { recursive: true }),
  "destination: a file": (host) => instead(host.destination, file),
  "destination: a loop": (host) => instead(host.destination, loop),
  "destination: others may write": (host) => chmodSync(host.destination, 0o777),
  ".lock: a directory": (host) => instead(host.path(".lock"), mkdirSync),
  ".lock: a FIFO": (host) => instead(host.path(".lock"), fifo),
  "manifest: damaged": (host) => file(host.path("manifest")),
  "manifest: a directory": (host) => mkdirSync(host.path("manifest")),
  "manifest: a loop": (host) => loop(host.path("manifest")),
  "manifest: more than the origin's": (host) =>
    host.install({ published: [one, image("1.0.5")], store: null }),
  "store: a file": (host) => file(host.path("store")),
  "store: a loop": (host) => loop(host.path("store")),
  "image: a directory": (host) => mkdirSync(host.path(stored), { recursive: true }),
  "image: damaged, and the origin has it no more": (host) => {
    installed(host);
    host.replace(stored, two.content.toUpperCase());
    rmSync(origin(host, stored));
  },
  "image: of two names": (host) => {
    installed(host);
    linkSync(host.path(stored), host.at("second"));
  },
  "partial: a directory": (host) => mkdirSync(host.path(`${stored}.partial`), { recursive: true }),
  "partial: a loop": (host) => {
    mkdirSync(host.path("store"));
    loop(host.path(`${stored}.partial`));
  },
  "latest: a directory": (host) => mkdirSync(host.path("latest")),
  "latest: a file": (host) => file(host.path("latest")),
  ".owed: a directory": (host) => mkdirSync(host.path(".owed")),
  ".etag: a directory": (host) => mkdirSync(host.path(".etag")),
  ".latest.new: a directory": (host) => mkdirSync(host.path(".latest.new")),
  "origin: missing": (host) => rmSync(host.originDirectory, { recursive: true }),
  "origin: no manifest": (host) => rmSync(origin(host, "manifest")),
  "origin: a page": (host) => writeFileSync(origin(host, "manifest"), "<html>"),
  "origin: a cut manifest": (host) =>
    writeFileSync(origin(host, "manifest"), manifestOf([one]).slice(0, 60)),
  "origin: of another key": (host) =>
    writeFileSync(origin(host, "manifest"), manifestOf([one], secondKey)),
  "origin: a directory for a manifest": (host) => instead(origin(host, "manifest"), mkdirSync),
  "origin: no image": (host) => rmSync(origin(host, stored)),
  "origin: a short image": (host) => file(origin(host, stored)),
  "origin: a long image": (host) =>
    writeFileSync(origin(host, stored), `${two.content}${two.content}`),
  "origin: another image": (host) => writeFileSync(origin(host, stored), two.content.toUpperCase()),
};
if (isRoot) {
  Object.assign(fetches, {
    "config: of another user": (host: Host) => chownSync(host.file, 65534, 0),
    ".lock: of another user": (host: Host) => chownSync(host.path(".lock"), 65534, 0),
  });
}

/** The words of other commands that fail, or warn. */
const others: Readonly<Record<string, (host: Host) => readonly string[]>> = {
  "store: no such image": (host) => ["store", "-o", host.originDirectory, host.at("no"), "2"],
  "store: a directory": (host) => ["store", "-o", host.originDirectory, host.folder, "2"],
  "store: no such origin": (host) => ["store", "-o", host.at("no"), host.at("new"), "2"],
  "store: the origin is a file": (host) => ["store", "-o", host.at("new"), host.at("new"), "2"],
  "store: no such key": (host) => [
    ...["store", "-f", host.at("no"), "-o", host.originDirectory],
    ...[host.at("new"), "2"],
  ],
  "store: no key at all": (host) => [
    ...["store", "-f", host.at("new"), "-o", host.originDirectory],
    ...[host.at("new"), "2"],
  ],
  "store: a key that others may read": (host) => {
    writeFileSync(host.at("key"), key.secret, { mode: 0o644 });
    const words = ["store", "-f", host.at("key"), "-o", host.originDirectory];
    return [...words, host.at("new"), "2"];
  },
  "store: a damaged manifest": (host) => {
    file(origin(host, "manifest"));
    return ["store", "-o", host.originDirectory, host.at("new"), "2"];
  },
  "gen-key: there is one": (host) => ["gen-key", "--output", host.at("new")],
  "gen-key: no such directory": (host) => ["gen-key", "--output", host.at("no", "key")],
  "gen-key: a directory": (host) => ["gen-key", "--output", host.folder],
};

const program = programs.at(-1) ?? programs[0];

/** The paths below the host's folder that stand in a line, URLs' included. */
function pathsIn(line: string, host: Host): readonly string[] {
  return (line.match(/\/[^\s"',;]+/g) ?? [])
    .map((path) => path.replace(/^\/+/, "/").replace(/[:.]+(\d+[:.]?)?$/, ""))
    .filter((path) => path.startsWith(host.folder));
}

async function check(host: Host, words: readonly string[]): Promise<void> {
  // A proxy of that kind is refused at once, whatever is asked for.
  const env = { TAKO_SECRET_KEY: key.secret, ALL_PROXY: "socks5://127.0.0.1" };
  const { stderr, stdout } = await program!.run(words, { env });
  const lines = `${stderr}\n${stdout}`.split("\n").filter((line) => !line.includes("downloading"));
  const named = lines.flatMap((line) => pathsIn(line, host));
  expect(named.length).toBeGreaterThan(0);
  for (const line of lines) {
    const paths = pathsIn(line, host);
    expect([line, paths]).toEqual([line, [...new Set(paths)]]);
  }
}

test.each(Object.entries(fetches))("CLI-34: fetch, %s", async (_, spoil) => {
  using host = createHost();
  host.publish(one, two);
  spoil(host);
  await check(host, ["fetch", host.file]);
});

test.each(Object.entries(others))("CLI-34: %s", async (_, wordsFor) => {
  using host = createHost();
  host.publish(one, two);
  host.write("new", "a new image");
  await check(host, wordsFor(host));
});
