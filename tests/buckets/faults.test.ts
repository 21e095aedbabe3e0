// What bucket services do wrong, and what a publisher makes of it: what is there after, and what the run says.

import { expect, test } from "bun:test";
import { truncateSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import type { StoreOptions } from "../../src/commands/store-options.ts";
import { Publisher } from "../publish/publisher.ts";
import { sources, withFasterClock } from "../support/program.ts";
import { key, manifestOf, sha256sum } from "../support/publishing.ts";
import { type Asked, type Fault, type FaultServer, serveBucket, xmlError } from "./fault-server.ts";

const MIB = 1024 * 1024;
const EMPTY = sha256sum("");
const PLACE = "s3://images";
const one = manifestOf([["1", "one"]]);
const both = manifestOf([
  ["1", "one"],
  ["2", "two"],
]);

const isManifestPut = ({ method, target }: Asked) =>
  method === "PUT" && target.endsWith("/manifest");
const isProbe = ({ method, target }: Asked) => method === "PUT" && target.endsWith(EMPTY);

/** A fault that happens at the first request that it is for. */
function once(isMeant: (asked: Asked) => boolean, fault: Fault): Fault {
  let isOver = false;
  return (asked, land) => {
    if (isOver || !isMeant(asked)) return undefined;
    isOver = true;
    return fault(asked, land);
  };
}

/** A server that has version 1, and the store of version 2 into it. */
async function storeTwo(fault: Fault, options: Partial<StoreOptions> = {}) {
  await using publisher = await Publisher.create();
  const server = serveBucket(fault);
  server.objects.set("manifest", Buffer.from(one));
  const image = publisher.file("image", "two");
  const environment = { ...server.environment, TAKO_SECRET_KEY: key.secret };
  const given = { directory: PLACE, isNew: false, image, version: "2", ...options };
  const ended = await publisher.store(given, environment).catch((error: unknown) => error);
  await server[Symbol.asyncDispose]();
  return { ...server, ended, warnings: publisher.warnings(), manifest: manifestIn(server) };
}

function manifestIn({ objects }: FaultServer): string {
  return Buffer.from(objects.get("manifest") ?? "").toString("latin1");
}

test("BKT-11, BKT-30: the manifest goes with the ETag as it came, after a condition that cannot hold", async () => {
  const { asked, manifest, ended, objects } = await storeTwo(() => undefined);
  expect(ended).toMatchObject({ stored: "image", changed: true });
  expect(manifest).toBe(both);
  const puts = asked.filter(({ method }) => method === "PUT");
  expect(puts.map(({ target }) => target)).toEqual([
    `/images/store/${EMPTY}`,
    `/images/store/${sha256sum("two")}`,
    "/images/manifest",
  ]);
  const [probe, image, put] = puts.map(({ headers }) => headers.get("If-Match"));
  expect([probe, image]).toEqual([`"${"0".repeat(32)}"`, null]);
  expect(put).toMatch(/^"[0-9a-f]{32}"$/);
  expect(objects.has(`store/${EMPTY}`)).toBe(false);
});

const landed = {
  "answered by 500": (_asked: Asked, land: () => Response) => {
    land();
    return xmlError(500, "InternalError");
  },
  "answered by 503 and not done": () => xmlError(503, "SlowDown"),
  "answered by 409": () => xmlError(409, "ConditionalRequestConflict"),
  "answered by 404": () => xmlError(404, "NoSuchKey"),
};

test.each(Object.entries(landed))(
  "BKT-13: a manifest that is %s is asked for again",
  async (_, fault) => {
    const { ended, manifest, asked } = await storeTwo(once(isManifestPut, fault));
    expect(ended).toMatchObject({ stored: "image", changed: true });
    expect(manifest).toBe(both);
    // Never a second put without a look in between.
    const aboutIt = asked.filter(({ target }) => target.endsWith("/manifest"));
    const methods = aboutIt.map(({ method }) => method).join(" ");
    expect(methods).not.toContain("PUT PUT");
    expect(methods).toStartWith("GET PUT GET");
  },
);

test("BKT-13: another publisher's entry that came between stays", async () => {
  const theirs = manifestOf([
    ["1", "one"],
    ["1.5", "theirs"],
  ]);
  const server: { objects?: Map<string, Uint8Array> } = {};
  await using publisher = await Publisher.create();
  await using running = serveBucket(
    once(isManifestPut, () => {
      server.objects?.set("manifest", Buffer.from(theirs));
      return undefined;
    }),
  );
  server.objects = running.objects;
  running.objects.set("manifest", Buffer.from(one));
  const environment = { ...running.environment, TAKO_SECRET_KEY: key.secret };
  const given = {
    directory: PLACE,
    isNew: false,
    image: publisher.file("image", "two"),
    version: "2",
  };
  expect(await publisher.store(given, environment)).toMatchObject({ changed: true });
  expect(manifestIn(running)).toBe(
    manifestOf([
      ["1", "one"],
      ["1.5", "theirs"],
      ["2", "two"],
    ]),
  );
});

test("BKT-13: a manifest that never gets in place ends after 20 tries, status 1", async () => {
  const { ended, asked, manifest } = await storeTwo((request) =>
    isManifestPut(request) ? xmlError(409, "ConditionalRequestConflict") : undefined,
  );
  expect(ended).toMatchObject({ kind: "failed", rule: "BKT-13" });
  expect(asked.filter(isManifestPut).length).toBe(20);
  expect(manifest).toBe(one);
}, 60_000);

test.each([
  [
    "ignores conditions",
    ({ headers }: Asked) => {
      headers.delete("If-Match");
      return undefined;
    },
  ],
  [
    "does not support conditions",
    (asked: Asked) => (isProbe(asked) ? xmlError(501, "NotImplemented") : undefined),
  ],
])(
  "BKT-31, BKT-32, BKT-33: a bucket that %s is refused before anything is sent",
  async (why, fault) => {
    const refused = await storeTwo(fault);
    expect(refused.ended).toMatchObject({ kind: "failed", rule: "BKT-32" });
    expect(`${refused.ended}`).toContain(why);
    expect(refused.manifest).toBe(one);
    expect(refused.objects.has(`store/${sha256sum("two")}`)).toBe(false);
    const taken = await storeTwo(fault, { isUnsafeAllowed: true });
    expect(taken.ended).toMatchObject({ stored: "image" });
    expect(taken.manifest).toBe(both);
    expect(taken.warnings.join()).toContain("is lost");
    expect(taken.asked.find(isManifestPut)?.headers.get("If-Match")).toBeNull();
  },
);

test("BKT-32: a bucket that gives no ETag is refused", async () => {
  const { ended, manifest } = await storeTwo(({ method, target }, land) => {
    if (method !== "GET" || !target.endsWith("/manifest")) return undefined;
    const { headers, ...answer } = land();
    headers.delete("ETag");
    return new Response(one, { ...answer, headers });
  });
  expect(ended).toMatchObject({ rule: "BKT-32" });
  expect(manifest).toBe(one);
});

test("BKT-65: packed files are made in a directory, and a bucket is not asked for them", async () => {
  await using publisher = await Publisher.create();
  await using server = serveBucket();
  const image = publisher.file("image", "one");
  const env = { ...server.environment, TAKO_SECRET_KEY: key.secret };
  const program = sources();
  const refused = [
    await program.run(["pack", "-o", PLACE], { env }),
    await program.run(["store", "--new", "--pack", "-o", PLACE, image, "1"], { env }),
  ];
  for (const { status, stdout, stderr } of refused) {
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("s3://images: packed files are made in a directory, not in a bucket");
    expect(stderr).toContain("tako pack -o DIR");
  }
  expect(server.asked).toEqual([]);
});

test("BKT-62: what passes is asked again", async () => {
  const isImage = ({ target }: Asked) => target.endsWith(sha256sum("two"));
  const { ended, manifest } = await storeTwo(
    once(isImage, () => new Response(null, { status: 503 })),
  );
  expect(ended).toMatchObject({ stored: "image", isKept: true });
  expect(manifest).toBe(both);
});

test("BKT-61: a request goes by the proxy of the environment, and follows no redirect", async () => {
  await using publisher = await Publisher.create();
  await using proxy = serveBucket();
  const environment = {
    ...proxy.environment,
    AWS_ENDPOINT_URL_S3: "http://buckets.example",
    http_proxy: proxy.url,
    TAKO_SECRET_KEY: key.secret,
  };
  const image = publisher.file("image", "one");
  await publisher.store({ directory: PLACE, isNew: true, image, version: "1" }, environment);
  expect(manifestIn(proxy)).toBe(one);
  const elsewhere = { status: 302, headers: { Location: "/elsewhere" } };
  const { ended, asked } = await storeTwo(() => new Response(null, elsewhere));
  expect(ended).toMatchObject({ kind: "origin", rule: "BKT-6" });
  expect(asked.length).toBe(1);
});

test("BKT-63: a clock that is wrong is put right by the service's", async () => {
  const theirs = Date.now() + 3 * 60 * 60 * 1000;
  const { ended, asked } = await storeTwo(({ headers }) => {
    const [, y, mo, d, h, mi, s] =
      /^(....)(..)(..)T(..)(..)(..)Z$/.exec(headers.get("x-amz-date") ?? "") ?? [];
    const said = Date.parse(`${y}-${mo}-${d}T${h}:${mi}:${s}Z`);
    if (Math.abs(said - theirs) < 15 * 60 * 1000) return undefined;
    const answer = xmlError(403, "RequestTimeTooSkewed");
    answer.headers.set("Date", new Date(theirs).toUTCString());
    return answer;
  });
  expect(ended).toMatchObject({ stored: "image" });
  expect(asked.filter(({ target }) => target === "/images/manifest").length).toBe(3);
});

test("BKT-5: the region that the service names counts, once", async () => {
  const { ended, asked } = await storeTwo(({ headers }) => {
    if (headers.get("Authorization")?.includes("/eu-west-9/s3/")) return undefined;
    const answer = xmlError(400, "AuthorizationHeaderMalformed");
    answer.headers.set("x-amz-bucket-region", "eu-west-9");
    return answer;
  });
  expect(ended).toMatchObject({ stored: "image" });
  expect(
    asked.filter(({ headers }) => headers.get("Authorization")?.includes("/us-east-1/")).length,
  ).toBe(1);
});

const isCompletion = ({ method, target }: Asked) =>
  method === "POST" && target.includes("uploadId=");

test.each([
  ["an error in a 200", () => new Response("<Error><Code>InternalError</Code></Error>")],
  ["500 after it was done", landed["answered by 500"]],
])("BKT-23: %s at the end of an upload in parts", async (_, fault) => {
  await using publisher = await Publisher.create();
  await using server = serveBucket(once(isCompletion, fault));
  const content = Buffer.alloc(17 * MIB, "the image\n");
  const image = publisher.file("image", content);
  const environment = { ...server.environment, TAKO_SECRET_KEY: key.secret };
  await publisher.store({ directory: PLACE, isNew: true, image, version: "1" }, environment);
  const digest = sha256sum(content);
  expect(sha256sum(server.objects.get(`store/${digest}`) ?? "")).toBe(digest);
});

test("BKT-24, BKT-25: an image that gets shorter while it is sent ends the run at once, and the upload is given up", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", Buffer.alloc(32 * MIB, 1));
  await using server = serveBucket(
    once(
      ({ method }) => method === "POST",
      (_, land) => {
        truncateSync(image, 3 * MIB);
        return land();
      },
    ),
  );
  const environment = { ...server.environment, TAKO_SECRET_KEY: key.secret };
  const began = performance.now();
  const failure = await publisher.failure(
    { directory: PLACE, isNew: true, image, version: "1" },
    environment,
  );
  expect(failure).toMatchObject({ kind: "storage", rule: "BKT-24" });
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(server.asked.at(-1)).toMatchObject({ method: "DELETE" });
  expect(server.objects.has("manifest")).toBe(false);
}, 30_000);

