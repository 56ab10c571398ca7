// What goes back over the wire: receipts and problems (RFC 9457). Pure.

import type { IndexRow } from "../contract/index-row.ts";
import { PROBLEM_TYPE, type Problem, type Receipt } from "../contract/judgement.ts";
import { formatReprDigest } from "../core/digest.ts";
import { REFUSALS, type Refusal } from "./decide.ts";

/** The receipt of a stored episode. */
export function receiptOf(row: IndexRow, status: Receipt["status"]): Receipt {
  const { host_id, episode_id, bytes, sha256, tree_sha256, received_at_wall } = row;
  return { status, host_id, episode_id, bytes, sha256, tree_sha256, received_at_wall, receiver_id: null };
}

/** A receipt as a response: 201 stored, 200 duplicate. */
export function receiptResponse(receipt: Receipt): Response {
  return new Response(`${JSON.stringify(receipt)}\n`, {
    status: receipt.status === "stored" ? 201 : 200,
    headers: { "Content-Type": "application/json", "Repr-Digest": formatReprDigest(receipt.sha256) },
  });
}

/** A refusal as a response. `more` are headers that belong to its status, such as Allow. */
export function problemResponse(refusal: Refusal, more: Readonly<Record<string, string>> = {}): Response {
  const [status, title] = REFUSALS[refusal.reason];
  const { reason, detail } = refusal;
  const problem: Omit<Problem, "receiver_id"> = {
    type: PROBLEM_TYPE + reason,
    title,
    status,
    reason,
    detail,
    ...refusal.stored,
  };
  const headers = new Headers({ "Content-Type": "application/problem+json", ...more });
  if (status === 401) headers.set("WWW-Authenticate", 'Bearer realm="labfleet"');
  if (refusal.retryAfterS !== undefined) headers.set("Retry-After", String(refusal.retryAfterS));
  return new Response(`${JSON.stringify(problem)}\n`, { status, headers });
}
