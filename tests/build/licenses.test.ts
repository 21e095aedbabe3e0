// `tako --licenses`, and NOTICE: what is in the binary, and the text of each license.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dependencies } from "../../package.json";
import { noticeText, runtimeComponents } from "../../scripts/notice.ts";
import { programs } from "../support/program.ts";

const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

for (const program of programs) {
  describe(program.name, () => {
    test("CLI-81: --licenses prints LICENSE and NOTICE", async () => {
      expect(await program.run(["--licenses"])).toEqual({
        status: 0,
        stdout: `${read("LICENSE")}\n${read("NOTICE")}`,
        stderr: "",
      });
    });

    test("CLI-81: it stands alone", async () => {
      const { status, stdout, stderr } = await program.run(["--licenses", "surplus"]);
      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toContain('unexpected argument "surplus"');
    });
  });
}

describe("NOTICE", () => {
  const notice = read("NOTICE");

  test("is what `bun run docs` writes", () => expect(noticeText()).toBe(notice));

  test.each(Object.keys(dependencies))("CLI-81: has the license of %s, word for word", (name) => {
    expect(notice).toContain(read(`node_modules/${name}/LICENSE`).trimEnd());
  });

  test("CLI-81: has the text of each license that it names", () => {
    const named = new Set(
      runtimeComponents().flatMap(({ license }) => license.split(/ (?:AND|WITH) /)),
    );
    named.delete("Apache-2.0");
    const rule = "-".repeat(78);
    for (const license of named) expect(notice).toContain(`\n${rule}\n${license}\n${rule}\n`);
  });

  // Debian's base-files has the texts as their authors published them.
  const common = "/usr/share/common-licenses";
  test.skipIf(!existsSync(common))(
    "CLI-81: has the texts of the GNU licenses and LICENSE that of Apache",
    () => {
      for (const name of ["LGPL-2", "LGPL-2.1"])
        expect(notice).toContain(readFileSync(join(common, name), "utf8").trimEnd());
      const words = (text: string) => text.split(/\s+/).filter(Boolean);
      const ours = words(read("LICENSE"));
      expect(words(readFileSync(join(common, "Apache-2.0"), "utf8"))).toEqual(ours);
    },
  );

  test("CLI-81: names what the runtime says is in it", () => {
    // Version numbers of what it behaves like, or is.
    const others = ["node", "openssl", "v8", "uv", "napi", "unicode", "typescript", "modules"];
    const parts = Object.keys(process.versions).filter((name) => !others.includes(name));
    const known = runtimeComponents().map(({ version }) => version);
    expect(known).toEqual(expect.arrayContaining(parts));
  });
});
