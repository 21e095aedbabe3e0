// What must not steer the program: files of the working directory, the environment, and the tree it
// was built from. What the environment can do all the same is proved in tests/systemd/environment.test.ts.

import { describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { emptyHost, type Host } from "../support/host.ts";
import { needs } from "../support/needs.ts";
import { environment, type Program, programs } from "../support/program.ts";
import { key } from "../support/publishing.ts";

const root = join(import.meta.dir, "../..");
const strace = needs("strace");

/** Notes that it ran, where the test can see it. */
const PLANTED = `require("node:fs").writeFileSync(process.env.PWD_OF_TEST + "/ran", "");\n`;

const VARIABLES = [
  `TAKO_SECRET_KEY=${key.secret}`,
  "TAKO_DEBUG=1",
  "BUN_OPTIONS=--preload=./planted.js",
  "NODE_TLS_REJECT_UNAUTHORIZED=0",
  "HTTP_PROXY=http://127.0.0.1:9",
  "PATH=/nowhere",
  "",
].join("\n");

const PATHS = JSON.stringify({
  compilerOptions: {
    baseUrl: ".",
    paths: { "*": ["./planted.js"], "node:fs": ["./planted.js"], citty: ["./planted.js"] },
  },
});

/** All that Bun, Node and TypeScript look for where they are started. */
const FILES: Readonly<Record<string, string>> = {
  "planted.js": PLANTED,
  ".env": VARIABLES,
  ".env.local": VARIABLES,
  ".env.production": VARIABLES,
  ".env.development": VARIABLES,
  "bunfig.toml":
    'preload = ["./planted.js"]\n[run]\nsilent = false\n[test]\npreload = "./planted.js"\n',
  ".bunfig.toml": 'preload = ["./planted.js"]\n',
  ".npmrc": "registry=http://127.0.0.1:9\n",
  ".noderc": "--require ./planted.js\n",
  ".curlrc": "url = http://127.0.0.1:9\n",
  "tsconfig.json": PATHS,
  "jsconfig.json": PATHS,
  "package.json": JSON.stringify({
    name: "tako",
    type: "module",
    main: "planted.js",
    exports: "./planted.js",
    imports: { "#planted": "./planted.js" },
    scripts: { tako: "touch ran", pretako: "touch ran" },
    workspaces: ["*"],
  }),
  "node_modules/citty/index.js": PLANTED,
  "node_modules/citty/package.json": '{"name":"citty","main":"index.js"}',
  "node_modules/smol-toml/index.js": PLANTED,
  "node_modules/@noble/ed25519/index.js": PLANTED,
  "node_modules/@noble/hashes/sha2.js": PLANTED,
  "node_modules/bun/index.js": PLANTED,
  "src/main.ts": PLANTED,
  fetch: PLANTED,
  "store.ts": PLANTED,
};

/** Variables of Bun, Node and the system that do nothing to Tako. `@` is the folder of the test. */
const MEANINGLESS: Readonly<Record<string, string>> = {
  NODE_OPTIONS: "--require @/planted.js --import @/planted.js",
  NODE_PATH: "@/node_modules",
  BUN_INSTALL: "@",
  BUN_CONFIG_FILE: "@/bunfig.toml",
  XDG_CONFIG_HOME: "@",
  HOME: "@",
  CURL_HOME: "@",
  TMPDIR: "@/nowhere",
  BUN_TMPDIR: "@/nowhere",
  NODE_ENV: "test",
  BUN_ENV: "production",
  BUN_CONFIG_VERBOSE_FETCH: "curl",
  BUN_CONFIG_REGISTRY: "http://127.0.0.1:9",
  NODE_DEBUG: "fs,http,net",
  NODE_TLS_REJECT_UNAUTHORIZED: "0",
  TZ: "Nowhere/Else",
  LANG: "tr_TR.UTF-8",
  LC_ALL: "tr_TR.UTF-8",
};

/**
 * From its sources the program is run by Bun, which looks for paths in the tsconfig.json where it is
 * started; `bun run tako` starts it in the project.
 */
function plant(host: Host, program: Program): void {
  for (const [name, content] of Object.entries(FILES)) {
    if (program.name === "sources" && content === PATHS) continue;
    mkdirSync(dirname(host.at(name)), { recursive: true });
    host.write(name, content);
  }
}

for (const program of programs) {
  describe(program.name, () => {
    /** What a day's commands say and leave, in a host of their own. */
    async function day(host: Host, env: Readonly<Record<string, string>>) {
      const folder = host.folder;
      const run = async (...args: string[]) => {
        const { status, stdout, stderr } = await program.run(args, {
          cwd: folder,
          env: { PWD_OF_TEST: folder, ...env },
        });
        return [args[0], status, stdout, stderr.replaceAll(folder, "@")];
      };
      host.publish(["1", "bytes"]);
      host.write("image", "more bytes");
      host.write("secret", `${key.secret}\n`);
      const config = host.config("app");
      const said = await Promise.all([run("--help"), run("store", "-o", "origin", "image", "2")]);
      const fetched = await run("fetch", config);
      const stored = await run("store", "-f", "secret", "-o", "origin", "image", "2");
      return [...said, fetched, stored, await run("fetch", config), host.read("app", "manifest")];
    }

    test("PUB-1, CLI-12: no file of the working directory steers the program", async () => {
      using clean = emptyHost();
      using planted = emptyHost();
      plant(planted, program);
      const [expected, said] = await Promise.all([day(clean, {}), day(planted, {})]);
      expect(expected.slice(0, -1).map((each) => [each[0], each[1]])).toEqual([
        ["--help", 0],
        ["store", 2],
        ["fetch", 0],
        ["store", 0],
        ["fetch", 0],
      ]);
      expect(said).toEqual(expected);
      expect(existsSync(planted.path("ran"))).toBe(false);
    });

    test("ORG-12, CLI-24: variables of the runtime change neither what is done nor what is said", async () => {
      using clean = emptyHost();
      using planted = emptyHost();
      plant(planted, program);
      const env = Object.entries(MEANINGLESS).map(([name, value]) => [
        name,
        value.replaceAll("@", planted.folder),
      ]);
      const [expected, said] = await Promise.all([
        day(clean, {}),
        day(planted, Object.fromEntries(env)),
      ]);
      expect(said).toEqual(expected);
      expect(existsSync(planted.path("ran"))).toBe(false);
    });

    test("ORG-90: BUN_CONFIG_VERBOSE_FETCH does not print the password of an origin", async () => {
      using host = emptyHost();
      const asked: (string | null)[] = [];
      const server = Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: ({ headers }) => {
          asked.push(headers.get("Authorization"));
          return new Response("no manifest");
        },
      });
      const config = host.config("app", {
        Origin: `http://user:a-secret-word@127.0.0.1:${server.port}`,
      });
      for (const BUN_CONFIG_VERBOSE_FETCH of ["1", "true", "curl"]) {
        const env = { BUN_CONFIG_VERBOSE_FETCH };
        const { status, stdout, stderr } = await program.run(["fetch", config], {
          cwd: host.folder,
          env,
        });
        expect([status, stdout]).toEqual([69, ""]);
        // An error, its hint, and nothing else.
        expect(stderr.split("\n")).toHaveLength(3);
        expect(stderr).not.toMatch(/a-secret-word|Basic|Authorization/i);
      }
      const basic = `Basic ${btoa("user:a-secret-word")}`;
      expect(asked).toEqual([basic, basic, basic]);
      await server.stop(true);
    });

    test("PUB-6: a crash of the runtime shows no key that came by environment, file or credential", async () => {
      using host = emptyHost();
      chmodSync(host.write("tako-secret-key", `${key.secret}\n`), 0o600);
      for (const origin of ["a", "b", "c"]) mkdirSync(host.at(origin));
      await Promise.all(
        [
          [["store", "--new", "-o", "a", "-", "1"], { TAKO_SECRET_KEY: key.secret }],
          [["store", "--new", "-o", "b", "-f", "tako-secret-key", "-", "1"], {}],
          [["store", "--new", "-o", "c", "-", "1"], { CREDENTIALS_DIRECTORY: host.folder }],
        ].map(async ([args, env]) => {
          const child = Bun.spawn(program.command(args as string[]), {
            cwd: host.folder,
            env: environment(env as Record<string, string>),
            stdin: "pipe",
            stdout: "pipe",
            stderr: "pipe",
          });
          // It has its key and the lock once it says something.
          const reader = child.stderr.getReader();
          const decoder = new TextDecoder();
          let said = decoder.decode((await reader.read()).value);
          child.kill("SIGSEGV");
          for (let part = await reader.read(); !part.done; part = await reader.read())
            said += decoder.decode(part.value, { stream: true });
          await child.exited;
          expect(said).toMatch(/^tako: warning: starting a new manifest/);
          expect(child.signalCode).toBe("SIGSEGV");
          const all = said + (await child.stdout.text());
          for (const secret of [key.secret.slice(7, 50), key.secret.slice(-40)])
            expect(all).not.toContain(secret);
        }),
      );
    });
  });
}

