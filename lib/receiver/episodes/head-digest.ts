// Whether the head of a PUT came as it was sent: where it carries a digest of itself, what it says must be what that is of.

import { createHash } from "node:crypto";
import { TREE_DIGEST_HEADER } from "../../contract/digest.ts";
import { HEAD_DIGEST_HEADER, headText, parseHeadDigest } from "../../contract/head-digest.ts";
import type { EpisodeAddress } from "../../contract/names.ts";
import { decideLength, type Refusal, refuse } from "../decide.ts";

/** Null: it did, or nobody can tell, since it carries none. */
export function checkHead(header: (name: string) => string | null, { host, id }: EpisodeAddress): Refusal | null {
  const value = header(HEAD_DIGEST_HEADER);
  if (value === null) return null;
  const said = parseHeadDigest(value);
  if (said === null) return refuse("malformed", `${HEAD_DIGEST_HEADER} is not a header's name and 64 hex digits`);
  // Whoever passes the body on in chunks has changed the head too: that is no damage, and there is something that mends it.
  const contentLength = decideLength({
    contentLength: header("Content-Length"),
    transferEncoding: header("Transfer-Encoding"),
  });
  if (typeof contentLength !== "string") return contentLength;
  const { commitHeader, sha256 } = said;
  const text = headText({
    ...{ host, id, commitHeader, commit: header(commitHeader) },
    contentLength,
    reprDigest: header("Repr-Digest"),
    treeDigest: header(TREE_DIGEST_HEADER),
  });
  if (createHash("sha256").update(text).digest("hex") === sha256) return null;
  return refuse("malformed", "the head of the request was changed on the way: it is not what its digest is of");
}
