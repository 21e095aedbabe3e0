// Asks an origin in a process of its own, for what only the environment decides when a process
// starts: trusted roots, HOME. Prints what came of it as JSON.

import { TakoError } from "../../src/core/error.ts";
import { digest, image, open, readImage } from "./asking.ts";

const [url = "", what = "", offset = "0"] = process.argv.slice(2);
const { origin } = open(url);
try {
  if (what === "image") {
    const answer = await readImage(origin, Number(offset));
    const told =
      answer === "gone"
        ? { kind: "gone" }
        : { offset: answer.offset, base64: Buffer.from(answer.bytes).toString("base64") };
    console.log(JSON.stringify(told));
  } else if (what === "leave") {
    // Nobody reads on: the program must end all the same.
    const answer = await origin.file(digest, image.length, Number(offset));
    console.log(JSON.stringify({ kind: answer.kind }));
  } else {
    const answer = await origin.manifest();
    const text = answer.kind === "manifest" ? Buffer.from(answer.bytes).toString() : undefined;
    console.log(JSON.stringify({ kind: answer.kind, text }));
  }
} catch (error) {
  if (!(error instanceof TakoError)) throw error;
  const { kind, rule, message, hint, source } = error;
  console.log(JSON.stringify({ error: kind, rule, message, hint, source }));
}
