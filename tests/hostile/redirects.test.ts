// Redirects to every bad place, and what a server may do with the credentials that it is sent.

import { afterAll } from "bun:test";
import { Authority } from "../support/certificates.ts";
import { needs } from "../support/needs.ts";
import { judgeAll, type Place, type Row, two, updated } from "./judge.ts";

const encode = encodeURIComponent;
const to = (url: string, limit: "" | "image:" = "") =>
  `${limit}redirect-to=${encode(url)}` as const;

/** A redirect of the manifest, for good. */
const refused = (
  title: string,
  scenario: Row["scenario"],
  says: NonNullable<Row["says"]>,
  more: Partial<Row> = {},
): Row => ({ title, scenario, status: 69, says, leaves: "all as before", ...more });

const noLocation = "a redirect without a valid Location";

judgeAll([
  refused(
    "ORG-40: a redirect to itself",
    "loop",
    ({ here }) => `redirected to ${here}/...: more than 10 redirects`,
    { tries: 11, retries: 0 },
  ),
  refused(
    "ORG-40: eleven redirects",
    "hops=11",
    ({ here }) => `redirected to ${here}/...: more than 10 redirects`,
  ),
  {
    title: "ORG-40: the image by ten redirects",
    scenario: "image:hops=10",
    status: 0,
    leaves: updated,
  },
  {
    title: "ORG-40: a redirect whose body never ends",
    scenario: "endless-redirect",
    status: 0,
    leaves: updated,
  },
  ...[
    "file:///etc/passwd",
    "ftp://127.0.0.1/manifest",
    "sftp://127.0.0.1/manifest",
    "data:text/plain,Tako%20Manifest%201",
    "javascript:alert(1)",
  ].map((target) =>
    refused(
      `ORG-42: to ${target}`,
      to(target),
      `redirected to ${target.replace(/^(\w+:)(\/\/[\d.]+\/)?.*/, "$1$2...")}, which is neither http nor https`,
    ),
  ),
  {
    title: "ORG-42: the image to a file",
    scenario: to("file:///etc/passwd", "image:"),
    status: 69,
    about: "image",
    says: "redirected to file:..., which is neither http nor https",
    leaves: "manifest",
  },
  refused("ORG-43: no Location", "no-location", noLocation),
  refused("ORG-43: an empty host", to("http://"), noLocation),
  refused("ORG-43: a port that is none", to("http://127.0.0.1:99999/"), noLocation),
  refused(
    "ORG-50: to where nobody listens",
    to("http://127.0.0.1:1/manifest"),
    "redirected to http://127.0.0.1:1/...: the connection was refused",
    { tries: 4 },
  ),
  refused(
    "ORG-44: with other credentials, which are neither sent nor shown",
    ({ elsewhere }) =>
      to(`${elsewhere}/status=404/manifest`.replace("//", "//mallory:abracadabra@")),
    ({ elsewhere }) => `redirected to ${elsewhere}/...: the server answered with status 404`,
    { elsewhere: 1 },
  ),
  {
    title: "ORG-44: the image to another server, which gets no credentials",
    scenario: ({ elsewhere }) => to(`${elsewhere}/honest/store/${two.digest}`, "image:"),
    status: 0,
    elsewhere: 1,
    leaves: updated,
  },
  ...(["", "=percent", "=base64"] as const).map((coding) =>
    refused(
      `ORG-90: to a path that is the password${coding}`,
      `tell-password${coding}` as Row["scenario"],
      ({ here }) => `redirected to ${here}/...: the server answered with status 404`,
    ),
  ),
  refused(
    "ORG-90: to a file whose name is the password",
    "tell-password=file",
    "redirected to file:..., which is neither http nor https",
  ),
]);

const openssl = needs("openssl");
if (!openssl.missing) {
  const authority = new Authority();
  afterAll(() => authority.dispose());
  const { pem } = authority.issue("origin", "IP:127.0.0.1");
  const tls = { ...pem, root: authority.root };
  const onPlain = ({ elsewhere }: Place) => `${elsewhere}/honest/manifest`;
  judgeAll([
    {
      title: "ORG-12: https, honest",
      tls,
      scenario: "honest",
      status: 0,
      leaves: updated,
    },
    refused(
      "ORG-41: from https to http",
      (place) => to(onPlain(place)),
      ({ elsewhere }) => `redirected from https to ${elsewhere}/..., which is not https`,
      { tls },
    ),
    refused(
      "ORG-41: from https to a file",
      to("file:///etc/passwd"),
      "redirected from https to file:..., which is not https",
      { tls },
    ),
    refused(
      "ORG-28: https, reset in the middle",
      "reset=middle",
      "the connection was closed before the end of the answer",
      { tls, tries: 4 },
    ),
    refused(
      "ORG-12: https that nobody here trusts",
      "honest",
      "the server's certificate was refused: its issuer is not trusted here",
      { tls: { ...tls, root: "/dev/null" }, tries: 0 },
    ),
  ]);
}
