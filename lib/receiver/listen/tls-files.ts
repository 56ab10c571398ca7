// The PEM files that [tls] names, read and looked at before anything listens with them.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { UserError } from "../../core/failure.ts";
import type { Fix } from "../../core/finding.ts";
import { type PemFault, pemFault } from "../../core/pem.ts";
import { asPem, bothPublicKeys, withoutPassword } from "../../core/pem-fix.ts";
import { shellLine } from "../../core/text/shell-quote.ts";
import { explainUnreadable } from "../../runtime/unreadable.ts";
import type { ReceiverConfig } from "../settings.ts";
import type { TlsMaterial } from "./tls-server.ts";

type Files = NonNullable<ReceiverConfig["tls"]>;
export type Kind = "certificate" | "key";

/**
 * Reads the files; null without [tls].
 * @throws UserError naming the setting whose file cannot be used
 */
export function readTls(tls: ReceiverConfig["tls"]): TlsMaterial | null {
  if (tls === null) return null;
  const material = {
    certificate: readPem("tls.certificate", tls.certificate, "certificate"),
    key: readPem("tls.key", tls.key, "key"),
    clientCa: tls.clientCa === null ? null : readPem("tls.client_ca", tls.clientCa, "certificate"),
  };
  checkPair(tls, material);
  return material;
}

/** What is said of a file where it is not what a setting of the daemon names. */
export interface PemWords {
  /** What is to be done when it is not there, or another file. */
  elsewhere: string;
  /** Why no password helps. */
  locked: string;
}

/**
 * Reads a certificate or a key that can be used.
 * @param name what the file is: the setting that names it
 * @throws UserError that begins with `name` and the path
 */
export function readPem(name: string, path: string, kind: Kind, words: Partial<PemWords> = {}): string {
  const { elsewhere = named(kind), locked = "a daemon has nobody who types its password" } = words;
  let text: string;
  try {
    text = readRegular(path);
  } catch (error) {
    const { what, fix } = explainUnreadable(path, error, process.env);
    throw new UserError(`${name}: ${path} ${what}`, fix ?? elsewhere);
  }
  const fault = pemFault(text, kind);
  if (fault !== null) {
    const holds = fault === "encrypted" ? `is encrypted, and ${locked}` : HOLDS[fault];
    throw new UserError(`${name}: ${path} ${holds}`, mended(fault, path, kind) ?? elsewhere);
  }
  const parse = kind === "key" ? createPrivateKey : (pem: string) => new X509Certificate(pem);
  try {
    parse(text);
  } catch {
    const what = "is damaged: what stands between its BEGIN and END cannot be read";
    throw new UserError(`${name}: ${path} ${what}`, `put ${A[kind]}, as PEM, there again`);
  }
  return text;
}

/** Nobody waits for a pipe that has its name. @throws Error of the system */
function readRegular(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(fd).isFile() && !fstatSync(fd).isDirectory())
      throw Object.assign(new Error(`EINVAL: ${path} is no regular file`), { code: "EINVAL" });
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

const A = { certificate: "the certificate", key: "the private key of tls.certificate" } as const;

function named(kind: Kind): string {
  return `put ${A[kind]}, as PEM, there, or name in [tls] where it lies`;
}

/** What a file is instead. */
const HOLDS: Readonly<Record<Exclude<PemFault, "encrypted">, string>> = {
  "no-pem": "is no PEM file",
  der: "is DER, and PEM is needed",
  key: "holds a private key and no certificate",
  certificate: "holds a certificate and no private key",
  request: "holds a request for a certificate, which nobody has signed yet",
  "public-key": "holds a public key",
};

function mended(fault: PemFault, path: string, kind: Kind): Fix | null {
  if (fault === "der") return { text: "write it as PEM", commands: asPem(path, kind, "here") };
  if (fault === "encrypted") return { text: "take the password off", commands: withoutPassword(path, "here") };
  return null;
}

/** Refuses a pair that cannot serve, before a running server takes it. */
function checkPair(tls: Files, { certificate, key }: TlsMaterial): void {
  if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return;
  const [ofCertificate, ofKey] = bothPublicKeys(tls.certificate, tls.key).map(({ argv }) => shellLine(argv));
  throw new UserError(
    `tls.key ${tls.key} does not belong to tls.certificate ${tls.certificate}`,
    `name in [tls] the key that the certificate was made for: of that one \`${ofKey}\` shows the same as \`${ofCertificate}\``,
  );
}
