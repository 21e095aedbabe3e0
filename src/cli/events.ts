// How events look, for people and as JSON. Where they are shown is output.ts's business.

import type { Event } from "../commands/events.ts";
import { printable } from "../core/text.ts";
import type { Priority } from "./display.ts";
import { bytes, count, moment, seconds, shortDigest } from "./text.ts";

export interface Message {
  readonly priority: Priority;
  readonly text: string;
}

/** What an event says; `undefined` for one that is not worth a line. */
export function describeEvent(event: Event): Message | undefined {
  const message = describe(event);
  if (message === undefined || event.config === undefined) return message;
  return { ...message, text: `${event.config}: ${message.text}` };
}

function describe(event: Event): Message | undefined {
  switch (event.event) {
    case "waiting":
      return info(`waiting for another run that has locked ${event.directory}`);
    case "warning":
      return warning(`warning: ${event.message}`);
    case "retry":
      return warning(
        `${event.url}: ${event.reason}; trying again in ${seconds(event.delayMs / 1000)}`,
      );
    case "manifest":
      return describeManifest(event.state, count(event.versions, "version"));
    case "too-young":
      return info(
        `${event.version} is too young (MinAge=), and is taken from ${moment(event.at)} on`,
      );
    case "verifying":
      return info(`verifying ${event.version}, ${bytes(event.size)}`);
    case "damaged":
      return warning(`the image of ${event.version} is damaged: ${event.path}`);
    case "gone":
      return warning(`the origin removed the image of ${event.version}: ${event.url}`);
    case "download":
      return info(describeDownload(event));
    // It is a part of the download.
    case "unpacking":
      return undefined;
    case "reading":
    case "progress":
      return info(`reading ${event.version}, ${bytes(event.size)}`);
    case "hashing":
      return info(`verifying ${event.version ?? shortDigest(event.sha256)}, ${bytes(event.size)}`);
    case "packing":
      return info(`making ${packedFile(event)}`);
    case "packed": {
      const { size, isKept, what } = event;
      if (isKept) return info(`made ${packedFile(event)}, ${bytes(size)}`);
      const why = what === "zst" ? "it saves less than 5 %" : "another way is no larger";
      return info(`left out ${packedFile(event)}, ${bytes(size)}: ${why}`);
    }
    // What is wrong with an image is told as an error.
    case "image":
      return undefined;
    case "downloaded":
      return info(
        event.by === "image"
          ? `downloaded ${event.version}, ${bytes(event.size)}, verified`
          : `downloaded ${event.version}, ${bytes(event.received)} instead of ${bytes(event.size)}, verified`,
      );
    case "activated":
      return info(`activated ${event.version}`);
    case "switched":
      return info(`switched to slot ${event.slot}: ${event.unit}`);
    case "restarted":
      return info(`restarted ${event.units.join(" ")}`);
    case "skipped":
      return info(`${event.unit} is ${event.reason} and stays so`);
    case "starting":
      return info(
        `waiting for ${event.units.join(" ")} to start, up to ${seconds(event.limitMs / 1000)}`,
      );
    case "watching":
      return info(`watching ${event.units.join(" ")} for ${seconds(event.seconds)}`);
    case "unhealthy": {
      const last = event.log === "" ? "" : `; it said last: ${event.log}`;
      return warning(`${event.unit} does not work: ${event.what}${last}`);
    }
    case "rolled-back":
      return warning(`went back from ${event.refused} to ${event.version}`);
    case "started":
      return info(`started ${event.units.join(" ")}`);
    case "removed": {
      const { what, version, sha256, size } = event;
      const part = what === "partial" ? "the partial download of " : "";
      return info(`removed ${part}${version ?? shortDigest(sha256)}, ${bytes(size)}`);
    }
    case "would":
      return info(describePlan(event));
    case "serving":
      return info(`Origin=${event.url}`);
    case "request": {
      const { method, path, status, bytes: length, range } = event;
      const part = range === undefined ? "" : ` ${range}`;
      return info(`${printable(method)} ${printable(path)} ${status} ${length}${part}`);
    }
  }
}

