// Once a day the receiver is asked whether it still refuses what lies in quarantine, with the stamp that a requeue would send now.
// What it takes goes back into the queue by itself; what it refuses to the last, announced and old, is removed.

import { join } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import { quoted } from "../../core/fields.ts";
import { entriesOf } from "../../os/entries.ts";
import { readDocument, writeDocument } from "../document.ts";
import { judgedAnewFix } from "../remedies.ts";
import { notQueuedText, requeue } from "../requeue.ts";
import type { SendDeps } from "../send.ts";
import type { Fingerprint } from "../settle.ts";
import { REJECTION_RULES } from "../settled-documents.ts";
import { fixTail } from "../words.ts";
import { isAskedDaily, isExpiring, isOursNow, whyKept } from "./decide.ts";
import { announce, type Expiry, NO_EXPIRY, readExpiry, writeExpiry } from "./expiry.ts";
import { type Rejection, readRejection } from "./notes.ts";
import { askJudge } from "./proof.ts";
import { noteRemoved, removeSettled } from "./removal.ts";

export interface LastCallDeps extends SendDeps {
  fingerprint: Fingerprint;
  signal: AbortSignal;
  /** Something moved: a round through thousands takes its time. */
  moved: () => void;
  /** The newest announcement that has arrived at the pinned receiver; null: none that we know of. */
  arrived: () => number | null;
}

/** What lies in quarantine, with its note; null: none of ours that can be read. */
export async function listQuarantine({
  dirs,
}: Pick<SendDeps, "dirs">): Promise<{ name: string; rejection: Rejection | null }[]> {
  const found: { name: string; rejection: Rejection | null }[] = [];
  for await (const entry of entriesOf(dirs.quarantine)) {
    const { name } = entry;
    if (!entry.isDirectory() || name.startsWith(".")) continue;
    const text = await readDocument(join(dirs.quarantine, name), "quarantine");
    found.push({ name, rejection: readRejection(name, text) });
  }
  return found;
}

/** What lies in quarantine, with a note of ours. */
export async function listRejections(deps: Pick<SendDeps, "dirs">): Promise<Rejection[]> {
  return (await listQuarantine(deps)).flatMap(({ rejection }) => rejection ?? []);
}

/**
 * Rejections of older releases, judged by today's rules: what was our own fault goes back to the queue. Said once for all,
 * since they leave.
 */
export async function judgeAnew(deps: Pick<LastCallDeps, "config" | "dirs" | "log">): Promise<number> {
  const ours = (await listRejections(deps)).filter((one) => isOursNow(one, deps.config.receiver.kind));
  const back: Rejection[] = [];
  for (const one of ours) if (await takeBack(deps, one)) back.push(one);
  if (back.length > 0) {
    const reasons = [...new Set(back.map(({ reason }) => reason))].sort().join(", ");
    const what = "queued again: an older release took a fault of this host or of the path for the episodes'";
    deps.log.warn(what, { count: back.length, reasons });
  }
  return back.length;
}

/** Announces what is about to go. @returns what is announced, for the status */
export async function announceExpiring(
  deps: Pick<LastCallDeps, "config" | "dirs" | "days" | "arrived">,
): Promise<Expiry> {
  const { dataRoot, quarantineKeepDays } = deps.config;
  const day = deps.days.today();
  const names = (await listRejections(deps))
    .filter((one) => isExpiring(one, quarantineKeepDays, day))
    .map(({ name }) => name);
  const before = await readExpiry(dataRoot);
  const after = announce(before, names, deps.arrived(), day);
  await writeExpiry(dataRoot, before, after);
  return after;
}

/** So many episodes in a row about which nobody who may judge answered, and the rest is left for another time. */
export const MISSES_MAX = 3;

/**
 * One round. One episode that never gets an answer, as behind a box that dislikes its name, keeps no other from being asked.
 * @returns false when the receiver could not be asked about any: then it is tried again.
 */
export async function lastCall(deps: LastCallDeps, expiry: Expiry = NO_EXPIRY): Promise<boolean> {
  const asked = (await listRejections(deps)).filter(isAskedDaily);
  let answers = 0;
  let misses = 0;
  for (const rejection of asked) {
    if (deps.signal.aborted || misses >= MISSES_MAX) break;
    deps.moved();
    if (await callFor(deps, rejection, expiry)) {
      answers++;
      misses = 0;
    } else misses++;
  }
  return asked.length === 0 || answers > 0;
}

