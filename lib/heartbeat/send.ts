// One heartbeat, one PUT: from a file in the run directory, since that is what the uploader takes. What the answer means is
// in decide.ts.

import { join } from "node:path";
import { parseRetryAfter } from "../core/backoff.ts";
import { errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { readCredentials } from "../os/credentials.ts";
import { replaceRunFile } from "../os/run-file.ts";
import { upload } from "../os/upload.ts";
import { classifyDelivery, type Delivery } from "./decide.ts";
import type { HeartbeatConfig } from "./settings.ts";

export type SendResult = Delivery & { retryAfterS: number | null };

/** Sends the text of a heartbeat. Never throws for what the network, a credential or the run directory does. */
export async function sendHeartbeat(config: HeartbeatConfig, text: string, signal: AbortSignal): Promise<SendResult> {
  const later = (why: string): SendResult => ({ kind: "later", why, retryAfterS: null });
  const file = join(config.runDir, "outgoing.json");
  // Taken once: a configuration that is read anew meanwhile must not bring our token to another receiver.
  const { receiver } = config;
  let credentials: Awaited<ReturnType<typeof readCredentials>>;
  try {
    credentials = await readCredentials(receiver);
    replaceRunFile(file, text, 0o640);
  } catch (error) {
    return later(errorText(error));
  }
  const outcome = await upload({
    url: `${receiver.url}/v1/heartbeats/${config.hostId}`,
    headers: {
      "Content-Type": "application/json",
      // What our clock says now: of a heartbeat that waited, sent_at tells nothing about the clock.
      Date: new Date().toUTCString(),
      ...(credentials.token !== null && { Authorization: `Bearer ${credentials.token}` }),
    },
    file,
    bytes: Buffer.byteLength(text),
    tls: credentials.tls,
    expectContinue: false,
    stallMs: config.requestTimeoutS * 1000,
    answerMs: config.requestTimeoutS * 1000,
    signal,
    moved: () => undefined,
  });
  if (outcome.kind === "failed") return later(`${outcome.cause}: ${outcome.detail}`);
  const body = parseJson(outcome.text);
  const delivery = classifyDelivery(outcome.status, body, `status ${outcome.status}${detailOf(body)}`);
  return { ...delivery, retryAfterS: parseRetryAfter(outcome.retryAfter, Date.now()) };
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
