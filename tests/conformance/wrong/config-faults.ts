// Wrong ideas of what a config file says.

import { normalize } from "node:path";
import type { Arguments, Operation } from "../../../src/adapter/arguments.ts";
import { CONFIG_KEYS } from "../../../src/core/config-keys.ts";
import { type Problem, TakoError } from "../../../src/core/error.ts";
import { type AdapterFault, type AdapterFaults, bytes } from "./fault.ts";

/** A fault of `parse-config`: the file is taken for another one. Lines must stay where they are. */
function reads(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  change: (file: string) => string,
): AdapterFault {
  function answer(args: Arguments, right: Operation): unknown {
    const file = Buffer.from(bytes(args, "config")).toString("latin1");
    return right({ ...args, config: Buffer.from(change(file), "latin1").toString("base64") });
  }
  return { op: "parse-config", what, breaks, caught, answer };
}

/** A fault of `parse-config`: what was read right is told otherwise. */
function tells(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  change: (config: PlainConfig) => PlainConfig,
): AdapterFault {
  const answer = (args: Arguments, right: Operation) => change(right(args) as PlainConfig);
  return { op: "parse-config", what, breaks, caught, answer };
}

/** A fault of `parse-config`: such problems are none. What comes of them no case asks. */
function accepts(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  isRight: (problem: Problem) => boolean,
): AdapterFault {
  return refuses(what, breaks, caught, (problems) => problems.filter((each) => !isRight(each)));
}

/** A fault of `parse-config`: other problems are told than there are. Without any, the file is right. */
function refuses(
  what: string,
  breaks: readonly string[],
  caught: readonly string[],
  change: (problems: readonly Problem[]) => readonly Problem[],
): AdapterFault {
  function answer(args: Arguments, right: Operation): unknown {
    try {
      return right(args);
    } catch (error) {
      if (!(error instanceof TakoError)) throw error;
      const problems = change(error.problems);
      if (problems.length === 0) return {};
      throw error.with({ problems });
    }
  }
  return { op: "parse-config", what, breaks, caught, answer };
}

/** A conflict of two units, told on another line: one that is made of its own and of the other unit's. */
function moved(problem: Problem, lineOf: (own: number, other: number) => number): Problem {
  if (!/^CFG-5[679]$/.test(problem.rule ?? "")) return problem;
  const other = Number(/ on line (\d+)/.exec(problem.message)?.[1]);
  return { ...problem, line: lineOf(problem.line ?? 0, other) };
}

/** What is about slots. */
const SLOTS = ["CFG-36", "CFG-61", "CFG-62", "CFG-63", "CFG-64", "CFG-65", "CFG-66"];

interface PlainConfig {
  readonly slots?: readonly string[];
  readonly origin: string;
  readonly credentials?: { readonly user: string; readonly password: string };
  readonly publicKeys: readonly string[];
  readonly destination: string;
  readonly pattern: string;
  readonly restart?: readonly string[];
  readonly reload?: readonly string[];
  readonly check?: readonly string[];
  readonly onUpdate?: readonly string[];
  readonly onRollback?: readonly string[];
  readonly watchMs?: number;
  readonly minAgeMs?: number;
}

const NAMES = Object.values(CONFIG_KEYS).map(({ name }) => name);
const KNOWN = NAMES.join("|");

