// One line of JSON.

import { withoutSecrets } from "../core/text.ts";

/**
 * An object in ASCII on one line: characters that could steer a terminal are escaped (CLI-24). Fields
 * that are `undefined` are left out.
 */
export function jsonLine(fields: object): string {
  const text = JSON.stringify(fields, (_, value) =>
    typeof value === "string" ? withoutSecrets(value) : value,
  );
  return `${text.replace(/[\x7f-\uffff]/g, escapeUnit)}\n`;
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
