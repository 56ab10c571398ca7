// Does a check that fails once count? Soft and hard states and flapping, counted from run numbers: a result that is sent
// again keeps its number and does not count, and neither does a heartbeat that was lost, or a check that is still waiting
// for its first run. And what a result is worth now: an answer counts for its time to live, whatever it was. Pure.

import { isoWall } from "../../core/clock.ts";
import type { CheckResult, CheckStatus } from "../../core/heartbeat.ts";
import { POLICY } from "./decide.ts";
import type { ResultState } from "./document.ts";

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

/** The states after a heartbeat that came at `asOfMs` and became its host's latest. */
export function nextStates(
  previous: readonly ResultState[],
  results: readonly CheckResult[],
  asOfMs: number,
): ResultState[] {
  const before = new Map(previous.map((state) => [state.name, state]));
  const present = results.map((result) => nextState(before.get(result.name), result, asOfMs));
  for (const { name } of results) before.delete(name);
  // Counted from when it went missing: the newest run of a daily check may be hours old and is no less known for that.
  const absent = [...before.values()]
    .map((state) => ({ ...state, absent_since_wall: state.absent_since_wall ?? isoWall(asOfMs) }))
    .filter(({ absent_since_wall }) => asOfMs - Date.parse(absent_since_wall) <= STATE_POLICY.keepAbsentS * 1000)
    .slice(0, STATE_POLICY.keepAbsent);
  return [...present, ...absent];
}

/** No run of this check has ended yet: what it says is not its answer. */
function isPending({ notes }: Pick<CheckResult, "notes">): boolean {
  return notes?.pending === true;
}

/** Whether a run was ever counted. */
function hasRun({ history }: Pick<ResultState, "history">): boolean {
  return history !== "";
}

/** Whether it is not ok, but not for long enough to hold. */
function isSoft(attempts: number): boolean {
  return attempts > 0 && attempts < STATE_POLICY.hardAfter;
}

function nextState(found: ResultState | undefined, result: CheckResult, asOfMs: number): ResultState {
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
    status: "unknown",
    since_wall: known?.since_wall ?? asOf,
    attempts: 0,
    hard: "unknown",
    flapping: false,
    flap_percent: 0,
    history: "",
  };
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

/** A status as it is shown: `stale` is one whose time to live is over. */
export type ShownStatus = CheckStatus | "stale";

/** From harmless to grave. An expired result is worse than a warning: nobody knows what it would be now. */
const GRAVITY: readonly ShownStatus[] = ["ok", "warning", "stale", "unknown", "critical"];

/** What is kept in memory of a result. */
export interface ResultBrief {
  name: string;
  /** As it was told; unknown of one that is pending, whatever it says. */
  status: CheckStatus;
  /** Of a pending one the answer of its last run, null when it never ran; else null. */
  before: CheckStatus | null;
  pending: boolean;
  /** "" for an ok. */
  message: string;
  /** When the run that counts came. */
  asOfMs: number;
  ttlS: number;
  attempts: number;
  hard: CheckStatus;
  flapping: boolean;
}

const MESSAGE_CHARACTERS = 160;

/** @param receivedMs when its heartbeat came: its age, should nothing else be known */
export function resultBrief(result: CheckResult, state: ResultState | undefined, receivedMs: number): ResultBrief {
  const pending = isPending(result);
  const status = pending ? "unknown" : result.status;
  return {
    name: result.name,
    status,
    before: pending && state !== undefined && hasRun(state) ? state.status : null,
    pending,
    message: status === "ok" ? "" : result.message.slice(0, MESSAGE_CHARACTERS),
    asOfMs: state === undefined ? receivedMs : Date.parse(state.as_of_wall),
    ttlS: result.ttl_s,
    attempts: state?.attempts ?? 0,
    hard: state?.hard ?? status,
    flapping: state?.flapping ?? false,
  };
}

export interface Judged extends ResultBrief {
  shown: ShownStatus;
  /** The status that holds, or stale. */
  holds: ShownStatus;
  /** What an expired one was. */
  was: CheckStatus;
  state: "hard" | "soft" | "pending";
}

/**
 * A result at `nowMs`. One that is pending is shown as unknown: nobody knows how the check would end. What holds is not
 * changed by it, neither for the better nor for the worse: that is the answer of the last run, which counts for its time to
 * live as every answer does, so that an agent that starts again raises no alarm. Then it is stale, and both are. Where no run
 * has ended yet nothing holds but unknown. So an ok is shown only where a run has said so and its time is not over.
 */
export function judge(result: ResultBrief, nowMs: number): Judged {
  const { status, before, pending, asOfMs, ttlS, attempts, hard } = result;
  const expired = !isFresh(asOfMs, ttlS, nowMs);
  return {
    ...result,
    shown: expired ? "stale" : status,
    holds: expired ? "stale" : hard,
    was: before ?? status,
    state: pending ? "pending" : isSoft(attempts) ? "soft" : "hard",
  };
}

function isFresh(asOfMs: number, ttlS: number, nowMs: number): boolean {
  return nowMs - asOfMs <= ttlS * 1000 && !isAhead(asOfMs, nowMs);
}

/** Whether it came at a time that the collector's clock has yet to reach. */
export function isAhead(receivedMs: number, nowMs: number): boolean {
  return receivedMs - nowMs > POLICY.aheadS * 1000;
}

/** Whole seconds; none is negative, should the collector's clock have been set back. */
export function ageS(sinceMs: number, nowMs: number): number {
  return Math.max(0, Math.round((nowMs - sinceMs) / 1000));
}

/** The gravest of some statuses; of none it is unknown, since who checks nothing is not known to be well. */
export function gravest(statuses: readonly ShownStatus[]): ShownStatus {
  if (statuses.length === 0) return "unknown";
  return statuses.reduce((worst, status) => (gravity(status) > gravity(worst) ? status : worst));
}

/** 0 for ok; the higher, the graver. */
export function gravity(status: ShownStatus): number {
  return GRAVITY.indexOf(status);
}
