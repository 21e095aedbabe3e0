// What other programs read of tako status and list: Prometheus' own checker and a real node_exporter, jq, and people at
// terminals of several widths.

import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { tableLines } from "../../src/cli/columns.ts";
import { freePort } from "../support/daemon.ts";
import { needs, programPath } from "../support/needs.ts";
import { environment, sources } from "../support/program.ts";
import { write } from "../support/publishing.ts";
import { Fleet, one, three, two } from "./fleet.ts";

const program = sources();
const promtool = needs("promtool");
const exporter = needs("promtool", "prometheus-node-exporter", "curl");
const jq = needs("jq");

/** A fleet with a fine, a damaged, an owed and a broken config, and one whose name has to be escaped. */
async function fleetToWatch(): Promise<Fleet> {
  const fleet = new Fleet(program);
  await fleet.fetched("fine", [one, two]);
  await fleet.damaged("damaged");
  await fleet.owed("owed");
  await fleet.fetched('odd"\\name', [one]);
  fleet.host.write("broken.tako", "");
  return fleet;
}

describe("prometheus", () => {
  const metrics = async (fleet: Fleet) => {
    const { status, stdout } = await fleet.run(["status", "--format=prometheus", "."]);
    expect(status).toBe(2);
    return stdout;
  };

  test.skipIf(promtool.missing)("STS-23: promtool finds nothing to say of it", async () => {
    using fleet = await fleetToWatch();
    const text = await metrics(fleet);
    const check = Bun.spawnSync(["promtool", "check", "metrics"], { stdin: new Blob([text]) });
    expect([check.exitCode, check.stdout.toString(), check.stderr.toString()]).toEqual([0, "", ""]);
    // It would speak up: the same with a name that is against the conventions.
    const bad = text.replaceAll("tako_store_bytes", "tako_store_kilobytes");
    const lint = Bun.spawnSync(["promtool", "check", "metrics"], { stdin: new Blob([bad]) });
    expect(lint.exitCode).not.toBe(0);
  });

  test.skipIf(exporter.missing)("STS-23: node_exporter's textfile collector reads it", async () => {
    using fleet = await fleetToWatch();
    const folder = fleet.host.at("textfiles");
    mkdirSync(folder);
    write(`${folder}/tako.prom`, await metrics(fleet));
    const address = `127.0.0.1:${freePort()}`;
    const options = ["--collector.disable-defaults", "--collector.textfile"];
    const child = Bun.spawn(
      [
        programPath("prometheus-node-exporter") ?? "",
        ...[...options, `--collector.textfile.directory=${folder}`],
        `--web.listen-address=${address}`,
      ],
      { stdio: ["ignore", "ignore", "ignore"] },
    );
    try {
      const curl = ["curl", "-sf", "--retry", "20", "--retry-connrefused", "--retry-delay", "1"];
      const read = Bun.spawnSync([...curl, `http://${address}/metrics`]).stdout.toString();
      expect(read).toContain("\nnode_textfile_scrape_error 0\n");
      const lines = read.split("\n");
      for (const line of [
        'tako_attention{config="fine.tako"} 0',
        'tako_attention{config="damaged.tako"} 1',
        'tako_attention{config="broken.tako"} 1',
        'tako_state{config="damaged.tako",state="damaged"} 1',
        'tako_state{config="damaged.tako",state="current"} 0',
        'tako_state{config="owed.tako",state="restart-owed"} 1',
        'tako_state{config="broken.tako",state="error"} 1',
        'tako_state{config="odd\\"\\\\name.tako",state="current"} 1',
        'tako_manifest_versions{config="fine.tako"} 2',
        'tako_check_success{config="fine.tako"} 1',
      ]) {
        expect(lines).toContain(line);
      }
      const info = lines.find(
        (line) => line.startsWith("tako_image_info{") && line.includes("fine"),
      );
      expect(info).toContain(`version="1.1.0"`);
      expect(info).toContain(`sha256="${two.digest}"`);
    } finally {
      child.kill();
      await child.exited;
    }
  });
});

