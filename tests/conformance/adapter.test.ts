// Both sides of the adapter protocol: Tako's own adapter answers as spec/adapter.md says, and the suite's
// side gets along with adapters that do anything at all.

import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { adapterCases } from "../../conformance/adapter/cases.ts";
import { AdapterProcess } from "../../conformance/adapter/process.ts";
import { type Ask, judge, question } from "../../conformance/adapter/questions.ts";
import { Failure, NotRun } from "../../conformance/case.ts";
import { answer, answerLines, operations } from "../../src/adapter.ts";

const repository = join(import.meta.dir, "../..");
const ODD = "1.0";
const never = new AbortController().signal;

/** Asks our own operations in this process. Each line is checked against the schema. */
const askHere: Ask = async (op, args) => {
  const request = JSON.stringify({ id: 1, op, ...args });
  const reply = JSON.stringify(await answer(operations, JSON.parse(request)));
  expectValid(op, request, reply);
  const { value, error, line } = JSON.parse(reply);
  return {
    request,
    reply,
    answer: error === undefined ? { value } : { error, line },
    stderr: () => "",
  };
};

const schema = JSON.parse(readFileSync(join(repository, "fixtures/adapter.schema.json"), "utf8"));
const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
ajv.addSchema(schema);
const validate = (part: string, value: unknown): unknown =>
  ajv.validate(`adapter.schema.json${part}`, value) ? [] : ajv.errors;

function expectValid(op: string, request: string, reply: string): void {
  expect(validate(`#/$defs/requests/${op}`, JSON.parse(request))).toEqual([]);
  expect(validate("#/$defs/answer", JSON.parse(reply))).toEqual([]);
  const { value } = JSON.parse(reply);
  if (value !== undefined) expect(validate(`#/$defs/values/${op}`, value)).toEqual([]);
}

