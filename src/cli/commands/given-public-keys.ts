// The public keys that `--public-key` gives, for the commands that check who signed a manifest.

import { asTakoError } from "../../core/error.ts";
import { type PublicKey, parsePublicKey } from "../../core/keys.ts";
import { REPEATED } from "../arguments.ts";

export const PUBLIC_KEY = {
  "public-key": {
    type: "string",
    valueHint: "key",
    description: "That must have signed the manifest of an origin",
  },
} as const;

/** @throws TakoError of kind `key`, which names the option */
export function givenPublicKeys(args: {
  readonly "public-key"?: string | undefined;
}): readonly PublicKey[] {
  try {
    return args["public-key"]?.split(REPEATED).map(parsePublicKey) ?? [];
  } catch (error) {
    throw asTakoError(error).with({ source: "--public-key" });
  }
}
