// Certificates for the TLS tests, made with openssl in a temporary directory.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Pair {
  /** PEM texts. */
  cert: string;
  key: string;
  /** Where they lie. */
  certFile: string;
  keyFile: string;
}

export interface Authority extends Pair {
  /** Signs a certificate; `days` below zero: it expired. */
  issue(name: string, options?: { san?: string; days?: number; cn?: string }): Pair;
  /** Another certificate for a pair that was issued, valid between two times as `20300101000000Z`. */
  reissue(name: string, from: string, to: string): Pair;
}

function openssl(dir: string, ...args: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...args], { cwd: dir, stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`openssl ${args[0]}: ${stderr.toString()}`);
}

function read(dir: string, name: string): Pair {
  const [certFile, keyFile] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8"), certFile, keyFile };
}

/** A certificate authority of its own. */
export function makeAuthority(dir: string): Authority {
  mkdirSync(dir, { recursive: true });
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(dir, "req", "-x509", ...ec, "-keyout", "ca.key", "-out", "ca.crt", "-days", "30", "-subj", "/CN=test CA");
  return {
    ...read(dir, "ca"),
    issue(name, { san, days = 30, cn = name } = {}) {
      openssl(
        dir,
        "req",
        ...ec,
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.csr`,
        "-subj",
        cn === "" ? "/O=nobody" : `/CN=${cn}`,
      );
      writeFileSync(join(dir, `${name}.ext`), san === undefined ? "" : `subjectAltName=${san}\n`);
      // biome-ignore format: one option and its value a pair
      openssl(dir, "x509", "-req", "-in", `${name}.csr`, "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
        "-out", `${name}.crt`, "-days", String(days), "-extfile", `${name}.ext`);
      return read(dir, name);
    },
    reissue(name, from, to) {
      const ca = `database=${dir}/index.txt\nnew_certs_dir=${dir}\nserial=${dir}/issued\ndefault_md=sha256\npolicy=p`;
      writeFileSync(
        join(dir, "ca.cnf"),
        `[ca]\ndefault_ca=d\n[d]\n${ca}\nunique_subject=no\n[p]\ncommonName=supplied\n`,
      );
      writeFileSync(join(dir, "index.txt"), "");
      writeFileSync(join(dir, "issued"), "1234\n");
      // biome-ignore format: one option and its value a pair
      openssl(dir, "ca", "-config", "ca.cnf", "-batch", "-notext", "-in", `${name}.csr`, "-cert", "ca.crt",
        "-keyfile", "ca.key", "-out", `${name}.crt`, "-startdate", from, "-enddate", to, "-extfile", `${name}.ext`);
      return read(dir, name);
    },
  };
}

/** A pair whose certificate nobody but itself has signed. */
export function selfSigned(dir: string, san: string): Pair {
  const subject = ["-subj", "/CN=self", "-addext", `subjectAltName=${san}`];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "self.key"];
  openssl(dir, "req", "-x509", ...key, "-out", "self.crt", "-days", "30", ...subject);
  return read(dir, "self");
}

/** The key of a pair behind a password. @returns its file */
export function lockKey({ keyFile }: Pair): string {
  openssl("/", "pkey", "-in", keyFile, "-aes256", "-passout", "pass:secret", "-out", `${keyFile}.locked`);
  return `${keyFile}.locked`;
}
