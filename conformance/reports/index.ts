// The forms of a report by their names.

import { json } from "./json.ts";
import { junit } from "./junit.ts";
import { markdown } from "./markdown.ts";
import { people } from "./people.ts";
import type { Report } from "./report.ts";
import { tap } from "./tap.ts";

export const reports = { people, tap, junit, json, markdown } as const satisfies Record<
  string,
  (report: Report) => string
>;
