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
 * A secret key within a text, also one whose letters changed, and one that lost its sign or got another: then it takes
 * 40 characters of base64 with all three kinds of them, as paths and words have not. Bound, so that it takes linear time.
 */
const SECRET_KEY =
  /(?i:secret)(?:\+[\w+/=-]|[^A-Za-z0-9]{0,3}(?=[\w+/]{40})(?=[a-z\d_+/]{0,99}[A-Z])(?=[A-Z\d_+/]{0,99}[a-z])(?=[A-Za-z_+/]{0,99}\d)).*/s;

/**
 * Takes secrets out of a text: a mistyped line may hold a password or a secret key, and messages
 * end in logs (CFG-18, CLI-14, CLI-25). URL parsers skip tabs and line ends, so these end no URL here.
 */
export function withoutSecrets(text: string): string {
  return text.replace(SECRET_KEY, "SECRET+***").replace(/:\/\/[^ /]*@/g, "://***@");
}

/**
 * Whether a file or a line of one begins as a secret key, however misspelt, or as that of another program: nothing of
 * it may be shown (CFG-18, INS-13).
 */
export function beginsAsSecret(text: string): boolean {
  return /^[^A-Za-z0-9#;-]*(?:secret|-----BEGIN )/i.test(text);
}

/** A path as `source` of an error: long ones are shown whole, foreign characters are not. */
export function shownPath(path: string): string {
  return printable(path, 4096);
}
