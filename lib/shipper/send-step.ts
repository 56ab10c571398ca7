// One packed episode through sending: asked, answered, moved. What the answer means is decided in decide.ts.

import { join } from "node:path";
import { errorCode } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { formatBytes } from "../core/units.ts";
import { failpoint } from "../os/failpoint.ts";
import { removeIfExists } from "../os/files.ts";
import type { Verdict } from "./decide.ts";
import type { EngineDeps } from "./deps.ts";
import { whyNotSettled } from "./episode-facts.ts";
import { dropRecord, type OutboxRecord, outboxPaths } from "./outbox.ts";
import type { Entry } from "./queue.ts";
import { type SendResult, sendArchive } from "./send.ts";
import { inodeOf, type Settlement, settle } from "./settle.ts";

/** The engine's next move with an episode. */
export type SendStep =
  | { next: "gone"; counts: "delivered" | "quarantined" | null }
  | { next: "retry"; repack: boolean; reason: string; detail: string; retryAfterS: number | null }
  | { next: "held"; reason: string; fix: string | null; settlement: Settlement | null }
  | { next: "packed"; record: null }
  | { next: "waiting" }
  | { next: "paused"; reason: string; detail: string; retryAfterS: number | null };

/** An upload gives itself up before this; if it does not, the watchdog may act. Times the stall time-out. */
const UPLOAD_STUCK_FACTOR = 6;

/** Sends a packed episode and moves it where the answer says. */
export async function sendStep(
  deps: EngineDeps,
  entry: Entry,
  record: OutboxRecord,
  signal: AbortSignal,
): Promise<SendStep> {
  if ((await sourceOf(deps, record)) === "changed") {
    await dropRecord(deps.dirs.outbox, entry.id);
    return { next: "waiting" };
  }
  const work = deps.progress.begin(`upload of ${entry.id}`, deps.config.requestTimeoutS * UPLOAD_STUCK_FACTOR);
  const startedAt = deps.now();
  try {
    const sent = { ...record, mismatches: entry.mismatches };
    const result = await sendArchive(deps.config, deps.dirs.outbox, sent, signal, work.moved);
    failpoint("send.answered");
    return await carryOut(deps, record, result, deps.now() - startedAt);
  } finally {
    work.done();
  }
}

async function carryOut(deps: EngineDeps, record: OutboxRecord, result: SendResult, ms: number): Promise<SendStep> {
  const { verdict, retryAfterS } = result;
  switch (verdict.kind) {
    case "stopped":
      return { next: "packed", record: null };
    case "pause":
      return { next: "paused", reason: verdict.reason, detail: verdict.detail, retryAfterS };
    case "retry":
      return again(deps, record, verdict, retryAfterS);
    case "delivered":
    case "delivered-unverified":
    case "quarantine":
      return conclude(deps, record, result, verdict, ms);
  }
}

async function again(
  deps: EngineDeps,
  record: OutboxRecord,
  verdict: Extract<Verdict, { kind: "retry" }>,
  retryAfterS: number | null,
): Promise<SendStep> {
  const repack = verdict.repack && (await sourceOf(deps, record)) !== "gone";
  if (repack) await dropRecord(deps.dirs.outbox, record.id);
  return { next: "retry", reason: verdict.reason, detail: verdict.detail, repack, retryAfterS };
}

type Final = Extract<Verdict, { kind: "delivered" | "delivered-unverified" | "quarantine" }>;

async function conclude(
  deps: EngineDeps,
  record: OutboxRecord,
  result: SendResult,
  verdict: Final,
  ms: number,
): Promise<SendStep> {
  const source = await sourceOf(deps, record);
  if (source === "gone") return concludeWithoutSource(deps, record, verdict);
  // The directory holds it all: the archive makes room first, since a full disk could not even take the document.
  await removeIfExists(outboxPaths(deps.dirs.outbox, record.id).archive);
  // What came in after packing is in no archive: such a directory is never called shipped.
  const late = source === "changed" && verdict.kind !== "quarantine";
  if (source === "changed") record.fingerprint = (await deps.packer.fingerprint(rootOf(deps, record))) ?? "";
  const settlement: Settlement = {
    to: verdict.kind === "quarantine" || late ? "quarantine" : "shipped",
    document: late ? lateDocument(record) : documentOf(record, result, verdict),
  };
  try {
    if (!(await settle(deps.dirs, record, settlement, deps.packer.fingerprint))) return { next: "waiting" };
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return { next: "held", ...whyNotSettled(rootOf(deps, record), settlement.to, error), settlement };
  }
  await dropRecord(deps.dirs.outbox, record.id);
  report(deps, record, result.status, verdict, late, ms);
  return { next: "gone", counts: settlement.to === "shipped" ? "delivered" : "quarantined" };
}

