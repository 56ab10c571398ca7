// One packed episode through an exchange with the receiver: sent or asked about, answered, moved. What the answer means is
// decided in decide.ts.

import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import type { Finding, Fix } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { failpoint } from "../../os/failpoint.ts";
import { clearName } from "../../os/files/files.ts";
import { stampOf } from "../episode/commit.ts";
import { directoryId, isSameDirectory } from "../episode/directory-id.ts";
import { whyNotSettled } from "../episode/episode-facts.ts";
import { dropRecord, hasArchive, type OutboxRecord, outboxPaths } from "../pack/outbox.ts";
import type { Entry } from "../queue/entry.ts";
import { type SendResult, sendArchive } from "../settle/send.ts";
import { type Settlement, settle } from "../settle/settle.ts";
import { documentOf, type Final, lateDocument, reportSettled } from "../settle/settled-documents.ts";
import type { Fault, Resource, Verdict } from "../trust/verdict.ts";
import { lastCopyFix } from "../words/remedies.ts";
import type { EngineDeps } from "./deps.ts";

/** The engine's next move with an episode. */
export type SendStep =
  | { next: "gone"; counts: "delivered" | "quarantined" | null }
  | { next: "retry"; repack: boolean; fault: Fault; finding: Finding; retryAfterS: number | null; tookMs: number }
  | { next: "held"; reason: string; detail: string; fix: Fix | null; unsettled: Unsettled | null }
  | { next: "unstamped"; detail: string }
  | { next: "packed"; record: null }
  | { next: "waiting" }
  | { next: "paused"; fault: Fault; finding: Finding; retryAfterS: number | null; tookMs: number };

export interface SendOutcome {
  step: SendStep;
  /** A receiver of ours gave a receipt or a judgement: it can be reached, and takes what it should. */
  isAnswered: boolean;
}

/** An answer that could not be carried out yet, and what is said when it is. */
export interface Unsettled {
  settlement: Settlement;
  /** @param name its directory where it is now */
  said: (name: string) => void;
}

/** An upload gives itself up before this; if it does not, the watchdog may act. Times the stall time-out. */
const UPLOAD_STUCK_FACTOR = 6;

/** Sends a packed episode, or asks about it, and moves it where the answer says. */
export async function sendStep(
  deps: EngineDeps,
  entry: Entry,
  record: OutboxRecord,
  resource: Resource,
  signal: AbortSignal,
): Promise<SendOutcome> {
  const source = await sourceOf(deps, record);
  const isThere = await hasArchive(deps.dirs.outbox, entry.id);
  if (source === "changed" || !isThere) {
    await dropRecord(deps.dirs.outbox, entry.id);
    const step: SendStep = source === "gone" ? tookAway(deps, entry.id) : { next: "waiting" };
    return { step, isAnswered: false };
  }
  // Unstamped when it was packed: it may have got its stamp since.
  record.code_commit ??= await stampOf(rootOf(deps, record), deps.settings.current().commitFile);
  const work = deps.progress.begin(
    `upload of ${entry.id}`,
    deps.settings.current().requestTimeoutS * UPLOAD_STUCK_FACTOR,
  );
  const startedAt = deps.now();
  try {
    const result = await sendArchive(deps, record, resource, signal, (bytes) => {
      work.moved();
      if (entry.work === null || resource !== "put") return;
      entry.work.doneBytes = Math.min(bytes, record.bytes);
      deps.changed();
    });
    failpoint("send.answered");
    const { kind } = result.verdict;
    const isAnswered = kind !== "stopped" && kind !== "retry" && kind !== "pause" && kind !== "other-receiver";
    return { step: await carryOut(deps, record, result, deps.now() - startedAt), isAnswered };
  } finally {
    work.done();
  }
}

