// A program of its own: reads `latest` and `manifest` of a destination again and again, for as long as
// standard input is open or a minute at most, and then prints what it saw.
//
//   bun reader.ts DESTINATION

import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

const [destination = ""] = process.argv.slice(2);
let open = true;
const end = () => {
  open = false;
};
process.stdin.on("end", end).resume();
const timer = setTimeout(end, 60_000);

const links = new Set<string>();
const contents = new Set<string>();
const manifests = new Set<string>();
const failures = new Set<string>();
let reads = 0;
console.log("reading");
while (open) {
  // As a service opens its image: whatever the link names at this moment.
  for (let i = 0; i < 100; i++, reads++) {
    try {
      links.add(readlinkSync(join(destination, "latest")));
      contents.add(readFileSync(join(destination, "latest"), "latin1"));
      manifests.add(readFileSync(join(destination, "manifest"), "latin1"));
    } catch (error) {
      failures.add(String(error));
    }
  }
  await Bun.sleep(1);
}
clearTimeout(timer);
console.log(
  JSON.stringify({
    reads,
    links: [...links],
    contents: [...contents],
    manifests: [...manifests],
    failures: [...failures],
  }),
);
