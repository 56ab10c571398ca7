// SHA-256 digests in the three spellings that labfleet meets: hex, Repr-Digest (RFC 9530), X-Labfleet-Tree-Digest. Pure.

const HEX = /^[0-9a-f]{64}$/;

/** True for 64 lower-case hex digits. */
export function isSha256Hex(text: unknown): text is string {
  return typeof text === "string" && HEX.test(text);
}

/** `Repr-Digest` field value (RFC 9530 §3) of a SHA-256 digest given in hex. */
export function formatReprDigest(hex: string): string {
  return `sha-256=:${Buffer.from(hex, "hex").toString("base64")}:`;
}

/**
 * The SHA-256 digest of a `Repr-Digest` value, in hex.
 * @returns null when the field has no sha-256 member; "malformed" when it has one that is not 32 bytes of base64
 */
export function parseReprDigest(value: string): string | null | "malformed" {
  for (const member of value.split(",")) {
    const match = /^\s*sha-256\s*=(.*)$/.exec(member);
    if (match === null) continue;
    const base64 = /^:([A-Za-z0-9+/]{43}=):\s*$/.exec(match[1] ?? "")?.[1];
    if (base64 === undefined) return "malformed";
    return Buffer.from(base64, "base64").toString("hex");
  }
  return null;
}

/** A tar format other than the first, and the digest of a tar of that format. */
const LATER_TREE = /^v([2-9]|[1-9]\d{1,2}):[0-9a-f]{64}$/;

/**
 * True for the digest of an uncompressed tar as memory and JSON have it: plain hex where the tar is of format 1, the only one
 * of older releases, else `v<format>:<hex>`. Two that are of different formats say nothing about each other.
 */
export function isTreeDigest(text: unknown): text is string {
  return isSha256Hex(text) || (typeof text === "string" && LATER_TREE.test(text));
}

/** `X-Labfleet-Tree-Digest` value of a tree digest. */
export function formatTreeDigest(tree: string): string {
  return isSha256Hex(tree) ? `sha256:${tree}` : tree;
}

/** The tree digest of an `X-Labfleet-Tree-Digest` value, or "malformed". */
export function parseTreeDigest(value: string): string | "malformed" {
  const text = value.trim();
  if (LATER_TREE.test(text)) return text;
  return /^sha256:([0-9a-f]{64})$/.exec(text)?.[1] ?? "malformed";
}
