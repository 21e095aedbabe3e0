// What the package installs: each file under the name that it has on a host.

import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { run } from "./run.ts";

/** Made empty: of configs, and of images as in the comments of the units and in the guide. */
const FOLDERS = ["etc/tako", "var/lib/images"];

const COMPLETIONS = {
  bash: "usr/share/bash-completion/completions/tako",
  zsh: "usr/share/zsh/vendor-completions/_tako",
  fish: "usr/share/fish/vendor_completions.d/tako.fish",
};

const DOC = "usr/share/doc/tako";

/** Fills `stage`. @param root the sources, with what they were built into, dist/tako */
export function installTree(root: string, stage: string, debianChangelog: string): void {
  const install = (from: string, to: string, mode = 0o644) => {
    mkdirSync(dirname(join(stage, to)), { recursive: true });
    copyFileSync(join(root, from), join(stage, to));
    chmodSync(join(stage, to), mode);
  };
  const write = (to: string, content: string) => {
    mkdirSync(dirname(join(stage, to)), { recursive: true });
    writeFileSync(join(stage, to), content);
  };
  const files = (folder: string, pattern: string) =>
    Array.from(new Glob(pattern).scanSync(join(root, folder)));

  install("dist/tako", "usr/bin/tako", 0o755);
  for (const unit of files("systemd", "tako-*"))
    install(`systemd/${unit}`, `usr/lib/systemd/system/${unit}`);
  for (const page of files("docs/man", "*"))
    install(`docs/man/${page}`, `usr/share/man/man${page.slice(-1)}/${page}`);
  for (const [shell, path] of Object.entries(COMPLETIONS))
    write(path, run(root, [join(stage, "usr/bin/tako"), "completion", shell]));
  for (const example of files("systemd/examples", "**/*"))
    install(`systemd/examples/${example}`, `${DOC}/examples/${example}`);
  install("packaging/debian/copyright", `${DOC}/copyright`);
  install("CHANGELOG.md", `${DOC}/changelog`);
  write(`${DOC}/changelog.Debian`, debianChangelog);
  install("packaging/debian/lintian-overrides", "usr/share/lintian/overrides/tako");
  for (const folder of FOLDERS) mkdirSync(join(stage, folder), { recursive: true });

  const compressed = [`${DOC}/changelog`, `${DOC}/changelog.Debian`, ...manuals(stage)];
  run(stage, ["gzip", "--best", "--no-name", ...compressed]);
}

function manuals(stage: string): string[] {
  return Array.from(new Glob("usr/share/man/*/*").scanSync(stage));
}
