// The PEM files that [tls] names, read and looked at before anything listens with them.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { errorText, UserError } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import type { TlsMaterial } from "./listen.ts";
import type { ReceiverConfig } from "./settings.ts";

/**
 * Reads the files; null without [tls].
 * @throws UserError naming the setting whose file cannot be used
 */
export function readTls(tls: ReceiverConfig["tls"]): TlsMaterial | null {
  if (tls === null) return null;
  return {
    certificate: readPem("tls.certificate", tls.certificate),
    key: readPem("tls.key", tls.key),
    clientCa: tls.clientCa === null ? null : readPem("tls.client_ca", tls.clientCa),
  };
}

function readPem(setting: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UserError(
      `${setting}: cannot read ${path}: ${quoted(errorText(error))}`,
      "name a PEM file that this service may read",
    );
  }
  if (!text.includes("-----BEGIN ")) throw new UserError(`${setting}: ${path} is no PEM file`, "name a PEM file");
  return text;
}

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
