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

/** `X-Labfleet-Tree-Digest` value of the uncompressed tar's SHA-256, given in hex. */
export function formatTreeDigest(hex: string): string {
  return `sha256:${hex}`;
}

/** The hex digest of an `X-Labfleet-Tree-Digest` value, or "malformed". */
export function parseTreeDigest(value: string): string | "malformed" {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(value.trim())?.[1];
  return hex ?? "malformed";
}
