// Times that this clock has shown twice, since it was set back between two runs: which of the two is meant nobody knows. The receiver's
// ticks tell it too (coverage.ts), where it writes them and as far back as they go. Pure; times in milliseconds since 1970.

import { ownValue } from "../../core/text/own.ts";

/** How far a clock may be off between two runs, milliseconds. */
export const CLOCK_MS = 2 * 60_000;
/** It may have gone on for so long after the run before, until it was set back. */
const ON_MS = 5 * 60_000;
/** More are not remembered: the oldest goes. */
const SET_BACKS = 16;

/** The clock was set back. */
export interface SetBack {
  /** What it showed at the latest. */
  fromMs: number;
  /** What it showed in the first run after that. */
  toMs: number;
  /** How long the files of the attempts were in that run, by their names, bytes: what stands there was decided before. */
  attempts: Readonly<Record<string, number>>;
}

interface Shown {
  nowMs: number;
  /** The latest that the clock is known to have shown; left out: nobody knows. */
  shownMs?: number | undefined;
  attemptSizes?: SetBack["attempts"] | undefined;
}

/** With that of this run, the newest first. @param lastRunMs null: this is the first */
export function setBacksOf(
  before: readonly SetBack[],
  lastRunMs: number | null,
  { nowMs, shownMs, attemptSizes = {} }: Shown,
): readonly SetBack[] {
  if (!isSetBack(lastRunMs, nowMs)) return before;
  const fromMs = Math.max(lastRunMs + ON_MS, shownMs ?? lastRunMs);
  return [{ fromMs, toMs: nowMs, attempts: attemptSizes }, ...before].slice(0, SET_BACKS);
}

/** Whether an attempt was decided before the clock was set back: that was longer ago than its time says. @param end where its line ends */
export function wasBefore(setBacks: readonly SetBack[], file: string, end: number): boolean {
  return setBacks.some(({ attempts }) => end <= (ownValue(attempts, file) ?? 0));
}

export function isSetBack(lastRunMs: number | null, nowMs: number): lastRunMs is number {
  return lastRunMs !== null && nowMs < lastRunMs - CLOCK_MS;
}

export function cameTwice(setBacks: readonly SetBack[], ms: number): boolean {
  return setBacks.some(({ fromMs, toMs }) => ms > toMs && ms <= fromMs);
}

/** The same with a sign that has been, though its time has yet to come: what came before this clock was set back is not later than that. */
export function beforeNow<T extends { signMs?: number | undefined }>(
  one: T,
  signMs: number | undefined,
  nowMs: number,
): T {
  return signMs === undefined || signMs <= nowMs + CLOCK_MS ? one : { ...one, signMs: nowMs };
}