describe("Tako's own adapter", () => {
  const cases = adapterCases(askHere);

  test("ADP-5 to ADP-7, ADP-13 to ADP-16, ADP-18, ADP-19: requests and answers of all cases fit the schema", async () => {
    expect(cases.length).toBeGreaterThanOrEqual(1225);
    const seen = new Set<string>();
    const noting: Ask = (op, args, signal) => {
      // Thousands of comparisons would say the same.
      const known = seen.has(op);
      seen.add(op);
      return known && op === "compare"
        ? Promise.reject(new NotRun("seen"))
        : askHere(op, args, signal);
    };
    for (const each of adapterCases(noting)) {
      await each.run(never).catch((error) => expect(error).toBeInstanceOf(NotRun));
    }
    expect([...seen, "hello"].toSorted()).toEqual(Object.keys(operations).toSorted());
  });

  test("ADP-17: a key that was not given has no member, nor has a list that was cleared", async () => {
    const minimal = readFileSync(join(repository, "fixtures/config/minimal.tako"), "utf8");
    const membersOf = async (lines: string): Promise<readonly string[]> => {
      const config = Buffer.from(minimal + lines).toString("base64");
      const { value } = await answer(operations, { id: 1, op: "parse-config", config });
      return Object.keys(value as object);
    };
    const required = ["origin", "publicKeys", "destination", "pattern"];
    expect(await membersOf("")).toEqual(required);
    expect(await membersOf("Restart=a.service\nRestart=\n")).toEqual(required);
    expect(await membersOf("Restart=\nRestart=a.service\n")).toEqual([...required, "restart"]);
    expect(await membersOf("Check=a.service\nCheck=\nOnUpdate=\nMinAge=0\n")).toEqual(required);
    expect(await membersOf("WatchSec=1min\nMinAge=1d\nOnRollback=a.service\n")).toEqual([
      ...required,
      ...["onRollback", "watchMs", "minAgeMs"],
    ]);
  });

  test("ADP-13: the page, the schema and the adapter have the same operations", () => {
    const page = readFileSync(join(repository, "spec/adapter.md"), "utf8");
    const listed = Array.from(page.matchAll(/^\| `([a-z-]+)` \|/gm), ([, op]) => op).slice(1);
    expect(listed).toEqual(Object.keys(schema.$defs.requests));
    expect(listed).toEqual(Object.keys(schema.$defs.values));
    expect(listed.toSorted()).toEqual(Object.keys(operations).toSorted());
  });

  test("ADP-1, ADP-2, ADP-9: a line of answer for a line of request, and the end at the end", async () => {
    const requests = [
      '{"id": 0, "op": "hello", "protocol": 1, "spec": 1}',
      '{"id": 1, "op": "compare", "a": "1.0-rc", "b": "1.0"}',
      '{"op": "match", "id": 2, "pattern": "1*", "version": "1.0", "more": []}',
      '{"id": 3, "op": "parse-version", "text": "\u2028"}',
      '{"id": 4, "op": "fly"}',
      '{"id": 5, "op": "toString"}',
    ];
    const answers = await answersTo(`${requests.join("\n")}\n`);
    expect(answers).toMatchObject([
      { id: 0, value: { name: "tako", protocol: 1 } },
      { id: 1, value: -1 },
      { id: 2, error: "pattern" },
      { id: 3, error: "version" },
      { id: 4, unsupported: true },
      { id: 5, unsupported: true },
    ]);
    expect(await answersTo("")).toEqual([]);
  });

  test("ADP-8: a request of 16 MiB is answered, and one that is longer ends the adapter", async () => {
    const request = '{"id": 1, "op": "compare", "a": "1", "b": "1", "more": ""}';
    const long = (size: number) =>
      `${request.slice(0, -2)}${"x".repeat(size - request.length - 1)}"}\n`;
    expect(long(100)).toHaveLength(100);
    expect(await answersTo(long(16 * 1024 * 1024))).toEqual([{ id: 1, value: 0 }]);
    const longer = answersTo(long(16 * 1024 * 1024 + 1));
    await expect(longer).rejects.toThrow("a line of more than 16777216 bytes");
  });

  test("ADP-1: lines that come in pieces are answered, and bytes without LF at the end are not", async () => {
    const bytes = new TextEncoder().encode(
      '{"id": 1, "op": "parse-pattern", "text": "*"}\n{"id": 2, "op": "é"}\n{"id": 3}',
    );
    for (const size of [1, 7, 46, 1000]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          for (const piece of pieces) controller.enqueue(piece);
          controller.close();
        },
      });
      expect(await answersOf(stream)).toEqual([
        { id: 1, value: { canonical: "*" } },
        { id: 2, unsupported: true },
      ]);
    }
  });

  test.each([
    ["no JSON", "compare 1 2"],
    ["no object", "[]"],
    ["no object", "null"],
    ["a missing argument", '{"id": 1, "op": "compare", "a": "1"}'],
    ["an argument of another type", '{"id": 1, "op": "compare", "a": "1", "b": 2}'],
    ["no base64", '{"id": 1, "op": "decode", "manifest": "A", "keys": []}'],
    ["keys that are no list", '{"id": 1, "op": "decode", "manifest": "", "keys": {}}'],
    ["an entry that is none", '{"id": 1, "op": "insert", "entries": [], "entry": 1}'],
    [
      "a size that is none",
      '{"id": 1, "op": "insert", "entries": [], "entry": {"version": "1", "size": -1, "digest": ""}}',
    ],
  ])("ADP-4: %s is answered, and the next request, too", async (_, request) => {
    const answers = await answersTo(`${request}\n{"id": 2, "op": "compare", "a": "1", "b": "1"}\n`);
    expect(answers).toMatchObject([{ error: "usage" }, { id: 2, value: 0 }]);
  });

  function answersTo(requests: string): Promise<readonly unknown[]> {
    return answersOf(new Blob([requests]).stream());
  }

  async function answersOf(requests: ReadableStream<Uint8Array>): Promise<readonly unknown[]> {
    let written = "";
    const write = (line: string) => {
      written += line;
    };
    await answerLines(operations, requests, write);
    return written
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  }
});

