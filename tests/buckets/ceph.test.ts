// Publishing into a bucket of a real service, Ceph's: what is in it after, byte for byte; publishers at once; runs that are
// killed. What services do wrong is in faults.test.ts.
//
// TAKO_BUCKET_ROUNDS and TAKO_BUCKET_KILLS are how many rounds each of four publishers does, and how many runs are killed.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePublicKey } from "../../src/core/keys.ts";
import { decodeSignedManifest } from "../../src/core/manifest.ts";
import { platformVerify } from "../../src/shell/platform-crypto.ts";
import { bunFlags } from "../support/bun-flags.ts";
import { type Bucket, CEPH, type Ceph, startCeph } from "../support/ceph.ts";
import { needs } from "../support/needs.ts";
import { sources } from "../support/program.ts";
import { key, manifestOf, secondKey, sha256sum } from "../support/publishing.ts";

const need = needs(...CEPH, "python3");
const program = sources();
const rounds = Number(process.env["TAKO_BUCKET_ROUNDS"] ?? 20);
const kills = Number(process.env["TAKO_BUCKET_KILLS"] ?? 5);
const MIB = 1024 * 1024;
const GUIDE = join(import.meta.dir, "../../docs/publishing.md");
const EMPTY = sha256sum("");
/** The kernel counts the memory of a process from before its exec too, so the parent must be smaller than what is measured. */
const MEASURE = `
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(usage.ru_maxrss, os.waitstatus_to_exitcode(status))`;

