// What a publisher reads whose bucket cannot be used: status and words, with what to do about it, and never a secret.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sources } from "../support/program.ts";
import { key, manifestOf } from "../support/publishing.ts";
import { type Fault, serveBucket, xmlError } from "./fault-server.ts";

const folder = mkdtempSync(join(tmpdir(), "tako-said-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const image = file("image", "two");
const program = sources();
const config = (profile: string) => ({
  AWS_ACCESS_KEY_ID: "",
  AWS_CONFIG_FILE: file(`${Bun.hash(profile)}.config`, `[default]\n${profile}\n`),
});

/** What is said of a store into a bucket that holds version 1. */
async function said(
  place: string,
  environment: Record<string, string> = {},
  fault: Fault = () => undefined,
) {
  await using server = serveBucket(fault);
  server.objects.set("manifest", Buffer.from(manifestOf([["1", "one"]])));
  const env = { ...server.environment, TAKO_SECRET_KEY: key.secret, ...environment };
  const { status, stdout, stderr } = await program.run(["store", "-o", place, image, "2"], { env });
  expect(stdout).toBe("");
  expect(stderr).not.toMatch(/a-secret|s3cret/);
  expect(stderr).not.toContain(key.secret);
  const [first, ...more] = stderr.replace(/^TakoError.*$/gm, "").split("\n");
  const hint = more
    .filter((line) => !line.includes("--help shows"))
    .join("\n")
    .trim();
  return { status, first, hint, asked: server.asked.length };
}

const NAME = "Write it as s3://BUCKET or s3://BUCKET/PREFIX.";
const KEYS = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.";

test.each([
  ["BKT-2", "s3://-", {}, "s3://-: it names no bucket", NAME],
  [
    "BKT-2",
    "s3://images/../b",
    {},
    "s3://images/../b: its prefix has an empty segment, one of dots, or a character that is not plain",
    NAME,
  ],
  ["BKT-5", "s3://images", { AWS_REGION: "no region" }, "AWS_REGION is no region", ""],
  [
    "BKT-3",
    "s3://images",
    { AWS_ENDPOINT_URL_S3: "https://me:s3cret@127.0.0.1" },
    "AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or endpoint_url is not http://HOST or https://HOST",
    "",
  ],
  [
    "BKT-50",
    "s3://images",
    { AWS_ACCESS_KEY_ID: "" },
    "no credentials for the bucket are given",
    KEYS,
  ],
  [
    "BKT-50",
    "s3://images",
    { AWS_PROFILE: "nobody" },
    "there is no profile nobody",
    "aws configure list-profiles names them.",
  ],
  [
    "BKT-50",
    "s3://images",
    { AWS_SECRET_ACCESS_KEY: "s3cret\n" },
    "the credentials hold a character that no such key has",
    "",
  ],
  [
    "BKT-50",
    "s3://images",
    config("credential_process = echo s3cret; exit 3"),
    "credential_process: it ended with status 3",
    "",
  ],
  [
    "BKT-50",
    "s3://images",
    config("credential_process = echo s3cret"),
    "credential_process: what it gave is no JSON object",
    "",
  ],
  [
    "BKT-50",
    "s3://images",
    config('credential_process = echo \'{"SecretAccessKey": "s3cret"}\''),
    "credential_process: what it gave holds no access key",
    "",
  ],
  [
    "BKT-52",
    "s3://images",
    config("sso_session = work"),
    "the profile signs in or takes a role, which Tako does not do by itself",
    'Let the AWS tools do it: eval "$(aws configure export-credentials --format env)"',
  ],
  [
    "BKT-50",
    "s3://images",
    { AWS_ACCESS_KEY_ID: "", AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://127.0.0.1.example/" },
    "the container's credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor of this machine",
    "",
  ],
])(
  "%s: a usage error for %s, and for what its environment says",
  async (_, place, environment, message, hint) => {
    expect(await said(place, environment)).toEqual({
      ...{ status: 2, first: `tako: ${message}`, hint, asked: 0 },
    });
  },
);

const refusals: [status: number, code: string, hint: string][] = [
  [
    403,
    "SignatureDoesNotMatch",
    "Check the credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the profile.",
  ],
  [403, "ExpiredToken", "Get new temporary credentials."],
  [
    403,
    "AccessDenied",
    "The credentials need s3:GetObject, s3:PutObject, s3:ListBucket and s3:AbortMultipartUpload here.",
  ],
  [403, "RequestTimeTooSkewed", "Look at this machine's clock (timedatectl)."],
  [404, "NoSuchBucket", "Make the bucket first, or check its name and AWS_ENDPOINT_URL_S3."],
  [400, "InvalidRequest", "Check AWS_REGION and AWS_ENDPOINT_URL_S3."],
];

test.each(refusals)("BKT-6: a bucket that answers %d %s", async (status, code, hint) => {
  const fault = () => xmlError(status, code, "<Message>s3cret</Message>");
  expect(await said("s3://images", {}, fault)).toMatchObject({
    ...{ status: 69, hint },
    first: `tako: s3://images/manifest: the bucket answered with status ${status} (${code})`,
  });
});

test("BKT-13, BKT-32: a manifest that does not get in place, and a bucket without conditions", async () => {
  const refused = await said("s3://images", {}, ({ method, target }) =>
    method === "PUT" && target.endsWith("/manifest") ? xmlError(409, "Conflict") : undefined,
  );
  expect(refused).toMatchObject({
    status: 1,
    first: "tako: s3://images/manifest: the manifest was not put in place in 20 tries",
    hint: "Others published at the same time, and nothing of theirs is lost: run it again.",
  });
  const unsupported = await said("s3://images", {}, ({ method }) =>
    method === "PUT" ? xmlError(501, "NotImplemented") : undefined,
  );
  expect(unsupported).toMatchObject({
    status: 1,
    first:
      "tako: s3://images/manifest: the bucket does not support conditions, so two publishers at once would lose each other's version",
    hint: "Use -o DIR and copy it, one job at a time; or --unsafe-last-writer-wins if you are alone.",
  });
}, 60_000);
