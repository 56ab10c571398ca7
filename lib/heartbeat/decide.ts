// When a heartbeat is due, what the receiver's answer means for it, and which ones go when too many wait. Pure.

import { type CheckResult, type CheckStatus, type Heartbeat, worst } from "../core/heartbeat.ts";

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

/** `sent`: it has arrived. `drop`: it is refused for good. `later`: it is kept and sent again. */
export type Delivery = { kind: "sent" } | { kind: "drop"; why: string } | { kind: "later"; why: string };

/**
 * What an answer means: only what a receiver itself has said settles a heartbeat. A portal's 200 has not taken it, and a
 * proxy's bare 400 does not refuse it for good.
 * @param body the parsed JSON, or null
 */
export function classifyDelivery(status: number, body: unknown, why: string): Delivery {
  const says = (key: string): unknown =>
    typeof body === "object" && body !== null && key in body ? (body as Record<string, unknown>)[key] : null;
  if (status >= 200 && status < 300) {
    const taken = ["stored", "old", "duplicate"].includes(String(says("status")));
    return taken ? { kind: "sent" } : { kind: "later", why: `${why}, but not from a labfleet receiver` };
  }
  // Not readable, too large: the next try would be answered the same. Anything else may be mended on either side.
  const isFinal = status === 400 || status === 413 || status === 422;
  return isFinal && typeof says("reason") === "string" ? { kind: "drop", why } : { kind: "later", why };
}

/** By what two reasons are told apart: one that names a line or a value anew each time is the same one. */
export function reasonKind(why: string): string {
  return why.replace(/\d+(\.\d+)?/g, "#");
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
}

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

/** Which of them go so that at most `max` wait: the oldest plain ones, then the oldest; the newest never. */
export function toDrop(waiting: readonly Waiting[], max: number): number[] {
  const excess = waiting.length - max;
  if (excess <= 0) return [];
  const old = waiting.toSorted((a, b) => a.sequence - b.sequence).slice(0, -1);
  const order = [...old.filter(({ plain }) => plain), ...old.filter(({ plain }) => !plain)];
  return order.slice(0, excess).map(({ sequence }) => sequence);
}
