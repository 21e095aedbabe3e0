// The faults that the small command line of cli.ts can be given, one at a time, and the cases of
// the suite that are meant to catch each. What a fault does is where its name is asked for.

import { CLI_PACKED_FAULTS } from "./cli-packed-faults.ts";
import type { Fault } from "./fault.ts";

export const CLI_FAULTS = {
  // Getting the manifest.
  "status-ignored": {
    what: "the body of an error page is parsed as a manifest",
    breaks: ["ORG-20", "ORG-26"],
    caught: ["origin-manifest-404-with-a-manifest", "origin-image-404-with-the-image"],
  },
  "unasked-304-taken": {
    what: "a 304 that was not asked for counts as unchanged",
    breaks: ["ORG-21"],
    caught: ["origin-manifest-304-unasked"],
  },
  "redirect-to-file-followed": {
    what: "a redirect from http leads to a file of the host",
    breaks: ["ORG-42"],
    caught: ["origin-redirect-manifest-to-file", "origin-redirect-image-to-file"],
  },
  "redirect-not-followed": {
    what: "a redirect is an error",
    breaks: ["ORG-40"],
    caught: ["origin-redirect-302"],
  },
  "redirect-body-taken": {
    what: "the body of a redirect is taken for its target",
    breaks: ["ORG-20"],
    caught: ["origin-redirect-body-is-no-manifest"],
  },
  "redirects-without-end": {
    what: "any number of redirects is followed",
    breaks: ["ORG-40"],
    caught: ["origin-redirect-eleven"],
  },
  "credentials-sent-elsewhere": {
    what: "user and password are sent to whatever a redirect names",
    breaks: ["ORG-44"],
    caught: ["origin-credentials-stay-at-home"],
  },
  "password-shown": {
    what: "an error names the URL with its password",
    breaks: ["ORG-90"],
    caught: ["origin-credentials-in-an-error"],
  },
  "token-shown": {
    what: "an error names the URL with its user, when there is no password",
    breaks: ["ORG-92"],
    caught: ["origin-token-in-an-error"],
  },
  "redirect-target-shown": {
    what: "an error names the target of a redirect, whatever is in it",
    breaks: ["ORG-92", "ORG-93"],
    caught: ["origin-token-in-a-redirect", "origin-password-in-a-redirect"],
  },
  "unknown-proxy-ignored": {
    what: "a variable that names a proxy of another kind counts for nothing",
    breaks: ["ORG-131"],
    caught: ["origin-proxy-of-no-known-kind"],
  },
  "proxies-ignored": {
    what: "no variable names a proxy",
    breaks: ["ORG-131", "ORG-132"],
    caught: ["origin-proxy-of-no-known-kind", "origin-proxy-that-is-down"],
  },
  "content-encoding-decoded": {
    what: "a body is unpacked because a header says so",
    breaks: ["ORG-11"],
    caught: ["origin-manifest-gzip", "origin-image-gzip"],
  },
  "escape-sequences-shown": {
    what: "what a server says is shown as it came",
    breaks: ["CLI-24"],
    caught: ["origin-escape-sequences-of-a-page"],
  },
  "signature-not-checked": {
    what: "a manifest that nobody signed is accepted",
    breaks: ["FET-30"],
    caught: ["fetch-manifest-other-key", "fetch-manifest-changed-digest"],
  },
  "history-not-checked": {
    what: "a manifest that lacks a published version is accepted",
    breaks: ["FET-31", "FET-34"],
    caught: ["fetch-history-lost-version", "fetch-history-replayed"],
  },
  "history-by-versions": {
    what: "a published version may become another image",
    breaks: ["FET-31"],
    caught: ["fetch-history-changed-image"],
  },
  "older-manifest-taken": {
    what: "a manifest that is merely older is accepted: versions that the host has seen are forgotten",
    breaks: ["FET-34"],
    caught: ["fetch-history-replayed", "fetch-history-emptied"],
  },
  "history-of-old-key-dropped": {
    what: "a local manifest of another key is no history",
    breaks: ["FET-32"],
    caught: ["fetch-history-of-a-replaced-key"],
  },
  "broken-history-replaced": {
    what: "a local manifest that cannot be decoded is replaced",
    breaks: ["FET-23"],
    caught: ["fetch-history-damaged"],
  },
  "manifest-written-unchecked": {
    what: "a manifest is written before it is checked",
    breaks: ["DST-17"],
    caught: ["fetch-manifest-other-key-first-install"],
  },
  "manifest-written-again": {
    what: "an unchanged manifest is written anew",
    breaks: ["FET-33"],
    caught: ["fetch-second-run"],
  },

  // Picking.
  "pattern-ignored": {
    what: "the newest of all versions is taken",
    breaks: ["FET-40"],
    caught: ["fetch-pattern-family"],
  },
  "newest-by-text": {
    what: "1.9 is newer than 1.10",
    breaks: ["FET-40"],
    caught: ["fetch-update-order-of-numbers"],
  },
  "no-match-fails": {
    what: "a pattern that nothing matches is a failure",
    breaks: ["FET-41"],
    caught: ["fetch-no-match"],
  },

  // Getting the image.
  "size-limit-ignored": {
    what: "a body is read to its end, however long it is",
    breaks: ["ORG-27"],
    caught: ["origin-image-much-too-long"],
  },
  "digest-not-checked": {
    what: "an image of another digest is used",
    breaks: ["FET-69"],
    caught: ["fetch-image-wrong-digest"],
  },
  "size-not-checked": {
    what: "an image of another size is used if its digest holds",
    breaks: ["ORG-32"],
    caught: ["fetch-image-size-larger-than-image"],
  },
  "image-kept-after-wrong-digest": {
    what: "a wrong image is refused and stays in the store",
    breaks: ["DST-12"],
    caught: ["fetch-image-wrong-digest-first-install"],
  },
  "partial-under-final-name": {
    what: "a download that failed leaves its part under the image's name",
    breaks: ["DST-12"],
    caught: ["origin-image-short-of-its-length"],
  },
  "file-of-origin-linked": {
    what: "an image is a hard link to the file of the origin",
    breaks: ["ORG-70"],
    caught: ["origin-file-image-is-copied"],
  },
  "image-downloaded-again": {
    what: "an image that is there is downloaded again",
    breaks: ["FET-54"],
    caught: ["fetch-image-present-not-asked"],
  },
  "older-image-instead": {
    what: "an image that is missing makes an older one do",
    breaks: ["ORG-26"],
    caught: ["fetch-image-missing"],
  },
  "damaged-image-taken": {
    what: "an image that is there is not verified",
    breaks: ["FET-54"],
    caught: ["fetch-present-image-damaged"],
  },
  "damaged-image-left": {
    what: "a damaged image that cannot be replaced stays in use",
    breaks: ["FET-56"],
    caught: ["fetch-present-image-damaged-and-not-replaced"],
  },
  "old-images-removed": {
    what: "images of other versions are removed",
    breaks: ["FET-73"],
    caught: ["fetch-update"],
  },
  "foreign-files-removed": {
    what: "files that are not Tako's are removed",
    breaks: ["DST-7"],
    caught: ["fetch-foreign-files-stay"],
  },

  // The symbolic link.
  "latest-replaced-in-two-steps": {
    what: "`latest` is removed, then made anew",
    breaks: ["DST-11"],
    caught: ["fetch-swap-is-one-rename"],
  },
  "latest-before-image": {
    what: "`latest` is swapped before the image is there",
    breaks: ["DST-10"],
    caught: ["fetch-image-missing"],
  },
  "latest-is-absolute": {
    what: "`latest` holds an absolute path",
    breaks: ["DST-2"],
    caught: ["fetch-first-install"],
  },
  "latest-never-back": {
    what: "`latest` stays when the pattern allows older versions only",
    breaks: ["FET-70"],
    caught: ["fetch-pattern-moves-back"],
  },
  "latest-swapped-again": {
    what: "`latest` is made anew though it names the image",
    breaks: ["FET-70"],
    caught: ["fetch-second-run"],
  },

  // --init.
  "init-asks-anyway": {
    what: "--init asks the origin though all is there",
    breaks: ["FET-80"],
    caught: ["fetch-init-present"],
  },
  "init-needs-network": {
    what: "--init fails without network though all is there",
    breaks: ["FET-80"],
    caught: ["fetch-init-present-offline"],
  },
  "init-trusts-damaged": {
    what: "--init does not verify the image",
    breaks: ["FET-80"],
    caught: ["fetch-init-damaged"],
  },
  "init-ignores-pattern": {
    what: "--init is content with an image that the pattern does not allow",
    breaks: ["FET-80"],
    caught: ["fetch-init-other-pattern"],
  },
  "init-without-match-is-0": {
    what: "--init succeeds without an image",
    breaks: ["FET-42"],
    caught: ["fetch-init-no-match"],
  },

  // Files and modes.
  "links-followed": {
    what: "a symbolic link in the place of a file is followed",
    breaks: ["DST-25"],
    caught: ["fetch-planted-link-to-a-manifest", "fetch-planted-link-for-image"],
  },
  "store-link-followed": {
    what: "a symbolic link in the place of `store` is followed",
    breaks: ["DST-27"],
    caught: ["fetch-planted-link-for-store"],
  },
  "files-written-in-place": {
    what: "files are overwritten where they are",
    breaks: ["DST-20", "PUB-14"],
    caught: ["fetch-files-are-replaced", "store-manifest-is-replaced"],
  },
  "modes-by-umask": {
    what: "files have the modes that the umask leaves",
    breaks: ["DST-30", "PUB-14"],
    caught: ["fetch-modes-whatever-the-umask", "store-modes-whatever-the-umask"],
  },
  "store-mode-by-umask": {
    what: "`store` has the mode that the umask leaves",
    breaks: ["DST-31"],
    caught: ["fetch-modes-whatever-the-umask"],
  },
  "destination-made": {
    what: "a destination that is missing is made",
    breaks: ["DST-5"],
    caught: ["fetch-destination-missing"],
  },
  "destination-link-refused": {
    what: "a destination that is a symbolic link is refused",
    breaks: ["DST-4"],
    caught: ["fetch-destination-is-a-link"],
  },
  "destination-beside-config": {
    what: "a relative destination counts from the config file",
    breaks: ["CFG-13"],
    caught: ["fetch-destination-relative"],
  },

  // Exit status.
  "failure-is-status-0": {
    what: "what failed is said, and the status is 0",
    breaks: ["CLI-40", "ORG-26"],
    caught: ["fetch-manifest-other-key", "fetch-image-missing"],
  },
  "first-failure-ends-run": {
    what: "the configs after a wrong one are left out",
    breaks: ["FET-4"],
    caught: ["fetch-one-of-two-configs-is-wrong"],
  },

  // store.
  "version-replaced": {
    what: "a published version becomes another image",
    breaks: ["PUB-31"],
    caught: ["store-other-bytes"],
  },
  "equivalent-version-added": {
    what: "1.0 and 1.0.0 are both published",
    breaks: ["PUB-32"],
    caught: ["store-equivalent-version"],
  },
  "equivalent-version-ignored": {
    what: "publishing 1.0.0 beside 1.0 does nothing and succeeds",
    breaks: ["PUB-32"],
    caught: ["store-equivalent-version-same-bytes"],
  },
  "storing-again-fails": {
    what: "the same version with the same bytes again is a failure",
    breaks: ["PUB-30"],
    caught: ["store-same-again"],
  },
  "entries-unsorted": {
    what: "a new entry goes to the end",
    breaks: ["PUB-15"],
    caught: ["store-keeps-the-order"],
  },
  "entries-replaced": {
    what: "a new entry takes the place of all others",
    breaks: ["PUB-15"],
    caught: ["store-appends"],
  },
  "foreign-manifest-signed": {
    what: "a manifest of another key is signed anew",
    breaks: ["PUB-40"],
    caught: ["store-manifest-of-another-key"],
  },
  "broken-manifest-replaced": {
    what: "a manifest that cannot be decoded is replaced",
    breaks: ["PUB-41"],
    caught: ["store-damaged-manifest"],
  },
  "image-after-manifest": {
    what: "the manifest names an image before it is there",
    breaks: ["PUB-13"],
    caught: ["store-image-before-manifest"],
  },
  "image-not-stored": {
    what: "only the manifest is written",
    breaks: ["PUB-11"],
    caught: ["store-new-origin"],
  },
  "image-linked": {
    what: "the image is a hard link to the publisher's file",
    breaks: ["PUB-10"],
    caught: ["store-new-origin"],
  },
  "origin-made": {
    what: "an output directory that is missing is made",
    breaks: ["PUB-12"],
    caught: ["store-directory-missing"],
  },
  "damaged-image-kept": {
    what: "a damaged image in the store stays",
    breaks: ["PUB-34"],
    caught: ["store-damaged-image-replaced"],
  },
  "key-file-with-newline-refused": {
    what: "a key file that ends in a line feed is refused",
    breaks: ["KEY-6"],
    caught: ["store-new-origin"],
  },
  "two-keys-taken": {
    what: "of -k and -f together the first is taken",
    breaks: ["PUB-2"],
    caught: ["store-two-keys"],
  },
  "secret-key-shown": {
    what: "the secret key is on standard error",
    breaks: ["PUB-6"],
    caught: ["store-key-as-option"],
  },
  "result-not-printed": {
    what: "nothing is printed",
    breaks: ["PUB-23"],
    caught: ["store-new-origin"],
  },
  "wrong-digest-printed": {
    what: "the digest is printed in upper case",
    breaks: ["PUB-23"],
    caught: ["store-new-origin"],
  },

  ...CLI_PACKED_FAULTS,

  // gen-key.
  "public-key-of-another": {
    what: "the public key does not belong to the secret key",
    breaks: ["PUB-60"],
    caught: ["gen-key-pair"],
  },
  "same-key-every-time": {
    what: "every key is the same",
    breaks: ["PUB-63"],
    caught: ["gen-key-differs"],
  },
} as const satisfies Record<string, Fault>;

export type CliFault = keyof typeof CLI_FAULTS;

/** Whether this process has the fault, the first word of its command line. */
export function wrong(fault: CliFault): boolean {
  return process.argv[2] === fault;
}
