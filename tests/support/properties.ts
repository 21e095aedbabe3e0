// How many examples each property test tries: 1,000 in the test run, 100,000 with `bun run properties`.

export const runs = { numRuns: Number(process.env["TAKO_PROPERTY_RUNS"] ?? 1000) };
