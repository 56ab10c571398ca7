// Does a check that fails once count? Soft and hard states and flapping, counted from run numbers: a result that is sent
// again keeps its number and does not count, and neither does a heartbeat that was lost, or a check that is still waiting
// for its first run. Pure.

import type { ResultState } from "../contract/host-document.ts";
import type { CheckResult, CheckStatus } from "../contract/observation.ts";
import { isoWall } from "../core/clock.ts";

/** When a state is hard, and when it flaps (Nagios Core, base/flapping.c). */
export const STATE_POLICY = {
  /** Runs in a row that are not ok until that is hard. */
  hardAfter: 3,
  /** Changes between so many neighbours are weighed: one run more is remembered. */
  flapChanges: 20,
  /** Weight of the oldest change and of the newest; in between it grows evenly. */
  flapOldest: 0.75,
  flapNewest: 1.25,
  /** Flapping begins at this many per cent and ends at that few. */
  flapHigh: 30,
  flapLow: 25,
  /** A result that is missing from heartbeats is remembered for so long since, seconds, and at most so many of them. */
  keepAbsentS: 3600,
  keepAbsent: 500,
} as const;

const LETTERS: Readonly<Record<CheckStatus, string>> = { ok: "o", warning: "w", critical: "c", unknown: "u" };

/** When a heartbeat came, less what it had lain at its host, and when its host says that it sent it; milliseconds. */
export interface When {
  asOfMs: number;
  sentMs: number;
}

/** The states after a heartbeat that became its host's latest. */
export function nextStates(
  previous: readonly ResultState[],
  results: readonly CheckResult[],
  when: When,
): ResultState[] {
  const { asOfMs } = when;
  const before = new Map(previous.map((state) => [state.name, state]));
  const present = results.map((result) => nextState(before.get(result.name), result, when));
  for (const { name } of results) before.delete(name);
  // Counted from when it went missing: the newest run of a daily check may be hours old and is no less known for that.
  const absent = [...before.values()]
    .map((state) => ({ ...state, absent_since_wall: state.absent_since_wall ?? isoWall(asOfMs) }))
    .filter(({ absent_since_wall }) => asOfMs - Date.parse(absent_since_wall) <= STATE_POLICY.keepAbsentS * 1000)
    .slice(0, STATE_POLICY.keepAbsent);
  return [...present, ...absent];
}

/** No run of this check has ended yet: what it says is not its answer. */
export function isPending({ notes }: Pick<CheckResult, "notes">): boolean {
  return notes?.pending === true;
}

/** Whether a run was ever counted. */
export function hasRun({ history }: Pick<ResultState, "history">): boolean {
  return history !== "";
}

/** Whether it is not ok, but not for long enough to hold. */
export function isSoft(attempts: number): boolean {
  return attempts > 0 && attempts < STATE_POLICY.hardAfter;
}

function nextState(found: ResultState | undefined, result: CheckResult, { asOfMs, sentMs }: When): ResultState {
  const { name, run, started_at, status } = result;
  const known = found === undefined ? undefined : isBack(found);
  const before = known !== undefined && hasRun(known) ? known : undefined;
  if (isPending(result)) return before ?? notYetRun(known, result, asOfMs);
  if (before !== undefined && before.run === run && before.started_at === started_at) return before;
  const asOf = isoWall(asOfMs);
  const attempts = status === "ok" ? 0 : (before?.attempts ?? 0) + 1;
  const history = ((before?.history ?? "") + LETTERS[status]).slice(-(STATE_POLICY.flapChanges + 1));
  const flap = flapPercent(history);
  return {
    name,
    run,
    started_at,
    as_of_wall: asOf,
    lag_s: lagS(result, sentMs),
    status,
    since_wall: before?.status === status ? before.since_wall : asOf,
    attempts,
    // Only a run that said ok makes an ok: until then nobody knows what holds.
    hard: isSoft(attempts) ? (before?.hard ?? "unknown") : status,
    flapping: isFlapping(before?.flapping ?? false, flap),
    flap_percent: flap,
    history,
  };
}

/**
 * The state of a check that has waited for its first run ever since it is known. It says so anew with each heartbeat. One
 * that ran before keeps its state untouched instead, the age too: its last answer expires as if nothing had come.
 */
function notYetRun(known: ResultState | undefined, result: CheckResult, asOfMs: number): ResultState {
  const { name, run, started_at } = result;
  const asOf = isoWall(asOfMs);
  return {
    name,
    run,
    started_at,
    as_of_wall: asOf,
    lag_s: 0,
    status: "unknown",
    since_wall: known?.since_wall ?? asOf,
    attempts: 0,
    hard: "unknown",
    flapping: false,
    flap_percent: 0,
    history: "",
  };
}

/**
 * How long ago a run had ended when it was first sent, whole seconds, 0…`ttl_s`: after an outage the newest heartbeat brings
 * what ran long before it. All three times are the host's clock, right or wrong; one that was set in between is why there
 * are limits.
 */
function lagS({ started_at, duration_ms, ttl_s }: CheckResult, sentMs: number): number {
  const endedMs = Date.parse(started_at) + duration_ms;
  return Math.floor(Math.min(Math.max(0, Math.round((sentMs - endedMs) / 1000)), ttl_s));
}

function isBack({ absent_since_wall: _, ...state }: ResultState): ResultState {
  return state;
}

/**
 * How much the newest runs changed, 0…100: each change between neighbours weighs more the newer it is. What is not known of
 * a young check counts as no change.
 * @param history statuses, oldest first, one letter each
 */
export function flapPercent(history: string): number {
  const { flapChanges, flapOldest, flapNewest } = STATE_POLICY;
  const step = (flapNewest - flapOldest) / (flapChanges - 1);
  let sum = 0;
  for (let age = 0; age < Math.min(flapChanges, history.length - 1); age++) {
    const at = history.length - 1 - age;
    if (history[at] !== history[at - 1]) sum += flapNewest - age * step;
  }
  return Math.round((sum / flapChanges) * 1000) / 10;
}

function isFlapping(was: boolean, percent: number): boolean {
  if (percent >= STATE_POLICY.flapHigh) return true;
  return percent <= STATE_POLICY.flapLow ? false : was;
}
