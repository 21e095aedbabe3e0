// How the result of `tako verify` looks.

import type { VerifyResult } from "../../commands/verify/result.ts";
import { errorFields } from "../errors.ts";
import { exitStatus } from "../exit-status.ts";
import type { Presenter } from "../presenter.ts";
import { bytes, count } from "../text.ts";

/** @param isQuiet whether what is good is not told (VFY-6) */
export function verifyPresenter(isQuiet: boolean): Presenter<VerifyResult> {
  return {
    text(result) {
      const isTold = result.images.length > 0 || result.errors.length === 0;
      if (!isTold || (isQuiet && result.errors.length === 0)) return [];
      return [{ on: "stdout", line: `${nameOf(result)}: ${summary(result)}` }];
    },

    json({ of, images, inUse, errors }) {
      const whole = images.filter(({ state }) => state === "whole");
      return {
        ...of,
        outcome: errors.length === 0 ? "good" : "wrong",
        images: images.length,
        whole: whole.length,
        size: sizeOf(images),
        ...("config" in of ? { in_use: inUse ?? null } : {}),
        errors: errors.flatMap(errorFields),
      };
    },

    errors: ({ errors }) => errors,

    status: ({ errors }) => exitStatus(errors.map(({ kind }) => kind)),
  };
}

function nameOf({ of }: VerifyResult): string {
  return "config" in of ? of.config : of.directory;
}

function summary({ of, images, inUse }: VerifyResult): string {
  const used = "config" in of ? `; ${inUse ?? "none"} is in use` : "";
  if (images.length === 0) return `no image is here${used}`;
  const whole = images.filter(({ state }) => state === "whole").length;
  const all = `${count(images.length, "image")}, ${bytes(sizeOf(images))}`;
  const are = whole === images.length ? "whole" : `${whole} of them whole`;
  return `${all}, ${are}${used}`;
}

function sizeOf(images: VerifyResult["images"]): number {
  return images.reduce((sum, { size }) => sum + size, 0);
}
