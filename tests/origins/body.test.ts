// A body on its way into a sink, from a source that gives what a test wants.

import { expect, test } from "bun:test";
import { bodyFrom, type Sink } from "../../src/shell/origin/body.ts";

/** Gives these chunks and then ends, or fails. */
function source(chunks: readonly string[], failure?: Error) {
  const left = [...chunks];
  const state = { asked: 0, stopped: 0 };
  return {
    state,
    async read() {
      state.asked++;
      const chunk = left.shift();
      if (chunk !== undefined) return Buffer.from(chunk);
      if (failure !== undefined) throw failure;
      return undefined;
    },
    async stop() {
      await Bun.sleep(1);
      state.stopped++;
    },
  };
}

/** Is slow, and wants one chunk at a time. */
function slowSink() {
  const taken: string[] = [];
  let isBusy = false;
  const sink: Sink = {
    async write(chunk) {
      expect(isBusy).toBe(false);
      isBusy = true;
      await Bun.sleep(1);
      taken.push(Buffer.from(chunk).toString());
      isBusy = false;
    },
  };
  return { sink, taken };
}

test("ORG-27: as many bytes as the limit are all taken, and the request is ended", async () => {
  const { sink, taken } = slowSink();
  const from = source(["abc", "de"]);
  expect(await bodyFrom(from).into(sink, 5)).toBe("ended");
  expect(taken).toEqual(["abc", "de"]);
  expect(from.state).toEqual({ asked: 3, stopped: 1 });
});

test("ORG-27: a chunk that goes beyond the limit is not taken, nothing behind it is asked for, and the request is ended", async () => {
  const { sink, taken } = slowSink();
  const from = source(["abc", "def", "g"]);
  expect(await bodyFrom(from).into(sink, 5)).toBe("longer");
  expect(taken).toEqual(["abc"]);
  expect(from.state).toEqual({ asked: 2, stopped: 1 });
});

test("ORG-28: what came before a failure is in the sink, and the request is ended", async () => {
  const { sink, taken } = slowSink();
  const cut = new Error("cut");
  const from = source(["abc"], cut);
  await expect(bodyFrom(from).into(sink, 5)).rejects.toBe(cut);
  expect([taken, from.state.stopped]).toEqual([["abc"], 1]);
});

test("DST-28: what the sink throws is thrown, and the request is ended", async () => {
  const full = new Error("full");
  for (const write of [
    () => Promise.reject(full),
    () => {
      throw full;
    },
  ]) {
    const from = source(["abc", "def"]);
    await expect(bodyFrom(from).into({ write }, 6)).rejects.toBe(full);
    expect(from.state).toEqual({ asked: 1, stopped: 1 });
  }
});

test("FET-58: who does not want a body disposes of it, which ends the request", async () => {
  const from = source(["abc"]);
  {
    await using _body = bodyFrom(from);
  }
  expect(from.state).toEqual({ asked: 0, stopped: 1 });
});
