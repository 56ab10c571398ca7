// What a run remembers of a host for the next ones, which do not read its attempts and heartbeats of before again. Pure; times in
// milliseconds since 1970 by the collector's clock.

import type { ShownQueue } from "../../fleet/queue-view.ts";
import { type Mark, RUN_MS } from "../coverage/age.ts";
import type { Uploads } from "./uploads.ts";

export interface Past {
  /** When an upload was last answered with success; null: none was. */
  takenMs: number | null;
  /** What failed since then; null: nothing. */
  failing: Failing | null;
  /** What waits in its queue at the least, by the hour; empty: nothing does. */
  backlog: Backlog;
  /** How many refused episodes it keeps, as far as that was ever known. */
  quarantine: Quarantine;
  /** For how long nothing has come from it while this check ran. */
  unheardMs: number;
  /** Since when each run has had a fresh heartbeat of it; left out: this one has none, or a release before did not write it down. */
  heardSinceMs?: number | undefined;
  /** How long ago its newest signs came, as the runs have seen it; left out: a release before did not write it down. */
  marks?: Marks | undefined;
}

/** Of a row of the index, of an upload that was answered with success, of a heartbeat; null: none came. */
export interface Marks {
  own: Mark | null;
  taken: Mark | null;
  beat: Mark | null;
}

export interface Failing {
  count: number;
  firstMs: number;
  lastMs: number;
  /** Of the newest. */
  reason: string;
}

export interface Backlog {
  /** The newest hour, counted since 1970. */
  hour: number;
  /** The oldest first. */
  lows: readonly number[];
}

export interface Quarantine {
  /** Null: none of its heartbeats has said it yet. */
  count: number | null;
  /** Before it grew. */
  from: number;
  /** When it last grew; null: it has not, of late. */
  grewMs: number | null;
}

export const NO_PAST: Past = {
  ...{ takenMs: null, failing: null, backlog: { hour: 0, lows: [] } },
  ...{ quarantine: { count: null, from: 0, grewMs: null }, unheardMs: 0 },
};

const HOUR_MS = 3_600_000;
/** A queue that grew for so many hours does not go by itself. */
export const BACKLOG_HOURS = 6;
/** What grew is told for so long. */
export const GREW_MS = 24 * HOUR_MS;
export interface Now {
  nowMs: number;
  /** When the run before was; null: there was none. */
  lastRunMs: number | null;
  uploads: Uploads;
  /** Of a fresh heartbeat; null: not known now. */
  queue: ShownQueue | null;
  /** When anything last came from it; null: nobody knows. */
  signMs: number | null;
  /** Whether there is a fresh heartbeat. */
  isHeard: boolean;
  marks: Marks;
  /** How long after the run before this one is. */
  elapsedMs: number;
}

/** What is remembered after a run. @param before null: the host is new */
export function pastOf(
  before: Past | null,
  { nowMs, lastRunMs, uploads, queue, signMs, isHeard, marks, elapsedMs }: Now,
): Past {
  const known = before ?? NO_PAST;
  const takenMs = newest(known.takenMs, uploads.takenMs);
  return {
    takenMs,
    marks,
    failing: failingOf(known.failing, uploads, takenMs),
    backlog: queue === null ? known.backlog : backlogOf(known.backlog, queue.pending, nowMs),
    quarantine: queue === null ? known.quarantine : quarantineOf(known.quarantine, queue.quarantined, nowMs),
    unheardMs: unheardOf(before, signMs, { nowMs, lastRunMs, elapsedMs }),
    ...(isHeard && { heardSinceMs: Math.min(known.heardSinceMs ?? nowMs, nowMs) }),
  };
}

/** Without what is of a later time than that: it was before this clock was set back, and what came since has no later one. */
export function withoutFuture(past: Past, latestMs: number): Past {
  const isAhead = (ms: number | null): boolean => ms !== null && ms > latestMs;
  const { takenMs, failing, quarantine } = past;
  return {
    ...past,
    takenMs: isAhead(takenMs) ? null : takenMs,
    failing: failing !== null && (isAhead(failing.firstMs) || isAhead(failing.lastMs)) ? null : failing,
    quarantine: isAhead(quarantine.grewMs) ? { ...quarantine, grewMs: null } : quarantine,
  };
}

/** The same after a run that could not look. */
export function agedPast(before: Past, elapsedMs: number): Past {
  if (before.marks === undefined) return before;
  const older = (mark: Mark | null): Mark | null => mark && { ...mark, ageMs: mark.ageMs + elapsedMs };
  const { own, taken, beat } = before.marks;
  return { ...before, marks: { own: older(own), taken: older(taken), beat: older(beat) } };
}

/** The same of a host of whom this run knows nothing. */
export function unheardPast(before: Past, now: Pick<Now, "nowMs" | "lastRunMs" | "elapsedMs">): Past {
  return { ...agedPast(before, now.elapsedMs), unheardMs: unheardOf(before, null, now), heardSinceMs: undefined };
}

function newest(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}

/** A run reads some attempts that the one before has read: they are known by their time. */
function failingOf(before: Failing | null, { failed }: Uploads, takenMs: number | null): Failing | null {
  const isOver = before === null || (takenMs !== null && takenMs >= before.firstMs);
  let failing = isOver ? null : before;
  for (const { ms, reason } of failed) {
    if (failing !== null && ms <= failing.lastMs) continue;
    failing = { count: (failing?.count ?? 0) + 1, firstMs: failing?.firstMs ?? ms, lastMs: ms, reason };
  }
  return failing;
}

function backlogOf({ hour: before, lows }: Backlog, pending: number, nowMs: number): Backlog {
  const hour = Math.floor(nowMs / HOUR_MS);
  if (pending === 0) return { hour, lows: [] };
  const isSame = hour === before && lows.length > 0;
  // After an hour in which nobody looked nothing is known to have grown.
  if (!isSame && hour !== before + 1) return { hour, lows: [pending] };
  const next = isSame ? [...lows.slice(0, -1), Math.min(lows.at(-1) ?? pending, pending)] : [...lows, pending];
  return { hour, lows: next.slice(-BACKLOG_HOURS - 1) };
}

/** From how many to how many a queue grew, in each hour of the last; null: it did not. */
export function growth({ lows }: Backlog): { from: number; to: number } | null {
  const [from, to] = [lows[0], lows.at(-1)];
  if (from === undefined || to === undefined || lows.length <= BACKLOG_HOURS) return null;
  return lows.every((low, i) => i === 0 || low > (lows[i - 1] ?? 0)) ? { from, to } : null;
}

function quarantineOf(known: Quarantine, count: number, nowMs: number): Quarantine {
  const { grewMs } = known;
  const isLately = grewMs !== null && nowMs - grewMs < GREW_MS && count > known.from;
  // What a host has that was not heard of was there before.
  if (known.count !== null && count > known.count)
    return { count, from: isLately ? known.from : known.count, grewMs: nowMs };
  return isLately ? { ...known, count } : { count, from: count, grewMs: null };
}

function unheardOf(
  before: Past | null,
  signMs: number | null,
  { nowMs, lastRunMs, elapsedMs }: Pick<Now, "nowMs" | "lastRunMs" | "elapsedMs">,
): number {
  if (before === null || lastRunMs === null) return signMs === null ? 0 : Math.max(0, nowMs - signMs);
  if (signMs !== null && signMs > lastRunMs) return 0;
  return before.unheardMs + Math.min(elapsedMs, RUN_MS);
}
