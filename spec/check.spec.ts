// Proof of what spec/check.md says without a host: what is said of a valid config, where it stands, and what a sandbox
// allows.

import { describe, expect, test } from "bun:test";
import { parseConfig } from "../src/core/config.ts";
import {
  doubtsAboutConfig,
  doubtsAboutUnit,
  doubtsAboutVersions,
} from "../src/core/config-doubts.ts";
import { linesOf } from "../src/core/config-lines.ts";
import { decodeUnverified } from "../src/core/manifest.ts";
import { keepsFrom, parseSandbox } from "../src/core/sandbox.ts";
import { parseUnitStates } from "../src/core/unit-state.ts";
import { key, manifestOf } from "../tests/support/publishing.ts";

const BASE = {
  Origin: "https://images.example.com/app",
  PublicKey: key.public,
  Destination: "/var/lib/images/app",
  Version: "1.*",
};

function config(lines: Readonly<Record<string, string>> = {}) {
  const text = Object.entries({ ...BASE, ...lines }).map(([name, value]) => `${name}=${value}\n`);
  return parseConfig(new TextEncoder().encode(text.join("")), "app.tako");
}

const found = (lines: Readonly<Record<string, string>>) =>
  doubtsAboutConfig(config(lines)).map((doubt) => `${doubt.rule} ${doubt.key}`);

describe("a config by itself", () => {
  test.each<[string, Readonly<Record<string, string>>]>([
    ["the usual one", {}],
    ["a password over https", { Origin: "https://user:word@host/app" }],
    ["http without a password", { Origin: "http://host/app" }],
    ["an exact version", { Version: "1.0.0" }],
    ["a way back with what leads to it", { WatchSec: "5s", Restart: "app", OnRollback: "tell" }],
    ["a watch of a reloaded unit", { WatchSec: "5s", Reload: "app" }],
  ])("CHK-10 to CHK-20: %s is as it was meant", (_, lines) => {
    expect(found(lines)).toEqual([]);
  });

  test.each<[string, Readonly<Record<string, string>>]>([
    ["CHK-10 Version", { Version: "latest" }],
    ["CHK-12 Origin", { Origin: "http://user:word@host/app" }],
    ["CHK-12 Origin", { Origin: "http://token@host/app" }],
    ["CHK-12 Origin", { Origin: "ftp://user:word@host/app" }],
    ["CHK-13 Destination", { Destination: "images" }],
    ["CHK-20 OnRollback", { OnRollback: "tell.service", Restart: "app" }],
    ["CHK-20 WatchSec", { WatchSec: "5s" }],
  ])("%s: %p", (expected, lines) => {
    expect(found(lines)).toEqual([expected]);
  });

  test("CHK-12, CFG-18: no message has the password in it", () => {
    const doubts = doubtsAboutConfig(config({ Origin: "http://user:word@host/app" }));
    expect(JSON.stringify(doubts)).not.toMatch(/user:|word@/);
  });
});

describe("the versions that a host knows", () => {
  const local = (...versions: readonly string[]) =>
    decodeUnverified(
      new TextEncoder().encode(manifestOf(versions.map((version) => [version, version]))),
    );

  test("CHK-11: one that matches is enough", () => {
    expect(doubtsAboutVersions(config(), local("0.9", "1.1", "2.0"))).toEqual([]);
  });

  test("CHK-11: without one, the newest are named", () => {
    const known = local("0.1", "0.2", "0.3", "0.4", "0.5", "2.0");
    const [doubt] = doubtsAboutVersions(config(), known);
    expect(doubt).toMatchObject({ key: "Version", rule: "CHK-11" });
    expect(doubt?.message).toEndWith(": 2.0, 0.5, 0.4, 0.3, 0.2");
    expect(doubtsAboutVersions(config(), local())[0]?.message).toEndWith(": none");
  });
});

describe("units", () => {
  const state = (load: string) =>
    parseUnitStates(`LoadState=${load}\nActiveState=inactive\n`, ["app@a.service"])![0]!;

  test.each(["not-found", "masked", "bad-setting", "error"])("CHK-17: one that is %s", (load) => {
    const [doubt] = doubtsAboutUnit("Restart", "app@.service", state(load));
    expect(doubt).toMatchObject({ key: "Restart", unit: "app@.service", rule: "CHK-17" });
    expect(doubt?.message).toStartWith("app@a.service: ");
  });

  test("CHK-17: one that systemd has loaded is as it was meant", () => {
    expect(doubtsAboutUnit("Restart", "app@.service", state("loaded"))).toEqual([]);
  });
});

