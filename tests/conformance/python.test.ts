// Proves that docs/implementing-tako.md holds: its example, an adapter in another language that was written
// from the specification alone, passes every case that an adapter can be asked; it quotes it as it is,
// and names cases and files that exist.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { casesOf } from "../support/fixtures.ts";
import { needs } from "../support/needs.ts";
import { sources } from "../support/program.ts";

const guide = join(import.meta.dir, "../../docs/implementing-tako.md");
const folder = join(dirname(guide), "adapters/python");
/** Debian's: the module `cryptography` belongs to it. */
const python = "/usr/bin/python3";
/** Nothing is written beside the example. */
const env = { PYTHONDONTWRITEBYTECODE: "1" };

/** Some ten thousand questions take their time where a coverage run asks them. */
const LONG_MS = 300_000;

const debian = needs("cryptography", "python3", "zstandard");

interface Report {
  readonly success: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly cases: readonly { readonly id: string; readonly outcome: string }[];
}

const idsOf = (path: string) => casesOf(path).map(({ id }) => id);

/** What `--list` shows: the ids of the cases, and the requirements of each. */
async function listed(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { stdout } = await sources().run(["conformance", "--list"]);
  const lines = stdout.trimEnd().split("\n");
  return new Map(
    lines.map((line) => {
      const [id = "", , requirements = ""] = line.split("  ");
      return [id, requirements.split(",")];
    }),
  );
}

describe.skipIf(debian.missing)("the adapter in Python", () => {
  test(
    "ADP-13: it passes every case for adapters, and none is left out",
    async () => {
      const adapter = `'${python}' '${join(folder, "tako_adapter.py")}'`;
      const words = ["conformance", "--adapter", adapter, "--format", "json", "--timeout", "50"];
      const [run, known] = await Promise.all([
        sources().run(words, { env, timeout: LONG_MS }),
        listed(),
      ]);

      const { success, counts, cases } = JSON.parse(run.stdout) as Report;
      expect(cases.filter(({ outcome }) => outcome !== "passed")).toEqual([]);
      expect(counts).toEqual({
        passed: cases.length,
        failed: 0,
        skipped: 0,
        not_run: 0,
        expected_failures: 0,
        unexpected_passes: 0,
      });
      expect({ success, status: run.status }).toEqual({ success: true, status: 0 });

      // What was run is what the tables hold and what --list shows.
      const vectors = idsOf("ed25519/rfc8032.toml");
      const expected = [
        ...["versions/parts.toml", "versions/invalid.toml", "versions/order.toml"].flatMap(idsOf),
        ...["patterns/match.toml", "patterns/invalid.toml", "patterns/canonical.toml"].flatMap(
          idsOf,
        ),
        ...["manifests/cases.toml", "manifests/history.toml"].flatMap(idsOf),
        ...["manifests/encode.toml", "manifests/insert.toml"].flatMap(idsOf),
        ...["keys/public.toml", "keys/secret.toml", "ed25519/verify.toml"].flatMap(idsOf),
        ...[...vectors, ...vectors.map((id) => `${id}-sign`)],
        ...["config/cases.toml", "fetch/pick.toml"].flatMap(idsOf),
        ...["packed/lists.toml", "packed/frames.toml"].flatMap(idsOf),
        ...["packed/patches.toml", "packed/ways.toml"].flatMap(idsOf),
      ];
      expect(cases.map(({ id }) => id).toSorted()).toEqual(expected.toSorted());
      expect(expected.filter((id) => !known.has(id))).toEqual([]);
      expect(expected.length).toBeGreaterThan(1200);
    },
    LONG_MS,
  );

  test("KEY-2, KEY-12: it refuses a key under which OpenSSL lets anything pass", async () => {
    // The neutral element as key and as R, and S = 0: the equation holds for every message.
    const key = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]);
    const signature = Buffer.concat([key, Buffer.alloc(32)]);
    const forged = { publicKey: key, message: Buffer.from("anything"), signature };
    const texts = Object.entries(forged).map(([name, bytes]) => [name, bytes.toString("base64")]);

    const openssl = await runPython(
      `from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as K
K.from_public_bytes(bytes.fromhex("${key.toString("hex")}")).verify(
  bytes.fromhex("${signature.toString("hex")}"), b"anything")
print("verified")`,
    );
    expect(openssl).toBe("verified\n");

    const request = JSON.stringify({ id: 1, op: "verify", ...Object.fromEntries(texts) });
    const answer = await runPython("import tako_adapter; tako_adapter.main()", `${request}\n`);
    expect(JSON.parse(answer)).toMatchObject({ id: 1, error: "key" });
  });

  test("ADP-12, ADP-13: it says what it does not know", async () => {
    const requests = [
      { id: 0, op: "hello", protocol: 2, spec: 1 },
      { id: 1, op: "guess", text: "1" },
    ];
    const input = requests.map((request) => `${JSON.stringify(request)}\n`).join("");
    const answers = await runPython("import tako_adapter; tako_adapter.main()", input);
    expect(answers).toBe('{"id": 0, "unsupported": true}\n{"id": 1, "unsupported": true}\n');
  });
});

describe("the guide for implementers", () => {
  const text = readFileSync(guide, "utf8");

  test("names cases that there are, beside the requirements that they carry", async () => {
    // The last two columns of the tables of traps: "MAN-1, MAN-2 | `some-case`, `another`".
    const rows = [...text.matchAll(/^\|.* \| ([A-Z0-9, -]+) \| ((?:`[a-z0-9-]+`(?:, )?)+) \|$/gm)];
    const known = await listed();
    for (const [, column = "", cell = ""] of rows) {
      const ids = cell.replaceAll("`", "").split(", ");
      expect(ids.filter((id) => !known.has(id))).toEqual([]);
      const carried = ids.map((id) => known.get(id) ?? []);
      const named = column.split(", ");
      expect(named.filter((name) => !carried.flat().includes(name))).toEqual([]);
      expect(ids.filter((_, i) => !carried[i]?.some((name) => named.includes(name)))).toEqual([]);
    }
    expect(rows.length).toBeGreaterThan(35);
  });

  test("links to files that there are", () => {
    const links = [...text.matchAll(/\]\(([^)#]+)/g)].map(([, path = ""]) => path);
    expect(links.filter((path) => !existsSync(join(dirname(guide), path)))).toEqual([]);
    expect(links.length).toBeGreaterThan(20);
  });

  test("quotes the adapter as it is", () => {
    const adapter = readFileSync(join(folder, "tako_adapter.py"), "utf8").replaceAll(/^ +/gm, "");
    const quotes = [...text.matchAll(/```python\n(.*?)```/gs)].map(([, code = ""]) => code);
    const own = quotes.filter((code) => !code.startsWith("import tomllib"));
    expect(own.length).toBe(3);
    for (const code of own) expect(adapter).toContain(code.replaceAll(/^ +/gm, ""));
  });
});

/** The standard output of a script beside the adapter's modules, which must end well. */
async function runPython(script: string, input = ""): Promise<string> {
  const child = Bun.spawn([python, "-c", script], {
    cwd: folder,
    env,
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await child.stdout.text();
  expect(await child.exited).toBe(0);
  return output;
}