async function callFor(deps: LastCallDeps, rejection: Rejection, expiry: Expiry): Promise<boolean> {
  const directory = join(deps.dirs.quarantine, rejection.name);
  const { result, stamp, hostCommit } = await askJudge(deps, directory, rejection, deps.signal);
  const { verdict } = result;
  if (verdict.kind === "would" || verdict.kind === "delivered") {
    const isBack = await takeBack(deps, rejection);
    if (isBack) deps.log.info("queued again: the receiver would take it now", { episode: rejection.id });
    return true;
  }
  // It would be held for its stamp: a person's matter, and not refused.
  if (verdict.kind === "unstamped") return true;
  if (verdict.kind !== "quarantine" || verdict.judgedBy === null) return false;
  const { reason, detail, judgedBy } = verdict;
  const refused = { ...rejection, reason, detail, judgedBy, refusedDay: rejection.refusedDay ?? deps.days.today() };
  await renewNote(deps, rejection, refused, result.status);
  const call = {
    keepDays: deps.config.quarantineKeepDays,
    day: deps.days.today(),
    announcedDay: expiry.episodes[rejection.name]?.announced_day ?? null,
    refusedToday: true,
    stamp,
    hostCommit,
  };
  if (whyKept(refused, call) === null) await remove(deps, refused, call.day);
  return true;
}

/** A note of an older release, or of another reason, says from now on who refused it, and since when that counts. */
async function renewNote(deps: LastCallDeps, before: Rejection, now: Rejection, status: number): Promise<void> {
  const isSame = before.judgedBy === now.judgedBy && before.reason === now.reason && before.refusedDay !== null;
  if (isSame && before.rules === REJECTION_RULES) return;
  const directory = join(deps.dirs.quarantine, before.name);
  const note: Record<string, unknown> = JSON.parse((await readDocument(directory, "quarantine")) ?? "{}");
  const { reason, detail, judgedBy, refusedDay } = now;
  const news = { reason, detail, status, judged_by: judgedBy, refused_day: refusedDay };
  const renewed = { ...note, ...news, rules: REJECTION_RULES, prunable: false };
  const temp = join(deps.dirs.outbox, `.${before.name}.document.part`);
  await onDisk(deps, before, () => writeDocument(directory, "quarantine", renewed, temp));
}

async function remove(deps: LastCallDeps, { name, id, fingerprint }: Rejection, day: number): Promise<void> {
  await onDisk(deps, { id }, async () => {
    if ((await deps.fingerprint(join(deps.dirs.quarantine, name))) !== fingerprint) {
      const what =
        "not removed from quarantine/: its files changed since it was refused, or were restored from a backup";
      return deps.log.warn(`${what} episode=${id}${fixTail(judgedAnewFix(id))}`);
    }
    const { dataRoot } = deps.config;
    const at = new Date(deps.wallMs()).toISOString();
    await noteRemoved(dataRoot, deps.dirs, { at, place: "quarantine", name, why: "pruned", receiver_day: day });
    await removeSettled(deps.dirs, "quarantine", name);
    const kept = deps.config.quarantineKeepDays;
    deps.log.warn(`removed from quarantine/: refused for ${kept} days, announced, and refused again today`, {
      episode: id,
    });
  });
}

async function takeBack(deps: Pick<LastCallDeps, "dirs" | "log">, { name, id }: Rejection): Promise<boolean> {
  let isBack = false;
  await onDisk(deps, { id }, async () => {
    const result = await requeue(deps.dirs, "quarantine", name);
    isBack = "id" in result;
    if ("refused" in result) deps.log.warn(`not queued again: ${notQueuedText(result)}`, { episode: id });
  });
  return isBack;
}

/** Whatever is wrong with one never stops the others. */
async function onDisk(
  deps: Pick<LastCallDeps, "log">,
  { id }: Pick<Rejection, "id">,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (errorCode(error) === null) throw error;
    deps.log.warn(`stays in quarantine/: ${quoted(errorText(error))}`, { episode: id });
  }
}
