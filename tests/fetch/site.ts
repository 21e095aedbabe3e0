// One nginx for the tests of a file, with an origin for each test. It answers 410 for a file that has
// another beside it named `.gone`, and can send those who ask for images on to a hostile origin.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HostileOrigin, startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { type NginxRequest, type NginxServer, serveWithNginx } from "../support/nginx.ts";
import { type Image, publishManifest, publishTo, sha256sum, write } from "../support/publishing.ts";

/** Below /slow/ the first 600 kB come at once, the rest at 100 kB/s. */
const config = (hostileUrl: string) => `
  if (-f $request_filename.gone) { return 410; }
  location /slow/ { rewrite ^/slow/(.*)$ /$1 break; limit_rate_after 600000; limit_rate 100000; }
  location ~ ^/via/(?<scenario>[^/]+)/[^/]+/(?<file>store/.*)$ { return 302 ${hostileUrl}/$scenario/$file; }
  location /via/ { rewrite ^/via/[^/]+/(.*)$ /$1 break; }`;

export class Site {
  readonly #folder: string;
  readonly #server: NginxServer;
  readonly #hostile: HostileOrigin;
  readonly #hostileFiles: Record<string, Uint8Array>;
  #count = 0;

  private constructor(
    folder: string,
    server: NginxServer,
    hostile: HostileOrigin,
    hostileFiles: Record<string, Uint8Array>,
  ) {
    this.#folder = folder;
    this.#server = server;
    this.#hostile = hostile;
    this.#hostileFiles = hostileFiles;
  }

  static async start(): Promise<Site> {
    const folder = mkdtempSync(join(tmpdir(), "tako-site-"));
    const hostileFiles: Record<string, Uint8Array> = {};
    const hostile = await startHostileOrigin(hostileFiles);
    const server = await serveWithNginx(folder, { configSnippet: config(hostile.url) });
    return new Site(folder, server, hostile, hostileFiles);
  }

  origin(...images: readonly Image[]): SiteOrigin {
    const origin = new SiteOrigin(this.#folder, this.#server, `origin-${++this.#count}`);
    for (const { digest, content } of images)
      this.#hostileFiles[`store/${digest}`] = Buffer.from(content, "latin1");
    if (images.length > 0) origin.publish(...images);
    return origin;
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await this.#hostile.stop();
    rmSync(this.#folder, { recursive: true });
  }
}

export class SiteOrigin {
  readonly directory: string;
  readonly url: string;
  readonly slowUrl: string;
  readonly #server: NginxServer;
  readonly #name: string;
  #seen = 0;

  constructor(folder: string, server: NginxServer, name: string) {
    this.directory = join(folder, name);
    this.url = `${server.url}/${name}`;
    this.slowUrl = `${server.url}/slow/${name}`;
    this.#server = server;
    this.#name = name;
    mkdirSync(this.directory);
  }

  /** The URL of this origin with images that behave as a scenario of the hostile origin says. */
  via(scenario: string): string {
    return `${this.#server.url}/via/${encodeURIComponent(scenario)}/${this.#name}`;
  }

  publish(...images: readonly Image[]): void {
    publishTo(this.directory, images);
  }

  publishManifest(manifest: string): void {
    publishManifest(this.directory, manifest);
  }

  remove({ digest }: Image): void {
    rmSync(join(this.directory, "store", digest));
  }

  /** The image is answered with 410 from now on. */
  retire({ digest }: Image): void {
    write(join(this.directory, "store", `${digest}.gone`), "");
  }

  /** The requests since the last call, by their paths in the origin. */
  async requests(): Promise<readonly NginxRequest[]> {
    const prefix = new RegExp(`^(/slow|/via/[^/]+)?/${this.#name}/`);
    const all = (await this.#server.requests())
      .filter(({ uri, method }) => method === "GET" && prefix.test(uri))
      .map((request) => ({ ...request, uri: request.uri.replace(prefix, "") }));
    const news = all.slice(this.#seen);
    this.#seen = all.length;
    return news;
  }

  /** What was asked for since the last call, as `PATH STATUS`. */
  async asked(): Promise<readonly string[]> {
    return (await this.requests()).map(({ uri, status }) => `${uri} ${status}`);
  }

  /** The ETag that nginx gives the manifest. */
  async etag(): Promise<string> {
    const response = await fetch(`${this.url}/manifest`, { method: "HEAD", proxy: "" });
    return response.headers.get("ETag") ?? "";
  }
}

/** `.etag` as DST-50 has it. */
export async function etagFile(origin: SiteOrigin, manifest: string): Promise<string> {
  return `${origin.url}/manifest\n${await origin.etag()}\n${sha256sum(manifest)}\n`;
}

/** A state for which it does not matter that nginx gave an ETag. */
export function withoutEtag(state: Record<string, string>): Record<string, string> {
  const { ".etag": _, ...rest } = state;
  return rest;
}
