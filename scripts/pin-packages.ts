// `bun run pin-packages`: writes scripts/build/packages.sha256 anew, from what the registry has under the digests of
// bun.lock. Nothing of node_modules here is believed.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installFresh } from "./build/install-fresh.ts";
import { LIST, listBundled } from "./build/packages.ts";

const scratch = mkdtempSync(join(tmpdir(), "tako-pin-"));
try {
  const installed = installFresh(
    join(import.meta.dir, ".."),
    join(scratch, "packages"),
    "--production",
  );
  await Bun.write(LIST, listBundled(installed));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
