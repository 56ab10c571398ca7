// How long ago something came, as the runs have seen it: that holds whatever the clock was set to meanwhile. It is what counts of a time
// of which nobody knows when it was. Pure; milliseconds.

import type { Tick } from "../../contract/tick.ts";
import { isAhead } from "../../fleet/judge.ts";

/** The newest of what comes again and again, by the time that it bears, and for how long nothing newer has been seen. */
export interface Mark {
  ms: number;
  ageMs: number;
}

/** Runs are five minutes apart: so far the clock on the wall tells how long ago the last one was. */
const APART_MS = 10 * 60_000;
/** No run is further from the next: a machine that was off, or a clock that was set, has watched nobody. */
export const RUN_MS = 3_600_000;

/** The newest tick that a run has seen, and how long ago it came. */
export interface TickMark {
  sequence: number;
  boot: string;
  uptimeS: number;
  ageMs: number;
}

export interface Between {
  nowMs: number;
  /** How long after the run before this one is. */
  elapsedMs: number;
}

/** @param ms what this run sees; null: nothing */
export function markOf(before: Mark | null, ms: number | null, { nowMs, elapsedMs }: Between): Mark | null {
  if (ms === null) return before === null ? null : { ...before, ageMs: before.ageMs + elapsedMs };
  if (before === null) return { ms, ageMs: Math.max(0, nowMs - ms) };
  // What came before this clock was set back seems to be later than all that comes after that.
  const isNews = ms > before.ms || (ms < before.ms && isAhead(before.ms, nowMs));
  if (!isNews) return { ms: before.ms, ageMs: before.ageMs + elapsedMs };
  return { ms, ageMs: Math.min(Math.max(0, nowMs - ms), elapsedMs) };
}

/** @param tick the newest, as it was written; undefined: there is none */
export function tickMarkOf(
  before: TickMark | null,
  tick: Tick | undefined,
  { nowMs, elapsedMs }: Between,
): TickMark | null {
  if (tick === undefined) return null;
  const { sequence, boot, uptimeS, wallMs } = tick;
  const isSame = before?.sequence === sequence && before.boot === boot;
  const mostMs = before === null ? Number.POSITIVE_INFINITY : elapsedMs;
  const ageMs = isSame ? before.ageMs + elapsedMs : Math.min(Math.max(0, nowMs - wallMs), mostMs);
  return { sequence, boot, uptimeS, ageMs };
}

/**
 * How long after the run before this one is: by the clock, unless that says something odd; then by the machine's own, as the ticks show it.
 * @param lastRunMs null: this is the first
 */
export function elapsedOf(
  lastRunMs: number | null,
  before: TickMark | null,
  tick: Tick | undefined,
  nowMs: number,
): number {
  if (lastRunMs === null) return 0;
  const wallMs = nowMs - lastRunMs;
  if (wallMs >= 0 && wallMs <= APART_MS) return wallMs;
  if (before !== null && tick?.boot === before.boot && tick.uptimeS > before.uptimeS)
    return Math.max(0, (tick.uptimeS - before.uptimeS) * 1000 - before.ageMs);
  // While no tick comes nothing counts, and the clock may have been set.
  if (before !== null && tick?.boot === before.boot) return Math.min(Math.max(0, wallMs), APART_MS);
  return Math.min(Math.max(0, wallMs), RUN_MS);
}
