// When a heartbeat is due, what the receiver's answer means for it, and which ones go when too many wait. Pure.

import type { Heartbeat } from "../contract/heartbeat.ts";
import { type CheckResult, type CheckStatus, worst } from "../contract/observation.ts";
import { backoffSeconds } from "../core/backoff.ts";
import type { Finding } from "../core/finding.ts";

/** Where in its interval a host reports, milliseconds from the interval's start: always the same, spread over the fleet. */
export function splayMs(hostId: string, intervalMs: number): number {
  // FNV-1a, 32 bits: short names that differ in a digit fall far apart.
  let hash = 0x811c9dc5;
  for (let i = 0; i < hostId.length; i++) hash = Math.imul(hash ^ hostId.charCodeAt(i), 0x01000193) >>> 0;
  // Its low bits alone would hardly be mixed.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
  return Math.floor(((hash ^ (hash >>> 12)) >>> 0) % intervalMs);
}

/** Milliseconds until the next collection: the host's place in an interval, and never less than half of one. */
export function untilDueMs(nowMs: number, intervalMs: number, splay: number): number {
  const wait = (((splay - nowMs) % intervalMs) + intervalMs) % intervalMs;
  return wait < intervalMs / 2 ? wait + intervalMs : wait;
}

/**
 * `sent`: it has arrived. `drop`: it is refused for good. `later`: it is kept and sent again. `reason` is one word or two by
 * which two failures are told apart; `why` is for people.
 */
export type Delivery =
  | { kind: "sent" }
  | { kind: "drop"; reason: string; why: Finding }
  | { kind: "later"; reason: string; why: Finding };

/**
 * What an answer means: only what a receiver itself has said settles a heartbeat. A portal's 200 has not taken it, and a
 * proxy's bare 400 does not refuse it for good.
 * @param body the parsed JSON, or null
 * @param said a receiver's own reason, or null
 * @param why the answer in words
 */
export function classifyDelivery(status: number, body: unknown, said: string | null, why: Finding): Delivery {
  const reason = `${status} ${said ?? "unmarked"}`;
  if (status >= 200 && status < 300) return isTaken(body) ? { kind: "sent" } : { kind: "later", reason, why };
  // Not readable, too large: the next try would be answered the same. Anything else may be mended on either side.
  const isFinal = said !== null && (status === 400 || status === 413 || status === 422);
  return { kind: isFinal ? "drop" : "later", reason, why };
}

function isTaken(body: unknown): boolean {
  const status = typeof body === "object" && body !== null && "status" in body ? body.status : null;
  return status === "stored" || status === "old" || status === "duplicate";
}

/** Answers that are about no single heartbeat: the others would get the same. */
const ABOUT_ALL: readonly number[] = [401, 403, 429, 503];

/**
 * Whether the others may get through where this one did not: right after the newest did.
 * @param status 0: no answer came
 */
export function isAboutOne(status: number, retryAfterS: number | null): boolean {
  return status >= 400 && !ABOUT_ALL.includes(status) && retryAfterS === null;
}

/** How a collection went as a whole. */
export interface Summary {
  worst: CheckStatus;
  results: number;
  not_ok: number;
  /** Those of `results` that have no answer yet; they are neither ok nor not. */
  pending: number;
}

export function summarise(results: readonly CheckResult[]): Summary {
  const answered = results.filter(({ notes }) => notes?.pending !== true).map(({ status }) => status);
  return {
    worst: worst(answered),
    results: results.length,
    not_ok: answered.filter((status) => status !== "ok").length,
    pending: results.length - answered.length,
  };
}

/** `critical: 2 of 14 not ok`. */
export function summaryText({ worst: gravest, results, not_ok, pending }: Summary): string {
  const unknown = pending === 0 ? "" : `, ${pending} not known yet`;
  return `${gravest}: ${not_ok} of ${results} not ok${unknown}`;
}

/** What is known of a heartbeat that waits. */
export interface Waiting {
  sequence: number;
  /** Nothing had changed since the one before. */
  plain: boolean;
  bytes: number;
}

/** What may wait in one place. */
export interface SpoolLimits {
  count: number;
  bytes: number;
}

/**
 * On the disk, beside heartbeat.spool_max: a day of usual heartbeats is 5 MiB, but 1440 of the largest would be 1.4 GiB of
 * a disk that episodes need more.
 */
export const DISK_BYTES = 64 * 1024 ** 2;
/** In memory, and so in the run directory, while the disk takes none: an hour of them, and little of a small host's memory. */
export const IN_MEMORY: SpoolLimits = { count: 60, bytes: 8 * 1024 ** 2 };

/** What each check of a heartbeat said, by its name. */
export type Statuses = Readonly<Record<string, CheckStatus>>;

/** Whether a heartbeat says nothing new: every check says what it said before, a lasting warning included. */
export function isPlain(before: Statuses | null, now: Statuses): boolean {
  if (before === null) return false;
  const names = Object.keys(now);
  return names.length === Object.keys(before).length && names.every((name) => now[name] === before[name]);
}

export function statusesOf({ results }: Heartbeat): Statuses {
  return Object.fromEntries(results.map(({ name, status }) => [name, status]));
}

/** Which of them go so that no more wait than may: the oldest plain ones, then the oldest; the newest never. */
export function toDrop(waiting: readonly Waiting[], max: SpoolLimits): number[] {
  const old = waiting.toSorted((a, b) => a.sequence - b.sequence).slice(0, -1);
  const order = [...old.filter(({ plain }) => plain), ...old.filter(({ plain }) => !plain)];
  let count = waiting.length;
  let total = waiting.reduce((sum, { bytes }) => sum + bytes, 0);
  const gone: number[] = [];
  for (const { sequence, bytes } of order) {
    if (count <= max.count && total <= max.bytes) break;
    gone.push(sequence);
    count--;
    total -= bytes;
  }
  return gone;
}

/** Between two tries lies so much at least, seconds, whatever the schedule and its jitter say: no hiccup is over sooner. */
const RETRY_MIN_S = 1;

/** Seconds until heartbeats are tried again after so many tries that failed. */
export function retryWaitS(
  schedule: readonly number[],
  tries: number,
  jitter: number,
  retryAfterS: number | null,
): number {
  return Math.max(RETRY_MIN_S, backoffSeconds(schedule, tries, jitter, retryAfterS));
}