describe("the judgement of answers", () => {
  const answering = (answers: Readonly<Record<string, object>>): Ask => {
    return async (op) => {
      const { unsupported } = { unsupported: undefined, ...answers[op] };
      const given = unsupported ? { unsupported: true as const } : { value: 0, ...answers[op] };
      return { request: "", reply: "", answer: given, stderr: () => "" };
    };
  };
  const verdict = (
    answers: Readonly<Record<string, object>>,
    ...questions: Parameters<typeof judge>[0]
  ) =>
    judge(questions, answering(answers), never).then(
      () => "passed",
      (error) => `${error.name}: ${error.message}`,
    );
  const refused = question("decode", {}, { error: "manifest", line: 3 });

  test("ADP-6: a line is judged where it is given", async () => {
    const asked = async (reply: object) => {
      const ask: Ask = async () => ({
        request: "",
        reply: "",
        answer: { error: "manifest", ...reply },
        stderr: () => "",
      });
      return await judge([refused], ask, never).then(
        () => "passed",
        ({ message }) => message.split("\n"),
      );
    };
    expect(await asked({ line: 3 })).toBe("passed");
    expect(await asked({})).toBe("passed");
    expect(await asked({ line: 2 })).toEqual([
      "decode {}",
      'expected error "manifest" on line 3',
      'got error "manifest" on line 2',
    ]);
    expect(await asked({ line: "3" })).toHaveLength(3);
    expect(await asked({ error: "signature" })).toHaveLength(3);
  });

  test("ADP-16: a value has no other members", async () => {
    const asked = question("parse-pattern", {}, { value: { canonical: "*" } });
    expect(await verdict({ "parse-pattern": { value: { canonical: "*" } } }, asked)).toBe("passed");
    expect(
      await verdict({ "parse-pattern": { value: { canonical: "*", form: "any" } } }, asked),
    ).toContain("got");
  });

  test("CNF-7: what is not offered is left out, and a case without anything else is skipped", async () => {
    const none = { unsupported: true };
    const one = question("compare", {}, { value: 0 });
    const two = question("parse-version", {}, { value: 0 });
    expect(await verdict({ "parse-version": none }, one, two)).toBe("passed");
    expect(await verdict({ "parse-version": none, compare: none }, one, two)).toBe(
      "Skip: compare, parse-version not offered",
    );
    expect(await verdict({ compare: none, "parse-version": { value: 1 } }, one, two)).toStartWith(
      "Failure: parse-version",
    );
  });
});