const binary = programs.find(({ name }) => name === "binary");

test.skipIf(!binary)("CLI-5: BUN_OPTIONS adds no word to the arguments of the binary", async () => {
  using host = emptyHost();
  const env = { BUN_OPTIONS: "gen-key --output=key -- gen-key" };
  const { status, stdout } = await binary!.run(["--version"], { cwd: host.folder, env });
  expect([status, stdout.slice(0, 5)]).toEqual([0, "tako "]);
  expect(existsSync(host.at("key"))).toBe(false);
});

test.skipIf(strace.missing || !binary)("the binary opens nothing of the source tree", async () => {
  using host = emptyHost();
  host.publish(["1", "bytes"]);
  const binary = host.at("tako");
  copyFileSync(join(root, "dist/tako"), binary);
  const log = host.at("log");
  const traced = ["strace", "-f", "-o", log, "-e", "trace=%file", binary];
  for (const args of [["--help"], ["fetch", host.config("app")], ["gen-key"], ["fetsh"]]) {
    const child = Bun.spawn([...traced, ...args], {
      cwd: host.folder,
      env: environment(),
      stdio: ["ignore", "ignore", "ignore"],
    });
    expect(await child.exited).toBe(args[0] === "fetsh" ? 2 : 0);
    const calls = host.read("log");
    expect(calls).toContain(binary);
    expect(calls).not.toContain(`${root}/`);
  }
});