/** The archive is the last copy: only a receipt lets it go. */
async function concludeWithoutSource(deps: EngineDeps, record: OutboxRecord, verdict: Final): Promise<SendStep> {
  if (verdict.kind === "delivered") {
    await dropRecord(deps.dirs.outbox, record.id);
    deps.log.warn("shipped, but its directory is gone: there is no receipt on this host", { episode: record.id });
    return { next: "gone", counts: "delivered" };
  }
  const why =
    verdict.kind === "quarantine"
      ? `refused (${quoted(`${verdict.reason}: ${verdict.detail}`)})`
      : "answered without a proof";
  const reason = `${why}, and its directory is gone: the archive stays in the outbox`;
  return { next: "held", reason, fix: null, settlement: null };
}

function report(
  deps: EngineDeps,
  record: OutboxRecord,
  status: number,
  verdict: Final,
  late: boolean,
  ms: number,
): void {
  const fields = { episode: record.id, status };
  if (verdict.kind === "quarantine") {
    deps.log.error(`quarantined: ${quoted(verdict.detail)}`, { ...fields, reason: verdict.reason });
  } else if (late) {
    const what = "files changed after they were shipped; what the receiver has lacks the change";
    deps.log.error(`quarantined: ${what}`, { ...fields, reason: "changed-after-shipping" });
  } else {
    const rate = `${formatBytes(Math.round((record.bytes / Math.max(1, ms)) * 1000))}/s`;
    const receipt = verdict.kind === "delivered" ? verdict.receipt.status : "unverified";
    deps.log.info("shipped", { ...fields, bytes: record.bytes, seconds: (ms / 1000).toFixed(2), rate, receipt });
  }
}

function documentOf(record: OutboxRecord, result: SendResult, verdict: Final): Record<string, unknown> {
  const at = new Date(result.answeredAtMs ?? Date.now()).toISOString();
  const ours = { sent_bytes: record.bytes, sent_sha256: record.sha256, code_commit: record.code_commit };
  switch (verdict.kind) {
    case "delivered":
      return { ...verdict.receipt, verified: true, shipped_at: at, ...ours };
    case "delivered-unverified":
      // An old receiver's 409 without a digest: taken for shipped, and never pruned by itself.
      return { status: "duplicate", verified: false, episode_id: record.id, shipped_at: at, ...ours };
    case "quarantine":
      return {
        reason: verdict.reason,
        detail: verdict.detail,
        status: result.status,
        at,
        prunable: verdict.prunable && result.answeredAtMs !== null,
        ...ours,
      };
  }
}

function lateDocument(record: OutboxRecord): Record<string, unknown> {
  return {
    reason: "changed-after-shipping",
    detail: "files changed after the episode was packed; the receiver has the earlier state under this name",
    at: new Date().toISOString(),
    prunable: false,
    sent_bytes: record.bytes,
    sent_sha256: record.sha256,
  };
}

/**
 * What became of the directory that was packed. `gone`: it is not there, or another episode has its name: then the
 * archive is the last copy, and is never thrown away unsent.
 */
async function sourceOf(deps: EngineDeps, record: OutboxRecord): Promise<"same" | "changed" | "gone"> {
  const root = rootOf(deps, record);
  if ((await inodeOf(root)) !== record.directory_inode) return "gone";
  return (await deps.packer.fingerprint(root)) === record.fingerprint ? "same" : "changed";
}

function rootOf(deps: EngineDeps, record: OutboxRecord): string {
  return join(deps.dirs.episodes, record.id);
}
