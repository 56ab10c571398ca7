// Once a day the receiver is asked whether it still refuses what lies in quarantine, with the stamp that a requeue would send now.
// What it takes goes back into the queue by itself; what it refuses to the last, announced and old, is removed.

import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { ownValue } from "../../core/text/own.ts";
import { entriesOf } from "../../os/files/entries.ts";
import { type Place, readDocument, writeDocument } from "../episode/document.ts";
import { stays } from "../episode/episode-facts.ts";
import { type Rejection, readRejection } from "../episode/notes.ts";
import { notQueued, requeue } from "../settle/requeue.ts";
import type { SendDeps } from "../settle/send.ts";
import type { Fingerprint } from "../settle/settle.ts";
import { REJECTION_RULES } from "../settle/settled-documents.ts";
import { judgedAnewFix } from "../words/remedies.ts";
import { isAskedDaily, isExpiring, isOursNow, isRefusedOld, isUnproved, whyKept } from "./decide.ts";
import { announce, type Expiry, NO_EXPIRY, readExpiry, writeExpiry } from "./expiry.ts";
import { askJudge } from "./proof.ts";
import { todayOf } from "./prune.ts";
import { noteRemoved, removeSettled } from "./removal.ts";
import type { ShippedList } from "./shipped-list.ts";
import type { Turns } from "./turns.ts";

export interface LastCallDeps extends SendDeps {
  fingerprint: Fingerprint;
  signal: AbortSignal;
  /** Something moved: a round through thousands takes its time. */
  moved: () => void;
  /** The newest announcement that has arrived at the pinned receiver; null: none that we know of. */
  arrived: () => number | null;
  turns: Turns;
  list: ShippedList;
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
async function listRejections(deps: Pick<SendDeps, "dirs">): Promise<Rejection[]> {
  return (await listQuarantine(deps)).flatMap(({ rejection }) => rejection ?? []);
}

/**
 * Rejections of older releases, judged by today's rules: what was our own fault goes back to the queue. Said once for all,
 * since they leave.
 */
export async function judgeAnew(deps: Pick<LastCallDeps, "settings" | "dirs" | "log">): Promise<number> {
  const ours = (await listRejections(deps)).filter((one) => isOursNow(one, deps.settings.current().receiver.kind));
  const back: Rejection[] = [];
  for (const one of ours) if (await takeBack(deps, one)) back.push(one);
  if (back.length > 0) {
    const reasons = [...new Set(back.map(({ reason }) => reason))].sort().join(", ");
    const what = "queued again: an older release took a fault of this host or of the path for the episodes'";
    deps.log.warn(what, { count: back.length, reasons });
  }
  return back.length;
}

/**
 * What an older release called shipped on anybody's 409: it goes again, and a receiver that has it says so. Said once for all.
 */
export async function proveAnew(
  deps: Pick<LastCallDeps, "settings" | "dirs" | "log" | "moved" | "list">,
): Promise<void> {
  const unproved = (await deps.list.read(deps.moved)).filter((one) =>
    isUnproved(one, deps.settings.current().receiver.kind),
  );
  let count = 0;
  for (const one of unproved) {
    if (await takeBack(deps, one, "shipped")) count++;
    deps.list.forget(one.name);
  }
  if (count > 0) deps.log.warn("queued again: an older release called them shipped without a receipt", { count });
}

/** Removes what a Python receiver refused, by its age, where `[retention] prune_unverified` asks for it: it judges nothing. */
export async function pruneRefused(deps: LastCallDeps): Promise<void> {
  const { settings, list, moved } = deps;
  const { quarantineKeepDays: keepDays, pruneUnverified } = settings.current();
  const rules = { keepDays, pruneUnverified };
  const today = todayOf(deps, await list.read(moved));
  for (const refused of await listRejections(deps)) {
    if (deps.signal.aborted) return;
    moved();
    const why = `refused ${rules.keepDays} days ago, and [retention] prune_unverified asks for no more`;
    if (isRefusedOld(refused, rules, today)) await removeRefused(deps, refused, why);
  }
}

/** Announces what is about to go. @returns what is announced, for the status */
export async function announceExpiring(
  deps: Pick<LastCallDeps, "settings" | "dirs" | "days" | "arrived">,
): Promise<Expiry> {
  const { dataRoot, quarantineKeepDays } = deps.settings.current();
  const day = deps.days.today();
  const names = (await listRejections(deps))
    .filter((one) => isExpiring(one, quarantineKeepDays, day))
    .map(({ name }) => name);
  const before = await readExpiry(dataRoot);
  const after = announce(before, names, deps.arrived(), day);
  await writeExpiry(dataRoot, before, after);
  return after;
}

/**
 * One round.
 * @returns false when the receiver could not be asked about any: then it is tried again.
 */
export async function lastCall(deps: LastCallDeps, expiry: Expiry = NO_EXPIRY): Promise<boolean> {
  const asked = (await listRejections(deps)).filter(isAskedDaily);
  const goesOn = (): boolean => !deps.signal.aborted;
  const answers = await deps.turns.each(asked, goesOn, (rejection) => {
    deps.moved();
    return callFor(deps, rejection, expiry);
  });
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
    keepDays: deps.settings.current().quarantineKeepDays,
    day: deps.days.today(),
    announcedDay: ownValue(expiry.episodes, rejection.name)?.announced_day ?? null,
    refusedToday: true,
    stamp,
    hostCommit,
  };
  const why = `refused for ${call.keepDays} days, announced, and refused again today`;
  if (whyKept(refused, call) === null) await removeRefused(deps, refused, why);
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

/** Removes a refused episode, unless it is not what was refused. @param why why it may go */
async function removeRefused(deps: LastCallDeps, { name, id, fingerprint }: Rejection, why: string): Promise<void> {
  await onDisk(deps, { id }, async () => {
    if ((await deps.fingerprint(join(deps.dirs.quarantine, name))) !== fingerprint) {
      const what =
        "not removed from quarantine/: its files changed since it was refused, or were restored from a backup";
      return deps.log.warn({ what: `${what} episode=${id}`, fix: judgedAnewFix(name) });
    }
    const { dataRoot } = deps.settings.current();
    const at = new Date(deps.wallMs()).toISOString();
    const gone = { place: "quarantine", name, why: "pruned", receiver_day: deps.days.today() } as const;
    await noteRemoved(dataRoot, deps.dirs, { at, ...gone });
    await removeSettled(deps.dirs, "quarantine", name);
    deps.log.warn(`removed from quarantine/: ${why}`, { episode: id });
  });
}

async function takeBack(
  deps: Pick<LastCallDeps, "dirs" | "log">,
  { name, id }: Pick<Rejection, "name" | "id">,
  place: Place = "quarantine",
): Promise<boolean> {
  let isBack = false;
  await onDisk(deps, { id }, async () => {
    const result = await requeue(deps.dirs, place, name);
    isBack = "id" in result;
    if ("refused" in result) deps.log.warn(notQueued("not queued again", result), { episode: id });
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
    deps.log.warn(stays("stays where it is", id, error));
  }
}
