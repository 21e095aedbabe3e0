// Origins through curl, against real servers: FTP by pyftpdlib, sftp and scp by OpenSSH.

import { afterAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startHostileOrigin } from "../../conformance/hostile/origin.ts";
import { serveWithFtp } from "../support/ftp-server.ts";
import { needs } from "../support/needs.ts";
import { startSshServer } from "../support/ssh-server.ts";
import { canMount } from "../support/tmpfs.ts";
import {
  askInChild,
  digest,
  failureOf,
  image,
  imageBody,
  manifest,
  open,
  readImage,
} from "./asking.ts";

/** An origin's directory, with another of an awkward name inside. */
const directory = mkdtempSync(join(tmpdir(), "tako-curl-"));
const awkward = "a[1-2] b";
for (const folder of [directory, join(directory, awkward)]) {
  mkdirSync(join(folder, "store"), { recursive: true });
  writeFileSync(join(folder, "manifest"), manifest);
  writeFileSync(join(folder, "store", digest), image);
}
afterAll(() => rmSync(directory, { recursive: true }));

const whole = { offset: 0, bytes: Buffer.from(image) };
const rest = { offset: 60_000, bytes: Buffer.from(image.subarray(60_000)) };

/** The curls that this very process started, finished ones that nobody waited for included. */
function ownCurls(): { pid: string; words: string[] }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const [, name, , parent] =
          /^\d+ \((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
        if (name !== "curl" || parent !== `${process.pid}`) return [];
        return [{ pid, words: readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0") }];
      } catch {
        return []; // It ended while we looked.
      }
    });
}

