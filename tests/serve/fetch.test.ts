// `tako fetch` from `tako serve` (spec/serve.md).

import { expect, test } from "bun:test";
import { createHost } from "../support/host.ts";
import { sources } from "../support/program.ts";
import { bigImage, image, publishTo, write } from "../support/publishing.ts";
import { serve } from "./serving.ts";

const program = sources();

test("SRV-20, SRV-31: a download goes on where it was cut, and an unchanged manifest is 304", async () => {
  using host = createHost();
  const big = bigImage("1.0.0", 3_000_000);
  publishTo(host.originDirectory, [big]);
  await using serving = await serve(program, [host.originDirectory]);
  host.configure({ Origin: serving.url });
  write(host.path(`store/${big.digest}.partial`), big.content.slice(0, 1_000_000), 0o600);
  expect((await program.run(["fetch", host.file])).status).toBe(0);
  expect((await program.run(["fetch", host.file])).status).toBe(0);
  expect(host.state()).toMatchObject({ latest: `-> store/${big.digest}` });
  const { stderr } = await serving.end();
  expect(stderr).toContain(`tako: GET /store/${big.digest} 206 2000000 1000000-2999999/3000000\n`);
  expect(stderr).toEndWith("tako: GET /manifest 304 0\n");
});

test("SRV-40: a host takes the next version when an image is gone", async () => {
  using host = createHost();
  const [one, two] = [image("1.0.0"), image("2.0.0")];
  publishTo(host.originDirectory, [one, two]);
  write(`${host.originDirectory}/store/${two.digest}.gone`, "");
  await using serving = await serve(program, [host.originDirectory]);
  host.configure({ Origin: serving.url });
  const { stderr } = await program.run(["fetch", host.file]);
  expect(stderr).toContain(`the origin removed the image of 2.0.0: ${serving.url}/store/`);
  expect(host.state()).toMatchObject({ latest: `-> store/${one.digest}` });
  expect((await serving.end()).stderr).toContain(`tako: GET /store/${two.digest} 410 0\n`);
});
