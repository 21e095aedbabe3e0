// Foreign text and secrets: what may be shown of a text that comes from a server, a file or an argument.

/**
 * Makes foreign text safe to show: secrets in it become `***`, whatever is not printable ASCII
 * becomes `\u{...}`, and a long text is cut.
 *
 * @param limit the most characters of the text to show
 */
export function printable(text: string, limit = 200): string {
  const safe = withoutSecrets(text);
  const shown = safe.length > limit ? `${safe.slice(0, limit)}...` : safe;
  return shown.replace(
    /[^\x20-\x7e]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/**
 * Takes secrets out of a text: a mistyped line may hold a password or a secret key, and messages
 * end in logs (CFG-18, CLI-14, CLI-25). URL parsers skip tabs and line ends, so these end no URL here.
 */
export function withoutSecrets(text: string): string {
  return text.replace(/SECRET\+[\w+/=-].*/s, "SECRET+***").replace(/:\/\/[^ /]*@/g, "://***@");
}

/** A path as `source` of an error: long ones are shown whole, foreign characters are not. */
export function shownPath(path: string): string {
  return printable(path, 4096);
}
