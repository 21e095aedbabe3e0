// What docs/threat-model.md says of the executable that the runtime comes as. When Bun changes it, the page has to follow.

import { expect, test } from "bun:test";
import { needs } from "../support/needs.ts";

const readelf = needs("readelf");

test.skipIf(readelf.missing)(
  "the binary is as docs/threat-model.md says: no PIE, no RELRO; no stack that runs",
  () => {
    const words = [
      "readelf",
      "--wide",
      "--file-header",
      "--segments",
      "--dynamic",
      process.execPath,
    ];
    const said = Bun.spawnSync(words).stdout.toString();
    expect(said).toMatch(/^ *Type: +EXEC \(Executable file\)$/m);
    expect(said).not.toContain("GNU_RELRO");
    expect(said).not.toContain("BIND_NOW");
    expect(said).not.toContain("RUNPATH");
    expect(said).toMatch(/^ *GNU_STACK .* RW +0x\w+$/m);
    // No segment can be both written and run.
    const segments = [...said.matchAll(/^ *LOAD +(?:0x\w+ +){5}(R?[ W]?[ E]*?) +0x/gm)];
    const flags = segments.map(([, flags]) => flags?.replaceAll(" ", ""));
    expect(flags).toEqual(["R", "RE", "RW"]);
  },
);