const never = 1_000_000;
const ftp = needs("curl", "pyftpdlib");
describe.skipIf(ftp.missing)("ftp", async () => {
  if (ftp.missing) return;
  const user = "üs er@";
  const password = 'p@ss "\\ wörd';
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  const server = await serveWithFtp(directory, { user, password });
  const slow = await serveWithFtp(directory, { user, password, bytesPerSecond: 20_000 });
  const noRest = await serveWithFtp(directory, { user, password, rest: false });
  const silent = await startHostileOrigin({});
  afterAll(() => Promise.all([server, slow, noRest, silent].map((each) => each.stop())));
  const url = (port = server.port, path = "") => `ftp://${login}@127.0.0.1:${port}${path}`;

  test("ORG-2: manifest and image come from an FTP server", async () => {
    const { origin } = open(url());
    expect(await origin.manifest()).toEqual({ kind: "manifest", bytes: manifest });
    expect(await readImage(origin)).toEqual(whole);
    expect(ownCurls()).toEqual([]);
  });

  test("INS-7, INS-8: whether an image is there, with its size", async () => {
    for (const port of [server.port, noRest.port]) {
      const { origin } = open(url(port));
      expect(await origin.look(digest, image.length)).toBe("there");
      for (const size of [image.length - 1, image.length + 1])
        expect(await failureOf(origin.look(digest, size))).toMatchObject({ kind: "origin" });
    }
    expect(ownCurls()).toEqual([]);
  });

  test("ORG-54: an image is continued at an offset", async () => {
    expect(await readImage(open(url()).origin, 60_000)).toEqual(rest);
  });

  test("ORG-25: a server that cannot continue is asked once from byte 0", async () => {
    expect(await readImage(open(url(noRest.port)).origin, 60_000)).toEqual(whole);
    const { origin } = open(url());
    expect(await readImage(origin, 100_001)).toEqual(whole);
    expect(ownCurls()).toEqual([]);
  });

  test("ORG-80: curl is found in PATH, and asked for when it is missing", async () => {
    const answer = await askInChild([url()], { PATH: "/nonexistent" });
    expect(answer).toMatchObject({
      error: "origin",
      message: "cannot run curl, which reads ftp: origins",
      hint: "Install curl.",
    });
  });

  test("ORG-79: not where it is there and cannot be run", async () => {
    // One string of more than 128 KiB: execve(2).
    process.env["TAKO_TEST_LONG"] = "x".repeat(200_000);
    const { message, hint } = await failureOf(open(url()).origin.manifest());
    delete process.env["TAKO_TEST_LONG"];
    const reason = "its arguments are too long";
    expect(message).toBe(`cannot run curl, which reads ftp: origins: ${reason}`);
    expect(hint).toContain("The environment counts among them");
  });

  test("ORG-81: no .curlrc is read", async () => {
    const home = mkdtempSync(join(tmpdir(), "tako-curlrc-"));
    writeFileSync(join(home, ".curlrc"), 'url = "file:///etc/hostname"\nrange = "1-2"\n');
    const answer = await askInChild([url()], { HOME: home });
    expect(answer).toEqual({ kind: "manifest", text: manifest.toString() });
    rmSync(home, { recursive: true });
  });

  test("ORG-81: nothing in a URL is a pattern", async () => {
    const { origin } = open(url(server.port, "/a[1-2]%20b"));
    expect(await origin.manifest()).toEqual({ kind: "manifest", bytes: manifest });
    expect(await readImage(origin)).toEqual(whole);
  });

  test("ORG-82: neither URL nor credentials are in curl's arguments or environment", async () => {
    let seen: { words: string[]; environment: string } | undefined;
    const write = () => {
      const [curl] = ownCurls();
      const environment = readFileSync(`/proc/${curl?.pid}/environ`, "utf8");
      seen = { words: curl?.words ?? [], environment };
      throw new Error("seen");
    };
    const body = await imageBody(url(slow.port));
    await expect(body.into({ write }, image.length)).rejects.toThrow("seen");
    expect(seen?.words.slice(0, 5)).toEqual(["curl", "-q", "-g", "--proto", "=ftp"]);
    const shown = `${seen?.words.join(" ")} ${seen?.environment}`;
    expect(shown).not.toMatch(/127\.0\.0\.1|s( |%20)er(@|%40)|p(@|%40)ss/);
    expect(ownCurls()).toEqual([]);
  });

  test("ORG-83: a manifest beyond 64 MiB is refused, and curl is ended", async () => {
    const path = join(directory, "manifest");
    truncateSync(path, 64 * 1024 * 1024 + 1);
    try {
      const error = await failureOf(open(url()).origin.manifest());
      expect(error).toMatchObject({ kind: "manifest", rule: "ORG-22" });
      expect(ownCurls()).toEqual([]);
    } finally {
      writeFileSync(path, manifest);
    }
  });

  test("ORG-84: what curl says is told, without credentials", async () => {
    const wrong = `ftp://alice:sesame@127.0.0.1:${server.port}`;
    const { origin, slept } = open(wrong);
    const error = await failureOf(origin.manifest());
    expect(error).toMatchObject({ kind: "origin", rule: "ORG-84", passing: false });
    expect(error.message).toBe("curl failed with status 67: Access denied: 530");
    expect(error.source).toBe(`ftp://***@127.0.0.1:${server.port}/manifest`);
    expect(slept).toEqual([]);
  });

  test("ORG-84: a missing file is an error that is not tried again", async () => {
    const path = join(directory, "store", digest);
    renameSync(path, `${path}.away`);
    const { origin } = open(url());
    const error = await failureOf(readImage(origin));
    renameSync(`${path}.away`, path);
    expect(error).toMatchObject({ kind: "origin", passing: false });
    expect(error.message).toStartWith("curl failed with status 78");
    const elsewhere = open(url(server.port, "/nowhere"));
    expect((await failureOf(elsewhere.origin.manifest())).message).toContain("status 9");
    expect(elsewhere.slept).toEqual([]);
  });

  test("ORG-85: an ETag does not matter", async () => {
    const answer = await open(url()).origin.manifest({ etag: '"x"' });
    expect(answer).toEqual({ kind: "manifest", bytes: manifest });
  });

  test("ORG-50: a refused connection is tried four times", async () => {
    const gone = await startHostileOrigin({});
    await gone.stop();
    const { origin, slept } = open(`ftp://127.0.0.1:${new URL(gone.url).port}`);
    expect(await failureOf(origin.manifest())).toMatchObject({ kind: "origin", passing: true });
    expect(slept).toEqual([1000, 2000, 4000]);
  });

  test("ORG-69, ORG-86: a server that says nothing is given up, and curl ended", async () => {
    const timeouts = { headersMs: 300, idleMs: 300, slowMs: 1_000_000, manifestMs: 1_000_000 };
    const { origin } = open(`ftp://127.0.0.1:${new URL(silent.url).port}`, { timeouts });
    const error = await failureOf(readImage(origin));
    expect(error).toMatchObject({ kind: "origin", passing: true });
    expect(error.message).toBe("nothing arrived for 0.3 s");
    expect(ownCurls()).toEqual([]);
  });

  test("ORG-56, ORG-86: a manifest has five minutes by curl, too, which is ended then", async () => {
    const timeouts = { headersMs: never, idleMs: never, slowMs: never, manifestMs: 600 };
    const { origin, slept } = open(`ftp://127.0.0.1:${new URL(silent.url).port}`, { timeouts });
    const error = await failureOf(origin.manifest());
    expect(error).toMatchObject({ kind: "origin", rule: "ORG-56", passing: false });
    expect(slept).toEqual([]);
    expect(ownCurls()).toEqual([]);
  });

  test("ORG-86: an image that nobody reads keeps neither the program nor curl running", async () => {
    expect(await askInChild([url(slow.port), "leave", "10"], {})).toEqual({ kind: "body" });
  });
});

