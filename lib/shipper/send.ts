// One archive, one PUT, one verdict: headers, credentials read afresh each time, and what the answer means.

import { parseRetryAfter } from "../core/backoff.ts";
import { formatReprDigest, formatTreeDigest } from "../core/digest.ts";
import { errorText } from "../core/failure.ts";
import { episodePath } from "../core/names.ts";
import { type Credentials, readCredentials } from "../os/credentials.ts";
import { type UploadOutcome, upload } from "../os/upload.ts";
import { classifyAnswer, type Verdict } from "./decide.ts";
import { type OutboxRecord, outboxPaths } from "./outbox.ts";
import type { ShipperConfig } from "./settings.ts";

/** The answer may take so many times the stall time-out after the last byte: a slow disk flushes gigabytes. */
const ANSWER_FACTOR = 5;

export interface SendResult {
  verdict: Verdict | { kind: "stopped" };
  /** Seconds that the receiver asked us to wait, or null. */
  retryAfterS: number | null;
  /** 0 when no answer came. */
  status: number;
  /** When the receiver's clock says it answered, milliseconds since 1970, or null. */
  answeredAtMs: number | null;
}

/** Sends a packed episode and classifies what came of it. Never throws for what the network or a credential does. */
export async function sendArchive(
  config: ShipperConfig,
  outboxDir: string,
  record: OutboxRecord,
  signal: AbortSignal,
  moved: () => void,
): Promise<SendResult> {
  // Taken once: a configuration that is read anew meanwhile must not bring our token to another receiver.
  const { receiver } = config;
  let credentials: Credentials;
  try {
    credentials = await readCredentials(receiver);
  } catch (error) {
    return local({ kind: "pause", reason: "credentials", detail: errorText(error) });
  }
  const job = {
    url: receiver.url + episodePath({ host: config.hostId, id: record.id }),
    headers: headersOf(config, record, credentials.token),
    file: outboxPaths(outboxDir, record.id).archive,
    bytes: record.bytes,
    tls: credentials.tls,
    stallMs: config.requestTimeoutS * 1000,
    answerMs: config.requestTimeoutS * 1000 * ANSWER_FACTOR,
    signal,
    moved,
  };
  let outcome = await upload(job);
  // 417: something on the way knows no Expect (RFC 9110 §15.5.18); that is no fault of the episode.
  if (outcome.kind === "answer" && outcome.status === 417) outcome = await upload({ ...job, expectContinue: false });
  return outcome.kind === "answer" ? answered(outcome, config, record) : local(failureVerdict(outcome));
}

function answered(
  outcome: UploadOutcome & { kind: "answer" },
  config: ShipperConfig,
  record: OutboxRecord,
): SendResult {
  const sent = {
    host: config.hostId,
    id: record.id,
    bytes: record.bytes,
    sha256: record.sha256,
    treeSha256: record.tree_sha256,
  };
  const answer = { status: outcome.status, body: parseJson(outcome.text) };
  const date = Date.parse(outcome.headers.date ?? "");
  return {
    verdict: classifyAnswer(answer, sent, record.mismatches),
    retryAfterS: parseRetryAfter(outcome.headers["retry-after"], Number.isNaN(date) ? Date.now() : date),
    status: outcome.status,
    answeredAtMs: Number.isNaN(date) ? null : date,
  };
}

function failureVerdict(outcome: UploadOutcome & { kind: "failed" }): SendResult["verdict"] {
  const { detail } = outcome;
  switch (outcome.cause) {
    case "aborted":
      return { kind: "stopped" };
    case "tls":
      return { kind: "pause", reason: "tls", detail };
    case "local":
      // Our own archive cannot be read or is short: make a new one.
      return { kind: "retry", reason: "outbox", detail, repack: true };
    case "stalled":
    case "network":
      return { kind: "retry", reason: outcome.cause, detail, repack: false };
  }
}

function local(verdict: SendResult["verdict"]): SendResult {
  return { verdict, retryAfterS: null, status: 0, answeredAtMs: null };
}

function headersOf(config: ShipperConfig, record: OutboxRecord, token: string | null): Record<string, string> {
  return {
    "Content-Type": "application/zstd",
    "Repr-Digest": formatReprDigest(record.sha256),
    "X-Labfleet-Tree-Digest": formatTreeDigest(record.tree_sha256),
    ...(record.code_commit !== null && { [config.commitHeader]: record.code_commit }),
    ...(token !== null && { Authorization: `Bearer ${token}` }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
