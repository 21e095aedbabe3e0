// What stands on a real terminal (tmux) while images are downloaded, and after it. Each screen is written here as the
// specification wants it. Those of the other commands are in screens.test.ts.

import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { emptyHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { sha256sum } from "../support/publishing.ts";
import { shellWords, Window } from "../support/window.ts";

const tmux = needs("tmux");

/** Two downloads of which a part is here, and nothing more comes until `goOn` is called: no speed is known. */
function twoDownloads(host: Host) {
  const { promise, resolve: goOn } = Promise.withResolvers<void>();
  const image = "x".repeat(200_000);
  host.publish(["10.0.1", image]);
  const server = Bun.serve({
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const bytes = await Bun.file(host.at("origin", new URL(request.url).pathname)).bytes();
      const [, from] = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "") ?? [];
      if (from === undefined) return new Response(bytes);
      const start = Number(from);
      async function* body() {
        await promise;
        yield bytes.subarray(start);
      }
      const [length, total] = [bytes.length - start, bytes.length];
      return new Response(body(), {
        status: 206,
        headers: {
          "Content-Length": String(length),
          "Content-Range": `bytes ${start}-${total - 1}/${total}`,
        },
      });
    },
  });
  const origin = `http://127.0.0.1:${server.port}`;
  for (const [name, part] of [
    ["app", 50_000],
    ["the-other", 150_000],
  ] as const) {
    host.config(name, { Origin: origin });
    mkdirSync(host.at(name, "store"));
    host.write(`${name}/store/${sha256sum(image)}.partial`, image.slice(0, part));
  }
  const words = shellWords("fetch", "app.tako", "the-other.tako");
  return { words, goOn, [Symbol.dispose]: () => server.stop(true) };
}

const hasBars = (lines: readonly string[]) =>
  [" 25%", " 75%"].every((part) => lines.some((line) => line.includes(part)));

describe.skipIf(tmux.missing)("on a terminal", () => {
  test.each([
    [
      200,
      [
        "app.tako       10.0.1 [######------------------]  25%  50.0 kB of 200 kB",
        "the-other.tako 10.0.1 [##################------]  75%  150 kB of 200 kB",
      ],
    ],
    [
      80,
      [
        "app.tako       10.0.1 [######------------------]  25%  50.0 kB of 200 kB",
        "the-other.tako 10.0.1 [##################------]  75%  150 kB of 200 kB",
      ],
    ],
    [40, ["app.tako     10.0.1 [###---------]  25%", "...ther.tako 10.0.1 [#########---]  75%"]],
    [12, ["10.0.1  25%", "10.0.1  75%"]],
    [8, [" 25%", " 75%"]],
  ])("CLI-28: two downloads on %d columns", async (columns, bars) => {
    using host = emptyHost();
    using downloads = twoDownloads(host);
    await using window = await Window.open(columns, downloads.words, host.folder);
    expect((await window.until(hasBars)).slice(-2).toSorted()).toEqual(bars.toSorted());
    downloads.goOn();
    const lines = await window.ended();
    expect(lines.filter((line) => line.includes("%"))).toEqual([]);
    expect(lines.at(-1)).toBe("status 0");
  });

  test("CLI-50: nothing of a bar stays behind when the terminal becomes narrower and wider again", async () => {
    using host = emptyHost();
    using downloads = twoDownloads(host);
    await using window = await Window.open(80, downloads.words, host.folder);
    await window.until(hasBars);
    await window.resize(40);
    await window.resize(100);
    await window.resize(50);
    downloads.goOn();
    await window.ended();
    await window.resize(200);
    const lines = await window.ended("-S", "-");
    expect(lines.toSorted()).toEqual(
      ["app.tako", "the-other.tako"]
        .flatMap((config) => [
          `tako: ${config}: new manifest, 1 version`,
          `tako: ${config}: downloaded 10.0.1, 200 kB, verified`,
          `tako: ${config}: activated 10.0.1`,
          `${config}: updated to 10.0.1`,
        ])
        .concat("status 0")
        .toSorted(),
    );
  });

  test("CLI-52: Ctrl-C says what is kept", async () => {
    using host = emptyHost();
    using downloads = twoDownloads(host);
    await using window = await Window.open(100, `trap : INT\n${downloads.words}`, host.folder);
    await window.until(hasBars);
    await window.press("C-c");
    const lines = await window.ended();
    expect(lines.slice(-5, -3).every((line) => line.includes("%"))).toBe(true);
    expect(lines.slice(-3).toSorted()).toEqual([
      "status 130",
      "tako: app.tako: interrupted; 50.0 kB of 200 kB are kept, and the next run goes on from there",
      "tako: the-other.tako: interrupted; 150 kB of 200 kB are kept, and the next run goes on from there",
    ]);
  });

  test("CLI-22, CLI-51: an error is red, a warning yellow, and what to do about it dim", async () => {
    using host = emptyHost();
    host.publish(["1.5.0", "bytes"]);
    host.config("app", { Version: "1.5.1" });
    const words = shellWords("fetch", "app.tako", "nowhere.tako");
    const show = async (start: string) => {
      await using window = await Window.open(100, `${start} ${words}`, host.folder);
      return (await window.ended("-e")).slice(0, -1).map((line) => line.trimEnd());
    };
    const [red, yellow, dim] = ["31", "33", "2"].map((code) => `\x1b[${code}m`);
    const missing = "tako: nowhere.tako: cannot read it: no such file or directory";
    const looked = `  Looked for ${host.at("nowhere.tako")}.`;
    const offered = 'tako: app.tako: no version matches "1.5.1"; the newest on offer is 1.5.0';
    const exact = '  "1.5.1" is one exact version; "1.5.1.*" is all that begin with it.';
    // tmux takes back a colour by the code for the usual one.
    const coloured = (await show("")).map((line) => line.replace("\x1b[39m", ""));
    for (const [colour, line] of [
      [red, missing],
      [yellow, offered],
      [dim, looked],
      [dim, exact],
    ])
      expect(coloured).toContain(`${colour}${line}`);
    for (const start of ["NO_COLOR=1", "TERM=dumb"]) {
      const plainLines = await show(start);
      expect(plainLines.join("\n")).not.toContain("\x1b");
      expect(plainLines).toEqual(expect.arrayContaining([missing, offered]));
    }
  });
});