async function carryOut(deps: EngineDeps, record: OutboxRecord, result: SendResult, ms: number): Promise<SendStep> {
  const { verdict, retryAfterS, finding } = result;
  switch (verdict.kind) {
    case "stopped":
    case "would":
      return { next: "packed", record: null };
    case "unstamped":
      return { next: "unstamped", detail: verdict.detail };
    case "pause":
    case "other-receiver":
      return { next: "paused", fault: verdict, finding: finding ?? bareFinding(verdict), retryAfterS, tookMs: ms };
    case "retry":
      return again(deps, record, verdict, result, ms);
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
  { finding, retryAfterS }: SendResult,
  tookMs: number,
): Promise<SendStep> {
  const repack = verdict.repack && (await sourceOf(deps, record)) !== "gone";
  if (repack) await dropRecord(deps.dirs.outbox, record.id);
  return { next: "retry", repack, fault: verdict, finding: finding ?? bareFinding(verdict), retryAfterS, tookMs };
}

/** What was said of a fault, without a remedy. */
function bareFinding({ detail }: Fault): Finding {
  return { what: quoted(detail), fix: { text: "see the log of the receiver", commands: [] } };
}

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
  await clearName(outboxPaths(deps.dirs.outbox, record.id).archive);
  // What came in after packing is in no archive: such a directory is never called shipped.
  const late = source === "changed" && verdict.kind !== "quarantine";
  const seen = source === "same" ? record.fingerprint : await deps.packer.fingerprint(rootOf(deps, record));
  record.fingerprint = seen ?? "";
  const day = deps.days.today();
  const settlement: Settlement = {
    to: verdict.kind === "quarantine" || late ? "quarantine" : "shipped",
    document: late ? lateDocument(record, day) : documentOf(record, result, verdict, day),
  };
  const said = (name: string): void => reportSettled(deps.log, record, name, result.status, verdict, late, ms);
  let name: string | null;
  try {
    // Its files were looked at just now.
    name = await settle(deps.dirs, record, settlement, async () => seen);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    const { reason: detail, fix } = whyNotSettled(rootOf(deps, record), settlement.to, error);
    return { next: "held", reason: "cannot-move", detail, fix, unsettled: { settlement, said } };
  }
  if (name === null) return { next: "waiting" };
  await dropRecord(deps.dirs.outbox, record.id);
  said(name);
  return { next: "gone", counts: settlement.to === "shipped" ? "delivered" : "quarantined" };
}

/** Somebody removed the directory and the archive. */
function tookAway({ log }: EngineDeps, episode: string): SendStep {
  log.warn("not shipped: its directory and its archive were both taken away", { episode });
  return { next: "gone", counts: null };
}

/** The archive is the last copy: only a receipt lets it go. */
async function concludeWithoutSource(deps: EngineDeps, record: OutboxRecord, verdict: Final): Promise<SendStep> {
  if (verdict.kind === "delivered") {
    await dropRecord(deps.dirs.outbox, record.id);
    const what =
      "shipped from its archive: its directory is gone, or another has its name, so there is no receipt here";
    deps.log.warn(what, { episode: record.id });
    return { next: "gone", counts: "delivered" };
  }
  const why =
    verdict.kind === "quarantine"
      ? `refused (${quoted(`${verdict.reason}: ${verdict.detail}`)})`
      : "answered without a proof";
  const detail = `${why}, and its directory is gone, or another has its name: the archive stays in the outbox`;
  const { archive } = outboxPaths(deps.dirs.outbox, record.id);
  return { next: "held", reason: "last-copy", detail, fix: lastCopyFix(archive), unsettled: null };
}

/**
 * What became of the directory that was packed. `gone`: it is not there, or another episode has its name: then the
 * archive is the last copy, and is never thrown away unsent.
 */
async function sourceOf(deps: EngineDeps, record: OutboxRecord): Promise<"same" | "changed" | "gone"> {
  const root = rootOf(deps, record);
  if (!isSameDirectory(record.directory_inode, await directoryId(root))) return "gone";
  return (await deps.packer.fingerprint(root)) === record.fingerprint ? "same" : "changed";
}

function rootOf(deps: EngineDeps, record: OutboxRecord): string {
  return join(deps.dirs.episodes, record.id);
}
