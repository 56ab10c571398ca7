// One episode through packing: what came of it, as the engine's next move.

import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import type { Finding, Fix } from "../../core/finding.ts";
import { isFull, isMachinesRefusal } from "../../core/linux/disk-refusal.ts";
import { clipMiddle, quoted } from "../../core/text/fields.ts";
import { episodeCommit } from "../episode/commit.ts";
import { directoryId } from "../episode/directory-id.ts";
import { hindranceToMove, localFault, whyDisk, whyNotRead, whyNotSettled } from "../episode/episode-facts.ts";
import type { Hindrance } from "../episode/hindrance.ts";
import type { PackedArchive, PackProgress, PackResult } from "../pack/job.ts";
import { admitArchive, dropRecord, type OutboxRecord, outboxPaths } from "../pack/outbox.ts";
import type { Entry } from "../queue/entry.ts";
import { settle } from "../settle/settle.ts";
import { REJECTION_RULES } from "../settle/settled-documents.ts";
import type { Fault } from "../trust/verdict.ts";
import { CHANGING_FIX, localFinding, rejectionFix } from "../words/remedies.ts";
import type { EngineDeps } from "./deps.ts";

/** The engine's next move with an episode. */
export type PackStep = { next: "packed"; record: OutboxRecord } | Refused;

type Refused =
  | { next: "gone"; counts: "delivered" | "quarantined" | null }
  | { next: "retry"; repack: true; fault: Fault; finding: Finding; retryAfterS: null; tookMs: 0 }
  | { next: "held"; reason: string; detail: string; fix: Fix | null; unsettled: null }
  | { next: "waiting" }
  /** Nothing can be packed, this episode or any. */
  | { next: "disk"; reason: string; fix: Fix | null }
  | { next: "no-space"; bytes: number | null };

/** A hung disk or network mount gives no byte for so long: the watchdog may act, seconds. */
const PACK_STALL_S = 120;

/** What an archive must keep to. */
export interface PackLimits {
  /** A larger episode is left to another lane. */
  maxBytes: number | null;
  /** Left free on the disk. */
  reserveBytes: number;
}

/** Packs an episode into the outbox. */
export async function packStep(
  deps: EngineDeps,
  entry: Entry,
  limits: PackLimits,
  isStopping: () => boolean,
): Promise<PackStep> {
  const root = join(deps.dirs.episodes, entry.id);
  const inode = await directoryId(root);
  if (inode === null) return { next: "gone", counts: null };
  const hindrance = await hindranceToMove(root);
  if (hindrance !== null) return held(hindrance);
  const { part } = outboxPaths(deps.dirs.outbox, entry.id);
  const stamp = await episodeCommit(root, deps.settings.current().commitFile);
  if ("reason" in stamp) return held(stamp);
  if (isStopping()) return { next: "waiting" };
  const work = deps.progress.begin(`packing of ${entry.id}`, PACK_STALL_S);
  const startedAt = deps.now();
  try {
    const job = { root, id: entry.id, part, ...limits };
    const result = await deps.packer.pack(job, (progress) => {
      work.moved();
      if (progress !== null) tellProgress(deps, entry, progress);
    });
    if (result.kind !== "packed") return await refused(deps, entry, root, inode, part, result);
    const record = recordOf(entry, inode, stamp.commit, deps.bootId, result);
    const code = await refusalToAdmit(deps.dirs.outbox, record);
    if (code !== null) return held(whyDisk(deps.dirs.outbox, code));
    report(deps, entry, result, deps.now() - startedAt);
    return { next: "packed", record };
  } finally {
    work.done();
  }
}

/** The archive was written, and its record needs one more file. @returns the errno of a disk that has no room for it, or null */
async function refusalToAdmit(outboxDir: string, record: OutboxRecord): Promise<string | null> {
  try {
    await admitArchive(outboxDir, record);
    return null;
  } catch (error) {
    const code = errorCode(error);
    if (code === null || !isFull(code)) throw error;
    await dropRecord(outboxDir, record.id);
    return code;
  }
}

/** For the status: how far it is. */
function tellProgress(deps: EngineDeps, { work }: Entry, progress: PackProgress): void {
  if (work !== null) Object.assign(work, progress);
  deps.changed();
}

