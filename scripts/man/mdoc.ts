// From Markdown to mdoc, the language of manual pages (mdoc(7)), for what the documentation uses of Markdown.

/** The Markdown as blocks of mdoc. What is a link to a page that has a manual names that manual. */
export function mdoc(markdown: string, manualOf: (href: string) => string | undefined): string {
  const rows: string[][] = [];
  const source = Bun.markdown.render(markdown, {
    text: escaped,
    // What stands between lines of mdoc is not marked up, so a code span keeps its own escapes.
    codespan: (text) => `\\fB${text.replaceAll("-", "\\-").replaceAll(" ", "\\ ")}\\fR`,
    strong: (text) => `\\fB${text}\\fR`,
    emphasis: (text) => `\\fI${text}\\fR`,
    link: (text, { href }) => linked(text, manualOf(href)),
    heading: (text, { level }) => `\n.${level <= 2 ? "Sh" : "Ss"} ${heading(text, level)}\n`,
    paragraph: (text) => `\n.Pp\n${sentences(text)}\n`,
    code: (text) => `\n.Bd -literal -offset indent\n${literal(text)}\n.Ed\n`,
    list: (items, { ordered }) => `\n.Bl -${ordered ? "enum" : "bullet"}\n${items}\n.El\n`,
    listItem: (text) => `\n.It\n${text.startsWith("\n") ? text : sentences(text)}\n`,
    th: (text) => cell(rows, text),
    td: (text) => cell(rows, text),
    tr: () => {
      rows.push([]);
      return "";
    },
    thead: () => "",
    tbody: () => "",
    html: () => "",
    table: () => tagged(rows.splice(0)),
  });
  return tidy(source);
}

/** Text that roff takes as it is. */
export function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replace(/[`'^~]/g, (sign) => ESCAPES[sign] ?? sign)
    .replace(/[^\x20-\x7e\n\t]/gu, (sign) => `\\[u${codeOf(sign)}]`);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "`": "\\(ga",
  "'": "\\(aq",
  "^": "\\(ha",
  "~": "\\(ti",
};

function codeOf(sign: string): string {
  return (sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
}

function linked(text: string, manual: string | undefined): string {
  if (manual === undefined) return text;
  return /\.md$/.test(text) ? manual : `${text} (see ${manual})`;
}

function heading(text: string, level: number): string {
  const plain = text.replaceAll(/\\f[BIR]/g, "");
  return level <= 2 ? plain.toUpperCase() : plain;
}

/** Each sentence on a line of its own, as roff wants it to space them. */
function sentences(text: string): string {
  return text
    .replaceAll(/\s*\n\s*/g, " ")
    .trim()
    .replaceAll(/([.!?](?:\\\(aq|["')])?) +/g, "$1\n")
    .split("\n")
    .flatMap(broken)
    .map((line) => line.replace(/^(?=[.'])/, "\\&"))
    .join("\n");
}

/** A line of at most 78 characters, as far as its words allow; roff joins them again. */
function broken(line: string): readonly string[] {
  const lines: string[] = [];
  // A space that belongs to a word has a backslash before it.
  for (const word of line.split(/(?<!\\) +/)) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= 78) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

function literal(text: string): string {
  return text
    .trimEnd()
    .replaceAll("-", "\\-")
    .replaceAll(/^(?=[.'])/gm, "\\&");
}

/** The rows come one after another, the cells of one before its end. */
function cell(rows: string[][], text: string): string {
  if (rows.length === 0) rows.push([]);
  rows.at(-1)?.push(text);
  return "";
}

/** A table as a list, since a manual is read in narrow windows: the first cell names what the others are about. */
function tagged(rows: readonly (readonly string[])[]): string {
  const [heads = [], ...rest] = rows.filter((row) => row.length > 0);
  const items = rest.map(([tag = "", ...cells]) => {
    const said = cells.flatMap((text, index) => {
      if (text === "" || text === "off") return [];
      const isMain = index === cells.length - 1 || heads[index + 1] === "Meaning";
      const head = isMain ? "" : `${heads[index + 1]}: `;
      return [`${sentences(head + text).replace(/\.$/, "")}.`];
    });
    return [`.It ${tag}`, ...said].join("\n");
  });
  return `\n.Bl -tag -width Ds\n${items.join("\n")}\n.El\n`;
}

/** Without empty lines, and without the paragraphs that a section, an item or a display begins by itself. */
function tidy(source: string): string {
  const lines: string[] = [];
  let isLiteral = false;
  for (const line of source.split("\n")) {
    if (line.trim() === "" && !isLiteral) continue;
    if (line.startsWith(".Bd")) isLiteral = true;
    if (line.startsWith(".Ed")) isLiteral = false;
    const before = lines.at(-1) ?? "";
    if (line === ".Pp" && (before === "" || /^\.(Sh|Ss|It|Pp)\b/.test(before))) continue;
    if (/^\.(Sh|Ss|Bd|Bl|El|It)\b/.test(line) && before === ".Pp") lines.pop();
    lines.push(isLiteral ? line : line.trimEnd());
  }
  return lines.join("\n");
}
