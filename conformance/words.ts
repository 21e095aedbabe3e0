// Command lines as words: split as a POSIX shell does it (XCU section 2.2), without any expansion.

/** `undefined` for a quote that is not closed or a backslash at the end. */
export function splitWords(line: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let rest = line;
  while (rest !== "") {
    const token = TOKEN.exec(rest);
    if (token === null) return undefined;
    const [whole, space, single, double, escaped, plain] = token;
    rest = rest.slice(whole.length);
    if (space === undefined) {
      word = (word ?? "") + (single ?? double?.replace(/\\([$`"\\])/g, "$1") ?? escaped ?? plain);
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  return word === undefined ? words : [...words, word];
}

const TOKEN = /^(?:([ \t\n]+)|'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^ \t\n'"\\]+))/s;

/** A word as it is written for a shell. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
