// Connections that end too early, at every place of an answer, and bodies that are not as long as
// they say.

import { judgeAll, type Row, updated } from "./judge.ts";

const closed = "the connection was closed before the end of the answer";
const beforeBody = ["start", "status-line", "headers", "body"] as const;

const broken = (["close", "reset"] as const).flatMap((how): Row[] => [
  ...([...beforeBody, "middle", "end"] as const).map(
    (place): Row => ({
      title: `ORG-28, ORG-50: the manifest: ${how} at the ${place}`,
      scenario: `manifest:${how}=${place}`,
      starts: how === "close" ? ["new"] : ["in use"],
      status: 69,
      says: closed,
      tries: 4,
      leaves: "all as before",
    }),
  ),
  ...beforeBody.map(
    (place): Row => ({
      title: `ORG-28, ORG-50: the image: ${how} at the ${place}`,
      scenario: `image:${how}=${place}`,
      status: 69,
      about: "image",
      says: closed,
      tries: 4,
      leaves: "manifest",
    }),
  ),
  ...(
    [
      // The second half of the rest makes it 64 KiB more, and so the tries are counted anew.
      ["middle", 96_875, 5],
      ["end", 99_999, 4],
    ] as const
  ).map(
    ([place, partial, tries]): Row => ({
      title: `ORG-54, FET-64: the image: ${how} at the ${place}; what came stays`,
      scenario: `image:${how}=${place}`,
      status: 69,
      about: "image",
      says: closed,
      tries,
      leaves: { partial },
    }),
  ),
]);

judgeAll([
  ...broken,
  {
    title: "ORG-28: chunks that end without the last one: the image is whole nevertheless",
    scenario: "image:no-last-chunk",
    status: 0,
    about: "image",
    retries: 1,
    meanwhile: closed,
    leaves: updated,
  },
  {
    title: "ORG-28, ORG-54: a chunk is cut, and continued",
    scenario: "image:first:cut-chunk",
    status: 0,
    about: "image",
    tries: 2,
    meanwhile: closed,
    leaves: updated,
  },
  {
    title: "ORG-54: the image is cut three times, and continued each time",
    scenario: "image:cut=3",
    status: 0,
    about: "image",
    tries: 4,
    meanwhile: closed,
    leaves: updated,
  },
]);