const ssh = needs("curl", "sshd");
describe.skipIf(ssh.missing)("sftp and scp", async () => {
  if (ssh.missing) return;
  const server = await startSshServer();
  afterAll(() => server.stop());
  const url = (scheme: string) => `${scheme}://${server.host}${directory}`;
  const env = { HOME: server.home };
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

  test.each(["sftp", "scp"])("ORG-2: manifest and image come by %s", async (scheme) => {
    const text = manifest.toString();
    expect(await askInChild([url(scheme)], env)).toEqual({ kind: "manifest", text });
    const answer = await askInChild([url(scheme), "image"], env);
    expect(answer).toEqual({ offset: 0, base64: base64(image) });
  });

  test("ORG-54: sftp continues at an offset, scp starts over", async () => {
    const continued = await askInChild([url("sftp"), "image", "60000"], env);
    expect(continued).toEqual({ offset: 60_000, base64: base64(image.subarray(60_000)) });
    const again = await askInChild([url("scp"), "image", "60000"], env);
    expect(again).toEqual({ offset: 0, base64: base64(image) });
  });

  test("ORG-84: a missing file is told", async () => {
    const answer = await askInChild([`${url("sftp")}/nowhere`], env);
    expect(answer).toMatchObject({ error: "origin", source: `${shown("sftp")}/nowhere/manifest` });
    expect(answer["message"]).toStartWith("curl failed with status 78");
  });

  test.each(["sftp", "scp"])("ORG-87: %s to a server of unknown key is refused", async (scheme) => {
    const known = join(server.home, ".ssh", "known_hosts");
    const right = readFileSync(known, "utf8");
    try {
      writeFileSync(known, "");
      const unknown = await askInChild([url(scheme)], env);
      expect(unknown["message"]).toStartWith("curl failed with status 60");
      rmSync(known);
      const unchecked = await askInChild([url(scheme)], env);
      expect(unchecked).toMatchObject({ error: "origin", rule: "ORG-87" });
    } finally {
      writeFileSync(known, right);
    }
    expect(existsSync(known)).toBe(true);
  });

  /** A home of its own, with the user's key under this name, and with these known servers. */
  function home(name: string, known: string | undefined): { readonly HOME: string } {
    const HOME = mkdtempSync(join(tmpdir(), "tako-home-"));
    homes.push(HOME);
    mkdirSync(join(HOME, ".ssh"), { mode: 0o700 });
    writeFileSync(join(HOME, ".ssh", name), userKey, { mode: 0o600 });
    if (known !== undefined) writeFileSync(join(HOME, ".ssh", "known_hosts"), known);
    return { HOME };
  }
  const homes: string[] = [];
  const userKey = readFileSync(join(server.home, ".ssh", "id_rsa"));
  const known = readFileSync(join(server.home, ".ssh", "known_hosts"), "utf8");
  const received = { kind: "manifest", text: manifest.toString() };
  afterAll(() => homes.forEach((each) => void rmSync(each, { recursive: true })));

  test.each(["id_ed25519", "id_ecdsa", "id_rsa"])(
    "ORG-88: without password and agent, the key %s is used",
    async (name) => {
      for (const scheme of ["sftp", "scp"]) {
        expect(await askInChild([url(scheme)], home(name, known))).toEqual(received);
      }
    },
  );

  test("ORG-88: the first of them counts, and none where there is an agent or a password", async () => {
    const both = home("id_rsa", known);
    writeFileSync(join(both.HOME, ".ssh", "id_ed25519"), "no key", { mode: 0o600 });
    expect((await askInChild([url("sftp")], both))["message"]).toStartWith("curl failed");
    // curl itself looks for id_rsa only.
    const agent = { SSH_AUTH_SOCK: "/nonexistent" };
    expect(await askInChild([url("sftp")], { ...both, ...agent })).toEqual(received);
    const other = { ...home("id_ed25519", known), ...agent };
    expect((await askInChild([url("sftp")], other))["message"]).toStartWith("curl failed");
    const withPassword = url("sftp").replace("@", ":sesame@");
    const refused = await askInChild([withPassword], home("id_ed25519", known));
    expect(refused["message"]).toStartWith("curl failed with status 67");
  });

  describe.skipIf(!canMount)("with /etc/ssh/ssh_known_hosts", () => {
    /** A host where the file holds this. */
    function hostWide(text: string): readonly string[] {
      const file = join(home("id_rsa", undefined).HOME, "host-wide");
      writeFileSync(file, text);
      const script =
        'mount -t tmpfs tmpfs /etc/ssh && cp "$0" /etc/ssh/ssh_known_hosts && exec "$@"';
      return ["unshare", "--mount", "sh", "-c", script, file];
    }
    const folders = () => readdirSync("/tmp").filter((name) => name.startsWith("tako-ssh-"));
    const [place = "", kind = "", blob = ""] = known.split(" ");

    test.each([
      ["alone", undefined, known],
      ["beside a user's that has other servers", `other.example ${kind} ${blob}\n`, known],
      ["that does not end by a line feed", known.trim(), "other.example ssh-ed25519 AAAA"],
      ["with lines that begin with a mark", undefined, `@cert-authority * ${kind} x\n${known}`],
      ["with comments", undefined, `# ours\n\n \t\n${known}`],
    ])("ORG-89: it counts, %s", async (_, ofUser, ofHost) => {
      const before = folders();
      for (const scheme of ["sftp", "scp"]) {
        const env = home("id_ed25519", ofUser);
        expect(await askInChild([url(scheme)], env, hostWide(ofHost))).toEqual(received);
      }
      expect(folders()).toEqual(before);
    });

    test.each([
      ["another key", undefined, `${place} ssh-ed25519 ${blob.slice(0, -8)}AAAAAAAA\n`],
      ["none", undefined, "other.example ssh-ed25519 AAAA\n"],
      ["the key, revoked", known, `@revoked * ${kind} ${blob}\n`],
    ])("ORG-89: a server of which it has %s is refused", async (_, ofUser, ofHost) => {
      const env = home("id_ed25519", ofUser);
      const answer = await askInChild([url("sftp")], env, hostWide(ofHost));
      expect(answer["message"]).toStartWith("curl failed with status 60");
    });
  });

  function shown(scheme: string): string {
    return url(scheme).replace(/\/\/.*@/, "//***@");
  }
});
