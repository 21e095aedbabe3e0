// The pure part of buckets.md: signatures, by Amazon's own examples and beside another client's; addresses, parts, and what
// is read out of answers and of the files of the AWS tools.

import { describe, expect, test } from "bun:test";
import { AwsV4Signer } from "aws4fetch";
import fc from "fast-check";
import { profileOf } from "../src/core/aws-files.ts";
import {
  addressOf,
  amazonEndpoint,
  isBucketUrl,
  parseBucketUrl,
  partsOf,
  refusePacking,
} from "../src/core/bucket.ts";
import { TakoError } from "../src/core/error.ts";
import {
  completion,
  errorCode,
  imageOfKey,
  pageOf,
  regionOf,
  uploadIdOf,
  uploadsOf,
} from "../src/core/s3-answer.ts";
import { signRequest, type UnsignedRequest } from "../src/core/sigv4.ts";
import { runs } from "../tests/support/properties.ts";

const MIB = 1024 * 1024;
/** SHA-256 of nothing. */
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk", Amazon S3 API Reference.
const AMAZON: readonly (Partial<UnsignedRequest> & { signature: string })[] = [
  {
    path: "/test.txt",
    headers: { Range: "bytes=0-9" },
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  },
  {
    method: "PUT",
    path: "/test$file.text",
    headers: {
      Date: "Fri, 24 May 2013 00:00:00 GMT",
      "x-amz-storage-class": "REDUCED_REDUNDANCY",
    },
    payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  },
  {
    query: [["lifecycle", ""]],
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  },
  {
    query: [
      ["prefix", "J"],
      ["max-keys", "2"],
    ],
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  },
];
const AMAZONS_KEY = {
  id: "AKIAIOSFODNN7EXAMPLE",
  secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

test.each(AMAZON)(
  "BKT-60: an example of Amazon's is signed as there: $signature",
  ({ signature, ...request }) => {
    const base = {
      ...{ method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/" },
      ...{ query: [], headers: {}, payload: EMPTY },
    };
    const scope = { region: "us-east-1", moment: "20130524T000000Z" };
    const { headers } = signRequest({ ...base, ...request }, AMAZONS_KEY, scope);
    expect(headers["Authorization"]).toEndWith(`, Signature=${signature}`);
    expect(headers["Authorization"]).toStartWith(
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=",
    );
  },
);

const word = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme-ascii" });
const token = fc.stringMatching(/^[A-Za-z0-9+/=]{1,40}$/);
const segment = fc.stringMatching(/^[\w!'()* +=,@~.-]{0,12}[\w!'()*=,@~-]$/);

test("BKT-60: any request is signed as aws4fetch signs it", async () => {
  const request = fc.record({
    method: fc.constantFrom("GET", "HEAD", "PUT", "POST", "DELETE"),
    host: fc.constantFrom("s3.example.org", "127.0.0.1:7480", "b.s3.eu-west-1.amazonaws.com"),
    segments: fc.array(segment, { maxLength: 4 }),
    query: fc.uniqueArray(fc.tuple(word, fc.string({ maxLength: 12, unit: "grapheme-ascii" })), {
      maxLength: 4,
      selector: ([name]) => name,
    }),
    headers: fc.dictionary(
      fc.constantFrom("If-Match", "If-None-Match", "Cache-Control", "x-amz-meta-a", "Range"),
      fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/),
    ),
    payload: fc.stringMatching(/^[0-9a-f]{64}$/),
    id: token,
    secret: token,
    sessionToken: fc.option(token, { nil: undefined }),
    region: fc.constantFrom("us-east-1", "eu-central-1", "auto"),
    seconds: fc.integer({ min: 0, max: 4_000_000_000 }),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ segments, seconds, region, ...given }) => {
      const moment = new Date(seconds * 1000).toISOString().replace(/[-:]|\.\d+/g, "");
      const path = `/${segments.join("/")}`;
      const ours = signRequest({ ...given, path }, given, { region, moment });
      const { id, secret, sessionToken, payload } = given;
      const signer = new AwsV4Signer({
        method: given.method,
        url: `https://${given.host}${ours.target}`,
        headers: { ...given.headers, "X-Amz-Content-Sha256": payload },
        accessKeyId: id,
        secretAccessKey: secret,
        ...(sessionToken === undefined ? {} : { sessionToken }),
        ...{ service: "s3", region, datetime: moment, allHeaders: true },
      });
      const theirs = await signer.sign();
      expect(ours.headers["Authorization"]).toBe(theirs.headers.get("Authorization") ?? "");
      expect(new URL(`https://${given.host}${ours.target}`).href).toBe(theirs.url.href);
    }),
    { numRuns: Math.max(3000, runs.numRuns) },
  );
}, 60_000);

