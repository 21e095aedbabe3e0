// Faults that are put round our own command line, for what the small one of cli.ts does not have:
// something is done to the words, the environment or the destination before a run, or after it.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Systemd } from "../../../src/shell/systemd.ts";
import type { Fault } from "./fault.ts";

export interface WrapperFault extends Fault {
  /** Gives other words to the command. */
  readonly words?: (words: readonly string[]) => readonly string[];
  /** Done for each destination that the configs name, with the text of the config. */
  readonly before?: (destination: string, config: string) => void;
  readonly after?: (destination: string, config: string) => void;
  /** A variable that the command does not get to see. */
  readonly hidden?: string;
  /** What the command takes for systemd. */
  readonly systemd?: (right: Systemd) => Systemd;
  /** The command is run for each config by itself. */
  readonly isApart?: boolean;
}

function without(option: string): (words: readonly string[]) => readonly string[] {
  return (words) => words.filter((word) => word !== option);
}

function withOption(
  command: string,
  option: string,
): (words: readonly string[]) => readonly string[] {
  return ([name = "", ...words]) =>
    name === command ? [name, option, ...words] : [name, ...words];
}

export function remove(name: string): (destination: string) => void {
  return (destination) => rmSync(join(destination, name), { force: true });
}

function setMode(name: string, mode: number): (destination: string) => void {
  return (destination) => {
    if (existsSync(join(destination, name))) chmodSync(join(destination, name), mode);
  };
}

function closeImages(destination: string): void {
  const store = join(destination, "store");
  for (const name of existsSync(store) ? readdirSync(store) : [])
    chmodSync(join(store, name), 0o444);
}

/** Takes away the images that others may write. */
function removeOpenImages(destination: string): void {
  const store = join(destination, "store");
  for (const name of existsSync(store) ? readdirSync(store) : [])
    if ((statSync(join(store, name)).mode & 0o022) !== 0) rmSync(join(store, name));
}

/** Puts another text into a file beside the destination. */
function replaceBeside(
  name: string,
  from: string | RegExp,
  to: string,
): (destination: string) => void {
  return (destination) => {
    const path = join(dirname(destination), name);
    if (!existsSync(path)) return;
    const { mode } = statSync(path);
    writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
    chmodSync(path, mode);
  };
}

/** Gives a file another name, unless that is taken. */
export function rename(from: string, to: string): (destination: string) => void {
  return (destination) => {
    const [old, next] = [join(destination, from), join(destination, to)];
    if (existsSync(old) && !existsSync(next)) renameSync(old, next);
  };
}

/** Replaces something in a file, if that is there. */
function replaceIn(name: string, from: RegExp, to: string): (destination: string) => void {
  return (destination) => {
    const path = join(destination, name);
    if (existsSync(path)) writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
  };
}

/** Removes the files in `store/` of which that is so. */
function removeFromStore(
  isMeant: (name: string, content: () => Uint8Array) => boolean,
): (destination: string) => void {
  return (destination) => {
    const store = join(destination, "store");
    for (const name of existsSync(store) ? readdirSync(store) : []) {
      const path = join(store, name);
      if (isMeant(name, () => readFileSync(path))) rmSync(path);
    }
  };
}

/** Gives the part of any frame the name of that of 289 bytes. */
function takeParts(destination: string): void {
  const store = join(destination, "store");
  for (const name of existsSync(store) ? readdirSync(store) : [])
    renameSync(join(store, name), join(store, name.replace(/\.part-zst-\d+$/, ".part-zst-289")));
}

const removePartials = removeFromStore((name) => /^[0-9a-f]{64}\.partial$/.test(name));
const removeParts = removeFromStore((name) => name.includes(".part-"));
const removeDamaged = removeFromStore(
  (name, content) =>
    /^[0-9a-f]{64}$/.test(name) &&
    name !== new Bun.CryptoHasher("sha256").update(content()).digest("hex"),
);

/** Leaves files in a destination; one for each image where the name has `{digest}`. */
function leave(...names: readonly string[]): (destination: string) => void {
  return (destination) => {
    if (!existsSync(destination)) return;
    const store = join(destination, "store");
    const inStore = existsSync(store) ? readdirSync(store) : [];
    const images = inStore.filter((name) => /^[0-9a-f]{64}$/.test(name));
    for (const name of names) {
      const paths = name.includes("{digest}")
        ? images.map((digest) => name.replace("{digest}", digest))
        : [name];
      for (const path of paths) {
        const file = join(destination, path);
        mkdirSync(dirname(file), { recursive: true });
        // Other bytes each time, as a record of the time would have.
        writeFileSync(file, crypto.randomUUID());
      }
    }
  };
}

