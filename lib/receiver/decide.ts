// When does the receiver refuse, and with which words? Every refusal as a table, every decision as a function of plain
// data, in the order of episodes/preflight.ts and episodes/put.ts. Pure: no clock, no disk, no request objects.

import { parseReprDigest, parseTreeDigest, TREE_DIGEST_HEADER } from "../contract/digest.ts";
import { counted, formatBytes } from "../core/text/quantity.ts";
import { noRoomFor, type Room } from "./room.ts";

/** Every refusal's status (docs/protocol.md, “Answers”) and title. A 5xx is ours: the shipper keeps the episode and comes again. */
export const REFUSALS = {
  "malformed-path": [400, "Malformed path"],
  malformed: [400, "Malformed request"],
  "malformed-digest": [400, "Malformed digest"],
  "malformed-commit": [400, "Malformed code commit"],
  "missing-commit": [400, "No code commit"],
  "digest-mismatch": [400, "Another digest than declared"],
  unauthorized: [401, "No valid token"],
  "wrong-host": [403, "Credentials of another host"],
  "reserved-name": [403, "Not a lab host's name"],
  "code-unknown": [403, "No valid code"],
  "not-found": [404, "Not found"],
  "method-not-allowed": [405, "Method not allowed"],
  "too-slow": [408, "Upload too slow"],
  conflict: [409, "Another episode of this name is stored"],
  "code-used": [409, "The code was used by another host"],
  "host-exists": [409, "A host of this name is known"],
  "length-required": [411, "Content-Length required"],
  "commit-not-accepted": [412, "Code commit not accepted"],
  "too-large": [413, "Too large"],
  "too-many-uploads": [429, "Too many uploads"],
  "too-many-downloads": [429, "Too many downloads"],
  "head-too-large": [431, "Request head too large"],
  "client-gone": [499, "Client gone"],
  "storage-failed": [500, "Storage failed"],
  internal: [500, "Bug in the receiver"],
  stopping: [503, "Receiver is stopping"],
  "too-many-connections": [503, "Too many connections"],
  "not-ready": [503, "Receiver cannot store"],
  "tokens-unreadable": [503, "Receiver cannot read its tokens"],
  "tokens-closed": [503, "Receiver may not add tokens"],
  "gate-unreadable": [503, "Receiver cannot read its accepted commits"],
  damaged: [503, "The stored copy is damaged"],
  "being-read": [503, "The stored copy is being read"],
  "disk-full": [507, "Disk full"],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string]>>;

export type Reason = keyof typeof REFUSALS;

export interface Refusal {
  kind: "refused";
  reason: Reason;
  /** One sentence for people; it may quote checked values only. */
  detail: string;
  retryAfterS?: number;
  /** With 405: the methods that there are. */
  allow?: string;
  /** With 409: what is stored. */
  stored?: { sha256: string; tree_sha256?: string | null };
}

/** A refusal as plain data. */
export function refuse(
  reason: Reason,
  detail: string,
  more: Omit<Refusal, "kind" | "reason" | "detail"> = {},
): Refusal {
  return { kind: "refused", reason, detail, ...more };
}

/** What is known of the one who asks. `unreadable` carries the sentence for the log. */
export interface Credentials {
  tokenRequired: boolean;
  token: "absent" | "valid" | "other-host" | "unknown" | { unreadable: string };
  /** CN and SANs of the client certificate; null where none is asked for. */
  peerNames: readonly string[] | null;
}

/** Whether these credentials may act for `host`; null: yes. */
export function decideAccess(credentials: Credentials, host: string): Refusal | null {
  const { tokenRequired, token, peerNames } = credentials;
  if (peerNames !== null && !peerNames.includes(host)) {
    return refuse("wrong-host", `the client certificate does not name ${host}`);
  }
  if (!tokenRequired || token === "valid") return null;
  if (typeof token === "object") return refuse("tokens-unreadable", "the receiver cannot read this host's token file");
  if (token === "other-host") return refuse("wrong-host", `this token does not belong to ${host}`);
  const what = token === "absent" ? "no bearer token was sent" : `this token is not one of ${host}'s`;
  return refuse("unauthorized", `${what}; on the collector: sudo receiver token add ${host}`);
}

/** The accepted commits as the gate file has them; `any`: no file is set or there. */
export type Accepted = { kind: "any" } | { kind: "list"; commits: ReadonlySet<string> } | { kind: "unreadable" };

const COMMIT = /^[A-Za-z0-9._+-]{1,128}$/;

/** True for what may be a code commit. */
export function isCommit(text: string): boolean {
  return COMMIT.test(text);
}

/**
 * Whether an episode of this commit is taken.
 * @param commit value of the first commit header that is present, or null
 * @param headers the header names that were looked for, in order
 */
