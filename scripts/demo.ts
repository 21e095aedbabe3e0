// `bun run demo`: the whole of Tako's job in a temporary folder, with `tako serve` on 127.0.0.1. No root, no systemd.
// Every `tako` is the real program. What must be true after it is checked; the exit status is 1 if something is not.

import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

const program = join(import.meta.dir, "../src/main.ts");
const folder = await mkdtemp(join(tmpdir(), "tako-demo-"));
const origin = join(folder, "origin");
const manifest = join(origin, "manifest");
/** The exit status when what was received is not authentic. */
const REFUSED = 65;
const UNREACHABLE = 69;

/** `tako serve` of the origin, once it runs. */
let server: Bun.Subprocess | undefined;
let originLine = "";

try {
  await demo();
  say("All of this went as it should.");
} catch (error) {
  say(`FAILED: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
} finally {
  server?.kill();
  await server?.exited;
  await rm(folder, { recursive: true, force: true });
}

async function demo(): Promise<void> {
  say("A publisher makes a key pair: the secret key in a file, the public key for all hosts.");
  const publicKey = (await tako("gen-key --output secret.key")).trim();

  say("The publisher puts version 1.0.0 into a directory, the origin.");
  await mkdir(origin);
  await publish("1.0.0", "--new ");

  say("Any static web server could serve that directory. Here Tako does.");
  await serve();

  say("A host has a config:");
  await configure(publicKey, "1.*");

  say("The host fetches the newest version that its config allows.");
  await mkdir(join(folder, "images"));
  await tako("fetch app.tako");
  await expectInUse("1.0.0");

  say("The publisher adds a minor version and a major one.");
  const firstManifest = await readFile(manifest);
  await publish("1.1.0");
  await publish("2.0.0");

  say("The host allows 1.* only: it moves to 1.1.0, not to 2.0.0.");
  await tako("fetch app.tako");
  await expectInUse("1.1.0");

  say("When nothing is new, a run changes nothing. A timer does this several times a day.");
  await tako("fetch app.tako");
  await expectInUse("1.1.0");

  say("The host allows any version now. But somebody changed one byte of 2.0.0 at the origin.");
  await configure(publicKey, "*");
  await flipByte(join(origin, "store", bytesToHex(sha256(imageOf("2.0.0")))));
  await tako("fetch app.tako", REFUSED);
  await expectInUse("1.1.0");

  say("The publisher stores 2.0.0 again, which repairs the origin.");
  await publish("2.0.0");
  await tako("fetch app.tako");
  await expectInUse("2.0.0");

  say("A cache serves the very first manifest again, which is signed correctly. The host stays.");
  const goodManifest = await readFile(manifest);
  await replace(manifest, firstManifest);
  await tako("fetch app.tako", UNREACHABLE);
  await expectInUse("2.0.0");

  say("Somebody changes one byte of the manifest.");
  await replace(manifest, goodManifest);
  await flipByte(manifest);
  await tako("fetch app.tako", REFUSED);
  await expectInUse("2.0.0");
}

async function publish(version: string, option = ""): Promise<void> {
  await Bun.write(join(folder, `app-${version}.img`), imageOf(version));
  await tako(`store ${option}-f secret.key -o origin app-${version}.img ${version}`);
}

/** Starts the origin; its first line is the one for a config. */
async function serve(): Promise<void> {
  console.log("$ tako serve origin &");
  const child = Bun.spawn([process.execPath, program, "serve", "origin"], {
    cwd: folder,
    env: {},
    stdio: ["ignore", "pipe", "ignore"],
  });
  server = child;
  for await (const line of child.stdout.pipeThrough(new TextDecoderStream())) {
    originLine = line.trim();
    break;
  }
  console.log(originLine);
}

/** About a megabyte. An image may be any file: Tako does not look into it. */
function imageOf(version: string): Uint8Array {
  return new TextEncoder().encode(`This is app ${version}.\n`.repeat(50_000));
}

async function configure(publicKey: string, pattern: string): Promise<void> {
  const config = [
    originLine,
    `PublicKey=${publicKey}`,
    "Destination=images",
    `Version=${pattern}`,
  ].join("\n");
  await Bun.write(join(folder, "app.tako"), `${config}\n`);
  console.log(`$ cat app.tako\n${config}`);
}

/** Runs the program in the folder and shows what it says. @returns its standard output */
async function tako(words: string, expectedStatus = 0): Promise<string> {
  console.log(`$ tako ${words}`);
  const child = Bun.spawn([process.execPath, program, ...words.split(" ")], {
    cwd: folder,
    env: {}, // no proxy, and no key of the user's
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  process.stdout.write(stderr + stdout);
  if (status !== 0) console.log(`(exit status ${status})`);
  if (status !== expectedStatus) {
    throw new Error(`"tako ${words}" should have ended with status ${expectedStatus}`);
  }
  return stdout;
}

/** Checks that `images/latest` leads to the image of this version, whole. */
async function expectInUse(version: string): Promise<void> {
  const image = await readFile(join(folder, "images/latest"));
  const [firstLine] = image.toString().split("\n");
  console.log(`$ head -n 1 images/latest\n${firstLine}`);
  if (!image.equals(imageOf(version))) throw new Error(`version ${version} should be in use`);
}

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await replace(path, bytes);
}

/** Published files are read-only: they are removed and made anew. */
async function replace(path: string, bytes: Uint8Array): Promise<void> {
  await rm(path);
  await Bun.write(path, bytes);
}

function say(text: string): void {
  console.log(`\n# ${text}`);
}