/** Makes another `.etag` of the three lines of one, if there is one. */
function rewriteEtag(
  change: (lines: readonly string[], manifest: Uint8Array) => readonly string[],
): (destination: string) => void {
  return (destination) => {
    const path = join(destination, ".etag");
    if (!existsSync(path)) return;
    const lines = readFileSync(path, "latin1").trimEnd().split("\n");
    const changed = change(lines, readFileSync(join(destination, "manifest")));
    writeFileSync(path, changed.map((line) => `${line}\n`).join(""), "latin1");
  };
}

/** Puts a link back to what is in use, if it is not there. */
function keepLink(name: string): (destination: string) => void {
  return (destination) => {
    const [latest, link] = [join(destination, "latest"), join(destination, name)];
    const isSlot = existsSync(join(destination, "b")) && !existsSync(link);
    if (isSlot && existsSync(latest)) symlinkSync(readlinkSync(latest), link);
  };
}

/** What is about slots. */
const SLOTS = [
  ...["ACT-100", "ACT-101", "ACT-103", "ACT-105", "ACT-106", "ACT-107", "ACT-108", "ACT-109"],
  ...["ACT-102", "ACT-104", "ACT-110", "ACT-111", "ACT-112", "ACT-113"],
];

/** No fault: what an implementation may add to a destination (DST-9), which each run writes anew. */
export const ADDITIONS: Pick<WrapperFault, "after"> = {
  after: leave(".checked", ".cache/index", "store/{digest}.zst", "store/{digest}.part-1"),
};

