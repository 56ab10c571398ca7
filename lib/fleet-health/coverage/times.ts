// What a run goes by where times are told: how long it is since the run before, what counts, and of which times nobody knows when they
// were. Pure.

import { TICK_MS, type Tick } from "../../contract/tick.ts";
import { isAhead } from "../../fleet/judge.ts";
import { elapsedOf, type TickMark, tickMarkOf } from "./age.ts";
import { type Coverage, coverageOf } from "./coverage.ts";
import { cameTwice, type SetBack, setBacksOf } from "./set-back.ts";

/** What the run before has left; null: there was none. */
export interface TimesBefore {
  lastRunMs: number | null;
  setBacks: readonly SetBack[];
  tick: TickMark | null;
}

export const NO_TIMES: TimesBefore = { lastRunMs: null, setBacks: [], tick: null };

export interface Times {
  elapsedMs: number;
  coverage: Coverage;
  isDoubtful: (ms: number) => boolean;
  /** For the next run. */
  setBacks: readonly SetBack[];
  tick: TickMark | null;
}

export interface TimesRead {
  nowMs: number;
  ticks: readonly Tick[];
  attemptSizes?: SetBack["attempts"] | undefined;
}

export function timesOf({ lastRunMs, setBacks: known, tick: before }: TimesBefore, read: TimesRead): Times {
  const { nowMs, ticks, attemptSizes } = read;
  const last = ticks.at(-1);
  const elapsedMs = elapsedOf(lastRunMs, before, last, nowMs);
  // It may have gone on until just before the next tick.
  const shownMs = ticks.reduce((latest, { wallMs }) => Math.max(latest, wallMs), nowMs) + 2 * TICK_MS;
  const setBacks = setBacksOf(known, lastRunMs, { nowMs, shownMs, attemptSizes });
  const tick = tickMarkOf(before, last, { nowMs, elapsedMs });
  const isTwice = (ms: number): boolean => isAhead(ms, nowMs) || cameTwice(setBacks, ms);
  const isOdd = last !== undefined && before !== null && isTwice(last.wallMs);
  const coverage = coverageOf(ticks, nowMs, isOdd ? (tick?.ageMs ?? null) : null);
  return { elapsedMs, coverage, setBacks, tick, isDoubtful: (ms) => isTwice(ms) || coverage.cameTwice(ms) };
}
