// What a tool shows the receiver: token and certificates, read afresh each time, so that a renewed one needs no restart.

import { readFile } from "node:fs/promises";
import { errorCode, errorText } from "../core/failure.ts";
import type { ReceiverEndpoint } from "../core/types.ts";
import type { TlsFiles } from "./upload.ts";

export interface Credentials {
  token: string | null;
  tls: TlsFiles;
}

/**
 * Reads the files that [receiver] names.
 * @throws Error with a sentence that names the setting
 */
export async function readCredentials(receiver: ReceiverEndpoint): Promise<Credentials> {
  const [ca, cert, key, tokenText] = await Promise.all([
    readCredential("ca_bundle", receiver.caBundle),
    readCredential("client_cert", receiver.clientCert),
    readCredential("client_key", receiver.clientKey),
    readCredential("bearer_token_file", receiver.bearerTokenFile),
  ]);
  const token = tokenText?.trim() ?? receiver.bearerToken;
  if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
    throw new Error("receiver.bearer_token is empty or has characters that no header can carry");
  }
  return { token, tls: { ca, cert, key, verify: receiver.verifyTls } };
}

async function readCredential(key: string, path: string | null): Promise<string | null> {
  if (path === null) return null;
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new Error(`cannot read receiver.${key} ${path}: ${errorCode(error) ?? errorText(error)}`);
  }
  if (key === "bearer_token_file" || text.includes("-----BEGIN ")) return text;
  throw new Error(`receiver.${key} ${path} holds no PEM text`);
}
