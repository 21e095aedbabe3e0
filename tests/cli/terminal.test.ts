// What people see at a terminal: colour and progress bars (CLI-21, CLI-22). The program runs in a
// pseudo-terminal, and a small screen works out what is on it.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { createHost, emptyHost, type Host } from "../support/host.ts";
import { environment, exitStatus, type Program, programs } from "../support/program.ts";
import { key, sha256sumOfFile } from "../support/publishing.ts";

const COLUMNS = 78;
const ESC = "\x1b";

interface Terminal {
  /** Everything that was written to it. */
  readonly written: string;
  /** Waits until the screen's lines pass. */
  until(pass: (lines: readonly string[]) => boolean): Promise<void>;
  press(keys: string): void;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<number>;
}

function runInTerminal(
  program: Program,
  args: readonly string[],
  cwd: string,
  env = {},
  size = `cols ${COLUMNS} rows 24`,
): Terminal {
  const decoder = new TextDecoder();
  let written = "";
  const closed = Promise.withResolvers<void>();
  // Bun gives no terminal a size of 0, stty does.
  const words = ["sh", "-c", `stty ${size} && exec "$@"`, "sh", ...program.command(args)];
  const child = Bun.spawn(words, {
    cwd,
    env: environment({ TERM: "xterm", ...env }),
    terminal: {
      cols: COLUMNS,
      rows: 24,
      data(_terminal, bytes) {
        written += decoder.decode(bytes, { stream: true });
      },
      exit: () => closed.resolve(),
    },
  });
  return {
    get written() {
      return written;
    },
    async until(pass) {
      while (!pass(screen(written))) {
        if (child.exitCode !== null) throw new Error(`it has ended: ${written}`);
        await Bun.sleep(20);
      }
    },
    press: (keys) => child.terminal?.write(keys),
    kill: (signal) => child.kill(signal),
    ended: child.exited.then(async () => {
      // What it wrote last may still be on its way.
      await closed.promise;
      child.terminal?.close();
      return exitStatus(child);
    }),
  };
}

/** The lines on a screen that is never too narrow, after what the program writes; no colours. */
function screen(written: string): string[] {
  const lines = [""];
  let row = 0;
  const parts = new RegExp(`${ESC}\\[\\??(\\d*)([A-Za-z])|\\n|[^${ESC}\\n\\r]+`, "g");
  for (const [part, number, letter] of written.matchAll(parts)) {
    if (letter === "A") row -= Number(number || 1);
    else if (letter === "K") lines[row] = "";
    // It clears at the start of a line only.
    else if (letter === "J") lines.splice(row, Infinity, "");
    else if (part === "\n") lines[++row] ??= "";
    else if (letter === undefined) lines[row] += part;
  }
  return lines;
}

