// Many processes at once, of the sources and the binary: hosts on one destination, publishers on one
// origin, and hosts that fetch from the very directory that a publisher writes. Every loop is bounded.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPublicKey, verify } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Site, withoutEtag } from "../fetch/site.ts";
import { createHost, type Host, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, exitStatus, type Program, programs } from "../support/program.ts";
import {
  bigImage,
  image,
  key,
  manifestOf,
  publishManifest,
  sha256sum,
} from "../support/publishing.ts";

const nginx = needs("nginx", "openssl");

let site: Site;
beforeAll(async () => {
  if (!nginx.missing) site = await Site.start();
});
afterAll(() => site?.stop());

/** How many versions are published while hosts fetch. */
const STORES = 6;

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(program: Program, args: readonly string[]): Promise<Ended> {
  const child = Bun.spawn(program.command(args), {
    env: environment({ TAKO_SECRET_KEY: key.secret }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  await child.exited;
  return { status: exitStatus(child), stdout, stderr };
}

const spki = Buffer.from("302a300506032b6570032100", "hex");
const publicKey = createPublicKey({
  key: Buffer.concat([spki, Buffer.from(key.public, "base64")]),
  format: "der",
  type: "spki",
});

/** Whether a manifest is whole and signed, by its form and OpenSSL. */
function isWhole(manifest: string): boolean {
  const body = manifest.slice(0, -89);
  const signature = Buffer.from(manifest.slice(-89, -1), "base64");
  const form = /^Tako Manifest 1\n\n(\S+ \d+ [0-9a-f]{64}\n)*\n$/;
  return form.test(body) && verify(null, Buffer.from(body, "latin1"), publicKey, signature);
}

const versionsIn = (manifest: string) =>
  manifest
    .split("\n")
    .slice(2, -3)
    .map((line) => line.split(" ")[0]);

for (const program of programs) {
  describe.skipIf(nginx.missing)(program.name, () => {
    test("DST-16, FET-54: eight runs on one destination all end well, and the image is downloaded once", async () => {
      await using host = createHost();
      const newest = bigImage("1.1.0", 3_000_000);
      const origin = site.origin(image("1.0.0"), newest);
      host.configure({ Origin: origin.url, Packed: "no" });
      const ended = await Promise.all(
        Array.from({ length: 8 }, () => run(program, ["fetch", host.file])),
      );
      expect(ended.map(({ status }) => status)).toEqual(Array(8).fill(0));
      expect(ended.map(({ stdout }) => stdout).toSorted()).toEqual([
        ...Array(7).fill(`${host.file}: 1.1.0 is current\n`),
        `${host.file}: updated to 1.1.0\n`,
      ]);
      const asked = await origin.asked();
      expect(asked.filter((request) => request.startsWith("store/"))).toEqual([
        `store/${newest.digest} 200`,
      ]);
      expect(asked.filter((request) => request.startsWith("manifest"))).toHaveLength(8);
      expect(withoutEtag(host.state())).toEqual(
        stateOf({ published: [image("1.0.0"), newest], store: [newest], latest: newest }),
      );
    });

    test("PUB-15, PUB-28: of four publishers with two versions each, every entry lands, in order and signed", async () => {
      await using host = createHost();
      const directory = host.originDirectory;
      publishManifest(directory, manifestOf([]));
      const publisher = async (name: number) => {
        const statuses: number[] = [];
        for (const minor of [0, 1]) {
          const file = join(host.folder, `image-${name}.${minor}`);
          writeFileSync(file, `image ${name}.${minor}`);
          const { status } = await run(program, [
            "store",
            "-o",
            directory,
            file,
            `${name}.${minor}`,
          ]);
          statuses.push(status);
        }
        return statuses;
      };
      const statuses = await Promise.all([4, 3, 2, 1].map(publisher));
      expect(statuses.flat()).toEqual(Array(8).fill(0));
      const images = [1, 2, 3, 4].flatMap((name) =>
        [0, 1].map((minor) => image(`${name}.${minor}`, `image ${name}.${minor}`)),
      );
      expect(readFileSync(join(directory, "manifest"), "latin1")).toBe(manifestOf(images));
      const names = readdirSync(join(directory, "store"));
      expect(names.toSorted()).toEqual(images.map(({ digest }) => digest).toSorted());
      for (const { digest, content } of images)
        expect(readFileSync(join(directory, "store", digest), "latin1")).toBe(content);
      expect(readdirSync(directory).toSorted()).toEqual([".lock", "manifest", "store"]);
    });

    test("DST-13, DST-14, PUB-13, PUB-14: hosts that fetch while a publisher stores never see half a manifest, nor go back", async () => {
      await using publisher = createHost();
      const origin = site.origin();
      const hosts = await Promise.all([0, 1].map(async () => createHost()));
      publishManifest(origin.directory, manifestOf([]));
      const store = async (version: number) => {
        const file = join(publisher.folder, "image");
        writeFileSync(file, `image ${version}`.padEnd(20_000));
        return run(program, ["store", "-o", origin.directory, file, `1.${version}`]);
      };
      expect((await store(0)).status).toBe(0);

      let isPublishing = true;
      const follow = async (host: Host) => {
        host.configure({ Origin: origin.url });
        let seen: (string | undefined)[] = [];
        let rounds = 0;
        // Once more when the publisher is done; 200 rounds are far more than there is time for.
        for (let isLast = false; !isLast && rounds < 200; rounds++) {
          isLast = !isPublishing;
          const { status, stderr } = await run(program, ["fetch", host.file]);
          // The image is there before the manifest names it, and each file is whole when it has a name.
          expect([status, stderr]).toEqual([0, stderr]);
          const manifest = readFileSync(host.path("manifest"), "latin1");
          expect(isWhole(manifest)).toBe(true);
          const versions = versionsIn(manifest);
          expect(versions.slice(0, seen.length)).toEqual(seen);
          seen = versions;
          const latest = readFileSync(host.path("latest"), "latin1");
          expect(manifest).toContain(` ${latest.length} ${sha256sum(latest)}\n`);
        }
        return { seen, rounds };
      };
      const publish = async () => {
        for (let version = 1; version <= STORES; version++)
          expect((await store(version)).status).toBe(0);
        isPublishing = false;
      };
      const [, ...followed] = await Promise.all([publish(), ...hosts.map(follow)]);
      const all = Array.from({ length: STORES + 1 }, (_, version) => `1.${version}`);
      for (const { seen, rounds } of followed) {
        expect(seen).toEqual(all);
        expect(rounds).toBeGreaterThan(1);
      }
      for (const host of hosts) host[Symbol.dispose]();
    });

    test("FET-3, FET-4, DST-16: two runs of the same twelve configs, four at a time, update each once", async () => {
      await using host = createHost();
      const published = [image("1.0.0"), image("1.1.0")] as const;
      const origins = Array.from({ length: 12 }, () => site.origin(...published));
      const configs = host.at("configs");
      const destinations = origins.map(({ url }, index) => {
        const name = `${index}`.padStart(2, "0");
        host.config(`configs/${name}`, { Origin: url });
        return join(configs, name);
      });
      const ended = await Promise.all(
        [4, 4].map((jobs) => run(program, ["fetch", "--jobs", `${jobs}`, configs])),
      );
      expect(ended.map(({ status }) => status)).toEqual([0, 0]);
      const lines = ended.flatMap(({ stdout }) => stdout.split("\n")).filter(Boolean);
      expect(lines.filter((line) => line.endsWith(": updated to 1.1.0"))).toHaveLength(12);
      expect(lines.filter((line) => line.endsWith(": 1.1.0 is current"))).toHaveLength(12);
      for (const [index, destination] of destinations.entries()) {
        expect(readFileSync(join(destination, "manifest"), "latin1")).toBe(manifestOf(published));
        expect(readFileSync(join(destination, "latest"), "latin1")).toBe(published[1].content);
        const asked = (await origins[index]?.asked()) ?? [];
        expect(asked.filter((request) => request.startsWith("store/"))).toHaveLength(1);
      }
    });
  });
}
