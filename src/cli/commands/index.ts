// The commands, in the order in which help shows them.

import type { Command } from "../command.ts";
import { conformance } from "./conformance.ts";
import { fetch } from "./fetch.ts";
import { genKey } from "./gen-key.ts";
import { hold } from "./hold.ts";
import { inspect } from "./inspect.ts";
import { publicKey } from "./public-key.ts";
import { release } from "./release.ts";
import { rollback } from "./rollback.ts";
import { serve } from "./serve.ts";
import { store } from "./store.ts";

export const commands: Readonly<Record<string, Command>> = {
  fetch,
  rollback,
  hold,
  release,
  store,
  "gen-key": genKey,
  "public-key": publicKey,
  inspect,
  serve,
  conformance,
};
