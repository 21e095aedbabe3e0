// The JSON object of `tako status` for one config (STS-22): each field by its documented name, which never changes.

import type { StatusResult } from "../../../commands/status/status.ts";
import type { State } from "../../../core/status.ts";
import { errorFields } from "../../errors.ts";

export function statusFields(result: StatusResult): object {
  const { config, name, severity } = result;
  if ("error" in result) return { config, name, severity, errors: errorFields(result.error) };
  const { inUse, pattern, allowed, newest, versions, images, bytes, checked, changed } = result;
  return {
    ...{ config, name, severity },
    in_use: inUse ?? null,
    pattern,
    allowed: allowed ?? null,
    newest: newest ?? null,
    versions,
    images,
    bytes,
    checked: checked === undefined ? null : lookFields(checked.look),
    manifest_changed: changed ?? null,
    states: result.states.map(stateFields),
  };
}

function lookFields({
  time,
  outcome,
  since,
  message,
}: Readonly<Record<"time" | "since", number> & Record<"outcome" | "message", string>>): object {
  return { time, outcome, since, ...(message === "" ? {} : { message }) };
}

function stateFields(state: State): object {
  switch (state.state) {
    case "damaged": {
      const { version, sha256, isInUse, isMissing } = state;
      return { state: state.state, version, sha256, in_use: isInUse, missing: isMissing };
    }
    case "behind":
      return {
        state: state.state,
        version: state.version,
        here: state.isHere,
        missing: state.missing,
      };
    default:
      return state;
  }
}
