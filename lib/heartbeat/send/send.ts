// One heartbeat, one PUT, from memory: it takes no room anywhere. What the answer means is in decide.ts, what mends a failure
// in lib/client/.

import { type Client, openClient, type Reply } from "../../client/client.ts";
import { explainAnswer } from "../../client/failures/answers.ts";
import { isReceiverId, RECEIVER_ID_HEADER, readProblem } from "../../contract/judgement.ts";
import { classifyDelivery, type Delivery } from "../decide.ts";
import type { HeartbeatConfig } from "../settings.ts";

/** `status`: of the answer; 0: none came. `receiverId`: the store that answered, where it said so. */
export type SendResult = Delivery & { retryAfterS: number | null; status: number; receiverId?: string };

/**
 * An exchange may take this many times `request_timeout_s`, which is for each of: no byte moved, no answer, half an
 * answer. Whatever the other side does, one heartbeat must not hold up all that follow.
 */
const TOTAL_FACTOR = 3;
/** A large one has so much more time as a link of this speed needs, bytes a second: about 40 kbit/s. */
const SLOWEST_LINK = 5000;

export function heartbeatClient({ hostId }: Pick<HeartbeatConfig, "hostId">): Client {
  return openClient({ hostId, timeoutKey: "heartbeat.request_timeout_s" });
}

/**
 * Sends the text of a heartbeat. Never throws for what the network or a credential does.
 * Ends within `request_timeout_s` for the credentials, `TOTAL_FACTOR` times that for the exchange, and four seconds for a second
 * look at what failed.
 */
export async function sendHeartbeat(
  client: Client,
  config: HeartbeatConfig,
  text: string,
  signal: AbortSignal,
): Promise<SendResult> {
  const limitMs = config.requestTimeoutS * 1000;
  const body = Buffer.from(text);
  const path = `/v1/heartbeats/${config.hostId}`;
  const { receiver } = config;
  const reply = await client.send(receiver, {
    path,
    // What our clock says now: of a heartbeat that waited, sent_at tells nothing about the clock.
    headers: { "Content-Type": "application/json", Date: new Date().toUTCString() },
    body,
    credentialsMs: limitMs,
    stallMs: limitMs,
    answerMs: limitMs,
    totalMs: limitMs * TOTAL_FACTOR + (body.length / SLOWEST_LINK) * 1000,
    signal,
  });
  const none = { retryAfterS: null, status: 0 };
  if (reply.kind === "stopped")
    return { kind: "later", reason: "stopped", why: { what: "stopped", fix: null }, ...none };
  if (reply.kind === "failed") return { kind: "later", reason: reply.why.reason, why: reply.why, ...none };
  const { status, headers, retryAfterS } = reply;
  // Only a receiver of ours has reasons: its mark says that it is one.
  const { reason, detail } = readProblem(reply.body, headers["content-type"] ?? null) ?? { reason: null, detail: null };
  const asked = { receiver, hostId: config.hostId, path };
  const finding = explainAnswer({ status, reason, detail, headers, text: reply.text, ...asked });
  const receiverId = storeOf(reply);
  const delivery = classifyDelivery(status, reply.body, reason, finding);
  return { ...delivery, retryAfterS, status, ...(receiverId !== null && { receiverId }) };
}

/** The store that answered: what header and body say alike. */
function storeOf({ headers, body }: Pick<Reply & { kind: "answer" }, "headers" | "body">): string | null {
  const header = headers[RECEIVER_ID_HEADER.toLowerCase()];
  const said = typeof body === "object" && body !== null && "receiver_id" in body ? body.receiver_id : header;
  return isReceiverId(said) && (header === undefined || header === said) ? said : null;
}
