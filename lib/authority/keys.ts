// Keys as PEM texts, and what of them signs. Ours are ECDSA P-256; an authority that somebody made with other tools may have another kind.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, webcrypto } from "node:crypto";
import { UserError } from "../core/failure.ts";

export interface KeyPair {
  /** PEM, PKCS#8 (RFC 5958), not encrypted. */
  privateKey: string;
  /** PEM, SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). */
  publicKey: string;
}

/** A new key: ECDSA P-256, which every TLS client of the last ten years takes. */
export function makeKeyPair(): KeyPair {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return pairOf(privateKey);
}

/** The public key that belongs to a private one. @throws Error for a text that holds no key, or an encrypted one */
export function publicKeyOf(privateKey: string): string {
  return pairOf(createPrivateKey(privateKey)).publicKey;
}

function pairOf(key: KeyObject): KeyPair {
  return {
    privateKey: key.export({ type: "pkcs8", format: "pem" }).toString(),
    publicKey: createPublicKey(key).export({ type: "spki", format: "pem" }).toString(),
  };
}

/** The DER form of a public key. @throws Error for a text that holds none */
export function spkiOf(publicKey: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createPublicKey(publicKey).export({ type: "spki", format: "der" }));
}

/** A key that signs, and how: a hash as strong as its curve. */
export interface SigningKey {
  key: webcrypto.CryptoKey;
  algorithm: { name: string; hash?: string };
}

const CURVES: Readonly<Record<string, { namedCurve: string; hash: string }>> = {
  prime256v1: { namedCurve: "P-256", hash: "SHA-256" },
  secp384r1: { namedCurve: "P-384", hash: "SHA-384" },
  secp521r1: { namedCurve: "P-521", hash: "SHA-512" },
};

/**
 * An authority's key for use: ECDSA on a NIST curve, RSA, or Ed25519.
 * @throws UserError for a key of another kind; Error for a text that holds no key, or an encrypted one
 */
export async function signingKey(privateKey: string): Promise<SigningKey> {
  const key = createPrivateKey(privateKey);
  const { algorithm, params } = kindOf(key);
  const der = new Uint8Array(key.export({ type: "pkcs8", format: "der" }));
  return { key: await webcrypto.subtle.importKey("pkcs8", der, params, false, ["sign"]), algorithm };
}

function kindOf(key: KeyObject): Pick<SigningKey, "algorithm"> & { params: { name: string } } {
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (curve !== undefined) {
    const { namedCurve, hash } = curve;
    return { algorithm: { name: "ECDSA", hash }, params: { name: "ECDSA", namedCurve } as { name: string } };
  }
  if (key.asymmetricKeyType === "rsa") {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return { algorithm, params: algorithm };
  }
  if (key.asymmetricKeyType === "ed25519") return { algorithm: { name: "Ed25519" }, params: { name: "Ed25519" } };
  const kind = [key.asymmetricKeyType, key.asymmetricKeyDetails?.namedCurve].filter((part) => part !== undefined);
  throw new UserError(
    `the authority's key is of a kind that cannot sign here: ${kind.join(" ")}`,
    "an authority needs an EC key (P-256, P-384, P-521), an RSA key or an Ed25519 key",
  );
}