async function refused(
  deps: EngineDeps,
  entry: Entry,
  root: string,
  inode: string,
  part: string,
  result: Exclude<PackResult, PackedArchive>,
): Promise<Refused> {
  switch (result.kind) {
    case "changed":
      return again("changing", result.detail, { what: quoted(result.detail), fix: CHANGING_FIX });
    case "no-space":
      return { next: "no-space", bytes: result.bytes };
    case "large":
      entry.bytes = result.bytes;
      return { next: "waiting" };
    case "vanished":
      return { next: "gone", counts: null };
    case "cancelled":
      return { next: "waiting" };
    case "incomplete":
    case "unpackable":
      return quarantine(deps, entry.id, inode, result).catch((error: unknown) => {
        if (errorCode(error) === null) throw error;
        return held(whyNotSettled(root, "quarantine", error));
      });
    case "unreadable":
      // The outbox is ours: what is wrong there is no fault of the episode.
      if (result.path === part && isMachinesRefusal(result.code)) return held(whyDisk(deps.dirs.outbox, result.code));
      if (result.path === part)
        return again(result.code, result.detail, localFinding(localFault(result.detail, result.code, result.path)));
      if (result.code === "EACCES" || result.code === "EPERM")
        return held(whyNotRead(root, result.below ?? "", result.code));
      // Where the data root itself has a path of hundreds of bytes; episode/tree-walk.ts leaves room for less.
      if (result.code === "ENAMETOOLONG")
        return held({ reason: "a path in it is longer than the kernel takes below this data root", fix: null });
      return again(result.code, result.detail);
  }
}

/** What no receiver has seen goes to quarantine by our own judgement, and is never pruned by itself. */
async function quarantine(
  deps: EngineDeps,
  id: string,
  inode: string,
  { kind: reason, detail, faults, fingerprint }: Extract<PackResult, { kind: "incomplete" | "unpackable" }>,
): Promise<Refused> {
  const document = {
    reason,
    detail,
    files: faults,
    at: new Date().toISOString(),
    rules: REJECTION_RULES,
    judged_by: null,
    refused_day: deps.days.today(),
    prunable: false,
  };
  const packed = { id, directory_inode: inode, fingerprint };
  const name = await settle(deps.dirs, packed, { to: "quarantine", document }, deps.packer.fingerprint);
  if (name === null) return { next: "waiting" };
  deps.log.error({ what: `quarantined: ${quoted(detail)}`, fix: rejectionFix(reason, name) }, { episode: id, reason });
  return { next: "gone", counts: "quarantined" };
}

function held({ reason: detail, fix, ofDisk }: Hindrance): Refused {
  if (ofDisk) return { next: "disk", reason: detail, fix };
  return { next: "held", reason: "hindered", detail, fix, unsettled: null };
}

/** It is packed again another time; nobody was asked. */
function again(
  reason: string,
  detail: string,
  finding: Finding = localFinding(localFault(detail, null, null)),
): Refused {
  const fault = { status: 0, reason, isMarked: false, detail };
  return { next: "retry", repack: true, fault, finding, retryAfterS: null, tookMs: 0 };
}

function recordOf(
  entry: Entry,
  inode: string,
  commit: string | null,
  bootId: string,
  packed: PackedArchive,
): OutboxRecord {
  return {
    id: entry.id,
    directory_inode: inode,
    finished_ms: entry.finishedMs,
    fingerprint: packed.fingerprint,
    bytes: packed.bytes,
    sha256: packed.sha256,
    tree_sha256: packed.treeSha256,
    first_tree_sha256: packed.firstTreeSha256,
    code_commit: commit,
    boot_id: bootId,
  };
}

function report(deps: EngineDeps, entry: Entry, packed: PackedArchive, ms: number): void {
  const { files, treeBytes, bytes, unlisted } = packed;
  const seconds = (ms / 1000).toFixed(2);
  deps.log.debug("packed", { episode: entry.id, files, unlisted, from_bytes: treeBytes, bytes, seconds });
  if (packed.skipped.length === 0) return;
  const shown = packed.skipped
    .slice(0, 3)
    .map((name) => quoted(clipMiddle(name, 200)))
    .join(", ");
  deps.log.warn(`left out of the archive, only files and directories are packed: ${shown}`, {
    episode: entry.id,
    count: packed.skipped.length,
  });
}
