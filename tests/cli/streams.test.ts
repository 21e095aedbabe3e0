// Which of the standard streams is a terminal, by a shell at one: each is asked about itself.

import { expect, test } from "bun:test";
import { createHost } from "../support/host.ts";
import { environment, sources } from "../support/program.ts";
import { bigImage, image } from "../support/publishing.ts";

const program = sources();

/** What is on a terminal of 200 columns after a command of a shell, whose "$@" is the program. */
async function shell(script: string, cwd: string): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const words = ["sh", "-c", script, "sh", ...program.command([])];
  const child = Bun.spawn(words, {
    ...{ cwd, env: environment({ TERM: "xterm" }) },
    terminal: {
      ...{ cols: 200, rows: 24 },
      data: (_, bytes) => {
        text += decoder.decode(bytes, { stream: true });
      },
      exit: () => resolve(),
    },
  });
  await child.exited;
  await closed;
  child.terminal?.close();
  return text.replaceAll("\r\n", "\n");
}

test("CLI-20, STS-20: a table is for the terminal of standard output, wherever messages go", async () => {
  using host = createHost();
  const [one] = [image("1.0.0")];
  host.install({ published: [one], latest: one });
  const text = await shell('"$@" status app.tako 2>messages; echo "status $?"', host.folder);
  expect(text).toMatch(/^NAME .* STATE\napp\.tako +1\.0\.0 .*current\nstatus 0\n$/);
  expect(host.read("messages")).toBe("");
});

test("CLI-20, CLI-21: bars are for the terminal of standard error, wherever results go", async () => {
  using host = createHost();
  host.publish(bigImage("1.0.0", 100_000));
  const text = await shell('"$@" fetch app.tako >results; echo "status $?"', host.folder);
  expect(text).toContain("app.tako 1.0.0 [");
  expect(text).toEndWith("status 0\n");
  expect(host.read("results")).toBe("app.tako: updated to 1.0.0\n");
});