describe("lines", () => {
  test("CHK-17: a unit is on the line that names it first, spelled as it may be", () => {
    const text = [
      "# a comment",
      "Restart=one two.service",
      "Reload=one",
      "Restart=\\",
      "  three.socket app@.service",
      "Version=1",
      "restart=four",
    ];
    const lineOf = linesOf(new TextEncoder().encode(text.join("\n")));
    expect(lineOf("Restart")).toBe(2);
    expect(lineOf("Restart", "one.service")).toBe(2);
    expect(lineOf("Restart", "three.socket")).toBe(4);
    expect(lineOf("Restart", "app@.service")).toBe(4);
    expect(lineOf("Reload", "one.service")).toBe(3);
    expect(lineOf("Version")).toBe(6);
    expect(lineOf("Restart", "four.service")).toBeUndefined();
    expect(lineOf("Origin")).toBeUndefined();
  });

  test("a file that is no text has none", () => {
    expect(linesOf(Uint8Array.of(0xff))("Version")).toBeUndefined();
  });
});

describe("a sandbox, as systemd.exec(5) has it", () => {
  const keeps = (path: string, ...settings: readonly string[]) =>
    keepsFrom(parseSandbox(["LoadState=loaded", ...settings, ""].join("\n"))!, path);
  const SHIPPED = [
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "ReadWritePaths=-/var/lib/images",
    "ReadOnlyPaths=",
  ];

  test.each([
    ["/var/lib/images", SHIPPED],
    ["/var/lib/images/app", SHIPPED],
    ["/srv/images", ["ProtectSystem=no", "ProtectHome=no"]],
    ["/srv/images", []],
    ["/srv/images", ["ProtectSystem=full", "ProtectHome=yes"]],
    ["/etc/images", ["ProtectSystem=yes"]],
    ["/srv/images/app", ["ProtectSystem=strict", "ReadWritePaths=/opt +/srv/images/ /mnt"]],
    ["/home/images", ["ProtectHome=yes", "ReadWritePaths=/home/images"]],
    ["/usr", ["ProtectSystem=full", "ReadWritePaths=/usr"]],
    ["/srv", ["ProtectSystem=strict", "ReadWritePaths=/"]],
    ["/var/lib/app/images", ["ProtectSystem=strict", "StateDirectory=app other"]],
    ["/var/cache/app", ["ProtectSystem=strict", "CacheDirectory=app"]],
    ["/var/log/app", ["ProtectSystem=strict", "LogsDirectory=app"]],
    ["/dev/shm/app", ["ProtectSystem=strict"]],
  ])("CHK-16: %s may be written with %p", (path, settings) => {
    expect(keeps(path, ...settings)).toBeUndefined();
  });

  test.each([
    ["/var/lib/images-old", SHIPPED, "ProtectSystem=strict"],
    ["/var/lib", SHIPPED, "ProtectSystem=strict"],
    ["/srv/images", SHIPPED, "ProtectSystem=strict"],
    ["/home/images", SHIPPED, "ProtectHome=yes"],
    ["/root/images", ["ProtectHome=read-only"], "ProtectHome=read-only"],
    ["/usr/images", ["ProtectSystem=yes"], "ProtectSystem=yes"],
    ["/etc/images", ["ProtectSystem=full"], "ProtectSystem=full"],
    ["/srv/images", ["ReadOnlyPaths=/srv"], "ReadOnlyPaths="],
    ["/srv/images", ["InaccessiblePaths=/srv/images"], "InaccessiblePaths="],
    ["/srv/images", ["ReadWritePaths=/srv", "ReadOnlyPaths=/srv/images"], "ReadOnlyPaths="],
  ])("CHK-16: %s may not be written with %p", (path, settings, setting) => {
    expect(keeps(path, ...settings)).toBe(setting);
  });

  test("CHK-16: a unit that systemd does not know has none", () => {
    expect(parseSandbox("LoadState=not-found\nProtectSystem=strict\n")).toBeUndefined();
    expect(parseSandbox("")).toBeUndefined();
  });
});