describe("where a bucket is", () => {
  test("BKT-1: what begins with s3:// is a bucket, anything else a directory", () => {
    expect(["s3://b", "./s3://b", "/s3", "S3://b", "s3:/b"].map(isBucketUrl)).toEqual([
      ...[true, false, false, false, false],
    ]);
  });

  test.each([
    ["s3://images", "images", "", "s3://images"],
    ["s3://images/", "images", "", "s3://images"],
    ["s3://my.images/a/b c", "my.images", "a/b c/", "s3://my.images/a/b c"],
    ["s3://images/a/", "images", "a/", "s3://images/a"],
  ])("BKT-2: %s", (text, bucket, prefix, shown) => {
    expect(parseBucketUrl(text)).toEqual({ bucket, prefix, shown });
  });

  test.each([
    ..."s3:// s3://ab s3:///a s3://-ab s3://images//a s3://images/a//b s3://images/../b".split(" "),
    ..."s3://images/. s3://images/a?b s3://images/a#b s3://images/a%2e s3://images/\u00e9".split(
      " ",
    ),
    ..."s3://u:p@images s3://images/a&b s3://images/a\nb".split(" "),
  ])("BKT-2: %j is refused", (text) => {
    const attempt = () => parseBucketUrl(text);
    expect(attempt).toThrow(TakoError);
    expect(attempt).toThrow(expect.objectContaining({ kind: "usage", rule: "BKT-2" }));
  });

  test("BKT-65: packed files are made in a directory", () => {
    refusePacking("./s3://b");
    const attempt = () => refusePacking("s3://b\u001b/c");
    const source = "s3://b\\u{1b}/c";
    expect(attempt).toThrow(expect.objectContaining({ kind: "usage", rule: "BKT-65", source }));
  });

  test.each([
    ["https://s3.eu-west-1.amazonaws.com", "b", "k/x", "b.s3.eu-west-1.amazonaws.com", "/k/x"],
    ["https://s3.eu-west-1.amazonaws.com", "b", "", "b.s3.eu-west-1.amazonaws.com", "/"],
    ["https://s3.cn-north-1.amazonaws.com.cn", "b", "k", "b.s3.cn-north-1.amazonaws.com.cn", "/k"],
    ["https://s3.eu-west-1.amazonaws.com", "b.c", "k", "s3.eu-west-1.amazonaws.com", "/b.c/k"],
    ["http://127.0.0.1:7480/", "b", "k", "127.0.0.1:7480", "/b/k"],
    ["http://127.0.0.1:7480", "b", "", "127.0.0.1:7480", "/b"],
    ["https://x.example/storage/v1/s3", "b", "k", "x.example", "/storage/v1/s3/b/k"],
    ["https://amazonaws.com.example", "b", "k", "amazonaws.com.example", "/b/k"],
  ])("BKT-4: at %s the bucket %s with %j is %s%s", (endpoint, bucket, key, host, path) => {
    const { protocol } = new URL(endpoint);
    expect(addressOf(endpoint, bucket, key)).toEqual({
      origin: `${protocol}//${host}`,
      host,
      path,
    });
  });

  test("BKT-3: Amazon's endpoints are those of its documentation", () => {
    expect(amazonEndpoint("s3", "eu-west-1")).toBe("https://s3.eu-west-1.amazonaws.com");
    expect(amazonEndpoint("s3", "cn-north-1")).toBe("https://s3.cn-north-1.amazonaws.com.cn");
  });

  test("BKT-54: the host of the web identities' service, in China, too", () => {
    expect(amazonEndpoint("sts", "eu-west-1")).toBe("https://sts.eu-west-1.amazonaws.com");
    expect(amazonEndpoint("sts", "cn-north-1")).toBe("https://sts.cn-north-1.amazonaws.com.cn");
  });
});

test("BKT-21: parts follow one another, have 8 MiB or more, and are 10,000 at most", () => {
  expect(partsOf(0)).toEqual([[0, 0]]);
  expect(partsOf(8 * MIB)).toEqual([[0, 8 * MIB]]);
  expect(partsOf(8 * MIB + 1).map(([start]) => start)).toEqual([0, 8 * MIB]);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 * 1024 * 1024 }),
      fc.integer({ min: 0, max: MIB }),
      (mib, more) => {
        const size = mib * MIB + more;
        const parts = partsOf(size);
        expect(parts.length).toBeLessThanOrEqual(10_000);
        expect(parts[0]?.[0]).toBe(0);
        expect(parts.at(-1)?.[1]).toBe(size);
        expect(
          parts.every(([start, end], i) => end > start && (parts[i + 1]?.[0] ?? end) === end),
        ).toBe(true);
        expect(parts.slice(0, -1).every(([start, end]) => end - start >= 8 * MIB)).toBe(true);
      },
    ),
    { numRuns: 50 },
  );
});

