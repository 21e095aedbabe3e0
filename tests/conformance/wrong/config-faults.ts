// Wrong ideas of what a config file says.

import { normalize } from "node:path";
import type { Arguments, Operation } from "../../../src/adapter.ts";
import { CONFIG_KEYS } from "../../../src/core/config-keys.ts";
import { TakoError } from "../../../src/core/error.ts";
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

interface PlainConfig {
  readonly origin: string;
  readonly credentials?: { readonly user: string; readonly password: string };
  readonly publicKeys: readonly string[];
  readonly destination: string;
  readonly pattern: string;
  readonly restart?: readonly string[];
}

const NAMES = Object.values(CONFIG_KEYS).map(({ name }) => name);
const KNOWN = NAMES.join("|");

export const CONFIG_FAULTS: AdapterFaults = {
  "unknown-keys-ignored": reads(
    "unknown keys are ignored",
    ["CFG-8"],
    ["config-unknown-far", "config-unknown-several"],
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
        new RegExp(`[ =]${RegExp.escape(unit)}(?![.\\w])`).test(file);
      const restart = config.restart?.map((unit) => {
        const bare = unit.replace(/\.service$/, "");
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
  "other-units-of-time": reads(
    "TimeoutSec= takes units that systemd does not have",
    ["CFG-37"],
    ["config-timeout-unit"],
    (file) => file.replace(/^(TimeoutSec=\d+) secs$/gm, "$1"),
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
