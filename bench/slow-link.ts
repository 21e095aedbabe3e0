// How long an update takes over a slow link, by packed files and as a whole: 20 ms there and back, 50 Mbit/s. Medians of
// pairs of runs, for three programs of npm or those that are named.
//
//   bun run build && bun bench/slow-link.ts [NAME...]
//
// The link is a proxy here, since few kernels have netem: a connection is open after 20 ms, bytes come 10 ms after they were
// sent, and all connections share what goes through. It knows nothing of the slow start of TCP.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serveWithNginx } from "../tests/support/nginx.ts";
import { compare, shell } from "./measure.ts";
import { millions, publish, resetHost, sample, sizeOf, tako } from "./packed-host.ts";
import { PAIRS, type Pair } from "./packed-pairs.ts";

const RUNS = 5;
const PROGRAMS = ["esbuild", "biome", "bun"];
/** One way, in milliseconds. */
const DELAY_MS = 10;
/** 50 Mbit/s. */
const BYTES_PER_MS = 50e6 / 8 / 1000;
/** What waits in the link, at most, before the other end is asked to stop. */
const QUEUE_MS = 50;

const folder = mkdtempSync(join(tmpdir(), "tako-bench-"));
process.chdir(folder);
const server = await serveWithNginx(folder);
const link = await slowLink(server.port);
try {
  const given = process.argv.slice(2);
  const names = given.length === 0 ? PROGRAMS : given;
  for (const pair of PAIRS.filter(({ name }) => names.some((word) => name.startsWith(word))))
    await comparePair(pair);
} finally {
  link.stop();
  await server.stop();
  process.chdir("/");
  rmSync(folder, { recursive: true, force: true });
}

async function comparePair({ name, make }: Pair): Promise<void> {
  await make();
  await publish(server.url);
  await shell(`${tako} pack --quiet -o origin 1.1`);
  const config = readFileSync("host.tako", "utf8").replace(server.url, link.url);
  writeFileSync("host.tako", config);
  writeFileSync("whole.tako", `${config}Packed=no\n`);
  const update = (file: string) => ({
    command: `${tako} fetch --no-activate ${file}`,
    prepare: resetHost,
  });
  const [packed, whole] = [update("host.tako"), update("whole.tako")];
  const { ratio, median, pairs } = await compare(name, packed, whole, RUNS);
  console.log(`${name}: ${millions(sizeOf("new"))} MB`);
  console.log(`by packed files ${ratio.toFixed(2)} of the whole (median of ${pairs} pairs)`);
  console.log(`  ${sample(median.ours)}  ${packed.command.replace(tako, "tako")}`);
  console.log(`  ${sample(median.theirs)}  ${whole.command.replace(tako, "tako")}  (Packed=no)\n`);
}

/** One direction of the link, which all connections share. */
function lane() {
  /** By when all has gone that was given to it, in milliseconds. */
  let free = 0;
  const waits = () => Math.max(0, free - performance.now());
  return {
    /** @param then called when so many bytes have come through, which begin to go at that time at the earliest */
    carry(bytes: number, opened: number, then: () => void): void {
      free = Math.max(free, performance.now(), opened) + bytes / BYTES_PER_MS;
      setTimeout(then, waits() + DELAY_MS);
    },
    /** How long that takes which was given to it, in milliseconds. */
    waits,
  };
}

/** A proxy to a port, with the rate and the delay of the link. */
async function slowLink(port: number) {
  const sockets = new Set<Socket>();
  const [up, down] = [lane(), lane()];

  const proxy = createServer((host) => {
    const origin = connect(port, "127.0.0.1");
    // The host takes the connection for open at once: what it sends waits for that.
    const opened = performance.now() + 2 * DELAY_MS;
    for (const [from, to, by] of [
      [host, origin, up],
      [origin, host, down],
    ] as const) {
      sockets.add(from);
      // In their order, as timers of the same millisecond have none; the end is the last one.
      const parts: (Buffer | "end")[] = [];
      const arrive = () => {
        const next = parts.shift();
        if (next === "end") to.end();
        else if (next !== undefined) to.write(next);
      };
      from.on("data", (bytes: Buffer) => {
        parts.push(bytes);
        by.carry(bytes.length, opened, arrive);
        if (by.waits() < QUEUE_MS) return;
        from.pause();
        setTimeout(() => from.resume(), QUEUE_MS / 2);
      });
      from.on("end", () => {
        parts.push("end");
        by.carry(0, opened, arrive);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => sockets.delete(from));
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    stop: () => {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
