// tako public-key: the public key of a secret one (spec/publish.md).

import type { PublicKey } from "../core/keys.ts";
import { findSecretKey } from "../shell/secret-key.ts";
import type { Effects } from "./effects.ts";

/** @throws as findSecretKey */
export async function publicKeyOf(
  options: { readonly key?: string; readonly keyFile?: string },
  { environment, report }: Pick<Effects, "environment" | "report">,
): Promise<PublicKey> {
  const warn = (message: string) => report({ event: "warning", message });
  return (await findSecretKey({ ...options, environment, warn })).publicKey;
}
