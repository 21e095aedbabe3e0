// What stands on a real terminal (tmux) while images are read that are here already: by verify and status, whose disk strace
// makes slow, and by store, whose image comes from a pipe.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { emptyHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { sources } from "../support/program.ts";
import { bigImage, key, sha256sumOfFile } from "../support/publishing.ts";
import { shellWords, Window } from "../support/window.ts";

const missing = needs("tmux", "strace").missing;

const MIB = 1024 * 1024;
/** Of which the program reads 1 MiB at a time. */
const SIZE = 4 * MIB;
const image = bigImage("10.0.1", SIZE);

/** What stands for a quarter, without a speed, of which nothing is known yet. */
const BARS = [
  [200, "the-database.tako 10.0.1 [######------------------]  25%  1.0 MB of 4.2 MB"],
  [80, "the-database.tako 10.0.1 [######------------------]  25%  1.0 MB of 4.2 MB"],
  [40, "...base.tako 10.0.1 [###---------]  25%"],
] as const;

const AGAIN = "tako: interrupted; the next run reads anew what this one has read";

describe.skipIf(missing)("while images are read", () => {
  let host: Host;

  beforeAll(() => {
    host = emptyHost();
    host.config("the-database");
    host.withDestination(host.at("the-database")).install({ published: [image], latest: image });
  });

  afterAll(() => host[Symbol.dispose]());

  /** The program with a disk that takes so long for each read of the image. */
  const slowly = (ms: number, ...args: readonly string[]) => {
    const path = host.at("the-database/store", image.digest);
    const delay = `-e trace=read,pread64 -e inject=read,pread64:delay_enter=${ms * 1000}`;
    return `strace -f -qq -o /dev/null -P ${path} ${delay} ${shellWords(...args)}`;
  };
  const hasQuarter = (lines: readonly string[]) => lines.some((line) => line.includes(" 25%"));

  test.each(BARS)("VFY-7, CLI-28, CLI-52: verify on %d columns", async (columns, bar) => {
    const words = `trap : INT\n${slowly(1500, "verify", "the-database.tako")}`;
    await using window = await Window.open(columns, words, host.folder);
    expect(await window.until(hasQuarter)).toEqual([bar]);
    await window.press("C-c");
    // strace tells that it was in the middle of a delay.
    const lines = (await window.ended("-J")).filter((line) => !line.startsWith("strace: "));
    // By then the bar may have moved on.
    expect(lines).toEqual([expect.stringContaining("%"), AGAIN, "status 130"]);
  });

  test.each([
    [["verify"], ["the-database.tako: 1 image, 4.2 MB, whole; 10.0.1 is in use"]],
    [
      ["status", "--verify"],
      [
        "NAME               IN USE  ALLOWED  CHECKED",
        "the-database.tako  10.0.1  10.0.1     never",
        "  current",
      ],
    ],
  ])(
    "CLI-50, STS-7: nothing of the bar of %j stays behind on another size, while it moves",
    async (args, result) => {
      // As below a prompt: what tmux moves off a screen that begins with a bar, nobody can take back.
      const above = ["one", "two", "three"];
      const words = `echo '${above.join("\n")}'\n${slowly(400, ...args, "the-database.tako")}`;
      await using window = await Window.open(80, words, host.folder);
      await window.until(hasQuarter);
      for (const columns of [40, 100, 50]) await window.resize(columns);
      await window.ended();
      await window.resize(200);
      const lines = await window.ended("-S", "-");
      expect(lines).toEqual([...above, ...result, "status 0"]);
    },
  );

  test("CLI-55: what takes long is told once without a bar, to people who want to hear of it", async () => {
    const TOLD = "tako: the-database.tako: verifying 10.0.1, 4.2 MB";
    const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ["TERM=dumb", ["verify"], [TOLD]],
      ["TERM=dumb", ["status", "--verify"], [TOLD]],
      ["TERM=dumb", ["verify", "--quiet"], []],
      ["TERM=dumb", ["verify", "--json"], []],
      ["TERM=dumb", ["status", "--verify", "--format=nagios"], []],
    ];
    await Promise.all(
      cases.map(async ([start, words, told]) => {
        const run = slowly(800, ...words, "the-database.tako");
        await using window = await Window.open(200, `export ${start}\n${run}`, host.folder);
        const lines = await window.ended();
        expect(lines.at(-1)).toBe("status 0");
        const found = lines.filter((line) => /verifying|%/.test(line) && !line.startsWith("TAKO"));
        expect([words, found]).toEqual([words, [...told]]);
      }),
    );
  });
});

