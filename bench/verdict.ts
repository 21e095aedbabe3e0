// How soon an image that ends at once is known not to work: from the swap to the event `unhealthy`, against systemd's own
// restart of a unit that does so and the question what became of it. On a real systemd, booted for this.

import { type Machine, startMachine, store } from "../tests/systemd/machine.ts";
import { median } from "./measure.ts";

const FETCH = "tako fetch --json /srv/app.tako";
const BY_SYSTEMD = "systemctl restart plain.service; systemctl show -P ActiveState plain.service";

/** @param binary the compiled tako */
export async function compareVerdict(binary: string, pairs: number): Promise<readonly string[]> {
  const machine = await startMachine({ binary });
  try {
    await prepare(machine);
    await publish(machine, "1.0.0", "exec sleep infinity");
    await machine.must("tako", "fetch", "/srv/app.tako");
    const samples: { ours: number; theirs: number }[] = [];
    for (let pair = 0; pair <= pairs; pair++) {
      await publish(machine, `1.0.${pair + 1}`, `exit 1 # ${pair}`);
      const sample = { ours: await timeToVerdict(machine), theirs: await timeOfRestart(machine) };
      if (pair > 0) samples.push(sample);
    }
    const ratio = median(samples.map(({ ours, theirs }) => ours / theirs));
    const row = (values: readonly number[], command: string) =>
      `${`${median(values).toFixed(1)} ms`.padStart(12)}  ${command}`;
    return [
      `time to a verdict: ${ratio.toFixed(2)} of the other (median of ${pairs} pairs)`,
      row(
        samples.map(({ ours }) => ours),
        `${FETCH}, from "activated" to "unhealthy"`,
      ),
      row(
        samples.map(({ theirs }) => theirs),
        BY_SYSTEMD,
      ),
    ];
  } finally {
    await machine.stop();
  }
}

async function prepare(machine: Machine): Promise<void> {
  await machine.must("mkdir", "-p", "/srv/origin", "/srv/app");
  const generated = await machine.must("tako", "gen-key", "--output", "/srv/secret-key");
  const publicKey = /\S{43}=/.exec(generated)?.[0] ?? "";
  const lines = [
    "Origin=file:///srv/origin",
    `PublicKey=${publicKey}`,
    "Destination=/srv/app",
    "Version=*",
    "Restart=app.service",
    "WatchSec=1",
  ];
  await machine.write("/srv/app.tako", `${lines.join("\n")}\n`);
  const service = (command: string) => `[Service]\nExecStart=/bin/sh ${command}\n`;
  await machine.write("/etc/systemd/system/app.service", service("/srv/app/latest"));
  await machine.write("/etc/systemd/system/plain.service", service("-c 'exit 1'"));
  await machine.must("systemctl", "daemon-reload");
}

async function publish(machine: Machine, version: string, script: string): Promise<void> {
  await machine.write("/srv/image", `${script}\n`);
  await store(machine, "/srv/secret-key", version);
}

/** Milliseconds between the two events, by the clock of whoever reads them. */
async function timeToVerdict(machine: Machine): Promise<number> {
  const stamped = `${FETCH} | while read -r line; do echo "$(date +%s%N) $line"; done`;
  const lines = (await machine.must("sh", "-c", stamped)).split("\n");
  const at = (event: string) => {
    const line = lines.find((each) => each.includes(`"event":"${event}"`));
    if (line === undefined) throw new Error(`no event ${event}: ${lines.join("\n")}`);
    return Number(BigInt(line.split(" ")[0] ?? "") / 1000n) / 1000;
  };
  return at("unhealthy") - at("activated");
}

async function timeOfRestart(machine: Machine): Promise<number> {
  const timed = `date +%s%N; ${BY_SYSTEMD} > /dev/null; date +%s%N; systemctl reset-failed plain.service`;
  const [start = "", end = ""] = (await machine.must("sh", "-c", timed)).split("\n");
  return Number(BigInt(end) - BigInt(start)) / 1e6;
}
