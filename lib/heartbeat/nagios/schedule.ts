// When a check runs, and what is said of it between its runs. Pure: times are arguments, milliseconds of a clock that only
// goes forward.

import type { Observation } from "../plugin.ts";
import type { Check } from "./check.ts";
import type { Judged } from "./judge.ts";

/** What a check's runs have left. */
export interface CheckState {
  /** When its newest run was begun; null before the first. */
  begunMs: number | null;
  underWay: boolean;
  /** Its turn came while a run was under way, so often in a row. */
  overlaps: number;
  /** The result that counts, and when its run started. */
  result: Observation | null;
  resultMs: number;
  /** The newest run gave no answer, and the result before it is kept. */
  refreshFailed: string | null;
}

export function newState(): CheckState {
  return { begunMs: null, underWay: false, overlaps: 0, result: null, resultMs: 0, refreshFailed: null };
}

/** A collection comes a little early now and then: a check is not put off by a whole one for that. */
const EARLY = 0.1;

/**
 * What a collection does with a check.
 * @param everyS how often collections come
 */
export function decideTurn(
  check: Check,
  state: CheckState,
  nowMs: number,
  everyS: number,
): "start" | "overlap" | "wait" {
  const { begunMs, underWay } = state;
  const earlyMs = Math.min(everyS, check.intervalS ?? 0) * 1000 * EARLY;
  const isDue = begunMs === null || nowMs - begunMs >= (check.intervalS ?? 0) * 1000 - earlyMs;
  if (!isDue) return "wait";
  return underWay ? "overlap" : "start";
}

/** The state after a run. A check with an interval keeps its last answer when there is no new one. */
export function afterRun(check: Check, state: CheckState, judged: Judged, startedMs: number): CheckState {
  if (judged.failed && check.intervalS !== null && state.result !== null && !isExpired(check, state, startedMs)) {
    return { ...state, refreshFailed: judged.observation.message };
  }
  return { ...state, result: judged.observation, resultMs: startedMs, refreshFailed: null };
}

/**
 * What is said of a check now; null while its first run is under way. A result that is sent again keeps its run and its
 * time, and is not said any more when that is over.
 */
export function report(check: Check, state: CheckState, nowMs: number): Observation | null {
  const { result, overlaps, refreshFailed } = state;
  const overlapped = overlaps > 0 ? { overlaps } : {};
  if (result === null) {
    if (overlaps === 0) return null;
    return { name: check.name, status: "unknown", message: "its first run has not ended yet", notes: overlapped };
  }
  const failed = refreshFailed === null ? {} : { refresh_failed: refreshFailed };
  const notes = { ...result.notes, ...overlapped, ...failed };
  if (isExpired(check, state, nowMs)) {
    const why = refreshFailed ?? "its next run has not ended yet";
    const message = `no result since ${result.started_at}: ${why}`;
    // No run of its own: what is invented here must not count as one at the receiver.
    const { run, started_at } = result;
    return {
      name: check.name,
      status: "unknown",
      message,
      notes: { ...overlapped, ...failed },
      ...(run !== undefined && { run: run + 1 }),
      ...(started_at !== undefined && { started_at }),
    };
  }
  // The receiver counts from when it got this run first: what is left of the time must not be counted twice.
  const said: Observation = { ...result, ttl_s: check.ttlS };
  return Object.keys(notes).length > 0 ? { ...said, notes } : said;
}

function isExpired({ ttlS }: Check, { resultMs }: CheckState, nowMs: number): boolean {
  return nowMs - resultMs >= ttlS * 1000;
}
