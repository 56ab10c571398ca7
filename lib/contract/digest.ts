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

const KEY = "[a-z*][a-z0-9_.*-]*";
/** Byte sequence, string, boolean, number or date, token. */
const BARE_ITEM = String.raw`:[^:]*:|"(?:[^"\\]|\\["\\])*"|\?[01]|@?-?\d+(?:\.\d+)?|[A-Za-z*][^\s",;=]*`;
/** A member of a dictionary whose values are items (RFC 9651, 3.2): key, value, parameters. */
const MEMBER = new RegExp(`^(${KEY})(?:=(${BARE_ITEM}))?(?:; *${KEY}(?:=(?:${BARE_ITEM}))?)*$`);

/**
 * The SHA-256 digest of a `Repr-Digest` value, in hex. Of several sha-256 members the last one counts (RFC 9651, 4.2.2), and
 * parameters mean nothing.
 * @returns null when the field has no sha-256 member; "malformed" when it is no dictionary, or that is not 32 bytes of base64
 */
export function parseReprDigest(value: string): string | null | "malformed" {
  let found: string | null | "malformed" = null;
  for (const member of membersOf(value)) {
    const [, key, item] = MEMBER.exec(member) ?? [];
    if (key === undefined) return "malformed";
    if (key !== "sha-256") continue;
    const base64 = /^:([A-Za-z0-9+/]{43}=):$/.exec(item ?? "")?.[1];
    found = base64 === undefined ? "malformed" : Buffer.from(base64, "base64").toString("hex");
  }
  return found;
}

/** Splits at the commas that stand in no string. */
function membersOf(value: string): string[] {
  const members = value.match(/(?:"(?:[^"\\]|\\.)*"|[^,"]|")+/g) ?? [];
  return members.map((member) => member.trim()).filter((member) => member !== "");
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

/** Names what an archive was packed from: a PUT carries it, a GET says it. */
export const TREE_DIGEST_HEADER = "X-Labfleet-Tree-Digest";

/** Value of TREE_DIGEST_HEADER for a tree digest. */
export function formatTreeDigest(tree: string): string {
  return isSha256Hex(tree) ? `sha256:${tree}` : tree;
}

/** The tree digest of a value of TREE_DIGEST_HEADER, or "malformed". */
export function parseTreeDigest(value: string): string | "malformed" {
  const text = value.trim();
  if (LATER_TREE.test(text)) return text;
  return /^sha256:([0-9a-f]{64})$/.exec(text)?.[1] ?? "malformed";
}
