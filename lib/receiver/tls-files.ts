// The PEM files that [tls] names, read and looked at before anything listens with them.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { type PemFault, pemFault } from "../core/pem.ts";
import { explainUnreadable } from "../runtime/unreadable.ts";
import type { ReceiverConfig } from "./settings.ts";
import type { TlsMaterial } from "./tls-server.ts";

/**
 * Reads the files; null without [tls].
 * @throws UserError naming the setting whose file cannot be used
 */
export function readTls(tls: ReceiverConfig["tls"]): TlsMaterial | null {
  if (tls === null) return null;
  return {
    certificate: readPem("tls.certificate", tls.certificate, "certificate"),
    key: readPem("tls.key", tls.key, "key"),
    clientCa: tls.clientCa === null ? null : readPem("tls.client_ca", tls.clientCa, "certificate"),
  };
}

function readPem(setting: string, path: string, wanted: "certificate" | "key"): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { what, fix } = explainUnreadable(path, error, process.env);
    throw new UserError(`${setting}: ${path} ${what}`, fix ?? `name a file with ${A[wanted]}, as PEM`);
  }
  const fault = pemFault(text, wanted);
  if (fault !== null)
    throw new UserError(`${setting}: ${path} ${HOLDS[fault]}`, FIXES[fault] ?? `name a file with ${A[wanted]}, as PEM`);
  return text;
}

const A = { certificate: "certificates", key: "the private key of tls.certificate" } as const;

/** What a file is instead. */
const HOLDS: Readonly<Record<PemFault, string>> = {
  "no-pem": "is no PEM file",
  der: "is DER, and PEM is needed",
  key: "holds a private key and no certificate",
  certificate: "holds a certificate and no private key",
  request: "holds a request for a certificate, which nobody has signed yet",
  "public-key": "holds a public key",
  encrypted: "is encrypted, and a daemon has nobody who types its password",
};

const FIXES: Readonly<Partial<Record<PemFault, string>>> = {
  der: "write it as PEM: openssl x509 or openssl pkey, with -inform DER -in OLD -out NEW",
  encrypted: "take the password off: openssl pkey -in OLD -out NEW, readable for this service alone",
};

/**
 * Refuses a pair that cannot serve, before a running server takes it.
 * @throws UserError
 */
export function checkPair({ certificate, key }: TlsMaterial): void {
  let fits: boolean;
  try {
    fits = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new UserError(`the files of [tls] cannot be used: ${quoted(errorText(error))}`, "name PEM files");
  }
  if (!fits) throw new UserError("tls.key does not belong to tls.certificate", "name the key that it was made with");
}
