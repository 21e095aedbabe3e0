// The commands, in the order in which help shows them.

import type { Commands } from "../command.ts";
import { check } from "./check.ts";
import { completion } from "./completion.ts";
import { conformance } from "./conformance.ts";
import { fetch } from "./fetch.ts";
import { genKey } from "./gen-key.ts";
import { hold } from "./hold.ts";
import { inspect } from "./inspect.ts";
import { list } from "./list.ts";
import { pack } from "./pack.ts";
import { prune } from "./prune.ts";
import { publicKey } from "./public-key.ts";
import { release } from "./release.ts";
import { rollback } from "./rollback.ts";
import { serve } from "./serve.ts";
import { status } from "./status.ts";
import { store } from "./store.ts";
import { verify } from "./verify.ts";

export const commands: Commands = {
  fetch,
  status,
  list,
  rollback,
  hold,
  release,
  prune,
  check,
  verify,
  store,
  pack,
  "gen-key": genKey,
  "public-key": publicKey,
  inspect,
  serve,
  completion: completion(() => commands),
  conformance,
};
