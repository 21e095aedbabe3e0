// The manual pages. Names, what a command is for and its synopsis are those of its declaration, as in its help; the rest is
// the text of docs/reference and spec/. `bun run docs` writes them to docs/man, and tests/man.test.ts holds them current.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ArgsDef } from "citty";
import type { Command } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands/index.ts";
import { escaped, mdoc } from "./mdoc.ts";

const repository = join(import.meta.dir, "../..");

/** When the manuals were last gone through as a whole: a page has to name a day, and none may depend on the clock. */
const DATE = "November 26, 2026";

/** The order of sections that readers of manuals know; others come before. */
const LAST = ["ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES"];

/** The pages of files, and of what all commands have: their name, section, source, and what they are about. */
const TOPICS = [
  ["tako.conf", "docs/reference/config.md", "configuration of the images of a host"],
  ["tako-manifest", "spec/manifest.md", "signed list of the versions of an image"],
  ["tako-json", "docs/reference/json.md", "what the commands of Tako print as JSON"],
] as const;

/** Each page by its file name in docs/man. */
export function manuals(): Readonly<Record<string, string>> {
  const pages = Object.entries(commands).map(([name, command]) => [
    `tako-${name}.1`,
    commandPage(name, command),
  ]);
  const topics = TOPICS.map(([name, source, about]) => [
    `${name}.5`,
    page(name, 5, about, "", described(source)),
  ]);
  return {
    "tako.1": programPage(),
    // A host's configs are called *.tako.
    "tako.5": ".so man5/tako.conf.5\n",
    ...Object.fromEntries([...pages, ...topics]),
  };
}

function commandPage(name: string, command: Command): string {
  const { description } = command.meta;
  const about = `${description.slice(0, 1).toLowerCase()}${description.slice(1)}`;
  const reading = command.legend === undefined ? "" : `\n\n${command.legend}\n`;
  const body = described(`docs/reference/${name}.md`, reading);
  return page(`tako-${name}`, 1, about, synopsis(name, command.args), body);
}

function programPage(): string {
  const list = Object.entries(commands).map(
    ([name, { meta }]) => `.It Xr tako-${name} 1\n${escaped(meta.description)}.`,
  );
  const description = [
    ".Sh DESCRIPTION",
    "Tako downloads single files, such as container or file system images,",
    "verifies their signature, and keeps them up to date.",
    "A publisher puts images into a directory on any static web server.",
    "A host says in a config, see",
    ".Xr tako.conf 5 ,",
    "which versions it wants, and a timer runs",
    ".Xr tako-fetch 1 .",
    ".Pp",
    "The commands:",
    ".Bl -tag -width Ds",
    ...list,
    ".El",
    ".Pp",
    "Options may stand before, between and after the other arguments of a",
    "command, and",
    ".Fl Fl",
    "ends them.",
    ".Bl -tag -width Ds",
    ".It Fl h , Fl Fl help",
    "Show the commands, or after a command its arguments and options.",
    ".It Fl V , Fl Fl version",
    "Show the version, and of a binary the commit that it was built from.",
    ".It Fl Fl licenses",
    "Show the licenses of all that is in the program.",
    ".It Cm help Op Ar COMMAND",
    "Open the manual page of the command, or show its help where none is installed.",
    ".El",
    ".Sh FILES",
    ".Bl -tag -width Ds",
    ".It Pa /etc/tako/*.tako",
    "The configs of a host, see",
    ".Xr tako.conf 5 .",
    "The name",
    ".Ql app",
    "on a command line stands for",
    ".Pa /etc/tako/app.tako .",
    ".El",
  ].join("\n");
  const environment = sectionsOf(described("docs/reference/fetch.md"))["ENVIRONMENT"] ?? "";
  const status = described("docs/reference/exit-status.md")
    .replace(".Sh DESCRIPTION", ".Sh EXIT STATUS")
    .replaceAll(/^\.Sh (?!EXIT STATUS$)(.*)/gm, (_, title: string) => `.Ss ${capitalized(title)}`);
  const usage = [
    ".Nm tako\n.Ar COMMAND\n.Op Ar ARGUMENT ...",
    ".Nm tako\n.Cm help\n.Op Ar COMMAND",
    ".Nm tako\n.Fl Fl version",
    ".Nm tako\n.Fl Fl licenses",
  ].join("\n");
  const about = "securely download and update single files";
  return page("tako", 1, about, usage, [description, environment, status].join("\n"));
}

