// Whether a file is what the holder of a key has signed.

import { createHash, createPublicKey, verify } from "node:crypto";
import { type PublicKey, parseSignature } from "../contract/minisign.ts";

/** `id`: of the key, `comment`: what the signer says of it. `why`: in words, of the signature. */
export type Signed = { kind: "signed"; id: string; comment: string } | { kind: "refused"; why: string };

/** @param signature the text of its `.minisig` @param keys those that count */
export function checkSigned(file: Uint8Array, signature: string, keys: readonly PublicKey[]): Signed {
  const parsed = parseSignature(signature);
  if (parsed === null) return { kind: "refused", why: "its signature is none of minisign's" };
  const key = keys.find(({ id }) => id === parsed.id);
  if (key === undefined) return { kind: "refused", why: `it is signed by ${parsed.id}, a key that is not known here` };
  const digest = createHash("blake2b512").update(file).digest();
  const signed = Buffer.concat([parsed.signature, Buffer.from(parsed.comment)]);
  const isGood = isOf(key, digest, parsed.signature) && isOf(key, signed, parsed.global);
  return isGood
    ? { kind: "signed", id: parsed.id, comment: parsed.comment }
    : { kind: "refused", why: `it is not what ${parsed.id} has signed` };
}

function isOf({ key }: PublicKey, bytes: Buffer, signature: Buffer): boolean {
  const jwk = { kty: "OKP", crv: "Ed25519", x: key.toString("base64url") };
  return verify(null, bytes, createPublicKey({ key: jwk, format: "jwk" }), signature);
}
