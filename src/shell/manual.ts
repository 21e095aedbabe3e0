// The manual pages that are installed, which man(1) shows on this terminal.

/**
 * Opens a page of section 1, and waits until its reader has left it.
 *
 * @returns whether there was one, and a program to show it
 */
export async function openManual(
  page: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<boolean> {
  const man = Bun.which("man", { PATH: environment["PATH"] ?? "" });
  if (man === null) return false;
  const quietly = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  if (!Bun.spawnSync([man, "-w", "1", page], quietly).success) return false;
  // Ctrl-C is for the pager, which stops a search by it.
  const ignore = () => {};
  process.on("SIGINT", ignore);
  try {
    const shown = Bun.spawn([man, "1", page], { stdio: ["inherit", "inherit", "inherit"] });
    return (await shown.exited) === 0;
  } finally {
    process.off("SIGINT", ignore);
  }
}
