// What goes back over the wire: receipts and problems (RFC 9457). Pure. Only answering.ts makes a problem, since only there
// it gets the identity and the echo of the very request that it answers.

import { formatReprDigest } from "../../contract/digest.ts";
import type { IndexRow } from "../../contract/index-row.ts";
import {
  type Echo,
  formatSucceeds,
  PROBLEM_MEDIA_TYPE,
  PROBLEM_TYPE,
  type Problem,
  REASON_HEADER,
  RECEIVER_ID_HEADER,
  type Receipt,
  SUCCEEDS_HEADER,
} from "../../contract/judgement.ts";
import { REFUSALS, type Refusal } from "../decide.ts";
import type { Identity } from "../identity/decide.ts";

/** The receipt of a stored episode. */
export function receiptOf(row: IndexRow, status: Receipt["status"], { id }: Identity): Receipt {
  const { host_id, episode_id, bytes, sha256, tree_sha256, received_at_wall } = row;
  return { status, host_id, episode_id, bytes, sha256, tree_sha256, received_at_wall, receiver_id: id };
}

/** A receipt as a response: 201 stored, 200 duplicate. */
export function receiptResponse(receipt: Receipt): Response {
  return new Response(`${JSON.stringify(receipt)}\n`, {
    status: receipt.status === "stored" ? 201 : 200,
    headers: { "Content-Type": "application/json", "Repr-Digest": formatReprDigest(receipt.sha256) },
  });
}

/** A refusal as a response. `echo`: null where it is about no episode. */
export function problemResponse(refusal: Refusal, identity: Identity, echo: Echo | null): Response {
  const problem = problemOf(refusal, identity, echo);
  const headers = new Headers({ "Content-Type": PROBLEM_MEDIA_TYPE, [REASON_HEADER]: problem.reason });
  if (problem.status === 401) headers.set("WWW-Authenticate", 'Bearer realm="labfleet"');
  if (refusal.allow !== undefined) headers.set("Allow", refusal.allow);
  if (refusal.retryAfterS !== undefined) headers.set("Retry-After", String(refusal.retryAfterS));
  return new Response(`${JSON.stringify(problem)}\n`, { status: problem.status, headers });
}

/** The headers by which every answer names the store that it comes from. */
export function identityHeaders({ id, succeeds }: Identity): Record<string, string> {
  return { [RECEIVER_ID_HEADER]: id, ...(succeeds.length > 0 && { [SUCCEEDS_HEADER]: formatSucceeds(succeeds) }) };
}

/** The answer to what never became a request. There is none that it could echo, so that it judges no episode. */
export function connectionRefusal(refusal: Refusal, identity: Identity): Response {
  const response = problemResponse(refusal, identity, null);
  for (const [name, value] of Object.entries(identityHeaders(identity))) response.headers.set(name, value);
  return response;
}

function problemOf(refusal: Refusal, { id }: Identity, echo: Echo | null): Problem {
  const { reason, detail, stored } = refusal;
  const [status, title] = REFUSALS[reason];
  const type = PROBLEM_TYPE + reason;
  return { type, title, status, reason, detail, receiver_id: id, ...(echo !== null && { echo }), ...stored };
}
