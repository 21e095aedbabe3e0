// An adapter that answers as Tako's own does, except for the comparison of "odd" with anything: then it
// does what the word on its command line says.

import { writeSync } from "node:fs";
import { LineReader } from "../../conformance/adapter/lines.ts";
import { answer, operations } from "../../src/adapter.ts";

const MEGABYTE = 1_000_000;

/** What it does for the odd request, given its number. */
const habits: Readonly<Record<string, (id: number) => unknown>> = {
  hang: () => Bun.sleep(600_000),
  exit: () => Promise.reject(new Error("out of luck")),
  crash: () => process.kill(process.pid, "SIGSEGV"),
  "endless-line": () => flood(1, "x".repeat(MEGABYTE)),
  "endless-lines": (id) => flood(1, `${`{"id":${id},"value":0}\n`.repeat(MEGABYTE / 20)}`),
  "two-lines": (id) => print(`{"id":${id},"value":1}\n{"id":${id},"value":0}\n`),
  "debug-line": (id) => print(`comparing\n{"id":${id},"value":0}\n`),
  "wrong-id": (id) => print(`{"id":${id + 1},"value":1}\n`),
  "no-id": () => print('{"value":1}\n'),
  "id-as-text": (id) => print(`{"id":"${id}","value":1}\n`),
  "no-json": () => print("Traceback (most recent call last):\n"),
  "cut-json": (id) => {
    print(`{"id":${id},"va`);
    throw new Error("out of luck");
  },
  "deep-json": (id) => {
    print(`{"id":${id},"value":${"[".repeat(7_000_000)}${"]".repeat(7_000_000)}}\n`);
  },
  "long-number": (id) => print(`{"id":${id},"value":${"9".repeat(16_000_000)}}\n`),
  "no-object": () => print("[]\n"),
  "not-utf-8": (id) => writeSync(1, Buffer.from(`{"id":${id},"error":"\xff"}\n`, "latin1")),
  "value-and-error": (id) => print(`{"id":${id},"value":1,"error":"version"}\n`),
  nothing: (id) => print(`{"id":${id}}\n`),
  "escape-sequence": () => print("\x1b[2J\n"),
  "close-output": async () => {
    const { closeSync } = await import("node:fs");
    closeSync(1);
    await Bun.sleep(600_000);
  },
  "leave-child": () => {
    Bun.spawn(["sleep", "9"], { stdio: ["inherit", "inherit", "inherit"], detached: true });
    throw new Error("out of luck");
  },
  "loud-stderr": (id) => {
    flood(2, "e".repeat(MEGABYTE));
    writeSync(2, "the last words\n");
    print(`{"id":${id},"value":5}\n`);
  },
};

const [habit = ""] = process.argv.slice(2);
if (habit === "mute") await Bun.sleep(600_000);
if (habit === "broken") throw new Error("cannot load \x1b[31mlibtako.so\x1b[0m");

const lines = new LineReader(Bun.stdin.stream());
for (let line = await lines.read(); line !== undefined; line = await lines.read()) {
  const request = JSON.parse(new TextDecoder().decode(line));
  if (habit === "other-protocol" && request.op === "hello") {
    print(`{"id":${request.id},"value":{"name":"x","version":"1","protocol":2}}\n`);
  } else if (habit === "no-hello" && request.op === "hello") {
    print(`{"id":${request.id},"unsupported":true}\n`);
  } else if (request.a === "odd") {
    await habits[habit]?.(request.id);
  } else {
    print(`${JSON.stringify(await answer(operations, request))}\n`);
  }
}

function print(text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) done += writeSync(1, bytes, done);
}

/** Writes a hundred times: 100 MB of a megabyte. */
function flood(descriptor: 1 | 2, piece: string): void {
  const bytes = Buffer.from(piece);
  for (let count = 0; count < 100; count++) {
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
  }
}
