// Origins that wait for the test, or for the host's disk, so that no test depends on how fast the machine is.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { sizeOf } from "../support/program.ts";
import { type Image, manifestOf } from "../support/publishing.ts";

function bodyOf(path: string, images: readonly Image[]): Buffer {
  const found = images.find(({ digest }) => path === `store/${digest}`);
  return Buffer.from(found?.content ?? manifestOf(images), "latin1");
}

/** Serves the newest image only after `goOn`, and everything else at once. */
export function pausingOrigin(...images: readonly Image[]) {
  const asked: string[] = [];
  const [paused, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch({ url }) {
      const path = new URL(url).pathname.slice(1);
      asked.push(path);
      if (path === `store/${images.at(-1)?.digest}`) {
        paused.resolve();
        await released.promise;
      }
      return new Response(new Uint8Array(bodyOf(path, images)));
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    /** What was asked for so far. */
    asked,
    isPaused: paused.promise,
    goOn: () => released.resolve(),
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

/**
 * Cuts the first answers for the newest image: half of what was asked for comes, and when the host has
 * it on disk, the connection breaks.
 */
export function cuttingOrigin(cuts: number, partial: string, ...images: readonly Image[]) {
  const half = (missing: number, asked: number) => (asked > cuts ? missing : missing >> 1);
  return breakingOrigin(half, partial, images);
}

/** Cuts each answer for the newest image after so many bytes. */
export function dyingOrigin(bytes: number, partial: string, ...images: readonly Image[]) {
  return breakingOrigin((missing) => Math.min(missing, bytes), partial, images);
}

async function breakingOrigin(
  given: (missing: number, asked: number) => number,
  partial: string,
  images: readonly Image[],
) {
  const ranges: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    const path = request.url?.slice(1) ?? "";
    const body = bodyOf(path, images);
    if (path !== `store/${images.at(-1)?.digest}`) return response.end(body);

    const { range } = request.headers;
    ranges.push(range);
    const offset = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const end = offset + given(body.length - offset, ranges.length);
    response.writeHead(offset > 0 ? 206 : 200, {
      "Content-Length": body.length - offset,
      ...(offset > 0
        ? { "Content-Range": `bytes ${offset}-${body.length - 1}/${body.length}` }
        : {}),
    });
    response.write(body.subarray(offset, end));
    if (end === body.length) return response.end();
    while (sizeOf(partial) < end && !response.destroyed) await Bun.sleep(10);
    return response.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    /** The `Range` of each request for the newest image. */
    ranges,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
