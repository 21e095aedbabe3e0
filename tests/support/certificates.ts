// Certificates of a private authority, made by openssl for one test run.
//
// Needs `needs("openssl")`.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  /** Paths of PEM files. */
  readonly certificate: string;
  readonly key: string;
  /** The same as texts. */
  readonly pem: { readonly cert: string; readonly key: string };
}

export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), "tako-certificates-"));
  /** The authority's own certificate, a path. */
  readonly root = join(this.#folder, "root.pem");

  constructor() {
    this.#make("root", "/CN=Tako test authority", ["-x509", "-days", "2"]);
  }

  /**
   * A certificate signed by this authority.
   *
   * @param names as openssl takes them: `IP:127.0.0.1,DNS:localhost`
   * @param days until it expires; negative for one that has expired
   */
  issue(name: string, names: string, days = 2): Certificate {
    this.#make(name, `/CN=${name}`, []);
    const extensions = this.#path(`${name}.ext`);
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    const signer = ["-CA", this.root, "-CAkey", this.#path("root.key"), "-CAcreateserial"];
    const request = ["x509", "-req", "-in", this.#path(`${name}.pem`), "-days", `${days}`];
    openssl([...request, ...signer, "-extfile", extensions, "-out", this.#path(`${name}.crt`)]);
    return this.#certificate(name, "crt");
  }

  /** The same, valid from one moment to another: as ASN.1 has them, `20400101000000Z` say. */
  issueFor(name: string, names: string, from: string, to: string): Certificate {
    this.#make(name, `/CN=${name}`, []);
    const config = this.#path(`${name}.cnf`);
    writeFileSync(this.#path(`${name}.index`), "");
    const lines = [
      "[ca]\ndefault_ca=this\n[this]",
      `database=${this.#path(`${name}.index`)}`,
      `new_certs_dir=${this.#folder}`,
      "rand_serial=yes\ndefault_md=sha256\npolicy=policy",
      `[policy]\ncommonName=supplied\n[names]\nsubjectAltName=${names}\n`,
    ];
    writeFileSync(config, lines.join("\n"));
    const signer = ["-cert", this.root, "-keyfile", this.#path("root.key"), "-extensions", "names"];
    const files = ["-in", this.#path(`${name}.pem`), "-out", this.#path(`${name}.crt`)];
    const valid = ["-startdate", from, "-enddate", to];
    openssl(["ca", "-batch", "-notext", "-config", config, ...signer, ...valid, ...files]);
    return this.#certificate(name, "crt");
  }

  /** One that nobody signed but itself. */
  selfSigned(name: string, names: string): Certificate {
    this.#make(name, `/CN=${name}`, ["-x509", "-days", "2", "-addext", `subjectAltName=${names}`]);
    return this.#certificate(name, "pem");
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** A key, and a request or certificate for it. */
  #make(name: string, subject: string, options: readonly string[]): void {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-keyout", this.#path(`${name}.key`), "-out", this.#path(`${name}.pem`)];
    openssl(["req", ...key, "-subj", subject, ...options, ...files]);
  }

  #certificate(name: string, suffix: string): Certificate {
    const certificate = this.#path(`${name}.${suffix}`);
    const key = this.#path(`${name}.key`);
    const pem = { cert: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") };
    return { certificate, key, pem };
  }

  #path(file: string): string {
    return join(this.#folder, file);
  }
}

function openssl(args: readonly string[]): void {
  const { success, stderr } = Bun.spawnSync(["openssl", ...args]);
  if (!success) throw new Error(`openssl ${args[0]}: ${stderr.toString()}`);
}
