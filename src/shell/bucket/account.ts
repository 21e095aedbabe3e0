// Who publishes into a bucket, and where the bucket's service is: what the environment and the files of the AWS tools say
// (spec/buckets.md, BKT-3 and following). What is not there is asked for only when the first request needs it.

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { profileOf, type Section } from "../../core/aws-files.ts";
import { amazonEndpoint } from "../../core/bucket.ts";
import { TakoError } from "../../core/error.ts";
import { isRegion } from "../../core/s3-answer.ts";
import type { AccessKey } from "../../core/sigv4.ts";
import { printable } from "../../core/text.ts";
import type { Clock } from "../clock.ts";
import { isErrno, storageError } from "../disk/storage-error.ts";
import type { Environment } from "../origin/proxy.ts";
import { keyOf, type Loan } from "./loan.ts";

export interface Account {
  readonly region: string;
  /** Of the service in a region. */
  readonly endpoint: (region: string) => string;
  /** Still valid for a while. */
  readonly accessKey: () => Promise<AccessKey>;
}

/** Temporary credentials are renewed so long before they end. */
const RENEW_MS = 5 * 60_000;

/** @throws TakoError of kind `usage` or `storage` for what the environment or a file says wrongly */
export function accountOf(environment: Environment, clock: Clock): Account {
  const profile = readProfile(environment);
  const region =
    environment["AWS_REGION"] ||
    environment["AWS_DEFAULT_REGION"] ||
    profile["region"] ||
    "us-east-1";
  if (!isRegion(region)) throw refuse("AWS_REGION is no region");
  const given =
    environment["AWS_ENDPOINT_URL_S3"] ||
    environment["AWS_ENDPOINT_URL"] ||
    profile["endpoint_url"];
  if (given !== undefined) requireEndpoint(given);
  let known: Loan | undefined;
  const accessKey = async () => {
    const ends = known?.expires ?? Infinity;
    if (known === undefined || ends - RENEW_MS < clock.now()) {
      known = await findLoan(environment, profile, region);
    }
    return known;
  };
  return { region, endpoint: (at) => given ?? amazonEndpoint("s3", at), accessKey };
}

function requireEndpoint(text: string): void {
  const url = URL.parse(text);
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.search + url.hash === "";
  if (isPlain && url.username + url.password === "") return;
  // It is not shown: one that is mistyped may hold a password.
  throw refuse(
    "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or endpoint_url is not http://HOST or https://HOST",
  );
}

/** In the order of the AWS tools (BKT-50). */
async function findLoan(environment: Environment, profile: Section, region: string): Promise<Loan> {
  const inEnvironment = keyOf({
    id: environment["AWS_ACCESS_KEY_ID"],
    secret: environment["AWS_SECRET_ACCESS_KEY"],
    sessionToken: environment["AWS_SESSION_TOKEN"],
  });
  const inFiles = keyOf({
    id: profile["aws_access_key_id"],
    secret: profile["aws_secret_access_key"],
    sessionToken: profile["aws_session_token"],
  });
  const found = inEnvironment ?? inFiles;
  if (found !== undefined) return found;
  const { borrow } = await import("./credential-sources.ts");
  const borrowed = await borrow(environment, profile, region);
  if (borrowed !== undefined) return borrowed;
  const hint = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.";
  throw refuse("no credentials for the bucket are given", hint);
}

function readProfile(environment: Environment): Section {
  const home = environment["HOME"] || homedir();
  const at = (variable: string, file: string) =>
    readIfThere(environment[variable] || join(home, ".aws", file));
  const given = environment["AWS_PROFILE"] || environment["AWS_DEFAULT_PROFILE"];
  const name = given || "default";
  const config = at("AWS_CONFIG_FILE", "config");
  const profile = profileOf(config, at("AWS_SHARED_CREDENTIALS_FILE", "credentials"), name);
  if (given && Object.keys(profile).length === 0) {
    throw refuse(
      `there is no profile ${printable(name)}`,
      "aws configure list-profiles names them.",
    );
  }
  return profile;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return "";
    throw storageError(error, "read", path);
  }
}

function refuse(message: string, hint?: string): TakoError {
  return new TakoError("usage", message, { rule: "BKT-50", hint });
}