export function decideGate(
  commit: string | null,
  headers: readonly string[],
  required: boolean,
  accepted: Accepted,
): Refusal | { kind: "commit"; commit: string | null } {
  if (commit === null) {
    if (!required) return { kind: "commit", commit };
    // Seed 002's reader greps the log for exactly these words.
    return refuse("missing-commit", headers.map((name) => `missing ${name}`).join(", "));
  }
  if (!isCommit(commit)) {
    return refuse("malformed-commit", "the code commit must be 1 to 128 of A-Z a-z 0-9 . _ + -");
  }
  if (accepted.kind === "unreadable") {
    return refuse("gate-unreadable", "the receiver cannot read its list of accepted commits", { retryAfterS: 60 });
  }
  if (accepted.kind === "list" && !accepted.commits.has(commit)) {
    return refuse("commit-not-accepted", `code commit ${commit} is not in the accepted window`);
  }
  return { kind: "commit", commit };
}

export interface PutHeaders {
  contentLength: string | null;
  transferEncoding: string | null;
  reprDigest: string | null;
  treeDigest: string | null;
}

/** What the sender says of its episode. Digests in hex; null: not said. */
export interface Declared {
  kind: "declared";
  bytes: number;
  sha256: string | null;
  treeSha256: string | null;
}

/** How long the body is said to be, as it stands in the head; in chunks nobody has said it. */
export function decideLength(header: {
  contentLength: string | null;
  transferEncoding: string | null;
}): string | Refusal {
  const { contentLength, transferEncoding } = header;
  if (contentLength !== null && transferEncoding === null) return contentLength;
  return refuse("length-required", "send Content-Length and no Transfer-Encoding");
}

/** Reads the headers that describe the body. */
export function decideHeaders(headers: PutHeaders, maxBytes: number, what = "episode"): Declared | Refusal {
  const length = decideLength(headers);
  if (typeof length !== "string") return length;
  if (!/^\d{1,15}$/.test(length)) return refuse("malformed", "Content-Length is not a whole number");
  const bytes = Number(length);
  if (bytes === 0) return refuse("malformed", "the body is empty");
  if (bytes > maxBytes) {
    const [found, most] = [formatBytes(bytes), formatBytes(maxBytes)];
    // A few bytes too many look like none.
    const [exactly, limit] = found === most ? [`${bytes} bytes`, `${maxBytes} bytes`] : [found, most];
    return refuse("too-large", `${exactly} is more than the ${limit} that one ${what} may have`);
  }
  const sha256 = headers.reprDigest === null ? null : parseReprDigest(headers.reprDigest);
  if (sha256 === "malformed")
    return refuse("malformed-digest", "Repr-Digest: sha-256 is not 32 bytes in base64 between colons");
  const treeSha256 = headers.treeDigest === null ? null : parseTreeDigest(headers.treeDigest);
  if (treeSha256 === "malformed")
    return refuse("malformed-digest", `${TREE_DIGEST_HEADER} is not sha256: and 64 hex digits`);
  return { kind: "declared", bytes, sha256, treeSha256 };
}

export interface Load {
  uploads: number;
  uploadsOfHost: number;
  room: Room;
  /** Still to come for uploads that were already let in. */
  outstandingBytes: number;
}

export interface AdmissionLimits {
  uploadsTotal: number;
  uploadsPerHost: number;
  diskReserveBytes: number;
}

/** Whether there is room for one more upload of `bytes`; null: yes. */
export function decideAdmission(load: Load, limits: AdmissionLimits, bytes: number): Refusal | null {
  if (load.uploads >= limits.uploadsTotal || load.uploadsOfHost >= limits.uploadsPerHost) {
    const whose =
      load.uploads >= limits.uploadsTotal ? counted(load.uploads, "upload") : `${load.uploadsOfHost} of this host`;
    return refuse("too-many-uploads", `${whose} are running`, { retryAfterS: 5 });
  }
  const left = { ...load.room, freeBytes: load.room.freeBytes - load.outstandingBytes };
  const full = noRoomFor(bytes, left, limits.diskReserveBytes);
  return full === null ? null : refuse("disk-full", full, { retryAfterS: 300 });
}

/** The proof: what was computed against what was declared; null: they agree, or nothing was declared. */
export function decideProof(declared: Declared, sha256: string): Refusal | null {
  if (declared.sha256 === null || declared.sha256 === sha256) return null;
  return refuse("digest-mismatch", `declared sha256 ${declared.sha256}, received ${sha256}`);
}

/** The refusal of a body that did not come to its end. */
export function endedEarly(how: "gone" | "slow" | "stopped"): Refusal {
  switch (how) {
    case "gone":
      return refuse("client-gone", "the connection ended before the body");
    case "slow":
      return refuse("too-slow", "the upload is below the minimum rate");
    case "stopped":
      return refuse("stopping", "the receiver is stopping", { retryAfterS: 10 });
  }
}
