// The faults in packed files that the small command line can be given (cli-packed.ts has them), and the cases that are meant
// to catch each.

import type { Fault } from "./fault.ts";

const known = (what: string, breaks: string, ...caught: readonly string[]): Fault => ({
  what,
  breaks: breaks.split(" "),
  caught: caught.flatMap((ids) => ids.split(" ")).map((id) => `fetch-packed-${id}`),
});

export const CLI_PACKED_FAULTS = {
  "packed-never": known(
    "packed files are never asked for",
    "PCK-40 PCK-42 PCK-43 PCK-50 PCK-53",
    "patch patch-by-another-encoder chain zst",
  ),
  "packed-always": known("`Packed=no` counts for nothing", "PCK-50", "switched-off"),
  "packed-of-small-images": known(
    "a list is asked for though little is missing",
    "PCK-50",
    "small-image",
  ),
  "packed-of-withdrawn-images": known(
    "an image that is gone comes by its packed files",
    "PCK-47",
    "image-withdrawn",
  ),
  "packed-patches-first": known(
    "a patch is taken although the frame has fewer bytes",
    "PCK-40",
    "frame-is-cheaper",
  ),
  "packed-frame-first": known(
    "the frame is taken although a patch has fewer bytes",
    "PCK-40",
    "patch-is-cheaper",
  ),
  "packed-one-patch": known("patches make no chains", "PCK-43", "chain"),
  "packed-unlisted-images": known(
    "a chain leads by an image that no manifest lists",
    "PCK-46",
    "chain-by-an-unlisted-image",
  ),
  "packed-larger-than-image": known(
    "a packed file may be larger than the image",
    "PCK-46",
    "frame-larger-than-image patch-larger-than-image",
  ),
  "packed-images-not-here": known(
    "a patch is asked for whose old image is not here",
    "PCK-43",
    "patch-from-nowhere",
  ),
  "packed-long-chains": known("a chain may be of any length", "PCK-45", "chain-of-nine"),
  "packed-none-is-odd": known(
    "an origin without packed files is told of",
    "PCK-59",
    "none none-403",
  ),
  "packed-lie-ends-the-run": known(
    "a packed file that lies is a failure",
    "PCK-59",
    "list-page list-fails frame-missing frame-no-frame patch-cut",
  ),
  "packed-lie-untold": known(
    "nothing is said of a packed file that lies",
    "PCK-59",
    "list-page list-fails frame-missing frame-no-frame patch-cut",
  ),
  "packed-lie-told-twice": known(
    "a packed file that lies is told of twice",
    "PCK-59",
    "list-page frame-no-frame patch-cut",
  ),
  "packed-lie-without-url": known(
    "nothing says which packed file lies",
    "PCK-59",
    "list-page frame-no-frame patch-cut",
  ),
  "packed-second-attempt": known(
    "where the frame lies, the patch is asked for",
    "PCK-59",
    "no-second-packed-file",
  ),
  "packed-image-comes-too": known(
    "the image is downloaded in spite of its packed files",
    "PCK-40 PCK-42 PCK-53",
    "patch zst",
  ),
  "packed-list-unlimited": known("a list may be of any size", "PCK-2", "list-too-long"),
  "packed-list-of-any-format": known(
    "the first line of a list is not looked at",
    "PCK-1",
    "list-later-format",
  ),
  "packed-list-lenient": known(
    "lines that break a rule are passed over",
    "PCK-3 PCK-4 PCK-5 PCK-6",
    "list-cut list-blank-line list-long-line list-escape list-size-of-nothing list-size-of-2-53",
    "list-zst-twice list-patch-twice list-patch-to-itself list-upper-case",
  ),
  "packed-list-crlf": known("a carriage return ends a line, too", "PCK-3", "list-crlf"),
  "packed-list-any-number": known("a size may have leading zeros", "PCK-4", "list-leading-zero"),
  "packed-list-strict": known(
    "a word of later versions makes a list refused",
    "PCK-7",
    "order-and-unknown-words",
  ),
  "packed-size-unchecked": known(
    "a packed file may have another size than the list says",
    "PCK-54",
    "frame-longer-than-told frame-shorter-than-told",
    "patch-longer-than-told patch-shorter-than-told",
  ),
  "packed-any-window": known(
    "a frame may have any window",
    "PCK-11",
    "frame-window-of-9-mib frame-window-of-2-gib patch-window-of-9-mib patch-window-of-2-gib",
  ),
  "packed-skippable": known("skippable frames are passed over", "PCK-10", "frame-skippable-first"),
  "packed-frame-of-any-size": known(
    "a frame need not say the size of the image",
    "PCK-12",
    "frame-no-size frame-other-size",
  ),
  "packed-frame-cut-to-size": known(
    "what more comes out of a frame than the image has is cut off",
    "PCK-13",
    "frame-longer",
  ),
  "packed-patch-of-any-format": known(
    "the first bytes of a patch are not looked at",
    "PCK-20",
    "patch-later-format",
  ),
  "packed-patch-of-any-size": known(
    "the sizes that a patch says are not looked at",
    "PCK-23",
    "patch-old-size patch-new-size",
  ),
  "packed-large-segments": known(
    "a segment may have more than 1 MiB",
    "PCK-22",
    "patch-large-segments",
  ),
  "packed-patch-goes-on": known(
    "what stands behind the last segment is passed over",
    "PCK-32",
    "patch-goes-on",
  ),
  "packed-overlong-numbers": known(
    "a number may take more bytes than it needs",
    "PCK-27",
    "patch-overlong-number",
  ),
  "packed-image-unchecked": known(
    "what comes out of a packed file is not held to its digest",
    "PCK-53",
    "frame-of-another-image patch-of-other-images patch-back",
  ),
  "packed-between-unchecked": known(
    "an image between two patches is not held to its digest",
    "PCK-53",
    "chain-first-patch-lies",
  ),
} as const satisfies Record<string, Fault>;
