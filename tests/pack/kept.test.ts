// What the other commands of a publisher do with packed files: `tako prune` takes them away with their image, `tako verify` decodes
// them, `tako serve` serves them.

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { curl, serve } from "../serve/serving.ts";
import { createHost } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { sources } from "../support/program.ts";
import type { Image } from "../support/publishing.ts";
import { Origin, patch, series, wrongIn } from "./origins.ts";

const images = series(4, 50_000) as [Image, Image, Image, Image];
const [first, second, third, newest] = images;
const program = sources();

async function packed(): Promise<Origin> {
  const origin = await Origin.of(images);
  expect((await origin.run(program, "pack", "-o", "origin")).status).toBe(0);
  return origin;
}

describe.concurrent.skipIf(needs("zstd", "python3", "zstandard").missing)("packed files", () => {
  test("PRU-28, PCK-70: what belongs to images that are removed goes, and no list names it", async () => {
    await using origin = await packed();
    expect(origin.list(newest).join("\n")).toContain(first.digest);
    const words = ["prune", "-o", "origin", "--keep=2", "--pattern", "*"];
    const of = (name: string) => name.includes(first.digest) || name.includes(second.digest);
    const [going, plain] = [origin.names().filter(of), [first.digest, second.digest]];
    const names = going.filter((name) => !plain.includes(name));
    const planned = await origin.run(program, ...words, "--dry-run");
    expect(planned.stdout).toContain(`would remove 2 images, `);
    expect(planned.stdout).toContain(`, and ${names.length} packed files; 2 versions`);
    expect(origin.names()).toContain(`${first.digest}.zst`);
    const { status, stdout } = await origin.run(program, ...words, "--json");
    expect(status).toBe(0);
    const { packed: gone } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    expect(gone.toSorted()).toEqual(names);
    const about = (image: Image) => origin.names().filter((name) => name.includes(image.digest));
    expect(about(first)).toEqual([`${first.digest}.gone`]);
    expect(about(second)).toEqual([`${second.digest}.gone`]);
    expect(origin.names()).toContain(patch(third, newest));
    expect(origin.list(newest).join("\n")).not.toContain(first.digest);
    expect(await wrongIn(origin.directory, images)).toEqual([]);
  });

  test("PRU-28: a run that was killed after the mark is finished by the next", async () => {
    await using origin = await packed();
    rmSync(origin.path(first.digest));
    writeFileSync(origin.path(`${first.digest}.gone`), `${first.digest}\n`);
    // Without a mark nobody has said that it was on purpose.
    renameSync(origin.path(second.digest), join(origin.folder, "second"));
    // Neither is one that cannot be removed in the way of the others.
    rmSync(origin.path(`${first.digest}.packed`));
    mkdirSync(origin.path(`${first.digest}.packed`));
    const words = ["prune", "-o", "origin", "--keep=4", "--pattern", "*"];
    expect((await origin.run(program, ...words)).status).toBe(74);
    rmdirSync(origin.path(`${first.digest}.packed`));
    expect(origin.names().filter((name) => name.includes(first.digest))).toEqual([
      `${first.digest}.gone`,
    ]);
    const again = await origin.run(program, ...words);
    expect([again.status, again.stdout]).toEqual([0, expect.stringContaining("nothing to remove")]);
    expect(origin.names()).toContain(patch(second, third));
  });

  test("VFY-16, VFY-15: what is right is no news, and none of it foreign", async () => {
    await using origin = await packed();
    const { status, stderr } = await origin.run(program, "verify", "origin");
    expect([status, stderr]).toEqual([
      0,
      "tako: warning: the signature of the manifest was not checked: that takes --public-key\n",
    ]);
  });

  test.each<[string, (origin: Origin) => string, string]>([
    [
      "a frame of another image",
      (origin) => {
        const name = `${newest.digest}.zst`;
        const bytes = readFileSync(origin.path(name));
        bytes[bytes.length - 100] = (bytes.at(-100) ?? 0) + 1;
        return overwrite(origin, name, bytes);
      },
      "it does not make the image",
    ],
    [
      "a patch of another image",
      (origin) => {
        const name = patch(third, newest);
        const bytes = readFileSync(origin.path(name));
        bytes[bytes.length - 30] = (bytes.at(-30) ?? 0) + 1;
        return overwrite(origin, name, bytes);
      },
      "it does not make the image",
    ],
    [
      "a frame that is shorter than the list says",
      (origin) => {
        chmodSync(origin.path(`${newest.digest}.zst`), 0o644);
        truncateSync(origin.path(`${newest.digest}.zst`), 1000);
        return `${newest.digest}.packed`;
      },
      `${newest.digest}.zst is not there, or not with this size`,
    ],
    [
      "a list that hosts refuse",
      (origin) => overwrite(origin, `${newest.digest}.packed`, Buffer.from("Tako Packed 2\n")),
      'the list of packed files is damaged: expected "Tako Packed 1"',
    ],
  ])("VFY-16: %s is an error", async (_, harm, message) => {
    await using origin = await packed();
    const name = harm(origin);
    const { status, stderr } = await origin.run(program, "verify", "origin");
    expect(status).toBe(74);
    expect(stderr).toContain(`${name}: ${message}\n`);
  });

  test("VFY-16: of an image that is damaged itself its packed files are not looked at", async () => {
    await using origin = await packed();
    overwrite(origin, newest.digest, Buffer.from(newest.content, "latin1").fill(0, 0, 1000));
    overwrite(origin, `${newest.digest}.zst`, Buffer.alloc(10));
    const { status, stderr } = await origin.run(program, "verify", "origin");
    expect(status).toBe(74);
    expect(stderr).toContain(`${newest.digest}: the image of ${newest.version} `);
    expect(stderr).not.toContain(".packed");
    expect(stderr).not.toContain(".patch");
  });

  test("SRV-16: they are served, in parts too, with a tag that is another one for another file", async () => {
    await using origin = await packed();
    using host = createHost();
    await using serving = await serve(program, [origin.directory]);
    const tags: (string | undefined)[] = [];
    for (const name of [`${newest.digest}.packed`, `${newest.digest}.zst`, patch(third, newest)]) {
      const bytes = readFileSync(origin.path(name));
      const whole = await curl(host, `${serving.url}/store/${name}`);
      expect([whole.status, whole.fields["content-length"]]).toEqual([200, `${bytes.length}`]);
      const part = await curl(host, "-r", "0-3", `${serving.url}/store/${name}`);
      expect([part.status, part.fields["content-range"]]).toEqual([
        206,
        `bytes 0-3/${bytes.length}`,
      ]);
      overwrite(origin, name, bytes.subarray(1));
      const other = await curl(host, `${serving.url}/store/${name}`);
      tags.push(whole.fields["etag"], other.fields["etag"]);
    }
    expect(new Set(tags).size).toBe(6);
    expect(tags[0]).toMatch(/^"[^"]+"$/);
    expect((await curl(host, `${serving.url}/store/.${newest.digest}.zst.new`)).status).toBe(404);
  });
});

/** @returns the name */
function overwrite(origin: Origin, name: string, bytes: Uint8Array): string {
  rmSync(origin.path(name));
  writeFileSync(origin.path(name), bytes);
  return name;
}