test("BKT-25: uploads of ours that were left a day ago are given up, and no others", async () => {
  const upload = (name: string, hours: number) =>
    `<Upload><Key>${name}</Key><UploadId>9</UploadId><Initiated>${new Date(Date.now() - hours * 3_600_000).toISOString()}</Initiated></Upload>`;
  const all = [
    upload(`store/${EMPTY}`, 25),
    upload(`store/${sha256sum("x")}`, 23),
    upload("store/other", 25),
  ];
  const { ended, asked } = await storeTwo(({ target }) =>
    target.startsWith("/images?prefix=store%2F&uploads=")
      ? new Response(`<R>${all.join("")}</R>`)
      : undefined,
  );
  expect(ended).toMatchObject({ stored: "image" });
  const given = asked.filter(({ method }) => method === "DELETE").map(({ target }) => target);
  expect(given).toEqual([`/images/store/${EMPTY}?uploadId=9`]);
});

test("BKT-25: a signal that comes while the service begins an upload in parts waits for its name, and gives it up", async () => {
  await using publisher = await Publisher.create();
  const image = publisher.file("image", Buffer.alloc(17 * MIB, 1));
  const began = Promise.withResolvers<void>();
  await using server = serveBucket(
    once(
      ({ method }) => method === "POST",
      async (_, land) => {
        const answer = land();
        began.resolve();
        await Bun.sleep(500);
        return answer;
      },
    ),
  );
  const words = ["store", "--new", "-o", PLACE, image, "1"];
  const child = Bun.spawn(sources().command(words), {
    env: { ...process.env, ...server.environment, TAKO_SECRET_KEY: key.secret },
    stdout: "ignore",
    stderr: "ignore",
  });
  await began.promise;
  child.kill("SIGTERM");
  await child.exited;
  expect(child.signalCode).toBe("SIGTERM");
  expect(server.asked.at(-1)?.method).toBe("DELETE");
  expect(server.objects.has("manifest")).toBe(false);
});

