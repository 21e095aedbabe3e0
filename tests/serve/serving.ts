// `tako serve` of an origin, running as its users start it, and curl as its client.

import { join } from "node:path";
import type { Host } from "../support/host.ts";
import { environment, type Program } from "../support/program.ts";
import { type Image, image, publishTo } from "../support/publishing.ts";

export interface Serving extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** The first line on standard output. */
  readonly first: string;
  /** Ends it by a signal. */
  end(signal?: NodeJS.Signals): Promise<{ status: number; stdout: string; stderr: string }>;
}

/** Ready for requests when it resolves. */
export async function serve(program: Program, words: readonly string[]): Promise<Serving> {
  const child = Bun.spawn(program.command(["serve", ...words]), {
    env: environment(),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const stderr = child.stderr.text();
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  let stdout = "";
  const read = async () => {
    const { done, value } = await reader.read();
    stdout += decoder.decode(value);
    return !done;
  };
  while (!stdout.includes("\n")) {
    if (!(await read())) throw new Error(`it ended: ${await stderr}`);
  }
  const [first = ""] = stdout.split("\n");
  const rest = (async () => {
    while (await read());
  })();
  const end = async (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    const status = await child.exited;
    await rest;
    return { status, stdout, stderr: await stderr };
  };
  return {
    first,
    pid: child.pid,
    url: /http:[^"]*/.exec(first)?.[0] ?? "",
    end,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

/** Publishes an image on a host's origin. */
export function published(host: Host, content?: string): Image {
  const one = image("1.0.0", content);
  publishTo(host.originDirectory, [one]);
  return one;
}

/** What a server answers to curl: the status, the header fields by their lower-case names, the body. */
export async function curl(host: Host, ...words: readonly string[]) {
  const headers = join(host.folder, "headers");
  const child = Bun.spawn(
    ["curl", "--silent", "--show-error", "--path-as-is", "-D", headers, ...words],
    { stdout: "pipe", stderr: "pipe" },
  );
  const [body, problem] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(problem);
  const [line = "", ...lines] = host.read("headers").trim().split("\r\n");
  const fields = lines.map((each) => each.split(/: (.*)/s).slice(0, 2) as [string, string]);
  return {
    status: Number(line.split(" ")[1]),
    fields: Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value])),
    body,
  };
}
