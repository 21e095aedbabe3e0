// Answers that arrive, and are wrong or strange: statuses, lengths, encodings, headers, and what is
// hardly HTTP.

import { errorPage } from "../../conformance/hostile/wire.ts";
import { judgeAll, type Row, updated } from "./judge.ts";

type Refusal = Pick<Row, "status" | "says" | "line" | "tries" | "meanwhile"> &
  Partial<Pick<Row, "leaves">>;

/** A manifest that is refused, and nothing is another than before. */
const manifest = (title: string, scenario: string, refusal: Refusal): Row => ({
  title: `${title} (manifest)`,
  scenario: `manifest:${scenario}` as Row["scenario"],
  leaves: "all as before",
  ...refusal,
});

/** An image that is refused, and of which nothing stays. */
const image = (title: string, scenario: string, refusal: Refusal): Row => ({
  title: `${title} (image)`,
  scenario: `image:${scenario}` as Row["scenario"],
  about: "image",
  leaves: "manifest",
  ...refusal,
});

/** An image of which too little comes; each try has in the end as many bytes as are said here. */
const cut = (title: string, scenario: string, sizes: readonly number[], content?: string): Row => {
  const [partial = 0] = sizes.slice(-1);
  return image(title, scenario, {
    ...origin(`the answer ended early: ${partial} of 100000 bytes are here`),
    tries: sizes.length,
    leaves: content === undefined ? { partial } : { partial, content },
  });
};

const both = (...row: Parameters<typeof manifest>) => [manifest(...row), image(...row)];

/** Manifest and image come in a strange way, and are good. */
const good = (
  title: string,
  scenario: string,
  leaves: Row["leaves"] = { ...updated, etag: null },
): Row => ({
  title: `${title} (good)`,
  scenario: scenario as Row["scenario"],
  status: 0,
  leaves,
});

const origin = (says: string): Refusal => ({ status: 69, says });
const tooMuch: Refusal = {
  status: 65,
  says: "the image has a wrong size: expected 100000 bytes, received more",
};
const noManifest = origin("the answer is no manifest of Tako's");
const packed = (encoding: string) =>
  origin(`the answer has "Content-Encoding: ${encoding}", which was not asked for`);
const otherLength = (length: number) =>
  origin(`the answer has ${length} bytes, and the image 100000`);
const tooLong: Refusal = { status: 65, says: "the manifest is longer than 64 MiB" };
const noHttp = origin("the answer is not HTTP, or has more than 256 header lines");
const badLength = origin("the answer has an invalid Content-Length");
const badChunk: Refusal = { ...origin("the answer is not valid HTTP"), tries: 4 };
const tooLarge = origin("the headers of the answer are too large");