export const WRAPPER_FAULTS: Readonly<Record<string, WrapperFault>> = {
  "etag-not-kept": {
    what: "no request is conditional",
    breaks: ["ORG-13"],
    caught: ["etag-second-run"],
    after: remove(".etag"),
  },
  "etag-of-any-manifest": {
    what: "an ETag is sent whatever the local manifest is",
    breaks: ["DST-53"],
    caught: ["etag-of-another-manifest"],
    before: rewriteEtag(([url = "", etag = ""], manifest) => [
      url,
      etag,
      new Bun.CryptoHasher("sha256").update(manifest).digest("hex"),
    ]),
  },
  "etag-of-any-form-kept": {
    what: "an ETag is kept whatever its form is",
    breaks: ["DST-55"],
    caught: ["etag-any-not-kept", "etag-list-not-kept"],
    after(destination) {
      if (!existsSync(join(destination, ".etag"))) leave(".etag")(destination);
    },
  },
  "nothing-without-the-origin": {
    what: "without a manifest from the origin nothing moves",
    breaks: ["FET-26", "FET-27"],
    caught: ["offline-goes-back", "offline-init", "offline-init-damaged"],
    before: rename("manifest", "../manifest-put-away"),
    after: rename("../manifest-put-away", "manifest"),
  },
  "newest-without-the-origin": {
    what: "without the origin the newest image that is here is used, whatever is in use",
    breaks: ["FET-26"],
    caught: ["offline-stays"],
    before: remove("latest"),
  },
  "partials-dropped": {
    what: "a download begins anew each time",
    breaks: ["FET-60"],
    caught: ["resume", "resume-part-of-range"],
    before: removePartials,
  },
  "packed-partial-dropped": {
    what: "a partial download is forgotten, and a list asked for",
    breaks: ["PCK-41", "PCK-50"],
    caught: ["fetch-packed-partial-of-the-image"],
    before: removePartials,
  },
  "packed-parts-dropped": {
    what: "a packed file begins anew each time",
    breaks: ["PCK-54"],
    caught: ["fetch-packed-frame-continued", "fetch-packed-patch-continued"],
    before: removeParts,
  },
  "packed-other-part-continued": {
    what: "a part of a frame that was made anew is continued",
    breaks: ["PCK-55"],
    caught: ["fetch-packed-frame-made-anew"],
    before: takeParts,
  },
  "packed-planted-part-removed": {
    what: "whatever has the name of a part is removed",
    breaks: ["PCK-55"],
    caught: ["fetch-packed-planted-link-for-a-part"],
    before: removeParts,
  },
  "packed-parts-left": {
    what: "a part of a packed file stays when the image is there",
    breaks: ["PCK-55"],
    caught: ["fetch-packed-frame-continued"],
    after: leave("store/{digest}.part-zst-289"),
  },
  "packed-damaged-removed": {
    what: "an old image that is damaged is removed",
    breaks: ["PCK-51"],
    caught: ["fetch-packed-old-image-damaged"],
    after: removeDamaged,
  },
  "partials-not-kept": {
    what: "a download that was cut leaves nothing to continue",
    breaks: ["FET-64"],
    caught: ["cut-each-time", "resume-page-instead"],
    after: removePartials,
  },
  "owed-restart-forgotten": {
    what: "--init leaves no restart owed",
    breaks: ["FET-83"],
    caught: ["owed-after-init"],
    after: remove(".owed"),
  },
  "lock-file-removed": {
    what: "the file of the lock is removed when the run ends",
    breaks: ["DST-48"],
    caught: ["lock-file"],
    after: remove(".lock"),
  },
  "lock-open-to-others": {
    what: "the file of the lock can be opened by everybody",
    breaks: ["DST-47"],
    caught: ["lock-file"],
    after: setMode(".lock", 0o644),
  },
  "image-open-to-others-is-none": {
    what: "a unit never starts from an image that others may write",
    breaks: ["FET-102"],
    caught: ["offline-init-open-to-others"],
    before: removeOpenImages,
  },
  "init-needs-the-newest": {
    what: "a unit starts only from the version that is picked",
    breaks: ["FET-101"],
    caught: ["init-image-missing"],
    before: remove("latest"),
  },
  "old-key-comes-back": {
    what: "the same entries take the place of the local ones under any key",
    breaks: ["FET-35"],
    caught: ["two-public-keys-older-again"],
    before: remove("manifest"),
  },
  "floor-after-damage": {
    what: "without an image in use none that is here is used",
    breaks: ["FET-103"],
    caught: ["offline-init-after-damage"],
    before(destination) {
      if (!existsSync(join(destination, "latest")))
        rmSync(join(destination, "store"), { recursive: true, force: true });
    },
  },
  "image-open-to-others-kept": {
    what: "an image that others may write is taken as it is",
    breaks: ["DST-34"],
    caught: ["image-open-to-others", "offline-init-open-to-others-not-activated"],
    before: closeImages,
  },
  "lock-replaced": {
    what: "whatever is in the place of the file of the lock is removed first",
    breaks: ["DST-48"],
    caught: ["planted-link-for-lock", "planted-fifo-for-lock"],
    before: remove(".lock"),
  },
  "lock-always-made": {
    what: "the file of the lock is made whether a lock is needed or not",
    breaks: ["FET-80", "FET-90"],
    caught: ["lock-not-taken"],
    before: leave(".lock"),
  },
  "owed-restart-forgotten-without-the-key": {
    what: "a config without Restart= takes what is owed from the record",
    breaks: ["DST-65"],
    caught: ["restart-kept-without-the-key"],
    after(destination, config) {
      if (!/^Restart=/m.test(config)) remove(".owed")(destination);
    },
  },
  "dry-run-is-real": {
    what: "--dry-run is taken for no option",
    breaks: ["FET-90"],
    caught: ["dry-run"],
    words: without("--dry-run"),
  },
  "dry-store-is-real": {
    what: "--dry-run of store is taken for no option",
    breaks: ["PUB-66"],
    caught: ["store-dry-run"],
    words: without("--dry-run"),
  },
  "new-is-assumed": {
    what: "a manifest is begun where there is none",
    breaks: ["PUB-70"],
    caught: ["store-first-without-new"],
    words: withOption("store", "--new"),
  },
  "new-is-never-asked": {
    what: "--new is taken for no option",
    breaks: ["PUB-70", "PUB-71"],
    caught: ["store-new"],
    words: without("--new"),
  },
  "expectations-ignored": {
    what: "--sha256 and --size are dropped",
    breaks: ["PUB-73"],
    caught: ["store-not-as-expected"],
    words: (words) =>
      words.filter(
        (word, i) => ![word, words[i - 1]].some((each) => /^--s(ha256|ize)$/.test(each ?? "")),
      ),
  },
  "expectations-of-a-rotation-ignored": {
    what: "--sha256 is dropped beside --rotate-key",
    breaks: ["PUB-82"],
    caught: ["store-expected-of-no-image"],
    words: (words) =>
      words.includes("--rotate-key")
        ? words.filter((word, i) => ![word, words[i - 1]].includes("--sha256"))
        : words,
  },
  "empty-image-stored": {
    what: "an image of 0 bytes is stored",
    breaks: ["PUB-74"],
    caught: ["store-empty"],
    words: withOption("store", "--allow-empty"),
  },
  "last-key-counts": {
    what: "of several --public-key the last one counts",
    breaks: ["CLI-19", "INS-3"],
    caught: ["inspect-origin"],
    words(words) {
      const last = words.lastIndexOf("--public-key");
      return words.filter((word, i) => i >= last || ![word, words[i - 1]].includes("--public-key"));
    },
  },
  "inspected-by-name-alone": {
    what: "--deep is taken for no option",
    breaks: ["INS-10"],
    caught: ["inspect-deep"],
    words: without("--deep"),
  },
  "continuation-not-looked-at": {
    what: "--continues and its manifest are dropped",
    breaks: ["INS-11"],
    caught: ["inspect-continues"],
    words: (words) => words.filter((word, i) => ![word, words[i - 1]].includes("--continues")),
  },
  "no-verify-without-effect": {
    what: "--no-verify is taken for no option",
    breaks: ["FET-54"],
    caught: ["no-verify"],
    words: without("--no-verify"),
  },
  "no-json": {
    what: "--json is taken for no option",
    breaks: ["FET-95"],
    caught: ["json-update"],
    words: without("--json"),
  },
  "hidden-configs-read": {
    what: "a directory of configs means its hidden files, too",
    breaks: ["FET-1"],
    caught: ["directory-of-configs"],
    words: (words) =>
      words.flatMap((word) =>
        word.endsWith("/configs")
          ? readdirSync(word)
              .filter((name) => name.endsWith(".tako"))
              .map((name) => join(word, name))
          : [word],
      ),
  },
  "lock-file-left": {
    what: "a file that is no record of its own stays in the destination",
    breaks: ["DST-9"],
    caught: ["fetch-nothing-else-left"],
    after: leave("lock"),
  },
  "stray-in-store": {
    what: "what belongs to an image has no dot after its digest",
    breaks: ["DST-9"],
    caught: ["fetch-nothing-else-left"],
    after: leave("store/{digest}-old"),
  },
  "stray-of-no-image": {
    what: "what is in the store has no digest in its name",
    breaks: ["DST-9"],
    caught: ["fetch-nothing-else-left"],
    after: leave("store/.cache"),
  },
  "temporary-file-left": {
    what: "the temporary file of the manifest stays",
    breaks: ["DST-9", "DST-23"],
    caught: ["fetch-nothing-else-left"],
    after: leave(".manifest.new"),
  },
  "environment-ignored": {
    what: "TAKO_SECRET_KEY gives no key",
    breaks: ["PUB-1"],
    caught: ["store-key-in-environment"],
    hidden: "TAKO_SECRET_KEY",
  },
  "printed-keys-refused": {
    what: "what gen-key prints is no key",
    breaks: ["PUB-8"],
    caught: ["store-key-as-gen-key-printed"],
    words(words) {
      const file = words[words.indexOf("-f") + 1] ?? "";
      if (words.includes("-f") && readFileSync(file, "utf8").startsWith("Secret key\n"))
        writeFileSync(file, "no key\n");
      return words;
    },
  },
  "key-of-no-name": {
    what: "the error for a key does not say where it came from",
    breaks: ["PUB-9"],
    caught: ["store-bad-key-in-environment"],
    words(words) {
      const key = process.env["TAKO_SECRET_KEY"];
      if (key === undefined || key.startsWith("SECRET+")) return words;
      return words.toSpliced(1, 0, "-k", key);
    },
  },
  "key-file-overwritten": {
    what: "gen-key --output replaces what is there",
    breaks: ["PUB-62"],
    caught: ["gen-key-output-exists"],
    words(words) {
      const file = words[words.indexOf("--output") + 1];
      if (words[0] === "gen-key" && file !== undefined) rmSync(file, { force: true });
      return words;
    },
  },
  "first-value-counts": {
    what: "of a key that is given twice the first one counts",
    breaks: ["CLI-4"],
    caught: ["option-given-twice"],
    words(words) {
      const again = words.indexOf("-k", words.indexOf("-k") + 1);
      return again === -1 ? words : words.toSpliced(again, 2);
    },
  },
  "ages-forgotten": {
    what: "no run knows what an earlier one has seen",
    breaks: ["ACT-62", "FET-26"],
    caught: ["min-age-new-version-waits", "min-age-newest-that-is-old", "min-age-offline"],
    before: remove(".seen"),
  },
  "history-is-news": {
    what: "what the local manifest lists is as young as what is new",
    breaks: ["ACT-63"],
    caught: ["min-age-known-before"],
    before(destination) {
      const [record, manifest] = [join(destination, ".seen"), join(destination, "manifest")];
      if (existsSync(record) || !existsSync(manifest)) return;
      const digests = readFileSync(manifest, "utf8").matchAll(/^\S+ \d+ ([0-9a-f]{64})$/gm);
      const lines = digests.map(([, digest]) => `${digest} 99999999999\n`);
      writeFileSync(record, [...lines].join(""));
    },
  },
  "future-is-long-ago": {
    what: "a time that has not come yet makes an image old",
    breaks: ["ACT-64"],
    caught: ["min-age-future"],
    before: replaceIn(".seen", / 99999999999$/gm, " 1"),
  },
  "damaged-ages-are-none": {
    what: "a damaged record makes nothing young",
    breaks: ["DST-91"],
    caught: ["min-age-damaged"],
    before(destination) {
      const path = join(destination, ".seen");
      if (existsSync(path) && !readFileSync(path, "utf8").endsWith("\n")) rmSync(path);
    },
  },
  "no-activate-ignored": {
    what: "--no-activate means nothing",
    breaks: ["FET-104", "FET-106", "FET-107"],
    caught: ["no-activate", "no-activate-leaves-what-is-owed", "no-activate-with-init"],
    words: without("--no-activate"),
  },
  "hold-ignored": {
    what: "no run knows of a hold",
    breaks: ["ACT-30"],
    caught: ["by-hand-rollback", "by-hand-hold-and-release", "by-hand-rollback-died"],
    before: remove(".hold"),
  },
  "hold-where-it-is": {
    what: "a hold keeps what is in use, also where a rollback died before it was at its end",
    breaks: ["ACT-30"],
    caught: ["by-hand-rollback-died"],
    before(destination) {
      const [hold, latest] = [join(destination, ".hold"), join(destination, "latest")];
      if (existsSync(hold)) writeFileSync(hold, `${readlinkSync(latest).slice("store/".length)}\n`);
    },
  },
  "good-ignored": {
    what: "the way back does not lead to what has proved itself",
    breaks: ["ACT-71"],
    caught: ["by-hand-rollback-good"],
    before: remove(".good"),
  },
  "rollback-anywhere": {
    what: "rollback goes where it likes, whatever version is asked for",
    breaks: ["ACT-73"],
    caught: ["by-hand-rollback-to", "by-hand-rollback-newer", "by-hand-rollback-unknown"],
    words: (words) => (words[0] === "rollback" ? words.slice(0, 2) : words),
  },
  "release-holds": {
    what: "release is another word for hold",
    breaks: ["ACT-84"],
    caught: ["by-hand-hold-and-release", "by-hand-release-refused", "by-hand-release-nothing"],
    words: ([command = "", ...words]) => [command === "release" ? "hold" : command, ...words],
  },
  "slots-restarted": {
    what: "both slots are restarted on each new image",
    breaks: SLOTS,
    caught: ["slots-update", "slots-bad-image", "slots-first-image", "slots-init"],
    before(destination) {
      replaceBeside("app.tako", "app@.service", "app@a.service app@b.service")(destination);
      replaceBeside("app.tako", /^Slots=.*\n/gm, "")(destination);
    },
  },
  "slot-left-behind": {
    what: "what a run left in the second slot that died is not seen",
    breaks: ["ACT-101", "DST-102"],
    caught: ["slots-left-before-the-swap", "slots-left-with-one-image", "slots-not-stopped"],
    before: remove("b"),
  },
  "slots-not-stopped": {
    what: "no slot is stopped, whatever becomes of it",
    breaks: SLOTS,
    caught: ["slots-update", "slots-bad-image", "slots-open", "slots-damaged"],
    before: replaceBeside("bin/systemctl", "start|stop|restart", "start|restart"),
  },
  "limit-of-starts-not-asked": {
    what: "a template may have a limit of starts beside a socket",
    breaks: ["ACT-102"],
    caught: ["slots-limit-of-starts"],
    before: replaceBeside(
      "bin/systemctl",
      "StartLimitIntervalUSec=10s",
      "StartLimitIntervalUSec=0",
    ),
  },
  "slots-not-watched": {
    what: "a slot takes over at once",
    breaks: ["ACT-104", "ACT-106", "ACT-107"],
    caught: ["slots-bad-image", "slots-bad-first-image", "slots-open"],
    before: replaceBeside(
      "bin/systemctl",
      /answer loaded (failed failed exit-code|inactive dead success) (?=.*return)/g,
      "answer loaded active running success ",
    ),
  },
  "slots-on-both": {
    what: "the slot that was in use keeps its link",
    breaks: SLOTS,
    caught: ["slots-update", "slots-left-after-the-swap"],
    after: keepLink("a"),
  },
};
