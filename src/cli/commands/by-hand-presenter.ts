// How the results of `tako rollback`, `hold` and `release` look: as one of `tako fetch`, and for people how to undo it (ACT-89).

import type { FetchResult } from "../../commands/fetch/result.ts";
import type { Presenter } from "../presenter.ts";
import { fetchPresenter } from "./fetch-presenter.ts";

export const byHandPresenter: Presenter<FetchResult> = {
  ...fetchPresenter,
  text(result) {
    const undo = howToUndo(result);
    const said = fetchPresenter.text(result);
    return undo === undefined
      ? said
      : [...said, { on: "stderr", priority: "info", lines: [`  ${undo}`] }];
  },
};

function howToUndo(result: FetchResult): string | undefined {
  const { config } = result;
  // A rollback that nobody could judge yet is on hold, too.
  if (result.outcome === "held" || result.outcome === "unconfirmed") {
    return `It stays there, whatever is published. To undo it: "tako release ${config}", then "tako fetch ${config}".`;
  }
  const isChange =
    result.outcome === "released" && (result.held !== undefined || result.forgotten.length > 0);
  if (!isChange || result.sha256 === undefined) return undefined;
  const inUse = result.version ?? result.sha256;
  return `${inUse} is in use until "tako fetch ${config}" takes a newer one. To stay on it: "tako hold ${config}".`;
}
