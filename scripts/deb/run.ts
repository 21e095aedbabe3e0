// Programs of Debian, which make the package.

/** The standard output of a program. @throws with what it said, if it fails or is not installed */
export function run(
  cwd: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  const [program = ""] = words;
  if (Bun.which(program) === null) throw new Error(`${program} is not installed`);
  const child = Bun.spawnSync([...words], {
    cwd,
    env: { ...process.env, LC_ALL: "C.UTF-8", TZ: "UTC", ...env },
    stdin: "ignore",
  });
  if (!child.success) throw new Error(`${words.join(" ")}: ${child.stderr}`.trimEnd());
  return child.stdout.toString();
}
