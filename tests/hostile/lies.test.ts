// Answers that are good HTTP and lie: ETags, ranges, content that is swapped, replayed or old, and
// servers that are busy for ever.

import { bigImage, entry, image, manifestOf, secondKey } from "../support/publishing.ts";
import { judgeAll, offered, one, type Row, two, updated } from "./judge.ts";

const closed = "the connection was closed before the end of the answer";
const busy = "the server answered with status 503";
const unsigned = "the manifest is not signed by any of the given public keys";
const lost = `the manifest is not a continuation of the local one: "${entry(one)}" is missing`;

/** As long as the image, and another. */
const other = bigImage("6.6.6", 100_000);
// People are shown twelve digits of each (CLI-53).
const [expected, received] = [two, other].map(({ digest }) => digest.slice(0, 12));
const wrongDigest = `the image has a wrong SHA-256: expected ${expected}, received ${received}`;

/** A host with 1.0.0 in use and more than half of the next image. */
const resuming = (title: string, scenario: string, tries: number): Row => ({
  title,
  scenario: `image:${scenario}` as Row["scenario"],
  starts: ["in use"],
  partial: 60_000,
  status: 0,
  about: "image",
  tries,
  retries: 0,
  leaves: updated,
});

judgeAll([
  // ETags.
  {
    title: "ORG-21: 304 to a host that has no manifest",
    scenario: "status=304",
    starts: ["new"],
    status: 69,
    says: "the server answered with status 304, expected 200",
    leaves: "all as before",
  },
  {
    title: "ORG-21: 304 with the manifest as its body",
    scenario: "unchanged-with-body",
    starts: ["new"],
    status: 69,
    says: "the server answered with status 304, expected 200",
    leaves: "all as before",
  },
  {
    title: "ORG-21: 304 to a host that has a manifest and no ETag",
    scenario: "status=304",
    starts: ["in use"],
    etag: null,
    status: 69,
    says: "the server answered with status 304, expected 200",
    leaves: "all as before",
  },
  {
    title: "ORG-20: 304 with a body, which is not looked at",
    scenario: "unchanged-with-body",
    starts: ["in use"],
    status: 0,
    leaves: "all as before",
  },
  {
    title: "ORG-20: the same ETag for another manifest withholds it, and no more",
    scenario: "same-etag",
    starts: ["in use"],
    etag: '"same"',
    status: 0,
    leaves: "all as before",
  },
  {
    title: "ORG-13: the same ETag for another manifest, and an image that is known by no ETag",
    scenario: "same-etag",
    starts: ["in use"],
    status: 0,
    leaves: { ...updated, etag: '"same"' },
  },
  {
    title: "DST-55: an ETag that stands for every manifest is not kept",
    scenario: "etag=*",
    status: 0,
    leaves: { ...updated, etag: null },
  },
  {
    title: "DST-54: an ETag with spaces is not kept",
    scenario: "etag=%22a%20b%22",
    status: 0,
    leaves: { ...updated, etag: null },
  },
  {
    title: "DST-54: an ETag of 9,000 bytes is not kept",
    scenario: `etag=${"x".repeat(9000)}`,
    status: 0,
    leaves: { ...updated, etag: null },
  },

  // Ranges. What is odd leads to one request from byte 0, and what is wrong, too.
  resuming("ORG-36: 200 to a range request", "ignores-ranges", 1),
  resuming("ORG-25: 416", "range-status=416", 2),
  resuming("ORG-25: 206 without a Content-Range", "no-content-range", 2),
  ...["bytes 59999-99999/100000", "bytes 60000-99999/100001", "bytes 60000-99999/*", "x"].map(
    (range) =>
      resuming(`ORG-25: 206 with ${range}`, `content-range=${encodeURIComponent(range)}`, 2),
  ),
  resuming("FET-62: 206 with other bytes", "zero-range", 2),
  {
    ...resuming("ORG-37: 206 that brings a part and says so", "part-of-range=30000", 2),
    retries: 1,
    meanwhile: "the answer ended early: 90000 of 100000 bytes are here",
  },
  {
    ...resuming("ORG-32: 200 with a page; what is there stays", "page-for-ranges", 1),
    status: 69,
    says: "the answer has 43 bytes, and the image 100000",
    leaves: { partial: 60_000 },
  },
  {
    ...resuming(
      "ORG-35: 200 with a page and no length; what is there stays",
      "range-status=200",
      4,
    ),
    status: 69,
    says: "the answer ended early: 60000 of 100000 bytes are here",
    retries: 3,
    leaves: { partial: 60_000 },
  },
  resuming("ORG-36: 200 without a length", "no-length", 1),
  {
    ...resuming("ORG-35: 206 that brings less than it says", "short-range", 4),
    status: 69,
    says: "the answer ended early: 97500 of 100000 bytes are here",
    retries: 3,
    leaves: { partial: 97_500 },
  },
  resuming("FET-62: 206 that is too long", "long-range", 2),
  {
    ...resuming("ORG-25: 404 to a range request; what is there stays", "range-status=404", 1),
    status: 69,
    says: "the server answered with status 404",
    leaves: { partial: 60_000 },
  },
  {
    ...resuming("ORG-50: 503 to a range request; what is there stays", "range-status=503", 4),
    status: 69,
    says: busy,
    retries: 3,
    leaves: { partial: 60_000 },
  },
  {
    ...resuming("ORG-25: 206 with all of it, whatever is asked for", "always-206", 2),
    status: 69,
    says: "the server answered with status 206, expected 200",
    leaves: { partial: 60_000 },
  },

  // Swapped between two requests.
  {
    title: "ORG-50: another good manifest after one that was cut",
    scenario: "manifest:swap",
    manifest: manifestOf([one]),
    later: { manifest: offered },
    status: 0,
    tries: 2,
    meanwhile: closed,
    leaves: updated,
  },
  {
    title: "FET-30: a manifest of another key after a good one that was cut",
    scenario: "manifest:swap",
    later: { manifest: manifestOf([one, two], secondKey) },
    status: 65,
    line: 6,
    says: unsigned,
    tries: 2,
    meanwhile: closed,
    leaves: "all as before",
  },
  {
    title: "FET-62: the image is swapped during its download",
    scenario: "image:swap",
    later: { image: other.content },
    status: 65,
    about: "image",
    says: wrongDigest,
    tries: 3,
    retries: 1,
    meanwhile: closed,
    leaves: "manifest",
  },
  {
    title: "FET-62: another image is swapped for the right one during its download",
    scenario: "image:swap",
    image: other.content,
    later: { image: two.content },
    status: 0,
    about: "image",
    tries: 3,
    retries: 1,
    meanwhile: closed,
    leaves: updated,
  },
  {
    title: "FET-62: an image that is resumed is another by now",
    scenario: "honest",
    starts: ["in use"],
    partial: 60_000,
    image: other.content,
    status: 65,
    about: "image",
    says: wrongDigest,
    tries: 2,
    retries: 0,
    leaves: "manifest",
  },

  // Old, or somebody else's.
  {
    title: "FET-30: the manifest of another origin",
    scenario: "honest",
    starts: ["new", "in use"],
    manifest: manifestOf([one, two], secondKey),
    status: 65,
    line: 6,
    says: unsigned,
    leaves: "all as before",
  },
  {
    title: "FET-31: the manifest of another origin with the same key",
    scenario: "honest",
    starts: ["in use"],
    manifest: manifestOf([image("3.0.0")]),
    status: 65,
    says: lost,
    leaves: "all as before",
  },
  {
    title: "FET-34, DST-14: an older manifest, from a cache that does not look again",
    scenario: "honest",
    starts: ["in use"],
    manifest: manifestOf([]),
    status: 69,
    says: `the manifest is older than the local one: "${entry(one)}" is not in it yet`,
    tries: 2,
    retries: 0,
    leaves: "all as before",
  },
  {
    title: "FET-69: another image",
    scenario: "honest",
    image: other.content,
    status: 65,
    about: "image",
    says: wrongDigest,
    leaves: "manifest",
  },
  {
    title: "ORG-32: nothing as an image",
    scenario: "honest",
    image: "",
    status: 69,
    about: "image",
    says: "the answer has 0 bytes, and the image 100000",
    leaves: "manifest",
  },

  // Busy.
  {
    title: "ORG-50: three 503, then the manifest",
    scenario: "manifest:busy=3",
    etag: null,
    status: 0,
    tries: 4,
    meanwhile: busy,
    leaves: updated,
  },
  {
    title: "ORG-18: a 503 to a condition is asked once without it, at once",
    scenario: "manifest:busy=1",
    starts: ["in use"],
    status: 0,
    tries: 2,
    retries: 0,
    leaves: updated,
  },
  {
    title: "ORG-18: three 503, of which one to a condition",
    scenario: "manifest:busy=3",
    starts: ["in use"],
    status: 0,
    tries: 4,
    retries: 2,
    meanwhile: busy,
    leaves: updated,
  },
  {
    title: "ORG-50: three 503, then the image",
    scenario: "image:busy=3",
    status: 0,
    about: "image",
    tries: 4,
    meanwhile: busy,
    leaves: updated,
  },
  {
    title: "ORG-50: four 503",
    scenario: "manifest:busy=4",
    etag: null,
    starts: ["new", "in use"],
    status: 69,
    says: busy,
    tries: 4,
    leaves: "all as before",
  },
  {
    title: "ORG-53: 429 with seconds",
    scenario: "manifest:retry-after=1",
    status: 0,
    tries: 2,
    meanwhile: "the server answered with status 429, and asks to wait 1 s",
    leaves: updated,
  },
  {
    title: "ORG-53: 429 with a date that is over",
    scenario: "image:retry-in=-100",
    status: 0,
    about: "image",
    tries: 2,
    meanwhile: "the server answered with status 429, and asks to wait 0 s",
    leaves: updated,
  },
  {
    title: "ORG-53: 429 with seconds that cannot be read",
    scenario: "manifest:retry-after=soon",
    status: 0,
    tries: 2,
    meanwhile: "the server answered with status 429",
    leaves: updated,
  },
  ...[
    ["61 seconds", "retry-after=61", "61 s"],
    ["a date far away", "retry-in=99999999", "more than a day"],
    ["ages", `retry-after=${"9".repeat(400)}`, "more than a day"],
  ].map(
    ([what, scenario, wait]): Row => ({
      title: `ORG-53: 429 with ${what}`,
      scenario: `image:${scenario}` as Row["scenario"],
      status: 69,
      about: "image",
      says: `the server answered with status 429, and asks to wait ${wait}`,
      leaves: "manifest",
    }),
  ),
]);
