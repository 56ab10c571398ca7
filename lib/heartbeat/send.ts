// One heartbeat, one PUT, from memory: it takes no room anywhere. What the answer means, and what mends a failure, is in
// decide.ts.

import { parseRetryAfter } from "../core/backoff.ts";
import { errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { type Credentials, readCredentials } from "../os/credentials.ts";
import { upload } from "../os/upload.ts";
import { classifyDelivery, type Delivery, withFix } from "./decide.ts";
import type { HeartbeatConfig } from "./settings.ts";

/** `status`: of the answer; 0: none came. */
export type SendResult = Delivery & { retryAfterS: number | null; status: number };

/**
 * An exchange may take this many times `request_timeout_s`, which is for each of: no byte moved, no answer, half an
 * answer. Whatever the other side does, one heartbeat must not hold up all that follow.
 */
const TOTAL_FACTOR = 3;
/** A large one has so much more time as a link of this speed needs, bytes a second: about 40 kbit/s. */
const SLOWEST_LINK = 5000;

/**
 * Sends the text of a heartbeat. Never throws for what the network or a credential does.
 * Ends within `request_timeout_s` for the credentials, and `TOTAL_FACTOR` times that for the exchange.
 */
export async function sendHeartbeat(config: HeartbeatConfig, text: string, signal: AbortSignal): Promise<SendResult> {
  const later = (why: string): SendResult => ({ kind: "later", why, retryAfterS: null, status: 0 });
  // Taken once: a configuration that is read anew meanwhile must not bring our token to another receiver.
  const { receiver } = config;
  const limitMs = config.requestTimeoutS * 1000;
  let credentials: Credentials;
  try {
    credentials = await readCredentials(receiver, { deadlineMs: limitMs, signal });
  } catch (error) {
    return later(errorText(error));
  }
  const body = Buffer.from(text);
  const outcome = await upload({
    url: `${receiver.url}/v1/heartbeats/${config.hostId}`,
    headers: {
      "Content-Type": "application/json",
      // What our clock says now: of a heartbeat that waited, sent_at tells nothing about the clock.
      Date: new Date().toUTCString(),
      ...(credentials.token !== null && { Authorization: `Bearer ${credentials.token}` }),
    },
    file: body,
    bytes: body.length,
    tls: credentials.tls,
    expectContinue: false,
    stallMs: limitMs,
    answerMs: limitMs,
    totalMs: limitMs * TOTAL_FACTOR + (body.length / SLOWEST_LINK) * 1000,
    signal,
    moved: () => undefined,
  });
  if (outcome.kind === "failed") return later(withFix(`${outcome.cause}: ${outcome.detail}`));
  const { status } = outcome;
  const answer = parseJson(outcome.text);
  const delivery = classifyDelivery(status, answer, `status ${status}${detailOf(answer)}`);
  return { ...delivery, retryAfterS: parseRetryAfter(outcome.headers["retry-after"], Date.now()), status };
}

/** The `detail` of a problem, quoted: it comes from outside. */
function detailOf(problem: unknown): string {
  if (typeof problem !== "object" || problem === null || !("detail" in problem)) return "";
  return typeof problem.detail === "string" ? `: ${quoted(problem.detail.slice(0, 300))}` : "";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