describe("an adapter that is odd", () => {
  const adapters: AdapterProcess[] = [];
  afterEach(async () => {
    await Promise.all(adapters.splice(0).map((adapter) => adapter.close()));
  });

  function start(habit: string, patienceMs = 600_000): AdapterProcess {
    const script = join(import.meta.dir, "odd-adapter.ts");
    const adapter = new AdapterProcess([process.execPath, script, habit], patienceMs);
    adapters.push(adapter);
    return adapter;
  }

  /** What a failure says; a failure there must be. */
  async function failure(work: Promise<unknown>): Promise<Failure> {
    const ended = await work.then(
      () => new Error("it did not fail"),
      (error: unknown) => error,
    );
    if (ended instanceof Failure) return ended;
    throw ended;
  }

  const soon = () => AbortSignal.timeout(60_000);
  const same = (adapter: AdapterProcess) => adapter.ask("compare", { a: "1", b: ODD }, soon());
  const odd = (adapter: AdapterProcess, signal = soon()) =>
    adapter.ask("compare", { a: "odd", b: ODD }, signal);

  test.each([
    ["exit", "compare: the adapter ended with status 1"],
    ["crash", "compare: the adapter was ended by SIGSEGV"],
    ["endless-line", "compare: the answer is a line of more than 16777216 bytes (ADP-8)"],
    ["endless-lines", "compare: more than one line for one request (ADP-2): "],
    ["two-lines", 'compare: more than one line for one request (ADP-2): {"id":2,"value":0}'],
    ["debug-line", "compare: more than one line for one request (ADP-2): comparing"],
    ["wrong-id", 'compare: the answer is not the one to request 2: {"id":3,"value":1}'],
    ["no-id", 'compare: the answer is not the one to request 2: {"value":1}'],
    ["id-as-text", 'compare: the answer is not the one to request 2: {"id":"2","value":1}'],
    ["no-json", "compare: the answer is no JSON object: Traceback (most recent call last):"],
    ["cut-json", "compare: the adapter ended with status 1"],
    ["deep-json", "compare: the answer is no JSON object: "],
    ["long-number", "compare: the answer is no JSON object: "],
    ["no-object", "compare: the answer is not the one to request 2: []"],
    ["not-utf-8", "compare: the answer is not UTF-8 (ADP-1)"],
    ["value-and-error", "compare: expected one of value, error and unsupported"],
    ["nothing", "compare: expected one of value, error and unsupported"],
    ["escape-sequence", "compare: the answer is no JSON object: \\u{1b}[2J"],
    ["close-output", "compare: the adapter closed its output"],
  ])(
    "ADP-11, CNF-10, CNF-13: %s fails one case, and the next one passes",
    async (habit, reason) => {
      const adapter = start(habit);
      expect((await same(adapter)).answer).toEqual({ value: 0 });
      expect((await failure(odd(adapter))).message).toStartWith(reason);
      expect((await same(adapter)).answer).toEqual({ value: 0 });
    },
  );

  test.each(["hang", "leave-child"])("CNF-11: %s is killed at the time-out", async (habit) => {
    const adapter = start(habit);
    await same(adapter);
    const limit = new AbortController();
    const asking = failure(odd(adapter, limit.signal));
    setTimeout(() => limit.abort(), 200);
    expect((await asking).message).toStartWith(
      'compare: no answer before the time-out\nrequest: {"id":2,"op":"compare","a":"odd","b":"1.0"}',
    );
    expect((await same(adapter)).answer).toEqual({ value: 0 });
  });

  test("CNF-11: nothing is asked after the time-out", async () => {
    const adapter = start("none");
    await same(adapter);
    const { message } = await failure(adapter.ask("compare", {}, AbortSignal.abort()));
    expect(message).toBe("compare: the time-out came before this request");
    expect((await same(adapter)).answer).toEqual({ value: 0 });
  });

  test("CNF-33: of a request without answer, too, it is known what went to and fro", async () => {
    const { evidence } = await failure(odd(start("no-json")));
    expect(evidence["request"]).toBe('{"id":1,"op":"compare","a":"odd","b":"1.0"}\n');
    expect(new TextDecoder().decode(evidence["reply"] as Uint8Array)).toStartWith("Traceback");
  });

  test("ADP-10, CNF-31: a crash is shown with the request and the end of standard error", async () => {
    const [reason, request, title, ...said] = (await failure(odd(start("exit")))).message.split(
      "\n",
    );
    expect([reason, request, title]).toEqual([
      "compare: the adapter ended with status 1",
      'request: {"id":1,"op":"compare","a":"odd","b":"1.0"}',
      "standard error:",
    ]);
    expect(said.length).toBeLessThanOrEqual(8);
    expect(said.join("\n")).toContain("out of luck");
  });

  test("ADP-10, CNF-33: much on standard error is no fault, and its end is kept", async () => {
    const exchange = await odd(start("loud-stderr"));
    expect(exchange.answer).toEqual({ value: 5 });
    while (!exchange.stderr().endsWith("the last words\n")) await Bun.sleep(5);
    expect(exchange.stderr().length).toBeLessThanOrEqual(4096);
  });

  test("CNF-12: an adapter that never answers is given up", async () => {
    const adapter = start("hang", 300);
    for (let tries = 0; tries < 3; tries++) {
      const ended = await odd(adapter, AbortSignal.timeout(200)).catch((error) => error);
      if (ended instanceof NotRun) break;
      expect(ended).toBeInstanceOf(Failure);
    }
    await expect(same(adapter)).rejects.toThrow(NotRun);
  });

  test.each([
    ["mute", "hello: no answer within 0.3 s: is its output flushed after each line? (ADP-2)"],
    ["broken", "hello: the adapter ended with status 1"],
    ["other-protocol", "hello: the adapter speaks another protocol than 1 (ADP-12)"],
    ["no-hello", "hello: hello must be answered"],
  ])("ADP-12, CNF-14: %s does not start", async (habit, reason) => {
    const timeoutMs = habit === "mute" ? 300 : 60_000;
    const { message, evidence } = await failure(start(habit).hello(timeoutMs));
    expect(message).toStartWith(reason);
    if (habit === "broken") expect(evidence["stderr"]).toContain("libtako.so");
  });

  test("CNF-14: nor does a program that does not exist", async () => {
    const adapter = new AdapterProcess(["/nonexistent/adapter"], 1000);
    expect((await failure(adapter.hello(60_000))).message).toContain("/nonexistent/adapter");
  });
});
