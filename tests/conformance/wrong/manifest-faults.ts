// Wrong ideas of what a manifest is.

import { type AdapterFaults, bytes, keysOf } from "./fault.ts";
import { decode, LENIENCIES, type Leniency } from "./lenient-manifest.ts";

/** A fault of `decode`: one rule is relaxed. */
function decodes(
  leniency: Leniency,
  breaks: readonly string[],
  caught: readonly string[],
): AdapterFaults {
  return {
    [leniency]: {
      op: "decode",
      what: LENIENCIES[leniency],
      breaks,
      caught,
      answer: (args) => ({ entries: decode(bytes(args, "manifest"), keysOf(args), leniency) }),
    },
  };
}

export const MANIFEST_FAULTS: AdapterFaults = {
  ...decodes("bom-skipped", ["MAN-2"], ["manifest-bom"]),
  ...decodes(
    "cr-skipped",
    ["MAN"],
    [
      "manifest-newer-crlf",
      "manifest-final-crlf",
      "manifest-cr-after-header",
      "manifest-digest-crlf",
    ],
  ),
  ...decodes(
    "trailing-data-accepted",
    ["MAN-10", "MAN-11"],
    ["manifest-trailing-lf", "manifest-trailing-nul", "manifest-trailing-entry"],
  ),
  ...decodes("final-newline-optional", ["MAN-11"], ["manifest-cut-final-lf"]),
  ...decodes(
    "any-format-accepted",
    ["MAN-3"],
    ["manifest-newer-2", "manifest-newer-01", "manifest-newer-10"],
  ),
  ...decodes("newer-format-not-told-apart", ["MAN-3"], ["manifest-newer-2", "manifest-newer-word"]),
  ...decodes("long-header-is-newer", ["MAN-2"], ["manifest-header-too-long"]),
  ...decodes(
    "second-line-not-checked",
    ["MAN-4"],
    [
      "manifest-no-blank-after-header",
      "manifest-space-after-header",
      "manifest-comment-after-header",
    ],
  ),
  ...decodes(
    "blank-lines-skipped",
    ["MAN-10"],
    ["manifest-blank-in-entries", "manifest-blank-before-entries"],
  ),
  ...decodes("comments-skipped", ["MAN-5"], ["manifest-fields-comment"]),
  ...decodes(
    "spaces-and-tabs",
    ["MAN-5", "MAN-6"],
    ["manifest-fields-two-spaces", "manifest-fields-tabs"],
  ),
  ...decodes("more-fields-accepted", ["MAN-5"], ["manifest-fields-four"]),
  ...decodes(
    "version-not-checked",
    ["MAN-5"],
    ["manifest-version-star", "manifest-version-no-parts", "manifest-version-256"],
  ),
  ...decodes("size-with-sign", ["MAN-6"], ["manifest-size-plus"]),
  ...decodes(
    "size-with-leading-zero",
    ["MAN-6"],
    ["manifest-size-leading-zero", "manifest-size-two-zeros"],
  ),
  ...decodes("size-beyond-doubles", ["MAN-6"], ["manifest-size-2-53", "manifest-size-2-63"]),
  ...decodes("size-wraps", ["MAN-6"], ["manifest-size-2-64", "manifest-size-2-64-plus"]),
  ...decodes(
    "upper-case-digest",
    ["MAN-7"],
    ["manifest-digest-uppercase", "manifest-digest-one-uppercase"],
  ),
  ...decodes(
    "digest-of-any-length",
    ["MAN-7"],
    ["manifest-digest-short", "manifest-digest-long", "manifest-digest-empty"],
  ),
  ...decodes(
    "unsorted-accepted",
    ["MAN-8"],
    ["manifest-order-descending", "manifest-order-last-pair"],
  ),
  ...decodes(
    "duplicate-accepted",
    ["MAN-8"],
    ["manifest-duplicate", "manifest-duplicate-other-digest"],
  ),
  ...decodes(
    "equivalent-accepted",
    ["MAN-8"],
    [
      "manifest-equivalent-zero-part",
      "manifest-equivalent-separator",
      "manifest-equivalent-leading-zero",
    ],
  ),
  ...decodes(
    "sorted-by-text",
    ["MAN"],
    ["manifest-order-by-text", "manifest-version-leading-zeros", "manifest-version-pre-releases"],
  ),
  ...decodes(
    "signature-unchecked",
    ["MAN-12"],
    ["manifest-wrong-key", "manifest-digest-changed", "manifest-entry-added"],
  ),
  ...decodes(
    "first-key-only",
    ["MAN-12"],
    ["manifest-second-of-two-keys", "manifest-last-of-three-keys"],
  ),
  ...decodes("covers-entries-only", ["MAN"], ["manifest-covers-entries-only", "manifest-three"]),
  ...decodes("covers-up-to-entries", ["MAN"], ["manifest-covers-no-blank", "manifest-three"]),
  ...decodes("covers-without-cr", ["MAN-4", "MAN-7", "MAN-12"], ["manifest-crlf-entries-unsigned"]),
  ...decodes("s-not-reduced", ["MAN-12"], ["manifest-signature-s-plus-l"]),
  ...decodes(
    "padding-optional",
    ["MAN-11"],
    ["manifest-signature-unpadded", "manifest-signature-one-pad"],
  ),
  ...decodes(
    "stray-bits-accepted",
    ["MAN-11"],
    [
      "manifest-signature-stray-bits-1",
      "manifest-signature-stray-bits-8",
      "manifest-signature-stray-bits-15",
    ],
  ),
  ...decodes(
    "white-space-in-signature",
    ["MAN-11"],
    ["manifest-signature-space-inside", "manifest-signature-tab-inside"],
  ),
  ...decodes("url-safe-signature", ["MAN-11"], ["manifest-signature-url-safe"]),
  ...decodes(
    "no-blank-before-signature",
    ["MAN-10"],
    ["manifest-no-blank-before-signature", "manifest-no-blank-at-all"],
  ),
  ...decodes(
    "entries-before-signature",
    ["MAN-13"],
    ["manifest-garbage-unsigned", "manifest-digest-uppercase-unsigned"],
  ),
  ...decodes("lines-from-0", ["MAN"], ["manifest-two-wrong-entries", "manifest-empty-file"]),
  ...decodes("earlier-line-named", ["MAN-8"], ["manifest-order-descending", "manifest-duplicate"]),
};
