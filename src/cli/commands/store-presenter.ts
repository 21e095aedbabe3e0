// How the result of `tako store` looks: `VERSION -> DIGEST`, as upstream has it (PUB-23).

import type { StoreResult } from "../../commands/store.ts";
import { DONE } from "../exit-status.ts";
import type { Presenter } from "../presenter.ts";

export const storePresenter: Presenter<StoreResult> = {
  text(result) {
    if (result.stored === "image") {
      return [{ on: "stdout", line: `${result.version} -> ${result.sha256}` }];
    }
    const line = result.changed
      ? "signed the manifest anew"
      : "the manifest is signed by this key already";
    return [{ on: "stdout", line }];
  },

  json(result) {
    const { changed } = result;
    return result.stored === "image"
      ? { version: result.version, sha256: result.sha256, changed }
      : { changed };
  },

  errors: () => [],

  status: () => DONE,
};
