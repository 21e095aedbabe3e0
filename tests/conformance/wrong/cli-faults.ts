// The faults that the small command line of cli.ts can be given, one at a time, and the cases of
// the suite that are meant to catch each. What a fault does is where its name is asked for.

import type { Fault } from "./fault.ts";

export const CLI_FAULTS = {
  // Getting the manifest.
  "status-ignored": {
    what: "the body of an error page is parsed as a manifest",
    caught: ["origin-manifest-404-with-a-manifest", "origin-image-404-with-the-image"],
  },
  "unasked-304-taken": {
    what: "a 304 that was not asked for counts as unchanged",
    caught: ["origin-manifest-304-unasked"],
  },
  "redirect-to-file-followed": {
    what: "a redirect from http leads to a file of the host",
    caught: ["origin-redirect-manifest-to-file", "origin-redirect-image-to-file"],
  },
  "redirect-not-followed": {
    what: "a redirect is an error",
    caught: ["origin-redirect-302"],
  },
  "redirect-body-taken": {
    what: "the body of a redirect is taken for its target",
    caught: ["origin-redirect-body-is-no-manifest"],
  },
  "redirects-without-end": {
    what: "any number of redirects is followed",
    caught: ["origin-redirect-eleven"],
  },
  "credentials-sent-elsewhere": {
    what: "user and password are sent to whatever a redirect names",
    caught: ["origin-credentials-stay-at-home"],
  },
  "password-shown": {
    what: "an error names the URL with its password",
    caught: ["origin-credentials-in-an-error"],
  },
  "content-encoding-decoded": {
    what: "a body is unpacked because a header says so",
    caught: ["origin-manifest-gzip", "origin-image-gzip"],
  },
  "escape-sequences-shown": {
    what: "what a server says is shown as it came",
    caught: ["origin-escape-sequences"],
  },
  "signature-not-checked": {
    what: "a manifest that nobody signed is accepted",
    caught: ["fetch-manifest-other-key", "fetch-manifest-changed-digest"],
  },
  "history-not-checked": {
    what: "a manifest that lacks a published version is accepted",
    caught: ["fetch-history-lost-version", "fetch-history-replayed"],
  },
  "history-by-versions": {
    what: "a published version may become another image",
    caught: ["fetch-history-changed-image"],
  },
  "history-of-old-key-dropped": {
    what: "a local manifest of another key is no history",
    caught: ["fetch-history-of-a-replaced-key"],
  },
  "broken-history-replaced": {
    what: "a local manifest that cannot be decoded is replaced",
    caught: ["fetch-history-damaged"],
  },
  "manifest-written-unchecked": {
    what: "a manifest is written before it is checked",
    caught: ["fetch-manifest-other-key-first-install"],
  },
  "manifest-written-again": {
    what: "an unchanged manifest is written anew",
    caught: ["fetch-second-run"],
  },

  // Picking.
  "pattern-ignored": {
    what: "the newest of all versions is taken",
    caught: ["fetch-pattern-family"],
  },
  "newest-by-text": {
    what: "1.9 is newer than 1.10",
    caught: ["fetch-update-order-of-numbers"],
  },
  "no-match-fails": {
    what: "a pattern that nothing matches is a failure",
    caught: ["fetch-no-match"],
  },

  // Getting the image.
  "size-limit-ignored": {
    what: "a body is read to its end, however long it is",
    caught: ["origin-image-much-too-long"],
  },
  "digest-not-checked": {
    what: "an image of another digest is used",
    caught: ["fetch-image-wrong-digest"],
  },
  "size-not-checked": {
    what: "an image of another size is used if its digest holds",
    caught: ["fetch-image-size-larger-than-image"],
  },
  "image-kept-after-wrong-digest": {
    what: "a wrong image is refused and stays in the store",
    caught: ["fetch-image-wrong-digest-first-install"],
  },
  "partial-under-final-name": {
    what: "a download that failed leaves its part under the image's name",
    caught: ["origin-image-short-of-its-length"],
  },
  "file-of-origin-linked": {
    what: "an image is a hard link to the file of the origin",
    caught: ["origin-file-image-is-copied"],
  },
  "image-downloaded-again": {
    what: "an image that is there is downloaded again",
    caught: ["fetch-image-present-not-asked"],
  },
  "older-image-instead": {
    what: "an image that is missing makes an older one do",
    caught: ["fetch-image-missing"],
  },
  "damaged-image-taken": {
    what: "an image that is there is not verified",
    caught: ["fetch-present-image-damaged"],
  },
  "damaged-image-left": {
    what: "a damaged image that cannot be replaced stays in use",
    caught: ["fetch-present-image-damaged-and-not-replaced"],
  },
  "old-images-removed": {
    what: "images of other versions are removed",
    caught: ["fetch-update"],
  },
  "foreign-files-removed": {
    what: "files that are not Tako's are removed",
    caught: ["fetch-foreign-files-stay"],
  },

  // The symbolic link.
  "latest-replaced-in-two-steps": {
    what: "`latest` is removed, then made anew",
    caught: ["fetch-swap-is-one-rename"],
  },
  "latest-before-image": {
    what: "`latest` is swapped before the image is there",
    caught: ["fetch-image-missing"],
  },
  "latest-is-absolute": {
    what: "`latest` holds an absolute path",
    caught: ["fetch-first-install"],
  },
  "latest-never-back": {
    what: "`latest` stays when the pattern allows older versions only",
    caught: ["fetch-pattern-moves-back"],
  },
  "latest-swapped-again": {
    what: "`latest` is made anew though it names the image",
    caught: ["fetch-second-run"],
  },

  // --init.
  "init-asks-anyway": {
    what: "--init asks the origin though all is there",
    caught: ["fetch-init-present"],
  },
  "init-needs-network": {
    what: "--init fails without network though all is there",
    caught: ["fetch-init-present-offline"],
  },
  "init-trusts-damaged": {
    what: "--init does not verify the image",
    caught: ["fetch-init-damaged"],
  },
  "init-ignores-pattern": {
    what: "--init is content with an image that the pattern does not allow",
    caught: ["fetch-init-other-pattern"],
  },
  "init-without-match-is-0": {
    what: "--init succeeds without an image",
    caught: ["fetch-init-no-match"],
  },

  // Files and modes.
  "links-followed": {
    what: "a symbolic link in the place of a file is followed",
    caught: ["fetch-planted-link-to-a-manifest", "fetch-planted-link-for-image"],
  },
  "store-link-followed": {
    what: "a symbolic link in the place of `store` is followed",
    caught: ["fetch-planted-link-for-store"],
  },
  "files-written-in-place": {
    what: "files are overwritten where they are",
    caught: ["fetch-files-are-replaced", "store-manifest-is-replaced"],
  },
  "modes-by-umask": {
    what: "files have the modes that the umask leaves",
    caught: ["fetch-modes-whatever-the-umask", "store-modes-whatever-the-umask"],
  },
  "store-mode-by-umask": {
    what: "`store` has the mode that the umask leaves",
    caught: ["fetch-modes-whatever-the-umask"],
  },
  "destination-made": {
    what: "a destination that is missing is made",
    caught: ["fetch-destination-missing"],
  },
  "destination-link-refused": {
    what: "a destination that is a symbolic link is refused",
    caught: ["fetch-destination-is-a-link"],
  },
  "destination-beside-config": {
    what: "a relative destination counts from the config file",
    caught: ["fetch-destination-relative"],
  },

  // Exit status.
  "failure-is-status-0": {
    what: "what failed is said, and the status is 0",
    caught: ["fetch-manifest-other-key", "fetch-image-missing"],
  },
  "first-failure-ends-run": {
    what: "the configs after a wrong one are left out",
    caught: ["fetch-one-of-two-configs-is-wrong"],
  },

  // store.
  "version-replaced": {
    what: "a published version becomes another image",
    caught: ["store-other-bytes"],
  },
  "equivalent-version-added": {
    what: "1.0 and 1.0.0 are both published",
    caught: ["store-equivalent-version"],
  },
  "equivalent-version-ignored": {
    what: "publishing 1.0.0 beside 1.0 does nothing and succeeds",
    caught: ["store-equivalent-version-same-bytes"],
  },
  "storing-again-fails": {
    what: "the same version with the same bytes again is a failure",
    caught: ["store-same-again"],
  },
  "entries-unsorted": {
    what: "a new entry goes to the end",
    caught: ["store-keeps-the-order"],
  },
  "entries-replaced": {
    what: "a new entry takes the place of all others",
    caught: ["store-appends"],
  },
  "foreign-manifest-signed": {
    what: "a manifest of another key is signed anew",
    caught: ["store-manifest-of-another-key"],
  },
  "broken-manifest-replaced": {
    what: "a manifest that cannot be decoded is replaced",
    caught: ["store-damaged-manifest"],
  },
  "image-after-manifest": {
    what: "the manifest names an image before it is there",
    caught: ["store-image-before-manifest"],
  },
  "image-not-stored": {
    what: "only the manifest is written",
    caught: ["store-new-origin"],
  },
  "image-linked": {
    what: "the image is a hard link to the publisher's file",
    caught: ["store-new-origin"],
  },
  "origin-made": {
    what: "an output directory that is missing is made",
    caught: ["store-directory-missing"],
  },
  "damaged-image-kept": {
    what: "a damaged image in the store stays",
    caught: ["store-damaged-image-replaced"],
  },
  "key-file-with-newline-refused": {
    what: "a key file that ends in a line feed is refused",
    caught: ["store-new-origin"],
  },
  "two-keys-taken": {
    what: "of -k and -f together the first is taken",
    caught: ["store-two-keys"],
  },
  "secret-key-shown": {
    what: "the secret key is on standard error",
    caught: ["store-key-as-option"],
  },
  "result-not-printed": {
    what: "nothing is printed",
    caught: ["store-new-origin"],
  },
  "wrong-digest-printed": {
    what: "the digest is printed in upper case",
    caught: ["store-new-origin"],
  },

  // gen-key.
  "public-key-of-another": {
    what: "the public key does not belong to the secret key",
    caught: ["gen-key-pair"],
  },
  "same-key-every-time": {
    what: "every key is the same",
    caught: ["gen-key-differs"],
  },
} as const satisfies Record<string, Fault>;

export type CliFault = keyof typeof CLI_FAULTS;

/** Whether this process has the fault, the first word of its command line. */
export function wrong(fault: CliFault): boolean {
  return process.argv[2] === fault;
}
