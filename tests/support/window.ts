// A real terminal, tmux, which breaks lines anew when it is resized, and a program in it.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { environment, programs } from "./program.ts";

const [program = programs[0]] = programs.slice(-1);

/** A program in a window of tmux. */
export class Window implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "tako-tmux-"));

  /** @param words of a shell, which stays once they are done */
  static async open(columns: number, words: string, cwd: string): Promise<Window> {
    const window = new Window();
    const size = ["-x", String(columns), "-y", "24"];
    const script = join(window.#folder, "script");
    writeFileSync(script, `${words}\necho "status $?"\nexec sleep 60\n`);
    const start = ["-f", "/dev/null", "new-session", "-d", ...size, "-c", cwd];
    await window.#call(...start, `exec sh ${script}`);
    return window;
  }

  /** The lines on the screen, once they pass. */
  async until(pass: (lines: readonly string[]) => boolean, ...how: string[]): Promise<string[]> {
    for (const deadline = Date.now() + 20_000; ; await Bun.sleep(50)) {
      const lines = (await this.#call("capture-pane", "-p", ...how)).trimEnd().split("\n");
      if (pass(lines)) return lines;
      if (Date.now() > deadline) throw new Error(`on the screen: ${lines.join("\n")}`);
    }
  }

  /** Gives it another size, of which tmux tells the program a little later. */
  async resize(columns: number): Promise<void> {
    await this.#call("resize-window", "-x", String(columns));
    const tty = (await this.#call("display-message", "-p", "#{pane_tty}")).trim();
    const size = () => Bun.spawnSync(["stty", "-F", tty, "size"]).stdout.toString().trim();
    while (size() !== `24 ${columns}`) await Bun.sleep(20);
  }

  /** The lines on the screen once the program has ended, the last with its status. */
  async ended(...how: string[]): Promise<string[]> {
    return await this.until((lines) => /^\S*status \d/m.test(lines.join("\n")), ...how);
  }

  async press(key: string): Promise<void> {
    await this.#call("send-keys", key);
  }

  async #call(...words: readonly string[]): Promise<string> {
    const call = Bun.spawn(["tmux", "-S", join(this.#folder, "socket"), ...words], {
      env: environment({ LC_ALL: "C.UTF-8" }),
      stderr: "pipe",
    });
    const [status, text] = [await call.exited, await call.stdout.text()];
    if (status !== 0) throw new Error(`tmux ${words.join(" ")}: ${await call.stderr.text()}`);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It may have ended by itself, and what failed then is told.
    await this.#call("kill-server").catch(() => {});
    rmSync(this.#folder, { recursive: true });
  }
}

/** The program with these arguments, as a shell takes it. */
export function shellWords(...args: readonly string[]): string {
  const words = program?.command(args) ?? [];
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}
