// Where credentials for a bucket come from, in which order, and what is said when there are none.

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TakoError } from "../../src/core/error.ts";
import { accountOf } from "../../src/shell/bucket/account.ts";
import { systemClock } from "../../src/shell/clock.ts";

const home = mkdtempSync(join(tmpdir(), "tako-credentials-"));
const noMachine = { HOME: home, AWS_EC2_METADATA_DISABLED: "true" };
afterAll(() => rmSync(home, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(home, name);
  writeFileSync(path, content);
  return path;
}

const accessKey = (environment: Record<string, string>, now = Date.now()) =>
  accountOf({ ...noMachine, ...environment }, { ...systemClock, now: () => now }).accessKey();

async function failure(environment: Record<string, string>): Promise<TakoError> {
  try {
    await accessKey(environment);
  } catch (error) {
    if (error instanceof TakoError) return error;
  }
  throw new Error("expected a TakoError");
}

/** A service that lends credentials, and what it was asked. */
function lender(answer: (request: Request, body: string) => Response) {
  const asked: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      asked.push(`${request.method} ${new URL(request.url).pathname}`);
      return answer(request, await request.text());
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    [Symbol.dispose]: () => void server.stop(true),
  };
}

const json = (more = {}) =>
  JSON.stringify({ Version: 1, AccessKeyId: "LENT", SecretAccessKey: "s3cret", ...more });

test("BKT-50: the environment comes first, with its session token", async () => {
  const inEnvironment = { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "B" };
  const credentials = file("one", "[default]\naws_access_key_id=C\naws_secret_access_key=D\n");
  const files = { AWS_SHARED_CREDENTIALS_FILE: credentials };
  expect(await accessKey({ ...files, ...inEnvironment, AWS_SESSION_TOKEN: "T" })).toEqual({
    ...{ id: "A", secret: "B", sessionToken: "T" },
  });
  expect(await accessKey({ ...files, AWS_ACCESS_KEY_ID: "A" })).toEqual({ id: "C", secret: "D" });
});

test("BKT-50, BKT-3, BKT-5: the files in the home directory, and the profile that is named", async () => {
  const aws = join(home, "user", ".aws");
  mkdirSync(aws, { recursive: true });
  writeFileSync(
    join(aws, "config"),
    "[profile p]\nregion = eu-west-3\nendpoint_url = http://127.0.0.1:1\n",
  );
  writeFileSync(
    join(aws, "credentials"),
    "[p]\naws_access_key_id=C\naws_secret_access_key=D\naws_session_token=E\n",
  );
  const environment = { ...noMachine, HOME: join(home, "user"), AWS_PROFILE: "p" };
  const account = accountOf(environment, systemClock);
  expect(await account.accessKey()).toEqual({ id: "C", secret: "D", sessionToken: "E" });
  expect([account.region, account.endpoint("x")]).toEqual(["eu-west-3", "http://127.0.0.1:1"]);
  const given = { AWS_REGION: "eu-west-1", AWS_ENDPOINT_URL: "https://a.example" };
  const other = accountOf({ ...environment, ...given }, systemClock);
  expect([other.region, other.endpoint("x")]).toEqual(["eu-west-1", "https://a.example"]);
  const unknown = { ...environment, AWS_PROFILE: "q" };
  expect(() => accountOf(unknown, systemClock)).toThrow("there is no profile q");
});

test("BKT-3, BKT-51: an endpoint that is none is refused, and not shown", () => {
  for (const AWS_ENDPOINT_URL_S3 of [
    "https://u:pass-word@a.example",
    "ftp://pass-word",
    "pass-word",
  ]) {
    const attempt = () => accountOf({ ...noMachine, AWS_ENDPOINT_URL_S3 }, systemClock);
    expect(attempt).toThrow(expect.objectContaining({ kind: "usage" }));
    expect(attempt).not.toThrow("pass-word");
  }
});

test("BKT-50, BKT-53: a program lends them, again shortly before they end", async () => {
  const Expiration = "2026-01-01T01:00:00Z";
  const count = join(home, "count");
  const script = file(
    "lend.sh",
    `echo >>'${count}'; echo '${json({ SessionToken: "T", Expiration })}'\n`,
  );
  const config = file("process", `[default]\ncredential_process = /bin/sh "${script}"\n`);
  let now = Date.parse("2026-01-01T00:00:00Z");
  const environment = { ...noMachine, PATH: "/usr/bin:/bin", AWS_CONFIG_FILE: config };
  const account = accountOf(environment, { ...systemClock, now: () => now });
  expect(await account.accessKey()).toMatchObject({
    id: "LENT",
    secret: "s3cret",
    sessionToken: "T",
  });
  now = Date.parse("2026-01-01T00:54:00Z");
  await account.accessKey();
  expect(await Bun.file(count).text()).toBe("\n");
  now = Date.parse("2026-01-01T00:56:00Z");
  await account.accessKey();
  expect(await Bun.file(count).text()).toBe("\n\n");
});

