// The digest over what the head of a PUT says of its episode (docs/protocol.md). It travels beside that: a bit that is flipped on the way,
// or a field that is dropped, is seen before an episode is stored under another name, for another commit, or without a digest. Pure; who
// uses it hashes.

export const HEAD_DIGEST_HEADER = "X-Labfleet-Head-Digest";

/** What it covers, as it stands in the head; null: it is not there. */
export interface Head {
  host: string;
  id: string;
  /** The header that a commit would stand in, and the commit. */
  commitHeader: string;
  commit: string | null;
  contentLength: string | null;
  reprDigest: string | null;
  treeDigest: string | null;
}

/** What is hashed with SHA-256: a line for each, in this order; none of them holds a line break. */
export function headText({ host, id, commitHeader, commit, contentLength, reprDigest, treeDigest }: Head): string {
  const named = commitHeader.toLowerCase();
  return [host, id, named, commit, contentLength, reprDigest, treeDigest].map((part) => `${part ?? ""}\n`).join("");
}

/** The header's value. @param sha256 of the text, in hex */
export function formatHeadDigest(commitHeader: string, sha256: string): string {
  return `${commitHeader} ${sha256}`;
}

/** Reads it; null: it is none. */
export function parseHeadDigest(value: string): { commitHeader: string; sha256: string } | null {
  const [, commitHeader, sha256] = /^([!#$%&'*+.^_`|~\w-]{1,128}) ([0-9a-f]{64})$/.exec(value.trim()) ?? [];
  return commitHeader === undefined || sha256 === undefined ? null : { commitHeader, sha256 };
}