judgeAll([
  ...[201, 202, 204, 205, 206, 226].map((status) =>
    manifest(
      `ORG-20: status ${status}`,
      `true-body=${status}`,
      origin(`the server answered with status ${status}, expected 200`),
    ),
  ),
  ...[203, 204, 206].map((status) =>
    image(
      `ORG-26: status ${status}`,
      `true-body=${status}`,
      origin(`the server answered with status ${status}, expected 200`),
    ),
  ),
  ...both(
    "ORG-51: 101, which nobody asked for",
    "status=101",
    origin("the server answered with status 101"),
  ),
  ...both("ORG-20: 404", "status=404", origin("the server answered with status 404")),
  {
    ...image("FET-52: 410", "status=410", {
      status: 69,
      says: "the origin no longer has version 1.1.0, nor an older one that may be taken",
    }),
    starts: ["new"],
  },
  manifest("ORG-31: 200 with an error page", "status=200", noManifest),
  cut("ORG-35: 200 with an error page", "status=200", [43, 43, 43, 43], errorPage),
  good("ORG-20: a 103 before the answer", "early-hints", updated),

  // Lengths.
  good("ORG-28: no Content-Length", "no-length"),
  good("ORG-28: chunks", "chunked"),
  good("ORG-28: a length and chunks, of which chunks count", "length-and-chunks"),
  manifest("ORG-33: half of the file, properly ended", "half", {
    ...origin("the answer ended before the manifest did"),
    tries: 4,
  }),
  cut("ORG-35: half of the file, properly ended", "half", [50_000, 50_000, 50_000, 50_000]),
  manifest("ORG-31: a Content-Length that is too small", "announce=9", noManifest),
  image("ORG-32: a Content-Length that is too small", "announce=9", otherLength(9)),
  image("ORG-32: a Content-Length that is too large", "announce=100001", otherLength(100_001)),
  image("ORG-32: a Content-Length of nothing", "announce=0", otherLength(0)),
  manifest("ORG-22: a Content-Length of 64 MiB and a byte", "announce=67108865", tooLong),
  {
    ...manifest("ORG-22: a body without end", "endless", tooLong),
    starts: ["new", "in use"],
  },
  manifest("ORG-22: chunks without end", "endless-chunks", tooLong),
  image("ORG-27: a body without end", "endless", tooMuch),
  image("ORG-27: chunks without end", "endless-chunks", tooMuch),
  ...["x", "-1", "1e3", "99999999999999999999999", ""].map((length) =>
    manifest(`ORG-51: Content-Length "${length}"`, `announce=${length}`, badLength),
  ),
  image("ORG-51: Content-Length -1", "announce=-1", badLength),
  manifest("ORG-51: two Content-Lengths", "two-lengths", badLength),
  ...["zz", "-1", "", "ffffffffffffffffff", "10%20x"].map((size) =>
    image(`ORG-28: a chunk of size "${size}"`, `bad-chunk=${size}`, badChunk),
  ),
  manifest("ORG-28: a chunk of size zz", "bad-chunk=zz", badChunk),

  // Encodings: the few bytes that came are looked at, not what they would become.
  ...["gzip", "deflate", "br"].flatMap((encoding) =>
    both(`ORG-11, ORG-34: a bomb by ${encoding}`, `bomb=${encoding}`, packed(encoding)),
  ),
  ...both("ORG-11, ORG-34: packed in earnest", "gzipped", packed("gzip")),
  good("ORG-11: plain content that is said to be compressed", "encoded=gzip"),

  // Headers.
  good("ORG-30: 256 header lines", "headers=256"),
  manifest("ORG-30: 257 header lines", "headers=257", noHttp),
  manifest("ORG-30: 100,000 header lines", "headers=100000", noHttp),
  good("ORG-30: 1 MiB of headers", "manifest:header-bytes=1048576"),
  manifest("ORG-30: 20 MiB of headers", "header-bytes=20971520", tooLarge),
  ...both("ORG-30: a header without end", "huge-header", tooLarge),
  good("ORG-30: a status line of 1 MiB", "manifest:long-status=1048576"),
  manifest("ORG-30: a status line of 20 MiB", "long-status=20971520", tooLarge),
  manifest("ORG-51: headers that are none", "bad-header", noHttp),
  manifest("CLI-24: escapes in the status line", "escapes=status", noHttp),
  manifest("CLI-24: escapes in a header", "escapes=header", noHttp),
  manifest("CLI-24: escapes in a Location", "escapes=location", noHttp),
  manifest(
    "CLI-24: escapes of one byte, everywhere",
    "escapes=all",
    origin("redirected to file:..., which is neither http nor https"),
  ),

  // Hardly HTTP.
  manifest("ORG-51: another protocol", "garbage", noHttp),
  manifest("ORG-51: HTTP/0.9, a body and nothing else", "headless", noHttp),
  manifest("ORG-51: HTTP/2", "http-2", {
    status: 69,
    says: "the connection was closed before the end of the answer",
    tries: 4,
  }),
  ...["HTTP/3.0", "HTTP/0.9", "ICY", "http/1.1"].map((protocol) =>
    manifest(`ORG-51: ${protocol}`, `protocol=${encodeURIComponent(protocol)}`, noHttp),
  ),
  good("ORG-51: HTTP/1.0", "protocol=HTTP%2F1.0"),
  good("ORG-51: a second answer, which nobody asked for", "two-answers"),
]);
