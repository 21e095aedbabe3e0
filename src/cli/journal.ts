// What monitors find in systemd's journal: the events of an activation as entries with fields (ACT-130).

import type { Event } from "../commands/events.ts";
import type { Message } from "./events.ts";
import { safe } from "./text.ts";

/** One for each event, made once by `systemd-id128 new`, and never changed. */
const MESSAGE_IDS = {
  activated: "afd3a0f9be4a8640c367b57526d22390",
  unhealthy: "fea7384c794bbe18b6f0cf08a6c26b82",
  "rolled-back": "033f92527049949008b23fee87037502",
} as const;

const PRIORITIES = { error: "3", warning: "4", info: "6" } as const;

/** The entry for an event; `undefined` for one that is a line like others. */
export function journalEntry(
  event: Event,
  { priority, text }: Message,
): Readonly<Record<string, string>> | undefined {
  if (event.event !== "activated" && event.event !== "unhealthy" && event.event !== "rolled-back") {
    return undefined;
  }
  const fields = {
    MESSAGE: text,
    MESSAGE_ID: MESSAGE_IDS[event.event],
    PRIORITY: PRIORITIES[priority],
    SYSLOG_IDENTIFIER: "tako",
    TAKO_EVENT: event.event,
    TAKO_CONFIG: event.config ?? "",
    ...("version" in event ? { TAKO_VERSION: event.version } : {}),
    ...("refused" in event ? { TAKO_REFUSED: event.refused, TAKO_REASON: event.reason } : {}),
    ...("unit" in event ? { TAKO_UNIT: event.unit } : {}),
  };
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, safe(value)]));
}
