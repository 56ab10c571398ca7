// Whose turn it is among episodes that wait: for the outbox, for the line, and which archive gives way to another one. Pure.

import type { Entry } from "./entry.ts";

/** Archives of episodes that were tried before, kept for their next try beside those that wait for their first one. */
const SPARE_ARCHIVES = 8;

type Order = (a: Entry, b: Entry) => number;

/** Whether one that never failed by itself went ahead of a queue that stands still: until that goes on it need not be packed again. */
export type HadTurn = (entry: Entry) => boolean;

/**
 * For the line: whoever has waited longest, and of two the older one. Not the oldest of all: where those that fail are due again
 * before each had its turn, the newer ones would never get one.
 */
export const byWaiting: Order = (a, b) => a.notBeforeMs - b.notBeforeMs || a.finishedMs - b.finishedMs;

/** For the outbox: by age those that were never tried, then whoever has waited longest for another try. */
export const untriedFirst: Order = (a, b) =>
  a.failures > 0 && b.failures > 0
    ? byWaiting(a, b)
    : Number(a.failures > 0) - Number(b.failures > 0) || a.finishedMs - b.finishedMs;

/** The first one that is due and suits. */
export function firstDue(
  entries: Iterable<Entry>,
  nowMs: number,
  order: Order,
  suits: (entry: Entry) => boolean = () => true,
): Entry | null {
  let first: Entry | null = null;
  for (const entry of entries) {
    if (entry.notBeforeMs <= nowMs && suits(entry) && (first === null || order(entry, first) < 0)) first = entry;
  }
  return first;
}

/** Of packed episodes those that were tried before, or may not be tried yet, and that can be packed again. */
function sparesOf(packed: Iterable<Entry>, nowMs: number, hadTurn: HadTurn = () => false): Entry[] {
  return [...packed].filter(
    (entry) => !entry.isLastCopy && (entry.failures > 0 || entry.notBeforeMs > nowMs || hadTurn(entry)),
  );
}

/**
 * The packed episode whose archive gives way to another one's: first one that had its turn in this pause, then the one that is due
 * last; null: there is room.
 */
export function toGiveWay(packed: Iterable<Entry>, nowMs: number, hadTurn: HadTurn): Entry | null {
  const spares = sparesOf(packed, nowMs, hadTurn);
  if (spares.length <= SPARE_ARCHIVES) return null;
  return spares.find(hadTurn) ?? spares.reduce((a, b) => (b.notBeforeMs > a.notBeforeMs ? b : a));
}

/**
 * Until when an episode that was tried before must be due to be packed again: before the last one that is packed, whose place it
 * takes. So all have their turns, and none is packed only to give way again.
 */
export function packedAgainUntilMs(packed: Iterable<Entry>, nowMs: number): number {
  const spares = sparesOf(packed, nowMs);
  if (spares.length < SPARE_ARCHIVES) return Number.POSITIVE_INFINITY;
  return Math.max(...spares.map(({ notBeforeMs }) => notBeforeMs));
}