function capitalized(title: string): string {
  return title.slice(0, 1) + title.slice(1).toLowerCase();
}

function page(name: string, section: number, about: string, usage: string, body: string): string {
  const { DESCRIPTION = "", "SEE ALSO": _, ...others } = sectionsOf(body);
  const titles = Object.keys(others);
  const order = [
    ...titles.filter((title) => !LAST.includes(title)),
    ...LAST.filter((title) => titles.includes(title)),
  ];
  const parts = [
    `.\\" Made by bun run docs from what the commands declare, docs/reference and spec.`,
    `.Dd ${DATE}`,
    `.Dt ${name.toUpperCase()} ${section}`,
    ".Os",
    `.Sh NAME\n.Nm ${name}\n.Nd ${escaped(about)}`,
    usage && `.Sh SYNOPSIS\n${usage}`,
    DESCRIPTION,
    ...order.map((title) => others[title] ?? ""),
    seeAlso(name),
  ];
  return `${parts.filter((part) => part !== "").join("\n")}\n`;
}

function seeAlso(name: string): string {
  const pages = ["tako 1", "tako-fetch 1", "tako-store 1", "tako-manifest 5", "tako.conf 5"];
  const others = pages.filter((each) => !each.startsWith(`${name} `));
  return `.Sh SEE ALSO\n${others.map((each, index) => `.Xr ${each}${index === others.length - 1 ? "" : " ,"}`).join("\n")}`;
}

/** Sections of mdoc by their titles; a title that comes twice is one. */
function sectionsOf(body: string): Readonly<Record<string, string>> {
  const found = body.split(/^(?=\.Sh )/m).map((text) => text.trimEnd());
  return Object.fromEntries(found.map((text) => [/^\.Sh (.*)/.exec(text)?.[1] ?? "", text]));
}

/** The text of a page of the documentation without its title, its synopsis and its ways to the sources. */
function described(source: string, more = ""): string {
  const text = readFileSync(join(repository, source), "utf8")
    .replace(/^# .*\n/, "## Description\n")
    .replace(/^(?<=## Description\n)\n(?: {4}tako .*\n)+/m, "")
    .replaceAll(/\s*The (?:precise )?rules are\s+\[[^\]]*\]\([^)]*\)\./g, "")
    .replaceAll(/^(?:Vectors|Proof): [\s\S]*?\n\n/gm, "")
    // mdoc(7) means something else by these titles.
    .replaceAll(/^## (Errors|History)$/gm, "## The $1")
    .replaceAll(/^<!--.*-->$/gm, "");
  return mdoc(text + more, manualOf);
}

function manualOf(href: string): string | undefined {
  const name = /([\w-]+)\.md(?:#.*)?$/.exec(href)?.[1] ?? "";
  if (/(^|\/)spec\//.test(href)) return undefined;
  if (Object.hasOwn(commands, name)) return `tako-${name}(1)`;
  const pages: Readonly<Record<string, string>> = {
    config: "tako.conf(5)",
    "exit-status": "tako(1)",
    json: "tako-json(5)",
    manifest: "tako-manifest(5)",
  };
  return pages[name];
}

function synopsis(name: string, args: ArgsDef): string {
  const words = Object.entries(args).map(([arg, declared]) => {
    if (declared.type === "positional") {
      const word = arg.endsWith("...")
        ? `${arg.slice(0, -3).toUpperCase()} ...`
        : arg.toUpperCase();
      return declared.required === true ? `.Ar ${word}` : `.Op Ar ${word}`;
    }
    const shown = declared.type === "boolean" && declared.default === true ? `no-${arg}` : arg;
    const hint = declared.valueHint?.replace("...", "").toUpperCase() ?? "VALUE";
    const isRepeated = declared.valueHint?.endsWith("...") === true;
    const value =
      declared.type === "boolean" ? "" : ` Ns = Ns Ar ${hint}${isRepeated ? " ..." : ""}`;
    return declared.required === true ? `.Fl Fl ${shown}${value}` : `.Op Fl Fl ${shown}${value}`;
  });
  const isOption = (word: string) => word.includes("Fl Fl");
  const [options, positionals] = [words.filter(isOption), words.filter((word) => !isOption(word))];
  return [".Nm tako", `.Cm ${name}`, ...options, ...positionals].join("\n");
}
