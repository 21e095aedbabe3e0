// How the hostile origin misbehaves: all scenarios by their names, and which requests they are for. Scenarios write raw
// bytes, since no library sends what is wrong; each is in the file of what is wrong with it.

import { bodies } from "./bodies.ts";
import { headers } from "./headers.ts";
import { statuses } from "./statuses.ts";
import { type Exchange, end, honest, type Scenario, split } from "./wire.ts";

export const scenarios = { honest, ...statuses, ...bodies, ...headers } satisfies Record<
  string,
  Scenario
>;

/** For the files of one kind only, or for the first request of each file only. */
const limits: Readonly<Record<string, (exchange: Exchange) => boolean>> = {
  manifest: ({ request }) => request.file === "manifest",
  image: ({ request }) => /^store\/[0-9a-f]{64}$/.test(request.file),
  list: ({ request }) => request.file.endsWith(".packed"),
  zst: ({ request }) => request.file.endsWith(".zst"),
  patch: ({ request }) => request.file.endsWith(".patch"),
  first: ({ count }) => count === 1,
};

/** Answers as the text says: limits, name and argument of a scenario. */
export function behave(text: string, exchange: Exchange): void {
  const [limit = "", rest = ""] = /^[a-z]+:/.test(text) ? split(text, ":") : [];
  if (limit !== "") {
    if (limits[limit]?.(exchange) === false) honest(exchange);
    else behave(rest, exchange);
    return;
  }
  const [name = "", argument = ""] = split(text, "=");
  const scenario: Scenario | undefined = isScenario(name) ? scenarios[name] : undefined;
  if (scenario === undefined) end(exchange.socket, 404);
  else scenario({ ...exchange, argument });
}

function isScenario(name: string): name is keyof typeof scenarios {
  return Object.hasOwn(scenarios, name);
}
