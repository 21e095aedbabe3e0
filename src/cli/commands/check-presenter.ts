// How the result of `tako check` looks: a line for each problem and each warning, as compilers say it.

import type { CheckResult } from "../../commands/check/check.ts";
import { errorFields, place } from "../errors.ts";
import { exitStatus } from "../exit-status.ts";
import type { Presenter, Said } from "../presenter.ts";
import { count } from "../text.ts";

/** @param isQuiet whether what is valid is not told (CHK-5) */
export function checkPresenter(isQuiet: boolean): Presenter<CheckResult> {
  return {
    text({ config, errors, warnings }) {
      const lines = warnings.map(
        ({ line, message }) => `${place(config, line)}: warning: ${message}`,
      );
      const said: Said[] = lines.length === 0 ? [] : [{ on: "stderr", priority: "warning", lines }];
      if (isQuiet || errors.length > 0) return said;
      const also = warnings.length === 0 ? "" : `, ${count(warnings.length, "warning")}`;
      return [...said, { on: "stdout", line: `${config}: valid${also}` }];
    },

    json({ config, errors, warnings }) {
      return { config, valid: errors.length === 0, errors: errors.flatMap(errorFields), warnings };
    },

    errors: ({ errors }) => errors,

    status: ({ errors }) => exitStatus(errors.map(({ kind }) => kind)),
  };
}
