// `tako serve` on the command line (spec/serve.md).

import { isIP } from "node:net";
import { printable } from "../../core/text.ts";
import { usageError } from "../arguments.ts";
import { command } from "../command.ts";
import { DONE } from "../exit-status.ts";

export const serve = command({
  meta: {
    name: "serve",
    description: "Serve an origin to try it out",
  },
  example: "tako serve origin --port 8000",
  args: {
    dir: { type: "positional", required: true, description: "The directory of the origin" },
    port: {
      type: "string",
      valueHint: "n",
      description: "The port; a free one unless given",
    },
    address: {
      type: "string",
      valueHint: "ip",
      description: "Listen here; 127.0.0.1 unless given",
    },
    json: { type: "boolean", description: "Print events as JSON, one object a line" },
  },
  async run({ dir, port, address = "127.0.0.1" }, { effects }) {
    const options = { directory: dir, port: portOf(port), address: addressOf(address) };
    const { serve } = await import("../../commands/serve.ts");
    await serve(options, effects);
    return DONE;
  },
});

function portOf(text = "0"): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
  if (port <= 65535) return port;
  throw usageError(`invalid --port ${printable(text)}: expected a number from 0 to 65535`);
}

function addressOf(text: string): string {
  if (isIP(text) !== 0) return text;
  throw usageError(`invalid --address ${printable(text)}: expected an IP address, such as 0.0.0.0`);
}
