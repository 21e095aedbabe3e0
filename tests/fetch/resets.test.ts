// Connections that are reset. What the system had received until then is ours, and kept; curl, which reads all of it, says
// how much that is.

import { afterAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { Authority } from "../support/certificates.ts";
import { createHost, stateOf } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { programs } from "../support/program.ts";
import { bigImage, image } from "../support/publishing.ts";
import { startResettingServer } from "../support/resetting-server.ts";
import { startTunnels } from "../support/tunnel.ts";

const needed = needs("curl", "openssl", "python3");
const [one, two] = [image("1.0.0"), bigImage("1.1.0", 900_000)];
/** More than the 64 KiB for which tries are counted anew, and less than what fetch drops at a reset. */
const PIECE = 100_000;

describe.skipIf(needed.missing).concurrent("resets", () => {
  if (needed.missing) return;
  const authority = new Authority();
  const certificate = authority.issue("good", "IP:127.0.0.1");
  afterAll(() => authority.dispose());

  for (const program of programs) {
    for (const scheme of ["http", "https"]) {
      test(`ORG-19: ${program.name}, ${scheme}: each further try keeps what it brought, to the last byte`, async () => {
        await using host = createHost();
        host.publish(one, two);
        const chain = scheme === "https" ? certificate : undefined;
        await using server = await startResettingServer(host.originDirectory, PIECE, chain);

        const file = host.at("curl");
        const url = `${server.url}/store/${two.digest}`;
        const words = ["curl", "-q", "-s", "--noproxy", "*", "--cacert", authority.root];
        const curl = Bun.spawn([...words, "-o", file, url]);
        expect(await curl.exited).toBe(56);
        expect(statSync(file).size).toBe(PIECE);

        host.configure({ Origin: server.url });
        host.install({ published: [one], latest: one });
        const env = { SSL_CERT_FILE: authority.root };
        const { status, stderr } = await program.run(["fetch", host.file], { env });
        expect([status, stderr]).toEqual([0, expect.stringContaining("activated 1.1.0")]);
        expect(host.state()).toEqual(
          stateOf({
            published: [one, two],
            store: [one, two].toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
            latest: two,
          }),
        );
        const [, first = 0, second = 0, ...others] = server.offsets;
        // The first one may lose something: who could know that the connection would break?
        expect([first, second]).toEqual([0, expect.any(Number)]);
        expect(second).toBeLessThanOrEqual(PIECE);
        expect(others.length).toBeGreaterThanOrEqual(7);
        expect(others).toEqual(others.map((_, index) => second + (index + 1) * PIECE));
      }, 60_000);
    }

    test(`ORG-130: ${program.name}: each further try goes by the proxy, too`, async () => {
      await using host = createHost();
      host.publish(one, two);
      await using server = await startResettingServer(host.originDirectory, 300_000, certificate);
      await using proxy = await startTunnels();
      host.configure({ Origin: server.url });
      host.install({ published: [one], latest: one });
      const { status } = await program.run(["fetch", host.file], {
        env: { SSL_CERT_FILE: authority.root, HTTPS_PROXY: proxy.url },
      });
      expect(status).toBe(0);
      expect(server.offsets.length).toBeGreaterThanOrEqual(3);
      const asked = 1 + server.offsets.length; // the manifest, and the image in pieces
      expect(proxy.targets).toEqual(Array(asked).fill(server.url.replace("https://", "")));
    });
  }
});
