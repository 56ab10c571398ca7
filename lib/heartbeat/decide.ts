// When a heartbeat is due, what the receiver's answer means for it, and which ones go when too many wait. Pure.

import { type CheckStatus, type Heartbeat, worst } from "../core/heartbeat.ts";

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

/** What an answer's status means: only a heartbeat that is itself at fault is dropped. */
export function classifyDelivery(status: number, why: string): Delivery {
  if (status >= 200 && status < 300) return { kind: "sent" };
  // Not readable, too large: the next try would be answered the same. Anything else may be mended on either side.
  if (status === 400 || status === 413 || status === 422) return { kind: "drop", why };
  return { kind: "later", why };
}

/** What is known of a heartbeat that waits. */
export interface Waiting {
  sequence: number;
  /** Nothing was wrong, and nothing had changed. */
  plain: boolean;
}

/** Whether a heartbeat says nothing new: all is well, and was so before. */
export function isPlain(before: readonly CheckStatus[] | null, now: readonly CheckStatus[]): boolean {
  return before !== null && worst(before) === "ok" && worst(now) === "ok";
}

/** The statuses of a heartbeat, one for each result. */
export function statusesOf({ results }: Heartbeat): CheckStatus[] {
  return results.map(({ status }) => status);
}

/** Which of them go so that at most `max` wait: the oldest plain ones, then the oldest; the newest never. */
export function toDrop(waiting: readonly Waiting[], max: number): number[] {
  const excess = waiting.length - max;
  if (excess <= 0) return [];
  const old = waiting.toSorted((a, b) => a.sequence - b.sequence).slice(0, -1);
  const order = [...old.filter(({ plain }) => plain), ...old.filter(({ plain }) => !plain)];
  return order.slice(0, excess).map(({ sequence }) => sequence);
}
