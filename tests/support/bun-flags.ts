// More words for Bun where a test starts it: with them, what a program runs from the sources counts as covered.

export const bunFlags = (process.env["TAKO_TEST_BUN_FLAGS"] ?? "").split(" ").filter(Boolean);
