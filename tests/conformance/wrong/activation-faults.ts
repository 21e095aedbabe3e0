// Faults round our own command line in what follows when an image comes into use: it is told something else than
// systemctl says, or reads another config or other records than there are.

import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Systemd } from "../../../src/shell/systemd.ts";
import { remove, rename, type WrapperFault } from "./wrapper-faults.ts";

type Around = (right: Systemd) => Systemd;

/** Another systemctl, which may ask the right one. */
const calling =
  (systemctl: (right: Systemd) => Systemd["systemctl"]): Around =>
  (right) => ({ ...right, manager: right.manager, systemctl: systemctl(right) });

/** The answers to `show` are others. */
const told = (change: (states: string) => string): Around =>
  calling((right) => async (words, limits) => {
    const result = await right.systemctl(words, limits);
    return words[0] === "show" ? { ...result, stdout: change(result.stdout) } : result;
  });

/** Configs are copied elsewhere, with another text. @param change given the destination, too */
function configs(
  change: (text: string, destination: string) => string,
): NonNullable<WrapperFault["words"]> {
  return (words) =>
    words.map((word) => {
      if (!word.endsWith(".tako") || !existsSync(word) || !statSync(word).isFile()) return word;
      const text = readFileSync(word, "utf8");
      const folder = mkdtempSync(join(tmpdir(), "tako-wrong-"));
      process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
      const copy = join(folder, basename(word));
      writeFileSync(copy, change(text, /^Destination=(.+)$/m.exec(text)?.[1] ?? ""));
      return copy;
    });
}

