// What a result is worth now: an answer counts for its time to live, whatever it was. Pure: now is an argument, by the
// collector's clock.

import { noteTexts } from "../contract/check-notes.ts";
import type { ResultState } from "../contract/host-document.ts";
import type { CheckNotes, CheckResult, CheckStatus } from "../contract/observation.ts";
import { readHostSaid } from "../contract/said.ts";
import type { Finding } from "../core/finding.ts";
import { clipFinding } from "../core/remedy-last.ts";
import { HOST_POLICY } from "./policy.ts";
import { hasRun, isPending, isSoft } from "./states.ts";

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
  /** Its message, and what that says mends it; null for an ok. */
  said: Finding | null;
  /** Why its newest run is not the one that is told, or that one is not over; "" for nothing of the kind. */
  odd: string;
  /** When the run that counts came. */
  asOfMs: number;
  ttlS: number;
  attempts: number;
  hard: CheckStatus;
  flapping: boolean;
}

const MESSAGE_CHARACTERS = 160;
/** The shipper's queue has several things to say. */
const QUEUE_CHARACTERS = 600;

/** @param receivedMs when its heartbeat came: its age, should nothing else be known */
export function resultBrief(result: CheckResult, state: ResultState | undefined, receivedMs: number): ResultBrief {
  const pending = isPending(result);
  const status = pending ? "unknown" : result.status;
  return {
    name: result.name,
    status,
    before: pending && state !== undefined && hasRun(state) ? state.status : null,
    pending,
    said: status === "ok" ? null : clipFinding(readHostSaid(result.message), charactersOf(result)),
    odd: oddOf(result.notes),
    asOfMs: state === undefined ? receivedMs : Date.parse(state.as_of_wall),
    ttlS: result.ttl_s,
    attempts: state?.attempts ?? 0,
    hard: state?.hard ?? status,
    flapping: state?.flapping ?? false,
  };
}

function charactersOf({ plugin, name }: CheckResult): number {
  return plugin === "queue" && name === "queue" ? QUEUE_CHARACTERS : MESSAGE_CHARACTERS;
}

/** Of what is odd about a result that which an operator has to know though all is ok: the host's own list has the rest. */
function oddOf(notes: CheckNotes | undefined): string {
  if (notes === undefined) return "";
  const { refresh_failed, unkillable, overlaps } = notes;
  if (refresh_failed === undefined && unkillable === undefined && overlaps === undefined) return "";
  const telling: CheckNotes = {
    ...(refresh_failed !== undefined && { refresh_failed }),
    ...(unkillable !== undefined && { unkillable }),
    ...(overlaps !== undefined && { overlaps }),
  };
  return noteTexts(telling).join("; ").slice(0, MESSAGE_CHARACTERS);
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
  return receivedMs - nowMs > HOST_POLICY.aheadS * 1000;
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

/** How many results are shown with each status, of none. */
export function noCounts(): Record<ShownStatus, number> {
  return { ok: 0, warning: 0, critical: 0, unknown: 0, stale: 0 };
}