describe.skipIf(need.missing)("a bucket of Ceph", () => {
  let ceph: Ceph;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tako-ceph-"));
    ceph = await startCeph();
  });
  afterAll(async () => {
    await ceph?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const file = (name: string, content: string | Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const environment = (more: Record<string, string> = {}) => ({
    ...ceph.environment,
    TAKO_SECRET_KEY: key.secret,
    ...more,
  });
  const run = (words: readonly string[], more?: Record<string, string>, input?: string) =>
    program.run(words, { env: environment(more), ...(input === undefined ? {} : { input }) });
  const store = (bucket: Bucket, ...words: string[]) =>
    run(["store", "-o", bucket.place, ...words]);

  test("BKT-1, BKT-10, BKT-11, BKT-12, BKT-15, BKT-20: objects are those that sha256sum and openssl make", async () => {
    const bucket = await ceph.bucket();
    const place = `${bucket.place}/a/b`;
    const words = (image: string, version: string) => ["store", "-o", place, image, version];
    const [one, two] = [file("one", "one"), file("two", "two")];
    expect(await run([...words(one, "1.0"), "--new"])).toMatchObject({
      status: 0,
      stdout: `1.0 -> ${sha256sum("one")}\n`,
    });
    expect(await run(words(two, "1.1"))).toMatchObject({ status: 0, stderr: "" });
    const both = manifestOf([
      ["1.0", "one"],
      ["1.1", "two"],
    ]);
    expect(await bucket.text("a/b/manifest")).toBe(both);
    const images = [EMPTY, sha256sum("one"), sha256sum("two")].sort();
    const keys = ["a/b/manifest", ...images.map((each) => `a/b/store/${each}`)];
    expect(await bucket.keys()).toEqual(keys);
    expect(await bucket.text(`a/b/store/${sha256sum("two")}`)).toBe("two");
    const caching = async (object: string) =>
      (await bucket.send("HEAD", object)).headers.get("Cache-Control");
    expect(await caching("a/b/manifest")).toBe("no-cache");
    expect(await caching(`a/b/store/${sha256sum("one")}`)).toBe(
      "public, max-age=31536000, immutable",
    );

    const again = await run(words(two, "1.1"));
    expect(again.stderr).toContain("already published: nothing changed");
    const other = await run(words(one, "1.1"));
    expect(other.status).toBe(1);
    expect(await bucket.text("a/b/manifest")).toBe(both);
  });

  test("BKT-10: a manifest that is not there, of another key, damaged, or rotated", async () => {
    const bucket = await ceph.bucket();
    const image = file("one", "one");
    const absent = await store(bucket, image, "1");
    expect(absent).toMatchObject({ status: 74 });
    expect(absent.stderr).toContain(`${bucket.place}/manifest: there is no manifest`);
    expect(await bucket.keys()).toEqual([]);
    await store(bucket, "--new", image, "1");
    const foreign = await run(["store", "-o", bucket.place, image, "2"], {
      TAKO_SECRET_KEY: secondKey.secret,
    });
    expect(foreign.status).toBe(65);
    const words = ["store", "-o", bucket.place, "--rotate-key", key.public];
    const rotated = await run(words, { TAKO_SECRET_KEY: secondKey.secret });
    expect(rotated).toMatchObject({ status: 0, stderr: "" });
    expect(await bucket.text("manifest")).toBe(manifestOf([["1", "one"]], secondKey));
    await bucket.send("PUT", "manifest", "damaged");
    expect(await store(bucket, image, "2")).toMatchObject({ status: 74 });
    expect(await bucket.text("manifest")).toBe("damaged");
  });

  test("BKT-6, BKT-51: a wrong key is refused, and nothing secret is told", async () => {
    const bucket = await ceph.bucket();
    const refused = await run(["store", "--new", "-o", bucket.place, file("one", "one"), "1"], {
      AWS_SECRET_ACCESS_KEY: "a-wrong-secret",
      AWS_SESSION_TOKEN: "a-token",
      TAKO_DEBUG: "1",
    });
    expect(refused.status).toBe(69);
    expect(refused.stderr).toContain("status 403");
    expect(refused.stdout + refused.stderr).not.toMatch(/a-wrong-secret|a-token/);
    expect(await bucket.keys()).toEqual([]);
    const missing = await run([
      "store",
      "--new",
      "-o",
      "s3://no-such-bucket",
      file("one", "one"),
      "1",
    ]);
    expect(missing).toMatchObject({ status: 69 });
    expect(missing.stderr).toContain("NoSuchBucket");
  });

  test("BKT-21: an image in parts, whose digest is that of sha256sum", async () => {
    const bucket = await ceph.bucket();
    const content = Buffer.alloc(20 * MIB + 5, "the image\n");
    const digest = sha256sum(content);
    const stored = await store(bucket, "--new", file("big", content), "1");
    expect(stored).toMatchObject({ status: 0, stdout: `1 -> ${digest}\n` });
    expect(sha256sum(await bucket.text(`store/${digest}`))).toBe(digest);
    expect(await bucket.uploads()).toBe(0);
  });

  test("BKT-22: memory does not grow with the image", async () => {
    const bucket = await ceph.bucket();
    const peak = async (mib: number) => {
      const image = file("big", Buffer.alloc(mib * MIB, mib));
      const words = ["store", "--new", "-o", `${bucket.place}/${mib}`];
      const command = ["python3", "-c", MEASURE, ...program.command([...words, image, "1"])];
      const env = { ...process.env, ...environment() };
      const child = Bun.spawn(command, { env, stdout: "pipe", stderr: "ignore" });
      const [kib, status] = (await new Response(child.stdout).text()).trim().split(" ").map(Number);
      expect(status).toBe(0);
      return (kib ?? Infinity) / 1024;
    };
    const [small, large] = [await peak(1), await peak(256)];
    expect(large - small).toBeLessThan(64);
  }, 120_000);

  test("BKT-26: an image from a pipe", async () => {
    const bucket = await ceph.bucket();
    const piped = await run(["store", "--new", "-o", bucket.place, "-", "1"], {}, "from a pipe");
    expect(piped).toMatchObject({ status: 0 });
    expect(await bucket.text("manifest")).toBe(manifestOf([["1", "from a pipe"]]));
    expect(await bucket.text(`store/${sha256sum("from a pipe")}`)).toBe("from a pipe");
  });

  test("BKT-32, BKT-33: a bucket with versions ignores conditions here, and is refused unless it is asked for", async () => {
    const bucket = await ceph.bucket();
    const on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    await bucket.send("PUT", "?versioning", on);
    const refused = await store(bucket, "--new", file("one", "one"), "1");
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain("ignores conditions");
    expect(await bucket.keys()).toEqual([`store/${EMPTY}`]);
    const taken = await store(
      bucket,
      "--new",
      "--unsafe-last-writer-wins",
      file("one", "one"),
      "1",
    );
    expect(taken).toMatchObject({ status: 0 });
    expect(taken.stderr).toContain("is lost");
    expect(await bucket.text("manifest")).toBe(manifestOf([["1", "one"]]));
  });

  test("BKT-40, BKT-41, BKT-42: pruning marks and removes, packed files, too; a dry run changes nothing", async () => {
    const bucket = await ceph.bucket();
    for (const version of ["1", "2", "3"]) {
      await store(bucket, ...(version === "1" ? ["--new"] : []), file("image", version), version);
    }
    const before = await bucket.keys();
    const prune = ["prune", "-o", bucket.place, "--keep=1", "--pattern=*"];
    expect(await run([...prune, "--dry-run"])).toMatchObject({ status: 0 });
    expect(await store(bucket, "--dry-run", file("image", "4"), "4")).toMatchObject({ status: 0 });
    expect(await bucket.keys()).toEqual(before);
    const [first, second, third] = ["1", "2", "3"].map((version) => `store/${sha256sum(version)}`);
    const needless = [
      `${first}.zst`,
      `${first}.packed`,
      `${second}.from-${sha256sum("1")}.patch`,
      `${third}.from-${sha256sum("2")}.patch`,
    ];
    const needed = [`${third}.zst`, `${third}.packed`];
    for (const packed of [...needless, ...needed]) await bucket.send("PUT", packed, "packed");
    const pruned = await run(prune);
    expect(pruned.status).toBe(0);
    expect(pruned.stderr).not.toContain("Upload");
    const gone = ["1", "2"].map((version) => `store/${sha256sum(version)}.gone`);
    const kept = [EMPTY, sha256sum("3")].map((digest) => `store/${digest}`);
    const after = ["manifest", ...gone, ...kept, ...needed].sort();
    expect(await bucket.keys()).toEqual(after);
    // As if a run had been killed before.
    await bucket.send("PUT", `${first}.zst`, "packed");
    expect(await run(prune)).toMatchObject({ status: 0 });
    expect(await bucket.keys()).toEqual(after);
    expect(await bucket.text(gone[0] ?? "")).toBe(`${sha256sum("1")}\n`);
    await store(bucket, file("image", "2"), "2");
    expect(await bucket.keys()).not.toContain(gone[1]);
    expect(await bucket.text(`store/${sha256sum("2")}`)).toBe("2");
  });

  const copying = needs("aws", "rclone");
  test.skipIf(copying.missing).each(["aws", "rclone"])(
    "BKT-1, BKT-10: the guide's words for %s copy a directory that tako store then goes on with",
    async (tool) => {
      const bucket = await ceph.bucket();
      const directory = join(folder, `origin-${tool}`);
      mkdirSync(directory);
      await run(["store", "--new", "-o", directory, file("one", "one"), "1"]);
      const guide = await Bun.file(GUIDE).text();
      const recipe = guide.split("\n").filter((line) => line.startsWith(`    ${tool} `));
      expect(recipe.length).toBe(2);
      expect(recipe[1]).toContain("manifest");
      const script = recipe
        .join("\n")
        // Debian's aws knows an endpoint by its option alone.
        .replaceAll("aws s3 ", `aws --endpoint-url ${ceph.url} s3 `)
        .replaceAll("s3://images/app", `${bucket.place}/app`)
        .replaceAll("remote:images/app", `remote:${bucket.place.slice("s3://".length)}/app`)
        .replaceAll(" origin/", ` ${directory}/`);
      const child = Bun.spawn(["sh", "-ec", script], {
        env: {
          PATH: `/usr/bin:${process.env["PATH"]}`,
          ...ceph.environment,
          AWS_DEFAULT_REGION: "us-east-1",
          HOME: folder,
          RCLONE_CONFIG_REMOTE_TYPE: "s3",
          RCLONE_CONFIG_REMOTE_PROVIDER: "Ceph",
          RCLONE_CONFIG_REMOTE_ENV_AUTH: "true",
          RCLONE_CONFIG_REMOTE_ENDPOINT: ceph.url,
        },
        stdout: "ignore",
        stderr: "pipe",
      });
      const said = await new Response(child.stderr).text();
      expect({ status: await child.exited, said: said.replace(/.*NOTICE.*\n/g, "") }).toEqual({
        status: 0,
        said: "",
      });
      const image = `app/store/${sha256sum("one")}`;
      expect(await bucket.keys()).toEqual(["app/manifest", image]);
      expect(await bucket.text("app/manifest")).toBe(manifestOf([["1", "one"]]));
      const caching = (await bucket.send("HEAD", "app/manifest")).headers.get("Cache-Control");
      expect(caching).toBe("no-cache");
      const next = await run(["store", "-o", `${bucket.place}/app`, file("two", "two"), "2"]);
      expect(next).toMatchObject({ status: 0, stderr: "" });
    },
    60_000,
  );

  /** What a host would accept, as the lines of its entries. */
  const entriesOf = (manifest: string) => {
    const keys = [parsePublicKey(key.public)];
    const bytes = new Uint8Array(Buffer.from(manifest, "latin1"));
    decodeSignedManifest(bytes, keys, platformVerify);
    return manifest.split("\n").slice(2, -3);
  };

  test("BKT-13, BKT-14: four publishers at once lose nothing, and no host would refuse a manifest of theirs", async () => {
    const bucket = await ceph.bucket();
    await store(bucket, "--new", file("first", "first"), "0");
    const script = join(import.meta.dir, "rounds.ts");
    const began = performance.now();
    const publishers = ["1", "2", "3", "4"].map((name) =>
      Bun.spawn([process.execPath, ...bunFlags, script, bucket.place, name, `${rounds}`], {
        env: { ...process.env, ...environment() },
        stdout: "ignore",
        stderr: "pipe",
      }),
    );
    let isOver = false;
    const ended = Promise.all(publishers.map((each) => each.exited)).then((statuses) => {
      isOver = true;
      return statuses;
    });
    let seen: readonly string[] = [];
    let manifests = 0;
    do {
      const entries = entriesOf(await bucket.text("manifest"));
      expect(seen.filter((entry) => !entries.includes(entry))).toEqual([]);
      if (entries.length > seen.length) manifests += 1;
      seen = entries;
      await Bun.sleep(20);
    } while (!isOver);
    const said = await Promise.all(publishers.map((each) => new Response(each.stderr).text()));
    expect({ statuses: await ended, said }).toEqual({
      statuses: [0, 0, 0, 0],
      said: ["", "", "", ""],
    });
    const entries = entriesOf(await bucket.text("manifest"));
    const expected = ["1", "2", "3", "4"].flatMap((name) =>
      Array.from({ length: rounds }, (_, i) => `1.${name}.${i + 1}`),
    );
    expect(
      entries
        .map((entry) => entry.split(" ")[0])
        .slice(1)
        .sort(),
    ).toEqual(expected.sort());
    if (process.env["TAKO_BUCKET_ROUNDS"] !== undefined) {
      const seconds = Math.round((performance.now() - began) / 1000);
      console.log(
        `${entries.length - 1} of ${4 * rounds} entries, ${manifests} manifests seen, ${seconds} s`,
      );
    }
  }, 900_000);

  test("BKT-14: runs that are killed lose nothing that was seen, and the next does its work", async () => {
    const bucket = await ceph.bucket();
    await store(bucket, "--new", file("first", "first"), "0");
    let landed = 0;
    for (let time = 1; time <= kills; time++) {
      const content = Buffer.alloc(9 * MIB, `image ${time}\n`);
      const words = ["store", "-o", bucket.place, file("image", content), `1.${time}`];
      const before = entriesOf(await bucket.text("manifest"));
      const child = Bun.spawn(program.command(words), {
        env: { ...process.env, ...environment() },
        stdout: "ignore",
        stderr: "ignore",
      });
      await Bun.sleep(100 + Math.random() * 700);
      child.kill("SIGKILL");
      await child.exited;
      const after = entriesOf(await bucket.text("manifest"));
      expect(before.filter((entry) => !after.includes(entry))).toEqual([]);
      if (after.length > before.length) landed += 1;
      const keys = await bucket.keys();
      expect(
        after.map((entry) => `store/${entry.split(" ")[2]}`).filter((each) => !keys.includes(each)),
      ).toEqual([]);
      const next = await run(words);
      expect(next).toMatchObject({ status: 0, stdout: `1.${time} -> ${sha256sum(content)}\n` });
    }
    if (process.env["TAKO_BUCKET_KILLS"] !== undefined) {
      console.log(`${kills} killed, ${landed} of them after the manifest was in place`);
    }
  }, 900_000);

  test("BKT-25: an upload that SIGTERM ends is given up at the service", async () => {
    const bucket = await ceph.bucket();
    const words = [
      "store",
      "--new",
      "-o",
      bucket.place,
      file("big", Buffer.alloc(300 * MIB, 7)),
      "1",
    ];
    const child = Bun.spawn(program.command(words), {
      env: { ...process.env, ...environment() },
      stdout: "ignore",
      stderr: "pipe",
    });
    while ((await bucket.uploads()) === 0 && child.exitCode === null) await Bun.sleep(5);
    child.kill("SIGTERM");
    await child.exited;
    expect(child.signalCode).toBe("SIGTERM");
    expect(await new Response(child.stderr).text()).not.toContain("given up");
    expect(await bucket.uploads()).toBe(0);
    expect(await bucket.keys()).toEqual([`store/${EMPTY}`]);
  });
});
