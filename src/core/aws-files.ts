// The files that the AWS tools share, `~/.aws/config` and `~/.aws/credentials`: sections of `name = value`. Lines that
// are indented belong to a setting of settings, of which none is needed here.

export type Section = Readonly<Record<string, string>>;

/** The sections by their names; of the same setting in two of one name the last counts. */
export function parseAwsFile(text: string): ReadonlyMap<string, Section> {
  const sections = new Map<string, Section>();
  let name: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, header] = /^\[\s*(.*?)\s*\]\s*([#;].*)?$/.exec(line) ?? [];
    if (header !== undefined) name = header.replace(/\s+/g, " ");
    const [, key, value = ""] = /^([A-Za-z][\w-]*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || key === undefined) continue;
    // A comment begins after a space: a secret may hold a `#`.
    const setting = { [key.toLowerCase()]: value.replace(/\s[#;].*$/, "").trim() };
    sections.set(name, { ...sections.get(name), ...setting });
  }
  return sections;
}

/** The settings of a profile in both files; those of `credentials` count first (BKT-50). */
export function profileOf(config: string, credentials: string, profile: string): Section {
  const inConfig = profile === "default" ? ["profile default", "default"] : [`profile ${profile}`];
  const sections = parseAwsFile(config);
  const found = inConfig.map((name) => sections.get(name)).find((each) => each !== undefined);
  return { ...found, ...parseAwsFile(credentials).get(profile) };
}
