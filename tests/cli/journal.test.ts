// Entries for systemd's journal, as its own end of the socket gets them: a listener in the journal's place, in a mount
// namespace. The journal itself is asked in tests/systemd/journal.test.ts.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bunFlags } from "../support/bun-flags.ts";
import { needs } from "../support/needs.ts";
import { canMount, mountBy } from "../support/tmpfs.ts";

const { missing } = needs("python3");
const journal = JSON.stringify(join(import.meta.dir, "../../src/shell/journal.ts"));

/** Binds the socket, and tells each datagram as a line. */
const LISTENER = `
import socket
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.bind("/run/systemd/journal/socket")
print("ready", flush=True)
while True:
    print(journal.recv(1 << 20).hex(), flush=True)`;

describe.skipIf(missing || !canMount)("an entry", () => {
  let run: Awaited<ReturnType<typeof mountBy>>;
  beforeAll(async () => {
    run = await mountBy(
      "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && echo mounted && exec sleep 120",
      "/run",
    );
  });
  afterAll(() => run?.[Symbol.asyncDispose]());

  /** @returns whether it was taken, and how many descriptors are open that were not before */
  async function send(fields: string): Promise<unknown> {
    const script = `
      const { readdirSync } = await import("node:fs");
      const { sendToJournal } = await import(${journal});
      const open = () => readdirSync("/proc/self/fd").length;
      sendToJournal({});
      const before = open();
      console.log(JSON.stringify([sendToJournal(${fields}), open() - before]));`;
    const words = run.command([process.execPath, ...bunFlags, "-e", script]);
    return JSON.parse(await Bun.spawn(words, { stdout: "pipe" }).stdout.text());
  }

  test("ACT-131: without the socket, and with one that nobody listens at, it is not taken", async () => {
    expect(await send('{ MESSAGE: "x" }')).toEqual([false, 0]);
    const bind = LISTENER.slice(0, LISTENER.indexOf("print"));
    await Bun.spawn(run.command(["python3", "-c", bind])).exited;
    expect(await send('{ MESSAGE: "x" }')).toEqual([false, 0]);
    await Bun.spawn(run.command(["rm", "/run/systemd/journal/socket"])).exited;
  });

  test("ACT-130, ACT-131: it is one datagram of a line for each field, and not taken where that is too large", async () => {
    await using listener = Bun.spawn(run.command(["python3", "-c", LISTENER]), { stdout: "pipe" });
    const reader = listener.stdout.getReader();
    let told = "";
    const line = async (nth: number) => {
      while (told.split("\n").length <= nth + 1) {
        told += Buffer.from((await reader.read()).value ?? "\n".repeat(9)).toString();
      }
      return Buffer.from(told.split("\n")[nth] ?? "", "hex").toString();
    };
    await line(0);
    expect(await send('{ MESSAGE: "two words", TAKO_UNIT: "ä=b" }')).toEqual([true, 0]);
    expect([await line(1), await line(2)]).toEqual(["", "MESSAGE=two words\nTAKO_UNIT=ä=b\n"]);
    // unix(7): the send buffer limits the size of a datagram.
    const limit = Number(readFileSync("/proc/sys/net/core/wmem_default", "latin1"));
    expect(await send(`{ MESSAGE: "x".repeat(${limit}) }`)).toEqual([false, 0]);
    expect(await send('{ MESSAGE: "next" }')).toEqual([true, 0]);
    expect([await line(3), await line(4), await line(5)]).toEqual(["", "", "MESSAGE=next\n"]);
  });
});
