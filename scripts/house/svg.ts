// The words of SVG that the picture is made of, and its style. Text stays text; light and dark are the reader's choice.

/**
 * @param classes none if it is empty
 * @param more further attributes, each with a space before it
 */
export function text(x: number, y: number, classes: string, content: string, more = ""): string {
  if (content === "") return "";
  const named = classes === "" ? "" : ` class="${classes}"`;
  return `<text${named} x="${x}" y="${y}"${more}>${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Light and dark. A room and the arrows that leave it have the same. */
const HUES = [
  ["#57606a", "#9198a1"],
  ["#0969da", "#58a6ff"],
  ["#8250df", "#bc8cff"],
  ["#bf3989", "#f778ba"],
  ["#0a7b83", "#39c5cf"],
  ["#9a6700", "#d29922"],
  ["#1a7f37", "#3fb950"],
  ["#5c6a00", "#b5c24c"],
] as const;

/** The class of the colour of the room at this place, counted from the top; -1 is the last colour. */
export function hueOf(index: number): string {
  return `h${(index + HUES.length) % HUES.length}`;
}

// No variables of CSS: not every program that shows a picture knows them. `currentColor` is the room's.
const STYLE = `
text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#1f2328}
.page,.cell{fill:#fff}
.page{stroke:#d1d9e0}
.name{font-size:14px;font-weight:bold;fill:currentColor}
.part{font-weight:bold;fill:currentColor}
.title{font-size:15px;font-weight:bold}
.dim{fill:#59636e}
.end{text-anchor:end}
.mid{text-anchor:middle}
.room{fill:currentColor;fill-opacity:.1;stroke:currentColor;stroke-opacity:.55}
.bricks{stroke:currentColor;stroke-opacity:.55;stroke-width:3;stroke-dasharray:14 2}
.rule{stroke:currentColor;stroke-opacity:.3}
.roof,.ground{fill:none;stroke:#59636e;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.arrow{fill:none;stroke:currentColor}
.head{fill:currentColor}
.halo{fill:none;stroke:#fff}
.count{font-weight:bold;fill:currentColor;stroke:#fff;stroke-width:4;paint-order:stroke;stroke-linejoin:round}
.up{color:#d1242f;fill:#d1242f}
${HUES.map(([light], index) => `.h${index}{color:${light}}`).join("")}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}
.page{fill:#0d1117;stroke:#3d444d}
.cell{fill:#161b22}
.name,.part,.count{fill:currentColor}
.dim{fill:#9198a1}
.roof,.ground{stroke:#9198a1}
.halo,.count{stroke:#0d1117}
.up{color:#ff7b72;fill:#ff7b72}
${HUES.map(([, dark], index) => `.h${index}{color:${dark}}`).join("")}
}
`;

/**
 * A whole picture from `left` of x = 0 to `right`, on a ground of its own: an image cannot know the ground of the page
 * that shows it.
 */
export function page(
  left: number,
  right: number,
  height: number,
  title: string,
  description: string,
  body: readonly string[],
): string {
  const width = left + right;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${-left} 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<desc>${escaped(description)}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" x="${0.5 - left}" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}
