// Keys and signatures as minisign(1) writes them, so that anyone can check a release without labfleet. Pure.
// https://jedisct1.github.io/minisign/ (file formats)

export interface PublicKey {
  /** As minisign shows it: 16 hexadecimal digits, capitals. */
  id: string;
  /** Ed25519, 32 bytes. */
  key: Buffer;
}

export interface Signature {
  /** Of the key that made it. */
  id: string;
  /** Over the BLAKE2b-512 digest of the file. */
  signature: Buffer;
  /** What the signer says of the file, which is signed, too. */
  comment: string;
  /** Over the signature and the comment. */
  global: Buffer;
}

/** Of Ed25519, and of the same over a digest, which is all that minisign makes since 0.10. */
export const KEY_ALGORITHM = "Ed";
export const SIGNATURE_ALGORITHM = "ED";
export const ID_BYTES = 8;
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const TRUSTED = "trusted comment: ";

/** Reads a public key's file, or its second line alone; null: it is none. */
export function parsePublicKey(text: string): PublicKey | null {
  const bytes = bytesOf(text.trim().split("\n").at(-1) ?? "");
  if (bytes?.length !== 2 + ID_BYTES + KEY_BYTES || algorithmOf(bytes) !== KEY_ALGORITHM) return null;
  return { id: idText(bytes.subarray(2, 2 + ID_BYTES)), key: bytes.subarray(2 + ID_BYTES) };
}

/** The file of a public key. */
export function formatPublicKey(id: Buffer, key: Buffer): string {
  const bytes = Buffer.concat([Buffer.from(KEY_ALGORITHM), id, key]);
  return `untrusted comment: minisign public key ${idText(id)}\n${bytes.toString("base64")}\n`;
}

/** Reads the file of a signature; null: it is none, or is of a kind that is not taken. */
export function parseSignature(text: string): Signature | null {
  const [, first = "", trusted = "", last = ""] = text.split(/\r?\n/);
  const bytes = bytesOf(first);
  const global = bytesOf(last);
  if (bytes?.length !== 2 + ID_BYTES + SIGNATURE_BYTES || algorithmOf(bytes) !== SIGNATURE_ALGORITHM) return null;
  if (global?.length !== SIGNATURE_BYTES || !trusted.startsWith(TRUSTED)) return null;
  const id = idText(bytes.subarray(2, 2 + ID_BYTES));
  return { id, signature: bytes.subarray(2 + ID_BYTES), comment: trusted.slice(TRUSTED.length), global };
}

/** The file of a signature. @param comment one line @param id as it stands in the key */
export function formatSignature(id: Buffer, signature: Buffer, comment: string, global: Buffer): string {
  const bytes = Buffer.concat([Buffer.from(SIGNATURE_ALGORITHM), id, signature]);
  const first = `untrusted comment: signature from minisign secret key ${idText(id)}`;
  return `${[first, bytes.toString("base64"), TRUSTED + comment, global.toString("base64")].join("\n")}\n`;
}

/** Eight bytes as minisign shows them: the last one first. */
export function idText(id: Buffer): string {
  return Buffer.from(id).reverse().toString("hex").toUpperCase();
}

function algorithmOf(bytes: Buffer): string {
  return bytes.toString("latin1", 0, 2);
}

/** Null: it is not base64 as it is written. */
function bytesOf(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  return text !== "" && bytes.toString("base64") === text ? bytes : null;
}