describe.skipIf(needs("tmux").missing)("while an image is stored", () => {
  /**
   * An image in a pipe, of which half comes, and the rest when `goOn` is called.
   *
   * @param behind words of a shell that run the program
   */
  function halfAnImage(behind = "") {
    const host = emptyHost();
    host.write("image", "x".repeat(200_000));
    Bun.spawnSync(["mkfifo", host.at("fifo")]);
    const script = "exec >fifo; head -c 100000 image; read -r go; tail -c 100000 image";
    const writer = Bun.spawn(["sh", "-c", script], {
      cwd: host.folder,
      stdin: "pipe",
      stderr: "ignore",
    });
    host.write("secret.key", `${key.secret}\n`);
    const store = ["store", "--new", "-f", "secret.key", "-o", "origin", "--size", "200000"];
    return {
      host,
      store,
      words: `chmod 600 secret.key\n${behind}${shellWords(...store, "fifo", "10.0.1")}`,
      async goOn() {
        writer.stdin.write("go\n");
        await writer.stdin.end();
      },
      [Symbol.dispose]() {
        writer.kill();
        host[Symbol.dispose]();
      },
    };
  }

  const WARNING =
    "tako: warning: starting a new manifest, origin/manifest: hosts that know an earlier one will refuse it";
  const hasHalf = (lines: readonly string[]) => lines.some((line) => line.includes(" 50%"));

  test.each([
    [200, "10.0.1 [############------------]  50%  100 kB of 200 kB"],
    [80, "10.0.1 [############------------]  50%  100 kB of 200 kB"],
    [40, "10.0.1 [############------------]  50%"],
    [12, "10.0.1  50%"],
  ])("PUB-79, CLI-28: store on %d columns", async (columns, bar) => {
    using half = halfAnImage();
    await using window = await Window.open(columns, half.words, half.host.folder);
    // A speed may be known after the second chunk of the pipe.
    const shown = (await window.until(hasHalf)).at(-1)?.replace(/ {2}[\d.]+ \wB\/s.*$/, "");
    expect(shown).toBe(bar);
    await half.goOn();
    const digest = sha256sumOfFile(half.host.at("image"));
    expect(await window.ended("-J")).toEqual([WARNING, `10.0.1 -> ${digest}`, "status 0"]);
  });

  test("CLI-50: nothing of the bar of a store stays behind on another size", async () => {
    using half = halfAnImage();
    await using window = await Window.open(80, half.words, half.host.folder);
    await window.until(hasHalf);
    for (const columns of [40, 100, 50]) await window.resize(columns);
    await half.goOn();
    await window.ended();
    await window.resize(200);
    const digest = sha256sumOfFile(half.host.at("image"));
    expect(await window.ended("-S", "-")).toEqual([WARNING, `10.0.1 -> ${digest}`, "status 0"]);
  });

  test("CLI-50: nothing of the bar of a store stays behind when it is stopped", async () => {
    using half = halfAnImage();
    const words = `set -m\n${half.words}\necho "stopped $?"\nfg`;
    await using window = await Window.open(200, words, half.host.folder);
    await window.until(hasHalf);
    await window.press("C-z");
    // 128 and the number of SIGTSTP.
    const stopped = await window.until((lines) => lines.includes("stopped 148"));
    // The terminal has put ^Z where the cursor was.
    expect(stopped.filter((line) => /%|\^Z/.test(line))).toEqual([]);
    await half.goOn();
    const lines = await window.ended();
    expect(lines.filter((line) => line.includes("%"))).toEqual([]);
    expect(lines.at(-1)).toBe("status 0");
  });

  // Whoever has the rights that it tells of may make namespaces.
  test.skipIf(needs("systemd").missing)(
    "CLI-52, CLI-47: Ctrl-C is heeded by the first process of a container, too",
    async () => {
      using half = halfAnImage("unshare --pid --fork --mount-proc ");
      await using window = await Window.open(80, `trap : INT\n${half.words}`, half.host.folder);
      await window.until(hasHalf);
      await window.press("C-c");
      expect((await window.ended("-J")).slice(-2)).toEqual([AGAIN, "status 130"]);
    },
  );

  test("CLI-52, CLI-44, PUB-11: Ctrl-C publishes nothing, and the next store clears what it left", async () => {
    using half = halfAnImage();
    const { host, store } = half;
    await using window = await Window.open(80, `trap : INT\n${half.words}`, host.folder);
    await window.until(hasHalf);
    await window.press("C-c");
    expect((await window.ended("-J")).slice(-2)).toEqual([AGAIN, "status 130"]);
    const find = () =>
      Bun.spawnSync(["find", "origin", "-type", "f", "-printf", "%P\n"], { cwd: host.folder })
        .stdout.toString()
        .trim()
        .split("\n")
        .toSorted();
    expect(find()).toEqual([".lock", "store/.new"]);
    const { status } = await sources().run([...store, "image", "10.0.1"], { cwd: host.folder });
    expect(status).toBe(0);
    expect(find()).toEqual([".lock", "manifest", `store/${sha256sumOfFile(host.at("image"))}`]);
  });
});