test.skipIf(jq.missing)(
  "STS-22, STS-36: jq asks what is behind, and which versions are here",
  async () => {
    using fleet = new Fleet(program);
    await fleet.fetched("fine", [one]);
    const file = await fleet.fetched("window", [one]);
    fleet.publish("window", one, two);
    await fleet.run(["fetch", "--no-activate", file]);
    const ask = async (words: readonly string[], filter: string) => {
      const { stdout } = await fleet.run(words);
      return Bun.spawnSync(["jq", "-r", filter], { stdin: new Blob([stdout]) }).stdout.toString();
    };
    const behind = 'select(.states[].state == "behind") | .name';
    expect(await ask(["status", "--json", "fine.tako", "window.tako"], behind)).toBe(
      "window.tako\n",
    );
    const here = '.versions[] | select(.here == "present") | .version';
    expect(await ask(["list", "--json", "window.tako"], here)).toBe("1.0.0\n1.1.0\n");
  },
);

test("STS-24: what a monitor reads has no | of somebody else", async () => {
  using fleet = new Fleet(program);
  await fleet.fetched("app", [one, two]);
  const refused = `${two.digest} ${one.digest} 1 a | b=1\n`;
  write(fleet.host.at("app", ".refused"), refused);
  const { status, stdout } = await fleet.run(["status", "--format=nagios", "app.tako"]);
  expect(status).toBe(1);
  expect(stdout.split("|")).toHaveLength(2);
  expect(stdout).toContain("a / b=1");
});

describe("a terminal", () => {
  const widths = { 40: "below", 80: "below", 120: "beside", 200: "beside" } as const;

  test.each(Object.entries(widths))(
    "STS-21: %s columns hold a table, its states %s",
    async (size, place) => {
      using fleet = new Fleet(program);
      await fleet.fetched("app", [one, two, three], { Version: "1.*" });
      await fleet.damaged("web");
      const columns = Number(size);
      let text = "";
      const child = Bun.spawn(program.command(["status", "app.tako", "web.tako"]), {
        cwd: fleet.host.folder,
        env: environment({ TERM: "xterm" }),
        terminal: {
          cols: columns,
          rows: 24,
          data: (_, bytes) => (text += Buffer.from(bytes).toString()),
        },
      });
      await child.exited;
      await Bun.sleep(100);
      child.terminal?.close();
      const lines = text.split("\r\n");
      const isBeside = lines[0]?.includes("STATE") === true;
      expect(isBeside ? "beside" : "below").toBe(place);
      const rows = lines.filter((line) => /^(NAME|\w+\.tako)/.test(line));
      expect(rows).toHaveLength(3);
      for (const row of rows) expect(row.length).toBeLessThanOrEqual(columns);
      expect(text).toContain("damaged: the image of 1.0.0, in use,");
      expect(text).not.toContain("\x1b");
    },
  );

  test("STS-21: the least column goes first, and the first stays; what is long is cut between words", () => {
    const columns = [{ head: "NAME" }, { head: "A", rank: 2 }, { head: "B", rank: 1 }];
    const note = "a note of 44 characters, which has a /long/path";
    const rows = [{ cells: ["x".repeat(10), "aaaa", "bbbb"], notes: [note] }];
    const shown = (width: number) => tableLines(columns, "NOTE", rows, width);
    const head = "NAME        A     B     NOTE";
    expect(shown(71)).toEqual([head, `xxxxxxxxxx  aaaa  bbbb  ${note}`]);
    expect(shown(70)).toEqual([
      head,
      "xxxxxxxxxx  aaaa  bbbb  a note of 44 characters, which has a",
      `${" ".repeat(24)}  /long/path`,
    ]);
    expect(shown(64).slice(0, 1)).toEqual([head]);
    expect(shown(63).slice(0, 2)).toEqual(["NAME        A     B", "xxxxxxxxxx  aaaa  bbbb"]);
    expect(shown(21)).toEqual([
      "NAME        A",
      "xxxxxxxxxx  aaaa",
      "  a note of 44",
      "    characters, which",
      "    has a /long/path",
    ]);
    expect(shown(5).slice(0, 2)).toEqual(["NAME", "xxxxxxxxxx"]);
  });
});

test("CLI-24: no output holds a control character of a file", async () => {
  using fleet = new Fleet(program);
  await fleet.fetched("app", [one]);
  fleet.host.write("bad.tako", "Orig\x1b[31min=x\n");
  write(fleet.host.at("app", ".checked"), `1 origin 1 \x1b[31m\n`);
  for (const format of ["table", "prometheus", "nagios"]) {
    const { stdout, stderr } = await fleet.run([
      "status",
      `--format=${format}`,
      "bad.tako",
      "app.tako",
    ]);
    expect(stdout + stderr).toMatch(/^[ -~\n]+$/);
  }
  rmSync(fleet.host.at("bad.tako"));
});
