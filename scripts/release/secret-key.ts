// The key that signs releases, in minisign's own file: `minisign -S` takes it, too. It stays with whoever makes releases.

import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, scryptSync, sign } from "node:crypto";
import { formatPublicKey, formatSignature, ID_BYTES, KEY_ALGORITHM } from "../../lib/contract/minisign.ts";
import { UserError } from "../../lib/core/failure.ts";

export interface SecretKey {
  id: Buffer;
  /** Ed25519: seed and public key, 32 bytes each. */
  pair: Buffer;
}

/** What guessing a password costs: work, and bytes of memory. */
export interface Limits {
  work: number;
  memory: number;
}

/** What libsodium calls sensitive, as minisign takes it: a gigabyte. */
const SENSITIVE: Limits = { work: 33_554_432, memory: 1_073_741_824 };
/** A file that asks for more would take all memory of the machine. */
const MEMORY_MAX = 4 * SENSITIVE.memory;
const SALT_BYTES = 32;
const PAIR_BYTES = 64;
const CHECK_BYTES = 32;
const SECRET_BYTES = ID_BYTES + PAIR_BYTES + CHECK_BYTES;
/** Algorithm, key derivation and checksum, two letters each; salt and both limits. */
const HEAD_BYTES = 6 + SALT_BYTES + 16;
const [WITH_PASSWORD, WITHOUT] = ["Sc", "\0\0"];

/** A new one. */
export function newKey(): SecretKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  const { d = "", x = "" } = privateKey.export({ format: "jwk" });
  return { id: randomBytes(ID_BYTES), pair: Buffer.concat([Buffer.from(d, "base64url"), Buffer.from(x, "base64url")]) };
}

/** The file of its public key. */
export function publicText({ id, pair }: SecretKey): string {
  return formatPublicKey(id, pair.subarray(32));
}

/** Its file. @param password null: it is kept as it is */
export function formatSecretKey(key: SecretKey, password: string | null, cost = SENSITIVE): string {
  const salt = password === null ? Buffer.alloc(SALT_BYTES) : randomBytes(SALT_BYTES);
  const limits = Buffer.alloc(16);
  if (password !== null) {
    limits.writeBigUInt64LE(BigInt(cost.work), 0);
    limits.writeBigUInt64LE(BigInt(cost.memory), 8);
  }
  const secret = Buffer.concat([key.id, key.pair, checkOf(key)]);
  const algorithms = Buffer.from(`${KEY_ALGORITHM}${password === null ? WITHOUT : WITH_PASSWORD}B2`, "latin1");
  const bytes = Buffer.concat([
    algorithms,
    salt,
    limits,
    password === null ? secret : hidden(secret, password, salt, cost),
  ]);
  return `untrusted comment: minisign ${password === null ? "" : "encrypted "}secret key\n${bytes.toString("base64")}\n`;
}

/** Whether it needs a password to be read. @throws UserError: it is no key */
export function isEncrypted(text: string, file: string): boolean {
  return derivationOf(bytesOf(text, file)) === WITH_PASSWORD;
}

/** @param password null: none was given @throws UserError: it is no key, or the password is another */
export function parseSecretKey(text: string, file: string, password: string | null): SecretKey {
  const bytes = bytesOf(text, file);
  const kept = bytes.subarray(HEAD_BYTES);
  const salt = bytes.subarray(6, 6 + SALT_BYTES);
  const [work, memory] = [6 + SALT_BYTES, 14 + SALT_BYTES].map((at) => Number(bytes.readBigUInt64LE(at)));
  const cost = { work: work ?? 0, memory: memory ?? 0 };
  if (Math.max(cost.work, cost.memory) > MEMORY_MAX)
    throw new UserError(`${file}: the key is damaged: it asks for ${cost.memory} bytes of memory to be read`);
  const secret = derivationOf(bytes) === WITH_PASSWORD ? hidden(kept, password ?? "", salt, cost) : kept;
  const key = {
    id: secret.subarray(0, ID_BYTES),
    pair: secret.subarray(ID_BYTES, ID_BYTES + PAIR_BYTES),
  };
  if (checkOf(key).equals(secret.subarray(ID_BYTES + PAIR_BYTES))) return key;
  throw new UserError(`${file}: ${password === null ? "the key is damaged" : "the password is another"}`);
}

/** The text of a `.minisig`. @param comment one line, which is signed, too */
export function signFile(key: SecretKey, file: Uint8Array, comment: string): string {
  const [seed, pub] = [key.pair.subarray(0, 32), key.pair.subarray(32)];
  const jwk = { kty: "OKP", crv: "Ed25519", d: seed.toString("base64url"), x: pub.toString("base64url") };
  const secret = createPrivateKey({ key: jwk, format: "jwk" });
  const signature = sign(null, createHash("blake2b512").update(file).digest(), secret);
  return formatSignature(
    key.id,
    signature,
    comment,
    sign(null, Buffer.concat([signature, Buffer.from(comment)]), secret),
  );
}

function bytesOf(text: string, file: string): Buffer {
  const bytes = Buffer.from(text.trim().split("\n").at(-1) ?? "", "base64");
  if (bytes.length === HEAD_BYTES + SECRET_BYTES && bytes.toString("latin1", 0, 2) === KEY_ALGORITHM) return bytes;
  throw new UserError(`${file} is no secret key of minisign`, "bun run release keygen");
}

function derivationOf(bytes: Buffer): string {
  return bytes.toString("latin1", 2, 4);
}

/** The same twice is what it was. */
function hidden(secret: Buffer, password: string, salt: Buffer, cost: Limits): Buffer {
  const stream = scryptSync(password, salt, SECRET_BYTES, scryptOf(cost));
  return Buffer.from(secret.map((byte, i) => byte ^ (stream[i] ?? 0)));
}

/** How libsodium makes scrypt's parameters (RFC 7914) of its limits (pickparams of crypto_pwhash_scryptsalsa208sha256). */
function scryptOf({ work, memory }: Limits): { N: number; r: number; p: number; maxmem: number } {
  const r = 8;
  const isByWork = work < memory / 32;
  const most = isByWork ? work / (r * 4) : memory / (r * 128);
  const N = 2 ** Math.max(1, Math.floor(Math.log2(most)));
  const p = isByWork ? 1 : Math.max(1, Math.floor(work / 4 / N / r));
  return { N, r, p, maxmem: 2 * 128 * r * N };
}

function checkOf({ id, pair }: SecretKey): Buffer {
  return Buffer.from(
    new Bun.CryptoHasher("blake2b256").update(Buffer.concat([Buffer.from(KEY_ALGORITHM), id, pair])).digest(),
  );
}