export const CONFIG_FAULTS: AdapterFaults = {
  "unknown-keys-ignored": reads(
    "unknown keys are ignored",
    ["CFG-8"],
    ["config-unknown-far", "config-unknown-several", "config-check-watch-misspelt"],
    (file) =>
      file.replace(new RegExp(`^(?![ \\t]*(${KNOWN})[ \\t]*=)[ \\t]*\\w+[ \\t]*=.*$`, "gm"), ""),
  ),
  "keys-in-any-case": reads(
    "origin= is Origin=",
    ["CFG-8"],
    ["config-unknown-case-alone"],
    (file) =>
      file.replace(new RegExp(`^(${KNOWN})=`, "gim"), (key) => KEY_CASES[key.toLowerCase()] ?? key),
  ),
  "last-repetition-counts": reads(
    "of a repeated key the last one counts",
    ["CFG-9"],
    ["config-repeated-version", "config-repeated-origin"],
    (file) => ["Origin", "Destination", "Version"].reduce(dropRepeated, file),
  ),
  "first-repetition-counts": reads(
    "of a repeated key the first one counts",
    ["CFG-9"],
    ["config-repeated-version", "config-repeated-origin"],
    (file) =>
      ["Origin", "Destination", "Version"].reduce(
        (text, key) =>
          dropRepeated(text.split("\n").toReversed().join("\n"), key)
            .split("\n")
            .toReversed()
            .join("\n"),
        file,
      ),
  ),
  "operators-ignored": reads(
    "Version=^1.2 is Version=1.2",
    ["CFG-50"],
    ["config-notation-caret", "config-notation-tilde-arrow", "config-notation-equals"],
    (file) => file.replace(/^Version=[~^!=]+>?/gm, "Version="),
  ),
  "interval-is-a-name": reads(
    "an interval is an exact version",
    ["CFG-50"],
    ["config-notation-interval"],
    (file) => file.replace(/^Version=[[(]/gm, "Version=v"),
  ),
  "any-part-is-a-name": reads(
    "x is a part like any other",
    ["CFG-50"],
    ["config-notation-x", "config-notation-x-in-range"],
    (file) => file.replace(/^(Version=.*\b)[xX]\b/gm, "$1y"),
  ),
  "continuation-ignored": reads(
    "a \\ at the end of a line joins nothing",
    ["CFG-5", "CFG-17"],
    ["config-join", "config-join-crlf"],
    (file) => file.replace(/\\([ \t\r]*)$/gm, "$1"),
  ),
  "latin-1-accepted": reads(
    "bytes that are not UTF-8 are accepted",
    ["CFG-1"],
    ["config-invalid-utf8", "config-latin1-comment"],
    (file) => Buffer.from(Buffer.from(file, "latin1").toString("utf8")).toString("latin1"),
  ),
  "nul-accepted": reads(
    "NUL is a character like others",
    ["CFG-1"],
    ["config-nul-in-comment"],
    (file) => file.replaceAll("\0", "?"),
  ),
  "comment-after-value": reads(
    "what follows ` #` is a comment",
    ["CFG-6", "CFG-31", "CFG-41"],
    ["config-destination-comment", "config-pattern-comment"],
    (file) => file.replace(/[ \t]+[#;].*$/gm, ""),
  ),
  "semicolon-is-no-comment": reads(
    "only # begins a comment",
    ["CFG-4", "CFG-5", "CFG-17"],
    ["config-comments"],
    (file) => file.replace(/^[ \t]*;/gm, "x"),
  ),
  "indented-comments-refused": reads(
    "a comment begins in the first column",
    ["CFG-4"],
    ["config-comments"],
    (file) => file.replace(/^[ \t]+(?=[#;])/gm, "x"),
  ),
  "other-sections-accepted": reads(
    "sections of any name are accepted",
    ["CFG-6"],
    ["config-other-section", "config-section-case"],
    (file) => file.replace(/^\[\w+\]$/gm, "[Image]"),
  ),
  "sections-refused": reads(
    "[Image] is refused",
    ["CFG-6"],
    ["config-image-section", "config-image-section-late"],
    (file) => file.replace(/^\[Image\]/gm, "[Section]"),
  ),
  "bom-refused": reads(
    "a byte order mark is part of the first key",
    ["CFG-2"],
    ["config-bom"],
    (file) => file.replace(/^\xef\xbb\xbf/, "?"),
  ),
  "cr-kept": reads(
    "CRLF leaves a carriage return in the value",
    ["CFG-3"],
    ["config-crlf", "config-crlf-mixed"],
    (file) => file.replace(/\r(?=\n)/g, "?"),
  ),
  "quotes-taken-off": reads(
    "quotes around a value are taken off",
    ["CFG-15", "CFG-31"],
    ["config-literal-quotes", "config-pattern-quoted"],
    (file) => file.replace(/=[ \t]*"(.*)"[ \t\r]*$/gm, "=$1"),
  ),
  "last-equals-separates": reads(
    "a value begins after the last =",
    ["CFG-31"],
    ["config-literal-equals"],
    (file) => file.replace(/^(Destination[ \t]*=).*=/gm, "$1"),
  ),
  "empty-values-accepted": reads(
    "an empty value is like a key that is not there",
    ["CFG-11"],
    ["config-empty-second-public-key"],
    (file) => file.replace(/^(Origin|PublicKey|Destination|Version)[ \t]*=[ \t\r]*$/gm, ""),
  ),
  "no-restart-cleared": reads(
    "an empty Restart= clears nothing",
    ["CFG-14"],
    ["config-restart-cleared", "config-restart-cleared-at-end"],
    (file) => file.replace(/^Restart[ \t]*=[ \t\r]*$/gm, ""),
  ),
  "key-not-checked": reads(
    "a public key may be any text",
    ["CFG-5", "CFG-12", "CFG-16"],
    ["config-key-short", "config-key-not-base64", "config-key-hex"],
    (file) =>
      file.replace(/^(PublicKey=).+$/gm, (line, name) => (isKeyLine(line) ? line : name + KEY)),
  ),
  "one-key-only": tells(
    "only the last public key counts",
    ["CFG-12"],
    ["config-two-keys", "config-three-keys-apart"],
    (config) => ({
      ...config,
      publicKeys: config.publicKeys.slice(-1),
    }),
  ),
  "query-accepted": reads(
    "an origin may have a query",
    ["CFG-22"],
    ["config-bad-origin-query", "config-bad-origin-question-mark-at-end"],
    (file) => file.replace(/^(Origin=[^?\n]*)\?.*$/gm, "$1"),
  ),
  "any-scheme-accepted": reads(
    "an origin may have any scheme",
    ["CFG-16", "CFG-20"],
    ["config-bad-origin-gopher", "config-bad-origin-ssh"],
    (file) => file.replace(/^Origin=(gopher|ssh):/gm, "Origin=http:"),
  ),
  "backslash-is-slash": reads(
    "a \\ in a URL is a slash",
    ["CFG-21"],
    ["config-bad-origin-backslash"],
    (file) => file.replace(/^Origin=.*$/gm, (line) => line.replace(/\\(?=.)/g, "/")),
  ),
  "credentials-in-origin": tells(
    "the origin keeps its user and password",
    ["CFG-24", "CFG-27"],
    ["config-origin-credentials", "config-origin-credentials-port"],
    (config) => {
      const { credentials, origin } = config;
      if (credentials === undefined) return config;
      const pair = `${credentials.user}:${credentials.password}`;
      return { ...config, origin: origin.replace("://", `://${pair}@`) };
    },
  ),
  "credentials-encoded": tells(
    "user and password stay percent-encoded",
    ["CFG-24"],
    ["config-origin-credentials-percent"],
    (config) => {
      const { credentials } = config;
      if (credentials === undefined) return config;
      const [user, password] = [credentials.user, credentials.password].map(encodeURIComponent);
      return { ...config, credentials: { user: user ?? "", password: password ?? "" } };
    },
  ),
  "final-slash-kept": {
    op: "parse-config",
    what: "a slash at the end of the origin stays",
    breaks: ["CFG-25"],
    caught: ["config-origin-trailing-slash", "config-origin-host-slash"],
    answer(args, right) {
      const config = right(args) as PlainConfig;
      const hasSlash = /^Origin=.*\/$/m.test(Buffer.from(bytes(args, "config")).toString());
      return hasSlash ? { ...config, origin: `${config.origin}/` } : config;
    },
  },
  "destination-resolved": tells(
    "a relative destination is resolved",
    ["CFG-13", "CFG-31"],
    ["config-relative-destination", "config-dotdot-destination"],
    (config) => ({
      ...config,
      destination: config.destination.startsWith("/")
        ? config.destination
        : `${process.cwd()}/${config.destination}`,
    }),
  ),
  "destination-normalised": tells(
    "/a/../b is /b",
    ["CFG-13"],
    ["config-destination-not-normalised"],
    (config) => ({
      ...config,
      destination: normalize(config.destination),
    }),
  ),
  "pattern-as-written": {
    op: "parse-config",
    what: "the pattern is not in its canonical form",
    breaks: ["CFG-12"],
    caught: ["config-pattern-range"],
    answer(args, right) {
      const file = Buffer.from(bytes(args, "config")).toString();
      const config = right(args) as PlainConfig;
      return { ...config, pattern: /^Version=(.* {2}.*)$/m.exec(file)?.[1] ?? config.pattern };
    },
  },
  "units-repeated": {
    op: "parse-config",
    what: "a unit named twice is restarted twice",
    breaks: ["CFG-14"],
    caught: ["config-restart-twice"],
    answer(args, right) {
      const config = right(args) as PlainConfig;
      const { restart = [] } = config;
      const file = Buffer.from(bytes(args, "config")).toString();
      const lists = [...file.matchAll(/^Restart=(.*)$/gm)].map(([, list = ""]) => list);
      const units = lists.join(" ").split(/\s+/);
      const isTold = units.every((unit) => restart.includes(unit));
      return isTold ? { ...config, restart: units } : config;
    },
  },
  "units-sorted": tells(
    "units are sorted by name",
    ["CFG-14", "CFG-15"],
    ["config-restart-lines"],
    ({ restart, ...config }) =>
      restart === undefined ? config : { ...config, restart: restart.toSorted() },
  ),
  "word-of-systemd-is-a-unit": reads(
    "always is a unit, always.service",
    ["CFG-40"],
    ["config-restart-always-word", "config-restart-word-in-list"],
    (file) => file.replace(/^(Restart=.*)\b(always|on-abort)$/m, "$1$2.service"),
  ),
  "unit-without-type-kept": {
    op: "parse-config",
    what: "app is not app.service",
    breaks: ["CFG-36"],
    caught: ["config-unit-no-type", "config-unit-no-type-in-list"],
    answer(args, right) {
      const file = Buffer.from(bytes(args, "config")).toString();
      const config = right(args) as PlainConfig;
      const isNamed = (unit: string) =>
        new RegExp(`[ =]${RegExp.escape(unit)}(?![.\\w-])`).test(file);
      const restart = config.restart?.map((unit) => {
        const bare = unit.replace(/^([^.]+)\.service$/, "$1");
        return bare !== unit && isNamed(bare) ? bare : unit;
      });
      return restart === undefined ? config : { ...config, restart };
    },
  },
  "timeout-of-any-length": reads(
    "TimeoutSec= may be infinity, or nothing",
    ["CFG-38"],
    ["config-timeout-infinity", "config-timeout-zero"],
    (file) => file.replace(/^TimeoutSec=(infinity|0)$/gm, "TimeoutSec=30"),
  ),
  "packed-of-any-word": reads(
    "Packed= takes other words for yes",
    ["CFG-69"],
    ["config-packed-capital", "config-packed-true", "config-packed-number"],
    (file) => file.replace(/^Packed=(Yes|true|1)$/gm, "Packed=yes"),
  ),
  "other-units-of-time": reads(
    "TimeoutSec= takes units that systemd does not have",
    ["CFG-37"],
    ["config-timeout-unit"],
    (file) => file.replace(/^(TimeoutSec=\d+) secs$/gm, "$1"),
  ),
  "reload-is-restart": tells(
    "units to reload are restarted",
    ["CFG-52", "CFG-56"],
    ["config-activation", "config-reload-restart-cleared", "config-reload-other-instance"],
    ({ reload = [], restart = [], ...config }) =>
      tellsLists({ ...config, restart: [...restart, ...reload] }),
  ),
  "on-update-is-on-rollback": tells(
    "what OnUpdate= names is started after the way back",
    ["CFG-52", "CFG-57"],
    ["config-activation", "config-on-both", "config-socket-on-update"],
    ({ onUpdate = [], ...config }) => tellsLists({ ...config, onRollback: onUpdate }),
  ),
  "on-update-is-reload": reads(
    "what OnUpdate= names is reloaded",
    ["CFG-52", "CFG-57"],
    ["config-on-both", "config-socket-on-update", "config-reload-cleared-alone"],
    (file) => file.replace(/^OnUpdate=/gm, "Reload="),
  ),
  "last-reload-counts": reads(
    "of several Reload= the last one counts",
    ["CFG-52", "CFG-56", "CFG-60"],
    ["config-reload-lines", "config-reload-twice", "config-reload-restarted-lines"],
    (file) => dropRepeated(file, "Reload"),
  ),
  "other-lists-not-cleared": reads(
    "only Restart= can be cleared",
    ["CFG-52", "CFG-56", "CFG-58"],
    [
      ...["config-reload-cleared", "config-on-update-cleared", "config-on-rollback-cleared"],
      ...["config-reload-restarted-after-clearing", "config-check-cleared-no-watch"],
    ],
    (file) => file.replace(/^(Reload|Check|OnUpdate|OnRollback)=$/gm, ""),
  ),
  "all-lists-cleared": reads(
    "an empty Reload= clears the other lists, too",
    ["CFG-52", "CFG-56"],
    ["config-reload-cleared-alone", "config-reload-restarted-after-clearing"],
    (file) => (/^Reload=$/m.test(file) ? file.replace(/^(Restart|OnUpdate)=.*$/gm, "") : file),
  ),
  "type-needed-in-other-lists": reads(
    "only Restart= takes a name without a type",
    ["CFG-52"],
    ["config-reload-no-type", "config-check-no-type", "config-on-rollback-cleared"],
    (file) =>
      file.replace(/^(Reload|Check|OnUpdate|OnRollback)=.*$/gm, (line) =>
        line.replace(/(?<=[= ])[\w-]+(?= |$)/g, "$&."),
      ),
  ),
  "any-unit": accepts(
    "units have any name",
    ["CFG-15", "CFG-17"],
    [
      ...["config-reload-bad-unit", "config-check-template", "config-on-update-command"],
      ...["config-on-rollback-bad-unit", "config-conflict-beside-wrong-unit"],
    ],
    ({ rule }) => rule === "CFG-15",
  ),
  "word-of-systemd-is-a-unit-to-reload": accepts(
    "Reload=always is a unit",
    ["CFG-40"],
    ["config-reload-word"],
    ({ rule, key }) => rule === "CFG-40" && key === "Reload",
  ),
  "checks-of-any-type": accepts(
    "any unit can check",
    ["CFG-53"],
    ["config-check-timer", "config-check-target-in-list"],
    ({ rule }) => rule === "CFG-53",
  ),
  "no-instance-checks": reads(
    "an instance is no service",
    ["CFG-53", "CFG-66"],
    ["config-check-instance"],
    (file) => file.replace(/^(Check=\w+@\w+)\.service/gm, "$1.timer"),
  ),
  "watched-for-any-time": accepts(
    "WatchSec= has no limits",
    ["CFG-54"],
    [
      ...["config-watch-zero", "config-watch-short", "config-watch-long", "config-watch-infinity"],
      "config-check-watch-wrong",
    ],
    ({ rule }) => rule === "CFG-54",
  ),
  "limits-of-watching-excluded": reads(
    "WatchSec= is more than 1s and less than 1h",
    ["CFG-54"],
    ["config-watch-least", "config-watch-most"],
    (file) => file.replace(/^WatchSec=1[sh]$/gm, "WatchSec=0"),
  ),
  "any-age": accepts(
    "MinAge= has no limit",
    ["CFG-55"],
    ["config-min-age-more", "config-min-age-infinity"],
    ({ rule }) => rule === "CFG-55",
  ),
  "no-age-refused": reads("MinAge=0 is refused", ["CFG-55"], ["config-min-age-zero"], (file) =>
    file.replace(/^MinAge=0$/gm, "MinAge=-"),
  ),
  "year-of-365-days": reads("a year has 365 days", ["CFG-55"], ["config-min-age-year"], (file) =>
    file.replace(/^MinAge=1y$/gm, "MinAge=365d"),
  ),
  "numbers-of-milliseconds": reads(
    "a number without a unit is one of milliseconds",
    ["CFG-37"],
    ["config-watch-number", "config-min-age-number"],
    (file) => file.replace(/^((?:WatchSec|MinAge)=\d+)$/gm, "$1ms"),
  ),
  "first-part-of-time": reads(
    "of a time span the first part counts",
    ["CFG-37", "CFG-54"],
    ["config-watch-sum", "config-min-age-weeks", "config-watch-long"],
    (file) => file.replace(/^((?:WatchSec|MinAge)=\d+[a-z]+) .*$/gm, "$1"),
  ),
  "any-time-span": accepts(
    "what is no time span is skipped",
    ["CFG-37"],
    ["config-watch-unit", "config-min-age-negative"],
    ({ rule }) => rule === "CFG-37",
  ),
  "empty-time-spans-accepted": accepts(
    "an empty time span is one that is not there",
    ["CFG-11"],
    ["config-watch-empty", "config-min-age-empty", "config-check-watch-empty"],
    ({ rule, key }) => rule === "CFG-11" && (key === "WatchSec" || key === "MinAge"),
  ),
  "time-spans-repeated": accepts(
    "a time span may be given twice",
    ["CFG-9"],
    ["config-watch-twice", "config-min-age-twice"],
    ({ rule, key }) => rule === "CFG-9" && (key === "WatchSec" || key === "MinAge"),
  ),
  "time-in-seconds": tells(
    "time is told in seconds",
    [...["CFG-37", "CFG-52", "CFG-53", "CFG-54", "CFG-55", "CFG-58"], ...SLOTS],
    ["config-activation", "config-watch-least", "config-min-age-year"],
    ({ watchMs, minAgeMs, ...config }) => ({
      ...config,
      ...(watchMs === undefined ? {} : { watchMs: watchMs / 1000 }),
      ...(minAgeMs === undefined ? {} : { minAgeMs: minAgeMs / 1000 }),
    }),
  ),
  "restarted-and-reloaded": accepts(
    "a unit may be restarted and reloaded",
    ["CFG-56"],
    ["config-reload-restarted", "config-reload-restarted-later", "config-reload-restarted-lines"],
    ({ rule }) => rule === "CFG-56",
  ),
  "compared-as-written": reads(
    "where units are compared, app is not app.service",
    ["CFG-36", "CFG-56", "CFG-57"],
    ["config-reload-restarted-no-type", "config-socket-after-service"],
    (file) => file.replace(/^Restart=app$/gm, "Restart=as-written"),
  ),
  "cleared-units-conflict": reads(
    "a unit that was cleared still conflicts",
    ["CFG-14", "CFG-56"],
    ["config-reload-restart-cleared"],
    (file) => file.replace(/^Restart=$/gm, ""),
  ),
  "instances-conflict": reads(
    "units conflict whatever their instances",
    ["CFG-56", "CFG-57"],
    ["config-reload-other-instance", "config-socket-of-other-service"],
    (file) => file.replace(/\bapp@\d/g, "app"),
  ),
  "socket-beside-service": accepts(
    "a socket is restarted beside its service",
    ["CFG-57"],
    ["config-socket-beside-service", "config-socket-reloaded-service-reloaded"],
    ({ rule }) => rule === "CFG-57",
  ),
  "socket-beside-service-of-other-list": accepts(
    "a socket conflicts with the units of its own list alone",
    ["CFG-57"],
    ["config-socket-restarted-service-reloaded", "config-socket-reloaded-service-restarted"],
    ({ rule, key, message }) => rule === "CFG-57" && !message.includes(`in ${key}=`),
  ),
  "instance-of-socket": accepts(
    "a socket with an instance is none",
    ["CFG-57"],
    ["config-socket-instance"],
    ({ rule, message }) => rule === "CFG-57" && message.includes("@"),
  ),
  "check-without-watch": accepts(
    "Check= needs no WatchSec=",
    ["CFG-58"],
    ["config-check-no-watch", "config-conflicts-all-at-once"],
    ({ rule }) => rule === "CFG-58",
  ),
  "watch-before-check": reads(
    "WatchSec= has to stand before Check=",
    ["CFG-58"],
    ["config-check-watch-later"],
    (file) => file.replace(/^(Check=.*\n)WatchSec=.*$/gm, "$1"),
  ),
  "checks-itself": accepts(
    "a unit may check itself",
    ["CFG-59"],
    ["config-check-restarted", "config-check-reloaded"],
    ({ rule }) => rule === "CFG-59",
  ),
  "line-of-other-unit": refuses(
    "a conflict is told on the line of the other unit",
    ["CFG-60"],
    [
      ...["config-reload-restarted", "config-socket-after-service", "config-check-restarted"],
      "config-socket-reloaded-service-restarted",
    ],
    (problems) => problems.map((problem) => moved(problem, (_, other) => other)),
  ),
  "later-line-of-two": refuses(
    "a conflict is told on the later one of its lines",
    ["CFG-60"],
    [
      ...["config-reload-restarted-later", "config-socket-before-service"],
      ...["config-socket-restarted-service-reloaded", "config-check-restarted"],
    ],
    (problems) => problems.map((problem) => moved(problem, Math.max)),
  ),
  "no-slots": reads(
    "Slots= means nothing",
    [...SLOTS, "CFG-9"],
    ["config-slots", "config-slots-check-itself"],
    (file) => file.replace(/^Slots=.*$/gm, ""),
  ),
  "any-slots": accepts(
    "slots have any name, and any number",
    ["CFG-61"],
    [
      ...["config-slots-one", "config-slots-three", "config-slots-same", "config-slots-dot"],
      ...["config-slots-slash", "config-slots-latest", "config-slots-too-long"],
    ],
    ({ rule }) => rule === "CFG-61",
  ),
  "slots-of-letters": reads(
    "the names of slots are letters and digits",
    ["CFG-61"],
    ["config-slots-characters", "config-slots-near-names"],
    (file) => file.replace(/^(Slots=.*)[_.-]/gm, "$1/"),
  ),
  "first-slot-counts": tells(
    "slots have no order",
    SLOTS,
    ["config-slots", "config-slots-longest"],
    ({ slots, ...config }) =>
      slots === undefined ? config : { ...config, slots: slots.toReversed() },
  ),
  "template-of-slots-alone": reads(
    "Slots= has to stand before the template",
    [...SLOTS, "CFG-9"],
    ["config-slots", "config-slots-no-type"],
    (file) => file.replace(/^Restart=(?=.*@\.?[\s\S]*^Slots=)/gm, "Restart=/"),
  ),
  "template-in-any-list": accepts(
    "with Slots=, every list takes a template",
    ["CFG-15", "CFG-62"],
    ["config-template-other-list"],
    ({ rule, key }) => rule === "CFG-15" && key !== "Restart",
  ),
  "instances-told": tells(
    "the instances are told in the place of the template",
    SLOTS,
    ["config-slots", "config-slots-before"],
    ({ slots = [], restart = [], ...config }) =>
      tellsLists({
        ...config,
        slots,
        restart: restart.flatMap((unit) =>
          slots.length === 0 ? [unit] : slots.map((slot) => unit.replace("@.", `@${slot}.`)),
        ),
      }),
  ),
  "slots-beside-anything": accepts(
    "with Slots=, any unit is restarted",
    ["CFG-14", "CFG-60", "CFG-63"],
    [
      ...["config-slots-no-template", "config-slots-instance", "config-slots-beside"],
      ...["config-slots-two-templates", "config-slots-no-restart", "config-slots-unit-too-long"],
    ],
    ({ rule }) => rule === "CFG-63",
  ),
  "reloaded-beside-slots": accepts(
    "with Slots=, other units are reloaded",
    ["CFG-64"],
    ["config-slots-reload"],
    ({ rule }) => rule === "CFG-64",
  ),
  "slots-without-watch": accepts(
    "Slots= needs no WatchSec=",
    ["CFG-65"],
    ["config-slots-no-watch"],
    ({ rule }) => rule === "CFG-65",
  ),
  "slot-checks-itself": accepts(
    "an instance of a slot may check itself",
    ["CFG-66"],
    ["config-slots-check-itself"],
    ({ rule, message }) => rule === "CFG-59" && message.includes("@"),
  ),
  "slots-on-line-of-unit": refuses(
    "what slots lack is told on the line before theirs",
    ["CFG-60", "CFG-63"],
    ["config-slots-no-restart", "config-slots-restart-cleared", "config-slots-no-watch"],
    (problems) =>
      problems.map((problem) =>
        /^CFG-6[35]$/.test(problem.rule ?? "") && problem.key === "Slots"
          ? { ...problem, line: (problem.line ?? 0) - 1 }
          : problem,
      ),
  ),
  "no-units-told": tells(
    "a config without units has an empty list of them",
    ["CFG"],
    [
      "config-minimal",
      "config-restart-none",
      "config-restart-empty",
      "config-restart-cleared-at-end",
    ],
    (config) => ({ ...config, restart: config.restart ?? [] }),
  ),
  "no-age-told": tells(
    "a config without an age has one of 0",
    ["CFG"],
    ["config-minimal", "config-min-age-zero"],
    (config) => ({ ...config, minAgeMs: config.minAgeMs ?? 0 }),
  ),
  "next-line-named": {
    op: "parse-config",
    what: "the line after the wrong one is named",
    breaks: ["CFG"],
    caught: ["config-line-after-comments", "config-line-joined", "config-line-crlf"],
    answer(args, right) {
      try {
        return right(args);
      } catch (error) {
        if (!(error instanceof TakoError)) throw error;
        const line = error.problems[0]?.line;
        throw line === undefined ? error : new TakoError("config", "refused", { line: line + 1 });
      }
    },
  },
};

/** A config without its empty lists (ADP-17). */
function tellsLists(config: PlainConfig): PlainConfig {
  const isTold = ([, value]: [string, unknown]) => !Array.isArray(value) || value.length > 0;
  return Object.fromEntries(Object.entries(config).filter(isTold)) as unknown as PlainConfig;
}

const KEY_CASES: Readonly<Record<string, string>> = Object.fromEntries(
  NAMES.map((name) => [`${name.toLowerCase()}=`, `${name}=`]),
);

/** TEST 1 of RFC 8032. */
const KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

function isKeyLine(line: string): boolean {
  return /^PublicKey=[A-Za-z0-9+/]{43}=\r?$/.test(line);
}

/** Leaves only the last of the lines with the key, and empty lines for the others. */
function dropRepeated(file: string, key: string): string {
  const lines = file.split("\n");
  const last = lines.findLastIndex((line) => line.startsWith(`${key}=`));
  return lines
    .map((line, index) => (line.startsWith(`${key}=`) && index !== last ? "" : line))
    .join("\n");
}