function describeDownload({
  version,
  size,
  offset,
  by,
  bytes: whole,
  patch = 1,
  patches = 1,
}: Extract<Event, { event: "download" }>): string {
  const left = offset === 0 ? bytes(whole) : `${bytes(whole - offset)} left of ${bytes(whole)}`;
  const instead = by === "image" ? "" : ` instead of ${bytes(size)}`;
  const step = patches === 1 ? "" : `patch ${patch} of ${patches}, `;
  return `downloading ${version}, ${step}${left}${instead}`;
}

function describePlan(event: Extract<Event, { event: "would" }>): string {
  const plan = `would ${event.action} ${event.what}`;
  if (event.action !== "download") return plan;
  const instead = event.by === "image" ? "" : ` instead of ${bytes(event.size)}`;
  return `${plan}, ${event.mayBeLess ? "up to " : ""}${bytes(event.missing)}${instead}`;
}

function describeManifest(
  state: Extract<Event, { event: "manifest" }>["state"],
  versions: string,
): Message | undefined {
  switch (state) {
    case "unchanged":
      return undefined;
    case "new":
    case "updated":
      return info(`${state} manifest, ${versions}`);
    case "local":
      return warning(`going by the local manifest, ${versions}`);
  }
}

function packedFile({ version, from }: Extract<Event, { event: "packing" | "packed" }>): string {
  return from === undefined ? `${version} as .zst` : `the patch from ${from} to ${version}`;
}

function info(text: string): Message {
  return { priority: "info", text };
}

function warning(text: string): Message {
  return { priority: "warning", text };
}

/**
 * The documented object of an event (FET-97), each field by its documented name, which never changes
 * (FET-96); `undefined` for an event that only moves a bar.
 */
export function eventFields(event: Event): object | undefined {
  const fields = fieldsOf(event);
  return fields && { event: event.event, config: event.config, ...fields };
}

function fieldsOf(event: Event): object | undefined {
  switch (event.event) {
    case "waiting":
      return { directory: event.directory };
    case "warning":
      return { message: event.message };
    case "retry":
      return { url: event.url, reason: event.reason, delay_ms: event.delayMs };
    case "manifest": {
      const { state, versions, sha256, signedBy } = event;
      return { state, versions, sha256, signed_by: signedBy };
    }
    case "too-young":
      return { version: event.version, at: event.at };
    case "verifying":
      return { version: event.version, size: event.size };
    case "damaged":
      return { version: event.version, path: event.path };
    case "gone":
      return { version: event.version, url: event.url };
    case "download": {
      const { version, url, size, offset, by, bytes: whole, patch, patches } = event;
      return { version, url, size, offset, by, bytes: whole, patch, patches };
    }
    case "reading":
    case "unpacking":
    case "progress":
    case "hashing":
    case "packing":
      return undefined;
    case "packed": {
      const { what, version, sha256, from, fromSha256, size, isKept } = event;
      return { what, version, sha256, from, from_sha256: fromSha256, size, kept: isKept };
    }
    case "image": {
      const { version = null, sha256, path, size, state } = event;
      return { version, sha256, path, size, state };
    }
    case "downloaded": {
      const { version, sha256, size, by, received } = event;
      return { version, sha256, size, by, received };
    }
    case "activated": {
      const { version, sha256, previous = null } = event;
      return { version, sha256, previous };
    }
    case "switched":
      return { slot: event.slot, unit: event.unit };
    case "restarted":
    case "started":
      return { units: event.units };
    case "skipped":
      return { unit: event.unit, reason: event.reason };
    case "starting":
      return { units: event.units, limit_ms: event.limitMs };
    case "watching":
      return { units: event.units, seconds: event.seconds };
    case "unhealthy": {
      const { unit, what, result, status, restarts, log } = event;
      return { unit, what, result, status, restarts, log };
    }
    case "rolled-back": {
      const { version, sha256, refused, reason } = event;
      return { version, sha256, refused, reason };
    }
    case "removed": {
      const { what, version, sha256, size } = event;
      return { what, version, sha256, size };
    }
    case "would": {
      const { action, what } = event;
      if (action !== "download") return { action, what };
      return { action, what, size: event.size, missing: event.missing, by: event.by };
    }
    case "serving":
      return { url: event.url, directory: event.directory };
    case "request": {
      const { method, path, status, bytes: length, range } = event;
      return { method, path: printable(path, 4096), status, bytes: length, range };
    }
  }
}
