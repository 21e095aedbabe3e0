// How much memory a run takes that is sent the largest manifests, by its kernel's account: a guide says
// MemoryMax=256M, and anybody on the way can send 64 MiB.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MAX_MANIFEST_BYTES } from "../../src/core/manifest.ts";
import { createHost, emptyHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, programs } from "../support/program.ts";
import { image, manifestOf, sha256sum, write } from "../support/publishing.ts";

const MIB = 1024 * 1024;
const CONFIGS = 8;
const first = image("1");
const nobody = "A".repeat(86);

/** As long as any may be, and of good form as far as one gets without the key. */
function unsigned(): Uint8Array {
  const [head, tail] = ["Tako Manifest 1\n\n", `\n${nobody}==\n`];
  const bytes = Buffer.alloc(MAX_MANIFEST_BYTES, `${"a".repeat(79)}\n`);
  bytes.write(head, 0, "latin1");
  bytes.write(`\n${tail}`, bytes.length - tail.length - 1, "latin1");
  return bytes;
}

/**
 * Runs its arguments; prints peak and status. The kernel counts the memory of a process from before its exec
 * too, so the parent must be smaller than what is measured.
 */
const MEASURE = `
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(usage.ru_maxrss, os.waitstatus_to_exitcode(status))`;

const python = needs("python3");

describe.skipIf(python.missing).each(programs.filter(({ name }) => name === "binary"))(
  "$name",
  (program) => {
    const bytes = unsigned();
    let server: ReturnType<typeof Bun.serve>;
    let host: Host;
    let asked = 0;
    beforeAll(() => {
      host = emptyHost();
      write(join(host.originDirectory, "manifest"), Buffer.from(bytes).toString("latin1"));
      server = Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        fetch: (request) => {
          asked += 1;
          // Without a length it comes in chunks.
          const chunked = async function* () {
            for (let at = 0; at < bytes.length; at += MIB) yield bytes.slice(at, at + MIB);
          };
          return new Response(request.url.includes("chunked") ? chunked() : bytes);
        },
      });
    });
    afterAll(async () => {
      await server.stop(true);
      host[Symbol.dispose]();
    });

    async function peakOf(...files: string[]) {
      const words = program.command(["fetch", ...files.map((file) => host.at(file))]);
      const child = Bun.spawn(["python3", "-c", MEASURE, ...words], {
        env: environment(),
        stdout: "pipe",
        stderr: "pipe",
      });
      const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      const [kib = "", status = ""] = stdout.trimEnd().split(" ");
      return { status: Number(status), stderr, mib: Number(kib) / 1024 };
    }

    test.each([
      ["over HTTP", () => `http://127.0.0.1:${server.port}/plain`],
      ["in chunks", () => `http://127.0.0.1:${server.port}/chunked`],
      ["from a file", () => `file://${host.originDirectory}`],
    ])("ORG-64: one that nobody signed, %s, takes at most 160 MiB", async (_, origin) => {
      const { status, stderr, mib } = await peakOf(host.config("one", { Origin: origin() }));
      expect(status).toBe(65);
      expect(stderr).toContain("the manifest is not signed by any of the given public keys");
      expect(mib).toBeGreaterThan(64);
      expect(mib).toBeLessThanOrEqual(160);
    });

    test("ORG-64: large ones that are signed arrive whole, side by side", async () => {
      await using stack = new AsyncDisposableStack();
      const files = [1, 2, 3].map((digit) => {
        const host = stack.use(createHost());
        host.publish(first);
        const older = Array.from(
          { length: 15_000 },
          (_, index) => `0.${digit}.${index} 5 ${first.digest}`,
        );
        write(join(host.originDirectory, "manifest"), manifestOf([...older, first]));
        return { host, manifest: manifestOf([...older, first]) };
      });
      const { status } = await program.run(["fetch", ...files.map(({ host }) => host.file)]);
      expect(status).toBe(0);
      for (const { host, manifest } of files) {
        expect(manifest.length).toBeGreaterThan(MIB);
        expect(sha256sum(readFileSync(host.path("manifest"), "latin1"))).toBe(sha256sum(manifest));
      }
    });

    test("ORG-64: eight of them in one run stay below MemoryMax=256M", async () => {
      asked = 0;
      const files = Array.from({ length: CONFIGS }, (_, index) =>
        host.config(`of-many-${index}`, { Origin: `http://127.0.0.1:${server.port}/${index}` }),
      );
      const { status, stderr, mib } = await peakOf(...files);
      expect(status).toBe(65);
      expect(stderr.match(/is not signed by any/g)).toHaveLength(CONFIGS);
      expect(asked).toBe(CONFIGS);
      expect(mib).toBeLessThanOrEqual(256);
    });
  },
);
