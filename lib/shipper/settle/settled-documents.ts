// What a settled episode's note says (`receipt.json`, `rejection.json`), and the line in the log that goes with it.

import { quoted } from "../../core/text/fields.ts";
import { formatBytes } from "../../core/text/quantity.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { OutboxRecord } from "../pack/outbox.ts";
import type { Verdict } from "../trust/verdict.ts";
import { rejectionFix } from "../words/remedies.ts";
import type { SendResult } from "./send.ts";

/** An answer after which an episode leaves the queue. */
export type Final = Extract<Verdict, { kind: "delivered" | "delivered-unverified" | "quarantine" }>;

/**
 * By which rules a rejection was made: from 2 on only the pinned receiver's judgement made it. Those of older releases
 * say nothing, and are judged anew.
 */
export const REJECTION_RULES = 2;

/**
 * The note of a settled episode.
 * @param day today's receiver day
 */
export function documentOf(
  record: OutboxRecord,
  result: SendResult,
  verdict: Final,
  day: number,
): Record<string, unknown> {
  const at = new Date(result.answeredAtMs ?? Date.now()).toISOString();
  const sent = {
    sent_bytes: record.bytes,
    sent_sha256: record.sha256,
    sent_tree_sha256: record.tree_sha256,
    code_commit: record.code_commit,
  };
  switch (verdict.kind) {
    case "delivered":
      return { ...verdict.receipt, verified: true, shipped_at: at, receiver_day: day, ...sent };
    case "delivered-unverified":
      // A Python receiver proves nothing: taken for shipped, and never pruned by itself.
      return {
        status: "duplicate",
        verified: false,
        episode_id: record.id,
        shipped_at: at,
        receiver_day: day,
        ...sent,
      };
    case "quarantine":
      return {
        reason: verdict.reason,
        detail: verdict.detail,
        status: result.status,
        at,
        rules: REJECTION_RULES,
        judged_by: verdict.judgedBy,
        refused_day: day,
        // An older release that is put back in place must not prune without a last call.
        prunable: false,
        ...sent,
      };
  }
}

/** The note of an episode whose directory changed after it was packed and shipped. */
export function lateDocument(record: OutboxRecord, day: number): Record<string, unknown> {
  return {
    reason: "changed-after-shipping",
    detail: "files changed after the episode was packed; the receiver has the earlier state under this name",
    at: new Date().toISOString(),
    rules: REJECTION_RULES,
    judged_by: null,
    refused_day: day,
    prunable: false,
    sent_bytes: record.bytes,
    sent_sha256: record.sha256,
  };
}

/**
 * Says what became of an episode that left the queue.
 * @param name its directory where it is now
 */
export function reportSettled(
  log: Log,
  record: OutboxRecord,
  name: string,
  status: number,
  verdict: Final,
  late: boolean,
  ms: number,
): void {
  const fields = { episode: record.id, status };
  if (verdict.kind === "quarantine" || late) {
    const reason = verdict.kind === "quarantine" ? verdict.reason : "changed-after-shipping";
    const what =
      verdict.kind === "quarantine"
        ? quoted(verdict.detail)
        : "files changed after they were shipped; what the receiver has lacks the change";
    log.error({ what: `quarantined: ${what}`, fix: rejectionFix(reason, name) }, { ...fields, reason });
    return;
  }
  const rate = `${formatBytes(Math.round((record.bytes / Math.max(1, ms)) * 1000))}/s`;
  const receipt = verdict.kind === "delivered" ? verdict.receipt.status : "unverified";
  const shipped = { ...fields, bytes: record.bytes, seconds: (ms / 1000).toFixed(2), rate, receipt };
  if (verdict.kind === "delivered") log.info("shipped", shipped);
  else log.warn("shipped, but the receiver proves nothing: it is kept here until it is discarded", shipped);
}
