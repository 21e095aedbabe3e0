// Credentials that somebody else lends: a program, a web identity, the container or the machine (spec/buckets.md, BKT-50). Loaded
// only where neither the environment nor the files of the AWS tools have any.

import { readFileSync } from "node:fs";
import type { Section } from "../../core/aws-files.ts";
import { amazonEndpoint } from "../../core/bucket.ts";
import { TakoError } from "../../core/error.ts";
import { elements } from "../../core/s3-answer.ts";
import { shownPath } from "../../core/text.ts";
import { storageError } from "../disk/storage-error.ts";
import { OriginError } from "../origin/origin-error.ts";
import { type Environment, fetchOptions, proxyFor } from "../origin/proxy.ts";
import { keyOf, type Loan } from "./loan.ts";

/** Of a service on this machine or beside it; and of one further away. */
const NEAR_MS = 2000;
const FAR_MS = 30_000;
const ECS = "http://169.254.170.2";
const IMDS = "http://169.254.169.254";
const TOKEN_SECONDS = "21600";

/** @returns undefined if nobody is there to lend any */
export async function borrow(
  environment: Environment,
  profile: Section,
  region: string,
): Promise<Loan | undefined> {
  const command = profile["credential_process"];
  if (command) return await fromProgram(command, environment);
  const tokenFile =
    environment["AWS_WEB_IDENTITY_TOKEN_FILE"] || profile["web_identity_token_file"];
  const role = environment["AWS_ROLE_ARN"] || profile["role_arn"];
  if (tokenFile && role) return await fromWebIdentity(tokenFile, role, environment, region);
  if (Object.keys(profile).some((key) => /^(sso_|role_arn$|login_session$)/.test(key))) {
    throw new TakoError(
      "usage",
      "the profile signs in or takes a role, which Tako does not do by itself",
      {
        rule: "BKT-52",
        hint: 'Let the AWS tools do it: eval "$(aws configure export-credentials --format env)"',
      },
    );
  }
  const relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
  const full = relative ? `${ECS}${relative}` : environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
  if (full) return await fromContainer(full, environment);
  if (environment["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true") return undefined;
  return await fromMachine(environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] || IMDS);
}

async function fromProgram(command: string, environment: Environment): Promise<Loan> {
  const source = "credential_process";
  const child = Bun.spawn(["/bin/sh", "-c", command], {
    env: { ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(child.stdout).text();
  const status = await child.exited;
  if (status !== 0) throw useless(source, `it ended with status ${status}`);
  return loanOf(text, source);
}

async function fromWebIdentity(
  path: string,
  role: string,
  environment: Environment,
  region: string,
): Promise<Loan> {
  const endpoint = environment["AWS_ENDPOINT_URL_STS"] || amazonEndpoint("sts", region);
  const form = new URLSearchParams({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: role,
    RoleSessionName: environment["AWS_ROLE_SESSION_NAME"] || "tako",
    WebIdentityToken: readText(path),
  });
  const body = { method: "POST", body: `${form}` } as const;
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const xml = await ask("the web identity", endpoint, { ...body, headers }, FAR_MS, environment);
  const [id, secret, sessionToken, expiration] = [
    "AccessKeyId",
    "SecretAccessKey",
    "SessionToken",
    "Expiration",
  ].map((name) => elements(xml, name)[0]);
  return lent({ id, secret, sessionToken }, expiration, "the web identity");
}

async function fromContainer(url: string, environment: Environment): Promise<Loan> {
  const source = "the container's credentials";
  const target = URL.parse(url);
  const isNear = /^(localhost|127(\.\d+){3}|169\.254\.170\.(2|23)|\[::1\]|\[fd00:ec2::23\])$/;
  if (target === null || !(target.protocol === "https:" || isNear.test(target.hostname))) {
    throw useless(
      source,
      "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor of this machine",
    );
  }
  const file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
  const token = file ? readText(file) : environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
  const headers: Record<string, string> = token ? { Authorization: token } : {};
  return loanOf(await ask(source, target.href, { headers }, NEAR_MS), source);
}

/** The metadata service of the machine, in its version that wants a token first. */
async function fromMachine(endpoint: string): Promise<Loan | undefined> {
  const source = "the machine's credentials";
  const base = endpoint.replace(/\/$/, "");
  const roles = `${base}/latest/meta-data/iam/security-credentials/`;
  let token: string;
  try {
    const headers = { "X-aws-ec2-metadata-token-ttl-seconds": TOKEN_SECONDS };
    token = await ask(source, `${base}/latest/api/token`, { method: "PUT", headers }, NEAR_MS);
  } catch (error) {
    // Most machines have no such service.
    if (error instanceof OriginError) return undefined;
    throw error;
  }
  const headers = { "X-aws-ec2-metadata-token": token };
  const [role = ""] = (await ask(source, roles, { headers }, NEAR_MS)).trim().split("\n");
  return loanOf(
    await ask(source, `${roles}${encodeURIComponent(role)}`, { headers }, NEAR_MS),
    source,
  );
}

/** @throws OriginError that shows neither URL nor answer, which may hold secrets */
async function ask(
  source: string,
  url: string,
  request: { method?: string; headers: Record<string, string>; body?: string },
  limitMs: number,
  environment?: Environment,
): Promise<string> {
  const fail = (reason: string) => new OriginError(source, reason, { rule: "BKT-50" });
  const target = URL.parse(url);
  if (target === null) throw fail("the URL of the service is none");
  const proxy = environment === undefined ? undefined : proxyFor(target, environment, fail);
  const answered = async () => {
    const response = await fetch(target.href, {
      ...request,
      ...fetchOptions(proxy),
      // Of what the runtime asks for by itself.
      decompress: true,
      signal: AbortSignal.timeout(limitMs),
    });
    return { status: response.status, text: await response.text() };
  };
  const answer = await answered().catch(() => undefined);
  if (answer === undefined) throw fail("the service does not answer");
  if (answer.status !== 200) throw fail(`the service answered with status ${answer.status}`);
  return answer.text;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw storageError(error, "read", shownPath(path));
  }
}

function loanOf(json: string, source: string): Loan {
  let given: unknown;
  try {
    given = JSON.parse(json);
  } catch {
    // What it holds is not told.
  }
  if (typeof given !== "object" || given === null)
    throw useless(source, "what it gave is no JSON object");
  const fields = new Map<string, unknown>(Object.entries(given));
  const text = (...names: string[]) =>
    names.map((name) => fields.get(name)).find((value) => typeof value === "string");
  const [id, secret] = [text("AccessKeyId"), text("SecretAccessKey")];
  const sessionToken = text("SessionToken", "Token");
  return lent({ id, secret, sessionToken }, text("Expiration"), source);
}

function lent(
  given: Parameters<typeof keyOf>[0],
  expiration: string | undefined,
  source: string,
): Loan {
  const key = keyOf(given);
  if (key === undefined) throw useless(source, "what it gave holds no access key");
  const expires = Date.parse(expiration ?? "");
  return Number.isNaN(expires) ? key : { ...key, expires };
}

function useless(source: string, reason: string): TakoError {
  return new TakoError("usage", reason, { rule: "BKT-50", source });
}