describe("answers", () => {
  // Forms of "Error responses", "ListObjectsV2" and "ListMultipartUploads" in the Amazon S3 API Reference.
  test("BKT-6: the code of an error, and nothing that is none", () => {
    const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>m</Message></Error>`;
    expect(errorCode(xml)).toBe("NoSuchKey");
    expect(errorCode("<Error><Code>No \u001b[2J</Code></Error>")).toBeUndefined();
    expect(errorCode("<Error><Message>m</Message></Error>")).toBeUndefined();
    expect(errorCode("<Code>NoSuchKey</Code>")).toBeUndefined();
    expect(errorCode("")).toBeUndefined();
  });

  test("BKT-5: the region of an error", () => {
    expect(regionOf("<Error><Code>A</Code><Region>eu-west-1</Region></Error>")).toBe("eu-west-1");
    expect(regionOf("<Error><Region>a b</Region></Error>")).toBeUndefined();
    expect(regionOf("<Error></Error>")).toBeUndefined();
  });

  test("BKT-21: the name of an upload, and what completes it", () => {
    expect(uploadIdOf('<A xmlns="x"><UploadId>2~a&amp;b&#99;</UploadId></A>')).toBe("2~a&b&#99;");
    expect(completion(['"e1"', "e<&2"])).toEndWith(
      "<Part><PartNumber>1</PartNumber><ETag>&quot;e1&quot;</ETag></Part><Part><PartNumber>2</PartNumber><ETag>e&lt;&amp;2</ETag></Part></CompleteMultipartUpload>",
    );
  });

  test("BKT-25: uploads, without those that say not enough", () => {
    const upload = (...parts: string[]) => `<Upload>${parts.join("")}</Upload>`;
    const [key, id] = ["<Key>a</Key>", "<UploadId>1</UploadId>"];
    const since = "<Initiated>2010-11-10T20:48:33.000Z</Initiated>";
    const some = [upload(key, id, since), upload(key, id), upload(key, since), upload(id, since)];
    expect(uploadsOf(`<R>${some.join("")}</R>`)).toEqual([
      { key: "a", id: "1", since: "2010-11-10T20:48:33.000Z" },
    ]);
  });

  test("BKT-41: a page of keys, and the next one", () => {
    const keys =
      "<Contents><Key>p/a</Key><Size>1</Size></Contents><Contents><Key>p/b</Key></Contents>";
    const more =
      "<IsTruncated>true</IsTruncated><NextContinuationToken>t/1=</NextContinuationToken>";
    expect(pageOf(`<R>${keys}${more}</R>`)).toEqual({ keys: ["p/a", "p/b"], next: "t/1=" });
    expect(pageOf(`<R>${keys}<IsTruncated>false</IsTruncated></R>`).next).toBeUndefined();
  });

  test("BKT-1: the image that a key is", () => {
    expect(`${imageOfKey(`p/store/${EMPTY}`, "p/store/")}`).toBe(EMPTY);
    expect(imageOfKey(`p/store/${EMPTY}.gone`, "p/store/")).toBeUndefined();
    expect(imageOfKey(`q/store/${EMPTY}`, "p/store/")).toBeUndefined();
  });
});

test("BKT-50: the files of the AWS tools", () => {
  const config = `# mine
[default]
region = eu-west-1
[profile  deploy]
region=eu-central-1 ; near
aws_access_key_id = other
s3 =
  max_concurrent_requests = 20
credential_process = /opt/bin/give --for "a b"
not a setting
[profile default]
region = eu-north-1\r
`;
  const credentials =
    "orphan = 1\n[deploy]\naws_access_key_id = AK\nAWS_SECRET_ACCESS_KEY = a#b/c=\n";
  expect(profileOf(config, credentials, "deploy")).toEqual({
    region: "eu-central-1",
    aws_access_key_id: "AK",
    aws_secret_access_key: "a#b/c=",
    s3: "",
    credential_process: '/opt/bin/give --for "a b"',
  });
  expect(profileOf(config, "", "default")).toEqual({ region: "eu-north-1" });
  expect(profileOf("[default]\nregion = a", "", "default")).toEqual({ region: "a" });
  expect(profileOf(config, "", "none")).toEqual({});
});
