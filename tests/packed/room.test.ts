// A disk that has no room for what packed files take: the image itself comes, if it has room (PCK-52, PCK-56, PCK-59).

import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { canMount, fillUp, mountTmpfs } from "../support/tmpfs.ts";
import type { PackedOrigin } from "./origin.ts";
import {
  expectDone,
  fetched,
  four,
  leave,
  log,
  needed,
  one,
  plain,
  scenes,
  three,
  two,
} from "./scene.ts";

const scene = scenes();

describe.skipIf(needed.missing || !canMount)("room", () => {
  async function hostWith(room: number) {
    const { origin, packed, host: outer } = await scene();
    const stack = new AsyncDisposableStack();
    stack.use(outer);
    const mount = join(outer.folder, "mount");
    mkdirSync(mount);
    const tmpfs = stack.use(await mountTmpfs(mount, 20_000_000));
    const host = outer.withDestination(tmpfs.path);
    host.configure({ Origin: origin.url });
    host.install({ published: [one], latest: one });
    fillUp(host.destination, room);
    return { origin, packed, host, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  test("PCK-52, PCK-59: where there is no room for the frame beside the image, the image itself comes", async () => {
    await using each = await hostWith(four.content.length + 500_000);
    const { origin, packed, host } = each;
    packed.list(four, packed.zst(four));
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(run.of("warning")).toMatchObject([
      {
        message: expect.stringMatching(
          /there is room for \d+ bytes, and \d+ are missing; the image/,
        ),
      },
    ]);
    expect(log(run).slice(1)).toEqual([`${plain} 200 ${four.content.length}`]);
  });

  test("PCK-52: a chain takes room for two images, and no more", async () => {
    const chain = async (packed: PackedOrigin) => [
      await packed.patch(one, two),
      await packed.patch(two, three),
      await packed.patch(three, four),
    ];
    for (const [room, by] of [
      [2 * four.content.length + 300_000, "patch"],
      [2 * four.content.length - 100_000, "image"],
    ] as const) {
      await using each = await hostWith(room);
      const { origin, packed, host } = each;
      packed.list(four, ...(await chain(packed)));
      const run = await fetched(host, origin);
      expectDone(host, run);
      expect(run.of("downloaded")).toMatchObject([{ by }]);
    }
  });

  test("PCK-59: what a network left of a frame goes where the image has no room beside it", async () => {
    await using each = await hostWith(four.content.length + 300_000);
    const { origin, packed, host } = each;
    const frame = packed.zst(four);
    const begun = packed.read(frame).subarray(0, 390_000);
    leave(host, `${four.digest}.part-zst-${packed.size(frame)}`, begun);
    packed.list(four);
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(log(run).slice(1)).toEqual([`${plain} 200 ${four.content.length}`]);
  });

  test("PCK-56, FET-74: what is left for another image makes room", async () => {
    await using each = await hostWith(four.content.length + 400_000);
    const { origin, packed, host } = each;
    leave(host, `${two.digest}.part-zst-390001`, Buffer.alloc(390_000));
    packed.list(four, await packed.patch(one, four));
    const run = await fetched(host, origin);
    expectDone(host, run);
    expect(run.of("downloaded")).toMatchObject([{ by: "patch" }]);
    rmSync(host.path("filler"));
  });
});