test("BKT-50, BKT-51: a program that fails, or gives something else", async () => {
  for (const [command, message] of [
    ["echo a-secret; exit 3", "it ended with status 3"],
    ["echo a-secret", "no JSON object"],
    [`echo '{"AccessKeyId": "a-secret"}'`, "no access key"],
  ]) {
    const config = file("failing", `[default]\ncredential_process = ${command}\n`);
    const error = await failure({ AWS_CONFIG_FILE: config, PATH: "/usr/bin:/bin" });
    expect(error).toMatchObject({ kind: "usage", source: "credential_process" });
    expect(error.message).toContain(message ?? "");
    expect(error.message).not.toContain("a-secret");
  }
});

test("BKT-50: a web identity is exchanged, and its token is in no URL", async () => {
  // The form of "AssumeRoleWithWebIdentity" in the AWS STS API Reference.
  const xml =
    "<R><Credentials><SessionToken>T</SessionToken><SecretAccessKey>S</SecretAccessKey><Expiration>2014-10-24T23:00:23Z</Expiration><AccessKeyId>I</AccessKeyId></Credentials></R>";
  const bodies: string[] = [];
  using sts = lender((_, body) => {
    bodies.push(body);
    return new Response(xml);
  });
  const environment = {
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_WEB_IDENTITY_TOKEN_FILE: file("token", "a.jwt\n"),
    AWS_ROLE_ARN: "arn:aws:iam::1:role/r",
  };
  const expires = Date.parse("2014-10-24T23:00:23Z");
  expect(await accessKey(environment)).toEqual({
    id: "I",
    secret: "S",
    sessionToken: "T",
    expires,
  } as never);
  expect(sts.asked).toEqual(["POST /"]);
  expect(Object.fromEntries(new URLSearchParams(bodies[0]))).toEqual({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: "arn:aws:iam::1:role/r",
    RoleSessionName: "tako",
    WebIdentityToken: "a.jwt",
  });
});

test("BKT-50: a container's endpoint, with its token, on this machine only unless it is https", async () => {
  using ecs = lender(({ headers }) =>
    headers.get("Authorization") === "a-token"
      ? new Response(json({ Token: "T" }))
      : new Response("", { status: 401 }),
  );
  const full = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${ecs.url}/creds` };
  const token = { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file("ecs", "a-token\n") };
  expect(await accessKey({ ...full, ...token })).toMatchObject({ id: "LENT", sessionToken: "T" });
  expect(await failure(full)).toMatchObject({ kind: "origin" });
  const far = { AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://a.example/creds" };
  expect((await failure(far)).message).toContain("neither https nor of this machine");
});

test("BKT-50: the machine's metadata service, with a token first", async () => {
  using imds = lender((request) => {
    const { pathname } = new URL(request.url);
    if (request.method === "PUT") return new Response("a-token");
    if (request.headers.get("X-aws-ec2-metadata-token") !== "a-token")
      return new Response("", { status: 401 });
    return new Response(
      pathname.endsWith("/") ? "the-role" : json({ Token: "T", Code: "Success" }),
    );
  });
  const environment = {
    AWS_EC2_METADATA_DISABLED: "false",
    AWS_EC2_METADATA_SERVICE_ENDPOINT: imds.url,
  };
  expect(await accessKey(environment)).toMatchObject({ id: "LENT", sessionToken: "T" });
  const roles = "/latest/meta-data/iam/security-credentials/";
  expect(imds.asked).toEqual(["PUT /latest/api/token", `GET ${roles}`, `GET ${roles}the-role`]);
});

test("BKT-50, BKT-52: none at all, and a profile that signs in", async () => {
  expect(await failure({})).toMatchObject({ kind: "usage", rule: "BKT-50" });
  const config = file("sso", "[default]\nsso_session = work\nsso_account_id = 1\n");
  const error = await failure({ AWS_CONFIG_FILE: config });
  expect(error).toMatchObject({ kind: "usage", rule: "BKT-52" });
  expect(error.hint).toContain("aws configure export-credentials --format env");
  const odd = await failure({ AWS_ACCESS_KEY_ID: "a\nb", AWS_SECRET_ACCESS_KEY: "a-secret" });
  expect(odd.message).not.toContain("a-secret");
});