/** Serves an origin whose images come half, and the rest when `release` is called. */
function slowOrigin(host: Host) {
  const { promise, resolve: release } = Promise.withResolvers<void>();
  const server = Bun.serve({
    port: 0,
    idleTimeout: 0,
    async fetch({ url }) {
      const bytes = await Bun.file(host.at("origin", new URL(url).pathname)).bytes();
      if (!url.includes("/store/")) return new Response(bytes);
      const half = Math.floor(bytes.length / 2);
      async function* body() {
        yield bytes.subarray(0, half);
        await promise;
        yield bytes.subarray(half);
      }
      return new Response(body(), { headers: { "Content-Length": String(bytes.length) } });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    release,
    [Symbol.dispose]: () => server.stop(true),
  };
}

for (const program of programs) {
  describe(program.name, () => {
    test("CLI-21: downloads show a bar each, and nothing is left of them", async () => {
      using host = emptyHost();
      const image = "x".repeat(200_000);
      host.publish(["1.2", image]);
      using origin = slowOrigin(host);
      const one = host.config("one", { Origin: origin.url });
      const two = host.config("two", { Origin: origin.url });
      const terminal = runInTerminal(program, ["fetch", one, two], host.folder);
      const bars = (lines: readonly string[]) => lines.filter((line) => line.includes("%"));
      await terminal.until(
        (lines) => bars(lines).filter((bar) => bar.includes(" 50%")).length === 2,
      );

      const during = screen(terminal.written);
      expect(
        bars(during)
          .map((bar) => bar.split(" [")[0])
          .sort(),
      ).toEqual(["one.tako 1.2", "two.tako 1.2"]);
      expect(bars(during)[0]).toMatch(/ \[#{12}-{12}\] +50% +100 kB of 200 kB/);
      // Below the messages, and above the line where the cursor rests.
      expect(during.slice(-3, -1)).toEqual(bars(during));
      expect(during.at(-1)).toBe("");

      origin.release();
      expect(await terminal.ended).toBe(0);
      const after = screen(terminal.written);
      expect(bars(after)).toEqual([]);
      expect(after.slice(0, -1).sort()).toEqual(
        [one, two]
          .flatMap((config) => [
            `${config}: updated to 1.2`,
            `tako: ${config}: activated 1.2`,
            `tako: ${config}: downloaded 1.2, 200 kB, verified`,
            `tako: ${config}: new manifest, 1 version`,
          ])
          .sort(),
      );
    });

    test("VFY-7: an image that is being read has a bar, and nothing is left of it", async () => {
      using host = createHost();
      const big = host.at("big");
      writeFileSync(big, "");
      truncateSync(big, 400_000_000);
      const digest = sha256sumOfFile(big);
      host.install({ published: [`1.0 400000000 ${digest}`], store: [] });
      mkdirSync(host.path("store"));
      renameSync(big, host.path(`store/${digest}`));
      const terminal = runInTerminal(program, ["verify", "app.tako"], host.folder);
      expect(await terminal.ended).toBe(0);
      expect(terminal.written).toMatch(/app\.tako 1\.0 \[[#-]{24}\] +\d+% +[\d.]+ MB of 400 MB/);
      const left = screen(terminal.written).filter((line) => line.includes("%"));
      expect(left).toEqual([]);
    });

    test.each([
      [
        "CLI-29: 0 columns and rows are 80 by 24",
        "cols 0 rows 0",
        /app\.tako 1\.2 \[#{12}-{12}\] +50% +100 kB of 200 kB/,
      ],
      [
        "CLI-28: on 20 columns the path gives way, not the version",
        "cols 20 rows 24",
        /^1\.2 \[####----\] {2}50%$/,
      ],
    ])("%s", async (_, size, expected) => {
      using host = emptyHost();
      host.publish(["1.2", "x".repeat(200_000)]);
      using origin = slowOrigin(host);
      const args = ["fetch", host.config("app", { Origin: origin.url })];
      const terminal = runInTerminal(program, args, host.folder, {}, size);
      await terminal.until((lines) => lines.some((line) => line.includes(" 50%")));
      const bar = screen(terminal.written).find((line) => line.includes(" 50%"));
      expect(bar).toMatch(expected);
      origin.release();
      expect(await terminal.ended).toBe(0);
    });

    test("PUB-79, PUB-70: a store shows a bar, and begins a manifest for who sees its warning", async () => {
      using host = emptyHost();
      host.write("image", "x".repeat(200_000));
      const fifo = host.at("fifo");
      Bun.spawnSync(["mkfifo", fifo]);
      const script = "exec >fifo; head -c 100000 image; read -r go; tail -c 100000 image";
      const writer = Bun.spawn(["sh", "-c", script], { cwd: host.folder, stdin: "pipe" });
      const args = ["store", "-o", "origin", "--size", "200000", "fifo", "1.2"];
      const env = { TAKO_SECRET_KEY: key.secret };
      const terminal = runInTerminal(program, args, host.folder, env);
      await terminal.until((lines) => lines.some((line) => line.includes(" 50%")));
      expect(screen(terminal.written).at(-2)).toMatch(
        /^1\.2 \[#{12}-{12}\] +50% +100 kB of 200 kB/,
      );
      writer.stdin.write("go\n");
      await writer.stdin.end();
      expect(await terminal.ended).toBe(0);
      const [warning, ...rest] = screen(terminal.written);
      expect(warning).toContain("warning: starting a new manifest");
      expect(rest).toEqual([expect.stringMatching(/^1\.2 -> [0-9a-f]{64}$/), ""]);

      // A bar does not outlive an error either.
      host.write("other", "y".repeat(200_000));
      const wrong = ["store", "-o", "origin", "--size", "3", "other", "1.3"];
      const refused = runInTerminal(program, wrong, host.folder, env);
      expect(await refused.ended).toBe(65);
      expect(screen(refused.written)[0]).toContain("other: the image has another size");
      expect(screen(refused.written).join()).not.toContain("%");
    });

    test("CLI-21: a bar moves on as often as its download does, and stays below the messages of others", async () => {
      using host = emptyHost();
      host.publish(["1", "x".repeat(200_000)]);
      const [moved, other, ended] = [0, 1, 2].map(() => Promise.withResolvers<void>());
      using server = Bun.serve({
        port: 0,
        idleTimeout: 0,
        async fetch({ url }) {
          const { pathname } = new URL(url);
          const bytes = await Bun.file(
            host.at("origin", pathname.replace(/^.(one|two)/, "")),
          ).bytes();
          if (pathname.startsWith("/two")) await other!.promise;
          if (pathname.startsWith("/two") || pathname.endsWith("/manifest"))
            return new Response(bytes);
          async function* body() {
            yield bytes.subarray(0, 50_000);
            await moved!.promise;
            yield bytes.subarray(50_000, 100_000);
            await ended!.promise;
            yield bytes.subarray(100_000);
          }
          return new Response(body(), { headers: { "Content-Length": String(bytes.length) } });
        },
      });
      const [one, two] = ["one", "two"].map((name) =>
        host.config(name, { Origin: `${server.url}${name}` }),
      );
      const terminal = runInTerminal(program, ["fetch", one!, two!], host.folder);
      const shows = (text: string) => (lines: readonly string[]) =>
        lines.some((line) => line.includes(text));
      await terminal.until(shows(" 25%"));
      moved!.resolve();
      await terminal.until(shows(" 50%"));
      // What is told would show the bar as it stands, too.
      expect(terminal.written).not.toContain("trying again");
      other!.resolve();
      await terminal.until(shows("two.tako: activated 1"));
      const during = screen(terminal.written);
      expect(during.filter((line) => line.includes("%"))).toHaveLength(1);
      ended!.resolve();
      expect(await terminal.ended).toBe(0);
      expect(screen(terminal.written).filter((line) => line.includes("%"))).toEqual([]);
    });

    test.each([
      ["Ctrl-C", 130, (terminal: Terminal) => terminal.press("\x03")],
      ["SIGTERM", 143, (terminal: Terminal) => terminal.kill("SIGTERM")],
    ])("CLI-21, CLI-44, CLI-52: %s says what is kept, below the bars", async (_, status, end) => {
      using host = emptyHost();
      host.publish(["1", "x".repeat(200_000)]);
      using origin = slowOrigin(host);
      const args = ["fetch", host.config("app", { Origin: origin.url })];
      const terminal = runInTerminal(program, args, host.folder);
      await terminal.until((lines) => lines.some((line) => line.includes(" 50%")));
      end(terminal);
      expect(await terminal.ended).toBe(status);
      expect(screen(terminal.written).slice(-3)).toEqual([
        expect.stringContaining(" 50%"),
        "tako: app.tako: interrupted; 100 kB of 200 kB are kept, and the next run goes on from there",
        "",
      ]);
      const [partialName = ""] = readdirSync(host.at("app/store"));
      expect(statSync(host.at("app/store", partialName)).size).toBe(100_000);
    });

    test.each([
      ["--json", ["--json"], {}],
      ["TERM=dumb", [], { TERM: "dumb" }],
    ])("CLI-21: there is no bar with %s", async (_, words, env) => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      const args = ["fetch", ...words, host.config("app")];
      const terminal = runInTerminal(program, args, host.folder, env);
      expect(await terminal.ended).toBe(0);
      expect(terminal.written).not.toContain("%");
      expect(terminal.written).not.toContain(ESC);
    });

    test("CLI-22: errors and warnings are in colour, unless NO_COLOR is set", async () => {
      using host = emptyHost();
      host.publish(["1", "bytes"]);
      const args = ["fetch", host.config("app", { Version: "2" }), "nowhere.tako"];
      const coloured = runInTerminal(program, args, host.folder, { NO_COLOR: "" });
      expect(await coloured.ended).toBe(2);
      expect(coloured.written).toContain(`${ESC}[31mtako: nowhere.tako: `);
      expect(coloured.written).toContain(`${ESC}[33mtako: app.tako: `);
      expect(coloured.written).toEndWith(`${ESC}[0m\r\n`);
      for (const env of [{ NO_COLOR: "1" }, { NO_COLOR: "no" }, { TERM: "dumb" }]) {
        const plain = runInTerminal(program, args, host.folder, env);
        expect(await plain.ended).toBe(2);
        expect(plain.written).toContain("nowhere.tako");
        expect(plain.written).not.toContain(`${ESC}[`);
      }
    });

    test("CLI-22: help is in colour, unless NO_COLOR is set", async () => {
      using host = emptyHost();
      const coloured = runInTerminal(program, ["--help"], host.folder);
      await coloured.ended;
      expect(coloured.written).toContain(`${ESC}[`);
      const plain = runInTerminal(program, ["--help"], host.folder, { NO_COLOR: "1" });
      await plain.ended;
      expect(plain.written).toContain("fetch");
      expect(plain.written).not.toContain(`${ESC}[`);
    });
  });
}
