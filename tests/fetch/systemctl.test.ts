// How systemctl is called: its answer as it is, and what ends a call before its time. What units make of
// it is proved in tests/systemd.

import { afterEach, expect, test } from "bun:test";
import { hostSystemd, isOfUserManager, unitsOfCgroup } from "../../src/shell/systemd.ts";
import { type FakeSystemctl, fakeSystemctl } from "./systemctl.ts";

const made: FakeSystemctl[] = [];
afterEach(() => {
  for (const fake of made.splice(0)) fake.remove();
});

/** A systemd whose systemctl does so. */
function systemd(script: string) {
  const fake = fakeSystemctl(script);
  made.push(fake);
  return { fake, ...hostSystemd({ ...fake.env }) };
}

test("FET-76: each word is one argument, and status and both streams are told", async () => {
  const { fake, systemctl } = systemd('printf "%s|" "$@"; echo wrong >&2; exit 3');
  const answer = await systemctl(["restart", "--", "a b.service", "$HOME.service"]);
  expect(answer).toEqual({
    status: 3,
    stdout: "restart|--|a b.service|$HOME.service|",
    stderr: "wrong\n",
  });
  expect(fake.calls()).toEqual(["restart -- a b.service $HOME.service"]);
});

test("FET-76: a call is ended at its time limit, and has no status", async () => {
  const { systemctl } = systemd("echo begun; exec sleep 30");
  const answer = await systemctl(["restart"], { timeoutMs: 500 });
  expect(answer).toEqual({ status: undefined, stdout: "begun\n", stderr: "" });
});

test("ACT-11: so is one that listens to no signal, and whose children hold its output open", async () => {
  const { systemctl } = systemd("trap '' TERM; echo begun; sleep 30 & sleep 30");
  const answer = await systemctl(["restart"], { timeoutMs: 500 });
  expect(answer).toEqual({ status: undefined, stdout: "begun\n", stderr: "" });
}, 5000);

test("FET-76: so it is by a signal, also by one that was given before", async () => {
  const { systemctl } = systemd("exec sleep 30");
  const { status } = await systemctl(["restart"], { signal: AbortSignal.timeout(500) });
  expect(status).toBeUndefined();
  const ended = await systemctl(["restart"], { signal: AbortSignal.abort() });
  expect(ended.status).toBeUndefined();
});

test("FET-76: of a flood of words the beginning is kept", async () => {
  const { systemctl } = systemd("yes | head -c 5000000");
  const { stdout } = await systemctl(["status"]);
  expect(stdout).toBe("y\n".repeat(2 * 1024 * 1024));
});

test("FET-76: without a systemctl the system's error comes through", async () => {
  const calling = hostSystemd({ PATH: "/nowhere" }).systemctl(["restart"]);
  expect(await calling.catch(({ code }) => code)).toBe("ENOENT");
});

test("ACT-120: it is the user's manager that is called by a process which that manager started, and not for sudo", () => {
  const shell = ["user.slice", "user-1000.slice", "user@1000.service", "app.slice", "x.service"];
  expect(isOfUserManager(shell, 1000)).toBe(true);
  expect(isOfUserManager(shell, 0)).toBe(false);
  expect(isOfUserManager(["system.slice", "tako-fetch.service"], 0)).toBe(false);
  expect(isOfUserManager(["user.slice", "session-3.scope"], 1000)).toBe(false);
});

test.each([
  ["0::/system.slice/app.service\n", ["system.slice", "app.service"]],
  // cgroups(7), version 1: a line for each hierarchy.
  [
    "12:cpu,cpuacct:/\n1:name=systemd:/system.slice/app.service\n0::/system.slice/app.service\n",
    ["system.slice", "app.service"],
  ],
  [
    "0::/system.slice/a:b.service/_cgroup.service",
    ["system.slice", "a:b.service", "cgroup.service"],
  ],
  ["0::/user.slice/user@1000.service/leaf", ["user.slice", "user@1000.service"]],
  ["0::/\n", []],
])("FET-9: the units of the cgroup %j", (cgroup, units) => {
  expect(unitsOfCgroup(cgroup)).toEqual(units);
});