test.each([
  ["takes nothing of a part", "PUT", "nothing was taken for 30 s"],
  ["gives no answer", "GET", "no answer for 60 s"],
])(
  "BKT-64: a service that %s is given up",
  async (_, stuck, reason) => {
    await using publisher = await Publisher.create();
    await using server = serveBucket();
    const image = publisher.file("image", Buffer.alloc(48 * MIB, 1));
    await using front = await standingStill(new URL(server.url).port, (head) =>
      stuck === "GET" ? head.startsWith("GET") : head.includes("partNumber="),
    );
    const outcome = await withFasterClock({ waits: 60, limits: 60 }).run(
      ["store", "--new", "-o", PLACE, image, "1"],
      {
        env: {
          ...server.environment,
          TAKO_SECRET_KEY: key.secret,
          AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${front.port}`,
        },
      },
    );
    expect(outcome.status).toBe(69);
    expect(outcome.stderr).toContain(reason);
    expect(server.objects.has("manifest")).toBe(false);
  },
  60_000,
);

/** Passes on what comes, but reads no further, and answers nothing, in a connection whose request is meant. */
async function standingStill(to: string, isMeant: (head: string) => boolean) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const behind = connect(Number(to), "127.0.0.1");
    sockets.add(behind);
    for (const each of [socket, behind]) each.on("error", () => {});
    behind.pipe(socket);
    socket.on("close", () => behind.destroy());
    socket.on("data", (block) => {
      if (isMeant(block.toString("latin1"))) socket.pause();
      else behind.write(block);
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  return {
    port: typeof address === "object" ? address?.port : undefined,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
