// What is made is looked at by other eyes before it is put anywhere: OpenSSL, in Bun, reads it as hosts will.

import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIssuedBy } from "../listen/own-authority.ts";

/**
 * Proves that an authority's certificate vouches for another one, and that this belongs to a key. All are PEM.
 * @throws Error, a bug: nothing of it may be written
 */
export function prove(certificate: string, authority: string, privateKey: string): void {
  if (!isIssuedBy(certificate, authority)) throw new Error("the new certificate is not one of its authority");
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey)))
    throw new Error("the new certificate does not belong to its key");
}