export const ACTIVATION_FAULTS: Readonly<Record<string, WrapperFault>> = {
  "states-not-asked": {
    what: "how units are is never asked",
    breaks: ["ACT-3", "ACT-4", "ACT-5", "ACT-12", "ACT-13"],
    caught: [
      "activation-stopped-unit",
      "activation-masked-unit",
      "activation-unit-without-file",
      "activation-old-process",
      "activation-failed-call",
    ],
    systemd: told(() => ""),
  },
  "stopped-unit-started": {
    what: "an update starts units that were stopped",
    breaks: ["ACT-5"],
    caught: ["activation-stopped-unit"],
    systemd: told((states) => states.replaceAll("=inactive", "=active")),
  },
  "first-image-starts-nothing": {
    what: "a unit that does not run is not started for its first image either",
    breaks: ["ACT-6"],
    caught: ["activation-first-image"],
    systemd: calling((right) => async (words, limits) => {
      if (words[0] !== "restart") return await right.systemctl(words, limits);
      const kept: string[] = [];
      for (const unit of words.slice(2)) {
        const { stdout } = await right.systemctl(["show", "--", unit]);
        if (!stdout.includes("ActiveState=inactive")) kept.push(unit);
      }
      return await right.systemctl(["restart", "--", ...kept], limits);
    }),
  },
  "masked-unit-restarted": {
    what: "a masked unit is restarted with the others",
    breaks: ["ACT-3"],
    caught: ["activation-masked-unit", "activation-first-image"],
    systemd: told((states) =>
      states.replaceAll(
        /LoadState=masked\nActiveState=inactive/g,
        "LoadState=loaded\nActiveState=active",
      ),
    ),
  },
  "unit-without-file-passed-over": {
    what: "a unit that is not there counts as one that is not wanted",
    breaks: ["ACT-4"],
    caught: ["activation-unit-without-file"],
    systemd: told((states) => states.replaceAll("=not-found", "=masked")),
  },
  "masked-unit-is-down": {
    what: "a masked unit is taken for one that does not run",
    breaks: ["ACT-4"],
    caught: ["activation-masked-unit-runs"],
    systemd: told((states) =>
      states
        .split("\n\n")
        .map((state) => (state.includes("=masked") ? state.replace("=active", "=inactive") : state))
        .join("\n\n"),
    ),
  },
  "active-is-restarted": {
    what: "a unit that is active was restarted, whatever it runs",
    breaks: ["ACT-12", "ACT-27"],
    caught: ["activation-old-process", "activation-blocked"],
    systemd: told((states) =>
      states.replaceAll(
        /InvocationID=.*/g,
        () => `InvocationID=${crypto.randomUUID().replaceAll("-", "")}`,
      ),
    ),
  },
  "failed-call-restarts-nothing": {
    what: "after a call that failed, all of its units are restarted again",
    breaks: ["FET-78", "ACT-13"],
    caught: ["activation-failed-call", "activation-old-process"],
    systemd: calling((right) => {
      let hasFailed = false;
      return async (words, limits) => {
        const result = await right.systemctl(words, limits);
        if (words[0] === "restart") hasFailed = result.status !== 0;
        return words[0] === "show" && hasFailed ? { ...result, stdout: "" } : result;
      };
    }),
  },
  "reload-is-a-restart": {
    what: "units of Reload= are restarted",
    breaks: ["ACT-11", "ACT-15"],
    caught: ["activation-reload", "activation-reload-fails"],
    systemd: calling((right) => (words, limits) => {
      const isReload = words[0] === "reload-or-restart";
      return right.systemctl(isReload ? ["restart", ...words.slice(1)] : words, limits);
    }),
  },
  "failed-reload-is-done": {
    what: "a reload that failed is not tried again, since the unit is active",
    breaks: ["ACT-15"],
    caught: ["activation-reload-fails"],
    systemd: calling((right) => async (words, limits) => {
      const result = await right.systemctl(words, limits);
      return words[0] === "reload-or-restart" ? { ...result, status: 0 } : result;
    }),
  },
  "image-not-watched": {
    what: "WatchSec= is read, and no image has to prove itself",
    breaks: ["ACT-29", "ACT-40", "ACT-43", "ACT-44", "ACT-50"],
    caught: [
      "activation-proof",
      "activation-way-back",
      "activation-check",
      "activation-open",
      "activation-shared-unit-goes-back",
    ],
    words: configs((text) => text.replaceAll(/^(WatchSec|Check)=.*\n/gm, "")),
  },
  "check-not-started": {
    what: "Check= is read, and no check is started",
    breaks: ["ACT-29"],
    caught: ["activation-check"],
    words: configs((text) => text.replaceAll(/^Check=.*\n/gm, "")),
  },
  "good-image-forgotten": {
    what: "which image proved itself is not kept",
    breaks: ["ACT-43", "DST-70"],
    caught: ["activation-proof"],
    after: remove(".good"),
  },
  "refused-is-tried-again": {
    what: "an image that did not work here is taken like any other",
    breaks: ["ACT-31", "ACT-32", "ACT-37", "DST-74"],
    caught: [
      "activation-way-back",
      "activation-refused",
      "activation-refused-under-another-version",
      "activation-refused-and-nothing-in-use",
      "activation-init-put-back",
    ],
    before: rename(".refused", "../refused-put-away"),
    after: rename("../refused-put-away", ".refused"),
  },
  "older-one-is-tried": {
    what: "below a version that did not work, the next older one is tried",
    breaks: ["ACT-31"],
    caught: ["activation-refused"],
    words: configs((text, destination) =>
      existsSync(join(destination, ".refused"))
        ? text.replace("Version=*\n", "Version=1.0.*\n")
        : text,
    ),
  },
  "hold-not-kept-to": {
    what: "a host on hold takes what is new",
    breaks: ["ACT-30", "ACT-37", "DST-80"],
    caught: [
      "activation-hold",
      "activation-hold-and-nothing-in-use",
      "activation-hold-of-another",
      "activation-init-on-hold",
    ],
    before: rename(".hold", "../hold-put-away"),
    after: rename("../hold-put-away", ".hold"),
  },
  "undecided-is-good": {
    what: "what is not bad when the time is over is good",
    breaks: ["ACT-27", "ACT-44"],
    caught: ["activation-open", "activation-blocked"],
    after(destination) {
      if (!existsSync(join(destination, ".owed"))) return;
      const image = basename(readlinkSync(join(destination, "latest")));
      writeFileSync(join(destination, ".good"), `${image}\n`);
      remove(".owed")(destination);
    },
  },
  "done-units-forgotten": {
    what: "which units were restarted is not looked at",
    breaks: ["ACT-42", "FET-78"],
    caught: ["activation-open", "activation-failed-call"],
    before(destination) {
      const path = join(destination, ".owed");
      if (!existsSync(path)) return;
      writeFileSync(path, readFileSync(path, "utf8").replaceAll(/^\D.*\.service\n/gm, ""));
    },
  },
  "way-back-is-no-failure": {
    what: "a run that went back ends with status 0",
    breaks: ["ACT-50", "ACT-29"],
    caught: ["activation-way-back", "activation-check", "activation-shared-unit-goes-back"],
    after() {
      if (process.exitCode === 75) process.exitCode = 0;
    },
  },
  "configs-apart": {
    what: "each config comes into use by itself, whatever units it shares",
    breaks: ["ACT-60"],
    caught: ["activation-shared-unit", "activation-shared-unit-goes-back"],
    isApart: true,
  },
};
