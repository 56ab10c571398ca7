// When does the shipper give up, wait, or call an episode delivered? Every answer of a receiver, as a table (DESIGN 3.4).
// Pure: facts in, verdict out. A 4xx that tells of our own misconfiguration never touches the episode.

import { type Receipt, readReceipt } from "../contract/judgement.ts";
import { isSha256Hex } from "../core/digest.ts";

/** What is known of the archive that was sent. Digests in hex. */
export interface SentArchive {
  host: string;
  id: string;
  bytes: number;
  sha256: string;
  treeSha256: string;
}

/** A decoded answer. `body` is the parsed JSON, or null. */
export interface Answer {
  status: number;
  body: unknown;
}

export type Verdict =
  /** The receiver has it, proved by its receipt: move to shipped/. */
  | { kind: "delivered"; receipt: Receipt }
  /** An old receiver says "already there" and does not say what: move to shipped/, never prune by itself. */
  | { kind: "delivered-unverified" }
  /** The episode is refused for good: move to quarantine/. */
  | { kind: "quarantine"; reason: string; detail: string; prunable: boolean }
  /** This episode again later; the others go on. `repack`: the packed archive is not to be trusted. */
  | { kind: "retry"; reason: string; detail: string; repack: boolean }
  /** We are misconfigured, not the episode: stop sending anything, say so, try again later. */
  | { kind: "pause"; reason: string; detail: string };

/** How often an archive is packed and sent again when the receiver computes another digest than we declared. */
export const DIGEST_MISMATCH_RETRIES = 3;

/** Longest text of an answer that is shown, in characters. */
const WORDS_MAX = 300;

type Rule = "receipt" | "refused" | "conflict" | "paused" | "transient";

/** Every status with a meaning of its own; the classes below take the rest. */
const STATUS_RULES: Readonly<Record<number, Rule>> = {
  200: "receipt", // the identical episode was already there
  201: "receipt", // stored
  400: "refused", // missing-commit, malformed, …; digest-mismatch is retried first
  401: "paused", // our token
  403: "paused", // our token or certificate names another host
  404: "paused", // the URL is not a receiver's
  405: "paused", // something else answers at that URL
  407: "paused", // a proxy stands between
  408: "transient", // too slow this time
  409: "conflict", // the id exists; the digest decides
  412: "refused", // commit not in the accepted window
  413: "refused", // larger than the receiver takes
  421: "paused", // wrong server behind that name
  422: "refused",
  423: "transient", // locked
  425: "transient", // too early
  426: "paused", // wrong protocol
  429: "transient", // too many uploads
};

/** The rule for a status: the table, then the class. 1xx–3xx are no receiver's answers to a PUT: we talk to something else. */
export function ruleOf(status: number): Rule {
  const own = STATUS_RULES[status];
  if (own !== undefined) return own;
  if (status >= 500) return "transient";
  return status >= 400 ? "refused" : "paused";
}

/**
 * What to do with an episode after an answer.
 * @param mismatches how often this episode was already refused as `digest-mismatch`
 */
export function classifyAnswer(answer: Answer, sent: SentArchive, mismatches: number): Verdict {
  const problem = readProblem(answer);
  switch (ruleOf(answer.status)) {
    case "receipt":
      return classifyReceipt(answer, sent);
    case "conflict":
      return classifyConflict(answer, sent);
    case "refused":
      if (answer.status === 400 && problem.reason === "digest-mismatch" && mismatches < DIGEST_MISMATCH_RETRIES) {
        return { kind: "retry", ...words(answer.status, problem), repack: true };
      }
      // Pruned after quarantine_keep_days only if it was a receiver that refused, and not some box in between.
      return { kind: "quarantine", ...words(answer.status, problem), prunable: problem.fromReceiver };
    case "paused":
      return { kind: "pause", ...words(answer.status, problem) };
    case "transient":
      return { kind: "retry", ...words(answer.status, problem), repack: false };
  }
}

/** A 2xx delivers only with a receipt that says what we sent: a captive portal also answers 200. */
function classifyReceipt(answer: Answer, sent: SentArchive): Verdict {
  const receipt = readReceipt(answer.body);
  if (receipt === null) {
    return {
      kind: "pause",
      reason: "no-receipt",
      detail: `status ${answer.status} without a receipt: the URL does not lead to a labfleet receiver`,
    };
  }
  const same = receipt.sha256 === sent.sha256 && receipt.bytes === sent.bytes;
  const sameTree = receipt.status === "duplicate" && receipt.tree_sha256 === sent.treeSha256;
  if (receipt.host_id === sent.host && receipt.episode_id === sent.id && (same || sameTree)) {
    return { kind: "delivered", receipt };
  }
  const detail = `the receipt says ${receipt.host_id}/${receipt.episode_id}, ${receipt.bytes} bytes, sha256 ${receipt.sha256}; sent were ${sent.host}/${sent.id}, ${sent.bytes} bytes, sha256 ${sent.sha256}`;
  return { kind: "retry", reason: "receipt-mismatch", detail, repack: true };
}

function classifyConflict(answer: Answer, sent: SentArchive): Verdict {
  const stored = isTable(answer.body) ? answer.body : {};
  if (!isSha256Hex(stored.sha256)) return { kind: "delivered-unverified" };
  if (stored.sha256 === sent.sha256 || stored.tree_sha256 === sent.treeSha256) {
    const at = typeof stored.received_at_wall === "string" ? stored.received_at_wall : "";
    const receipt: Receipt = {
      status: "duplicate",
      host_id: sent.host,
      episode_id: sent.id,
      bytes: sent.bytes,
      sha256: stored.sha256,
      tree_sha256: sent.treeSha256,
      received_at_wall: at,
      receiver_id: null,
    };
    return { kind: "delivered", receipt };
  }
  const detail = `the receiver holds another episode of this name, sha256 ${stored.sha256}; ours is ${sent.sha256}`;
  // Two episodes under one name: ours may be the only copy, so age never removes it.
  return { kind: "quarantine", reason: "conflict", detail, prunable: false };
}

interface ProblemFacts {
  reason: string | null;
  detail: string | null;
  /** True when the body is problem+json with a reason, or the `{"detail": …}` of the Python receiver. */
  fromReceiver: boolean;
}

function readProblem(answer: Answer): ProblemFacts {
  if (!isTable(answer.body)) return { reason: null, detail: null, fromReceiver: false };
  const { reason, detail } = answer.body;
  return {
    reason: typeof reason === "string" ? reason : null,
    detail: typeof detail === "string" ? detail : null,
    fromReceiver: typeof reason === "string" || typeof detail === "string",
  };
}

function words(status: number, problem: ProblemFacts): { reason: string; detail: string } {
  const detail = problem.detail ?? `the receiver answered ${status}`;
  return { reason: (problem.reason ?? `status-${status}`).slice(0, WORDS_MAX), detail: detail.slice(0, WORDS_MAX) };
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
