// The words for a room are those of the tree in CONTRIBUTING.md, so that they are written once.

const INDENT = 2;

/** What the first tree of the page says beside each path; not what it says on lines of their own. */
export function readCaptions(page: string): Map<string, string> {
  const captions = new Map<string, string>();
  const folders: { readonly depth: number; readonly path: string }[] = [];
  for (const line of page.split("\n")) {
    const [, indent, name, caption] = /^ {4}( *)([\w.-]+\/?)(?: +(.*))?$/.exec(line) ?? [];
    const isPath = indent !== undefined && name !== undefined;
    // Other blocks that come before do not begin with a folder.
    if (captions.size === 0 && folders.length === 0 && !name?.endsWith("/")) continue;
    if (!isPath) break;
    const depth = indent.length / INDENT;
    while ((folders.at(-1)?.depth ?? -1) >= depth) folders.pop();
    const path = `${folders.at(-1)?.path ?? ""}${name}`;
    if (name.endsWith("/")) folders.push({ depth, path });
    if (caption !== undefined) captions.set(path.replace(/\/$/, ""), caption.replaceAll("`", ""));
  }
  return captions;
}
