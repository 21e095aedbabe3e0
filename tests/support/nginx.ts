// A real nginx that serves one directory on a loopback port, and what it was asked.
//
//   const server = await serveWithNginx(origin);              // `server.url` is http://127.0.0.1:PORT
//   …
//   expect(await server.requests()).toEqual([…]);
//   await server.stop();
//
// Needs `needs("nginx")`. What nginx does not do, such as a body that breaks off, is the hostile origin's business.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./daemon.ts";
import { programPath } from "./needs.ts";

export interface NginxRequest {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly uri: string;
  readonly status: number;
  /** Request headers; "" when absent. */
  readonly range: string;
  readonly ifNoneMatch: string;
  readonly acceptEncoding: string;
  readonly userAgent: string;
  readonly authorization: string;
  /** Bytes of the response's body. */
  readonly bytes: number;
}

export interface NginxServer {
  readonly url: string;
  readonly port: number;
  /** Every finished request so far, in the order they finished. */
  requests(): Promise<NginxRequest[]>;
  stop(): Promise<void>;
}

export interface NginxOptions {
  /** More directives for the `server` block, `location` blocks say. */
  readonly configSnippet?: string;
  /** More directives outside of it, the place of a cache say. */
  readonly httpSnippet?: string;
  /** Serves https with this certificate chain and key (paths of PEM files). */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** Serves `directory`; ready for requests when it resolves. Another program may take the free port first: three tries. */
export async function serveWithNginx(
  directory: string,
  options: NginxOptions = {},
): Promise<NginxServer> {
  for (let left = 2; ; left--) {
    try {
      return await start(directory, freePort(), options);
    } catch (error) {
      if (left === 0 || !String(error).includes("Address already in use")) throw error;
    }
  }
}

async function start(directory: string, port: number, options: NginxOptions): Promise<NginxServer> {
  const nginx = programPath("nginx");
  if (nginx === null) throw new Error("nginx is not installed");
  const prefix = await mkdtemp(join(tmpdir(), "tako-nginx-"));
  const url = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  await Bun.write(join(prefix, "nginx.conf"), config(directory, port, prefix, options));
  // A test run that is killed takes its servers along.
  const child = Bun.spawn(
    ["setpriv", "--pdeathsig", "KILL", nginx, "-p", prefix, "-c", "nginx.conf", "-e", "error.log"],
    { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  );

  async function stop(): Promise<void> {
    child.kill("SIGTERM");
    await child.exited;
    await rm(prefix, { recursive: true, force: true });
  }

  while (!(await answers(url, prefix))) {
    if (child.exitCode === null) {
      await Bun.sleep(10);
      continue;
    }
    const message = await Bun.file(join(prefix, "error.log")).text();
    await stop();
    throw new Error(`nginx did not start: ${message.trim()}`);
  }
  return {
    url,
    port,
    async requests() {
      // nginx logs a request just after its last byte, so a client can be ahead of the log. nginx has one process and does one thing
      // at a time: once it answers this, all that went before is logged.
      if (!(await answers(url, prefix))) throw new Error("nginx is gone");
      const lines = (await Bun.file(join(prefix, "access.log")).text()).split("\n");
      // What follows the last line feed is the beginning of a later request's line, if anything.
      return lines.slice(0, -1).map((line) => JSON.parse(line));
    },
    stop,
  };
}

/** Whether this very nginx answers there: it alone knows the name of its folder. Not logged. */
async function answers(url: string, prefix: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/.this-nginx`, {
      tls: { rejectUnauthorized: false },
      keepalive: false,
      proxy: "",
    });
    return (await response.text()) === prefix;
  } catch {
    return false;
  }
}

function config(
  directory: string,
  port: number,
  prefix: string,
  { configSnippet = "", httpSnippet = "", tls }: NginxOptions,
): string {
  const certificate =
    tls === undefined
      ? ""
      : `ssl_certificate ${quoted(tls.certificate)}; ssl_certificate_key ${quoted(tls.key)};`;
  const fields = [
    '"method":"$request_method"',
    '"uri":"$request_uri"',
    '"status":$status',
    '"range":"$http_range"',
    '"ifNoneMatch":"$http_if_none_match"',
    '"acceptEncoding":"$http_accept_encoding"',
    '"userAgent":"$http_user_agent"',
    '"authorization":"$http_authorization"',
    '"bytes":$body_bytes_sent',
  ];
  return `
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 256; }
http {
  log_format requests escape=json '{${fields.join(",")}}';
  access_log access.log requests;
  default_type application/octet-stream;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  ${httpSnippet}
  server {
    listen 127.0.0.1:${port}${tls === undefined ? "" : " ssl"};
    ${certificate}
    root ${quoted(directory)};
    location = /.this-nginx { access_log off; return 200 ${quoted(prefix)}; }
    ${configSnippet}
  }
}
`;
}

function quoted(path: string): string {
  return `"${path.replace(/(["\\])/g, "\\$1")}"`;
}
