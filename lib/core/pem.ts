// What a file of certificates or a key is, by its PEM labels (RFC 7468): told before TLS, which says "unable to verify" or a
// number of OpenSSL's instead. Pure; whether what stands between the labels is right is not looked at.

/** What a file is instead of what it should be. */
export type PemFault = "no-pem" | "der" | "key" | "certificate" | "request" | "public-key" | "encrypted";

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/;
const ENCRYPTED = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m;

/** @param wanted what the file should hold @returns null: it does */
export function pemFault(text: string, wanted: "certificate" | "key"): PemFault | null {
  if (wanted === "certificate") return CERTIFICATE.test(text) ? null : otherwise(text);
  if (!PRIVATE_KEY.test(text)) return otherwise(text);
  return ENCRYPTED.test(text) ? "encrypted" : null;
}

/** Whether a file holds a private key, whatever else it holds. */
export function hasPrivateKey(text: string): boolean {
  return PRIVATE_KEY.test(text);
}

function otherwise(text: string): PemFault {
  if (PRIVATE_KEY.test(text)) return "key";
  if (CERTIFICATE.test(text)) return "certificate";
  if (text.includes("-----BEGIN CERTIFICATE REQUEST-----")) return "request";
  if (text.includes("-----BEGIN PUBLIC KEY-----")) return "public-key";
  // A SEQUENCE of ASN.1, and bytes that are no text.
  return /^0[\s\S]{0,63}[\ufffd\0]/.test(text) ? "der" : "no-pem";
}
