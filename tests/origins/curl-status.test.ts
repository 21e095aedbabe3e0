// Which exit statuses of curl are tried again. Few of them can be had from a real curl at will, so this one
// ends with the status that it is told, and notes that it was called.

import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { write } from "../support/publishing.ts";
import { askInChild, image } from "./asking.ts";

test("ORG-90: user and password are in nothing that curl is quoted with, in no spelling", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tako-curl-status-"));
  try {
    const said = "curl: (67) al/ice al%2Fice was refused with sesame/s sesame%2Fs";
    write(join(folder, "curl"), `#!/bin/sh\necho '${said}' >&2\nexit 67\n`, 0o755);
    const url = "ftp://al%2Fice:sesame%2Fs@127.0.0.1/origin";
    const { message } = await askInChild([url], { PATH: `${folder}:/usr/bin:/bin` });
    expect(message).toBe("curl failed with status 67: *** *** was refused with *** ***");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("ORG-84, ORG-90: a password without a user is hidden, and what else curl says can be read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tako-curl-status-"));
  try {
    write(
      join(folder, "curl"),
      "#!/bin/sh\necho 'curl: (67) no sesame here' >&2\nexit 67\n",
      0o755,
    );
    const url = "ftp://:sesame@127.0.0.1/origin";
    const { message } = await askInChild([url], { PATH: `${folder}:/usr/bin:/bin` });
    expect(message).toBe("curl failed with status 67: no *** here");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  ["base64 of the password", "c2VzYW1lL3M", {}],
  [
    "the proxy's password",
    "proxy 'ftp://bob:op/en here@h'",
    { ALL_PROXY: "ftp://bob:op/en here@h" },
  ],
])("ORG-90: nothing of what curl says is quoted that has %s", async (_, says, env) => {
  const folder = mkdtempSync(join(tmpdir(), "tako-curl-status-"));
  try {
    write(join(folder, "said"), `curl: (67) ${says}\n`);
    write(join(folder, "curl"), `#!/bin/sh\ncat '${folder}/said' >&2\nexit 67\n`, 0o755);
    const url = "ftp://alice:sesame%2Fs@127.0.0.1/origin";
    const { message } = await askInChild([url], { PATH: `${folder}:/usr/bin:/bin`, ...env });
    expect(message).toStartWith("curl failed with status 67");
    expect(message).not.toMatch(/c2VzYW1l|op.en|here/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** How often it is asked for a manifest when it ends with this status. */
async function triesAt(status: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "tako-curl-status-"));
  try {
    const log = join(folder, "log");
    write(join(folder, "curl"), `#!/bin/sh\necho called >>'${log}'\nexit ${status}\n`, 0o755);
    const answer = await askInChild(["ftp://127.0.0.1/origin"], {
      PATH: `${folder}:/usr/bin:/bin`,
    });
    expect(answer).toMatchObject({ error: "origin", message: `curl failed with status ${status}` });
    return readFileSync(log, "latin1").split("\n").length - 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What is had of an image from byte 10 on, where curl ends with this status when it is to continue. */
async function continuedAt(status: number): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), "tako-curl-status-"));
  try {
    write(join(folder, "image"), Buffer.from(image).toString("latin1"));
    const script = `case "$*" in *--continue-at*) exit ${status};; esac; cat '${folder}/image'`;
    write(join(folder, "curl"), `#!/bin/sh\n${script}\n`, 0o755);
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    return await askInChild(["ftp://127.0.0.1/origin", "image", "10"], env);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// As the others, by curl's manual.
test.each([
  [31, "REST failed"],
  [33, "ranges do not work"],
  [36, "the download could not be resumed"],
])(
  "ORG-25: where it ends with status %d, %s, it is asked once more from byte 0",
  async (status) => {
    expect(await continuedAt(status)).toEqual({
      ...{ offset: 0, base64: Buffer.from(image).toString("base64") },
    });
  },
);

test.each([
  [1, "Install a curl that has this scheme"],
  [9, "Check Origin=, and the permissions"],
  [32, undefined],
  [60, "Check the server's certificate"],
  [67, "Check the user and password"],
  [78, "Check Origin=, and that the publisher"],
])(
  "ORG-84: any other, such as %d, is the error, with what can be done about it",
  async (status, hint) => {
    const answer = await continuedAt(status);
    expect(answer["message"]).toBe(`curl failed with status ${status}`);
    expect(`${answer["hint"]}`.slice(0, `${hint}`.length)).toBe(`${hint}`);
  },
);

// The names are those of curl's manual, "EXIT CODES".
test.each([
  [5, "the proxy cannot be resolved"],
  [6, "the host cannot be resolved"],
  [7, "no connection"],
  [12, "FTP: a time-out while it waited for the server to connect back"],
  [18, "only a part was transferred"],
  [28, "a time-out"],
  [35, "the TLS handshake failed"],
  [52, "the server did not reply anything"],
  [55, "sending failed"],
  [56, "receiving failed"],
])("ORG-50: curl's status %d, %s, can pass, and is tried four times", async (status) => {
  expect(await triesAt(status)).toBe(4);
});

test.each([1, 2, 3, 9, 11, 13, 19, 22, 29, 36, 51, 53, 57, 60, 67, 78])(
  "ORG-51: curl's status %d cannot pass, and is not tried again",
  async (status) => {
    expect(await triesAt(status)).toBe(1);
  },
);
