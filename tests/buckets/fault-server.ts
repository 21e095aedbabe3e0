// A bucket service that does what some services do wrong, once or always. It compares the digest of what it gets, looks at no
// signature, and keeps its objects in memory.

import { createHash } from "node:crypto";

export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Headers;
}

/** What becomes of a request: `undefined` and it is done as it should be. */
export type Fault = (
  asked: Asked,
  land: () => Response,
) => Response | Promise<Response> | undefined;

export interface FaultServer extends AsyncDisposable {
  readonly url: string;
  readonly environment: Record<string, string>;
  readonly objects: Map<string, Uint8Array>;
  readonly asked: Asked[];
}

export function xmlError(status: number, code: string, more = ""): Response {
  return new Response(`<Error><Code>${code}</Code>${more}</Error>`, { status });
}

export function serveBucket(fault: Fault = () => undefined): FaultServer {
  const objects = new Map<string, Uint8Array>();
  const uploads = new Map<string, Map<number, Uint8Array>>();
  const asked: Asked[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const { pathname, search, searchParams } = new URL(request.url);
      const [, , ...segments] = pathname.split("/");
      const key = segments.join("/");
      const body = new Uint8Array(await request.arrayBuffer());
      const one = {
        method: request.method,
        target: `${pathname}${search}`,
        headers: request.headers,
      };
      asked.push(one);
      const digest = createHash("sha256").update(body).digest("hex");
      if (request.headers.get("x-amz-content-sha256") !== digest) {
        return xmlError(400, "XAmzContentSHA256Mismatch");
      }
      const land = () => answer(request, key, searchParams, body);
      return (await fault(one, land)) ?? land();
    },
  });

  function answer(
    request: Request,
    key: string,
    query: URLSearchParams,
    body: Uint8Array,
  ): Response {
    const there = objects.get(key);
    const id = query.get("uploadId");
    if (request.method === "POST" && query.has("uploads")) {
      uploads.set(key, new Map());
      return new Response("<R><UploadId>1</UploadId></R>");
    }
    const parts = uploads.get(key);
    if (id !== null && parts === undefined) return xmlError(404, "NoSuchUpload");
    if (id !== null && request.method === "PUT") {
      parts?.set(Number(query.get("partNumber")), body);
      return new Response(null, { headers: { ETag: etagOf(body) } });
    }
    if (id !== null && request.method === "DELETE") {
      uploads.delete(key);
      return new Response(null, { status: 204 });
    }
    if (id !== null) {
      const sorted = [...(parts ?? [])].sort(([a], [b]) => a - b).map(([, part]) => part);
      uploads.delete(key);
      objects.set(key, Buffer.concat(sorted));
      return new Response("<CompleteMultipartUploadResult/>");
    }
    if (request.method === "PUT") {
      const [match, none] = ["if-match", "if-none-match"].map((name) => request.headers.get(name));
      if (match && (there === undefined || match !== etagOf(there)))
        return xmlError(412, "PreconditionFailed");
      if (none === "*" && there !== undefined) return xmlError(412, "PreconditionFailed");
      objects.set(key, body);
      return new Response(null, { headers: { ETag: etagOf(body) } });
    }
    if (request.method === "DELETE") {
      objects.delete(key);
      return new Response(null, { status: 204 });
    }
    if (key === "") return new Response("<R></R>");
    if (there === undefined) return xmlError(404, "NoSuchKey");
    return new Response(new Uint8Array(there), { headers: { ETag: etagOf(there) } });
  }

  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    objects,
    asked,
    environment: {
      ...{
        AWS_ENDPOINT_URL_S3: url,
        AWS_ACCESS_KEY_ID: "an-id",
        AWS_SECRET_ACCESS_KEY: "a-secret",
      },
      ...{ AWS_EC2_METADATA_DISABLED: "true", HOME: "/nonexistent" },
    },
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}
