// When a check runs, in which order those run that wait, and what is said of it between its runs. Pure: times are
// arguments, milliseconds of a clock that only goes forward.

import type { CheckNotes } from "../../contract/observation.ts";
import { saidBy } from "../collect/observations.ts";
import type { Seen } from "../plugin.ts";
import type { Check } from "./check.ts";
import type { Judged } from "./judge.ts";

/** What a check's runs have left. */
export interface CheckState {
  /** When its newest turn came; null before the first. */
  turnMs: number | null;
  /** The same by the wall clock, ISO 8601: the time of what is said while there is no result. */
  turnAt: string;
  /** What came of the newest turn: it waits for a place, runs, or is over. */
  phase: "waiting" | "running" | "over";
  /** When its newest run was begun. */
  begunMs: number;
  /** Its turn came while a run was under way, so often in a row. */
  overlaps: number;
  /** The result that counts, and when it came: at the end of its run. */
  result: Seen | null;
  resultMs: number;
  /** The same by the wall clock, ISO 8601. */
  resultAt: string;
  /** The newest run gave no answer, and the result before it is kept. */
  refreshFailed: string | null;
  /** The newest run did not end by itself. */
  hung: boolean;
}

export function newState(): CheckState {
  return {
    ...{ turnMs: null, turnAt: "", phase: "over", begunMs: 0, overlaps: 0 },
    ...{ result: null, resultMs: 0, resultAt: "", refreshFailed: null, hung: false },
  };
}

/** A collection comes a little early now and then: a check is not put off by a whole one for that. */
const EARLY = 0.1;

/**
 * What a collection does with a check. One that still waits for a place keeps it, and is no overlap.
 * @param everyS how often collections come
 */
export function decideTurn(
  check: Check,
  state: CheckState,
  nowMs: number,
  everyS: number,
): "start" | "overlap" | "wait" {
  const { turnMs, phase } = state;
  const earlyMs = Math.min(everyS, check.intervalS ?? 0) * 1000 * EARLY;
  const isDue = turnMs === null || nowMs - turnMs >= (check.intervalS ?? 0) * 1000 - earlyMs;
  if (!isDue || phase === "waiting") return "wait";
  return phase === "running" ? "overlap" : "start";
}

/** Its turn has come. @param at the wall clock, ISO 8601 */
export function afterTurn(state: CheckState, nowMs: number, at: string): CheckState {
  return { ...state, turnMs: nowMs, turnAt: at, phase: "waiting", overlaps: 0 };
}

/**
 * The state after a run. A check with an interval keeps its last answer when there is no new one.
 * @param nowMs when the run ended: a result lives from then on, as at the receiver, which cannot have it before
 * @param at the same by the wall clock, ISO 8601
 */
export function afterRun(check: Check, before: CheckState, judged: Judged, nowMs: number, at: string): CheckState {
  const { observation, failed, hung } = judged;
  const state: CheckState = { ...before, phase: "over", hung };
  if (failed && check.intervalS !== null && state.result !== null && !isExpired(check, state, nowMs)) {
    return { ...state, refreshFailed: saidBy(observation) };
  }
  return { ...state, result: observation, resultMs: nowMs, resultAt: at, refreshFailed: null };
}

/** What decides who of those that wait is next. */
export interface Place {
  /** Counts the collections: in which of them its turn came. */
  round: number;
  /** Its newest run did not end by itself. */
  hung: boolean;
}

/** Of the places, those that hung checks leave to the others: one in so many. */
const KEPT_FREE = 8;

/**
 * Whose run starts now, as an index of `waiting`; null when nobody's may. Checks that hung come after all others of their
 * round and of the next, since they hold a place until they are killed, but before those of the round after it: nobody
 * waits for ever. Equals come in the order in which they stand.
 *
 * A run keeps its place through its grace: what ignores SIGTERM may still compute, and the limit is there for the sake of
 * the machine. Instead the hung ones never have all places, so that the others need not wait for any of them where a round
 * begins before the last one is over.
 * @param atOnce at least 1
 */
export function nextToRun(
  waiting: readonly Place[],
  running: { all: number; hung: number },
  atOnce: number,
): number | null {
  if (running.all >= atOnce) return null;
  const hungToo = running.hung < Math.max(1, atOnce - Math.ceil(atOnce / KEPT_FREE));
  let next: number | null = null;
  let best = Number.POSITIVE_INFINITY;
  for (const [index, { round, hung }] of waiting.entries()) {
    if (hung && !hungToo) continue;
    const rank = 2 * round + (hung ? 3 : 0);
    if (rank >= best) continue;
    next = index;
    best = rank;
  }
  return next;
}

/**
 * What is said of a check now; null where its turn never came. A result that is sent again keeps its run and its time, and
 * is not said any more when that is over. Where there is none, that keeps one run number and one time as well, however
 * often it is said: it is no run.
 * @param atOnce how many checks run at once
 */
export function report(check: Check, state: CheckState, nowMs: number, atOnce: number): Seen | null {
  const { result, overlaps, refreshFailed, turnMs, turnAt } = state;
  const odd: CheckNotes = {
    ...(overlaps > 0 && { overlaps }),
    ...(refreshFailed !== null && { refresh_failed: refreshFailed }),
  };
  if (result !== null && !isExpired(check, state, nowMs)) {
    const notes = { ...result.notes, ...odd };
    // The receiver counts from when it got this run first: what is left of the time must not be counted twice.
    return { ...result, ttl_s: check.ttlS, ...(Object.keys(notes).length > 0 && { notes }) };
  }
  const unknown = { name: check.name, status: "unknown", duration_ms: 0, ttl_s: check.ttlS } as const;
  const delay = whyNotYet(state, nowMs, atOnce);
  const pending = delay === null ? odd : { pending: true as const, ...odd };
  if (result === null) {
    if (turnMs === null || delay === null) return null;
    return { ...unknown, message: delay, started_at: turnAt, run: 0, notes: pending };
  }
  const { run = 0, started_at = turnAt } = result;
  const message = `no result since ${state.resultAt}; ${delay ?? `its newest run failed: ${refreshFailed ?? "no answer"}`}`;
  // Told from the result before it by its number, and told alike until there is a new one.
  return { ...unknown, message, started_at, run: run + 1, notes: pending };
}

/** Why its newest turn has given nothing yet; null when it is over. */
function whyNotYet({ phase, begunMs, result, hung }: CheckState, nowMs: number, atOnce: number): string | null {
  if (phase === "over") return null;
  if (phase === "running") {
    const which = result === null ? "its first run" : "its next run";
    return `${which} has not ended yet: begun ${Math.floor((nowMs - begunMs) / 1000)} s ago`;
  }
  const limit = atOnce === 1 ? "one check runs at a time" : `${atOnce} checks run at once`;
  return `waiting for its turn: ${limit}${hung ? ", and those that did not end in time come last" : ""}`;
}

function isExpired({ ttlS }: Check, { resultMs }: CheckState, nowMs: number): boolean {
  return nowMs - resultMs >= ttlS * 1000;
}
