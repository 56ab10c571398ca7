// What happens in a simulated fleet, as a plan: who records when, what breaks and when it is mended. Times are true ones, in milliseconds
// since 1970; the collector's clock may show others.

import type { Channel } from "../../../lib/fleet-health/notify/channel.ts";

export const MIN = 60_000;
export const HOUR = 60 * MIN;
export const DAY = 24 * HOUR;
export const RUN_MS = 5 * MIN;

/** From then on, and no more at its end. */
export interface Span {
  fromMs: number;
  toMs: number;
}

/**
 * `off`: the machine is; `cut`: its link is dead; `shipper`, `agent`: that daemon is dead; `refused`: each upload, for `reason`;
 * `misconfigured`: its token is no more; `clock`: an hour wrong; `upload`: one that takes all this time; `clone`: a second machine
 * sends under its name.
 */
export type FaultKind =
  | "off"
  | "cut"
  | "shipper"
  | "agent"
  | "refused"
  | "misconfigured"
  | "clock"
  | "upload"
  | "clone";

export interface Fault extends Span {
  kind: FaultKind;
  /** Of a refusal. */
  reason: string;
  /** Those of one group break of one cause. */
  group: string | null;
}

export interface HostPlan {
  host: string;
  /** It records an episode so often, roughly. */
  everyMs: number;
  /** It records one a day instead, so long after midnight; null: it does not. */
  dailyMs: number | null;
  hasBeats: boolean;
  /** Set for it in the configuration; null: nothing is. */
  silentAfterMs: number | null;
  faults: Fault[];
}

export interface CollectorPlan {
  /** The machine is off; the receiver alone is down; it cannot store. */
  off: Span[];
  down: Span[];
  full: Span[];
  /** The detector cannot read heartbeats and attempts. */
  blind: Span[];
  /** Its clock is set by so much. */
  steps: { atMs: number; byMs: number }[];
}

export interface ChannelPlan {
  channel: Channel;
  down: Span[];
}

export interface SilencePlan extends Span {
  host: string;
}

export interface Plan {
  seed: number;
  startMs: number;
  endMs: number;
  /** The detector runs from then on. */
  watchedMs: number;
  hosts: HostPlan[];
  collector: CollectorPlan;
  channels: ChannelPlan[];
  silences: SilencePlan[];
  retired: { host: string; atMs: number }[];
  /** How likely a run is killed at one of its three steps. */
  killChance: number;
  expireAfterMs: number;
}

export function within(spans: readonly Span[], ms: number): boolean {
  return spans.some(({ fromMs, toMs }) => fromMs <= ms && ms < toMs);
}

/** The fault of a kind that a host has now. */
export function faultAt({ faults }: HostPlan, kind: FaultKind, ms: number): Fault | null {
  for (const fault of faults) if (fault.kind === kind && fault.fromMs <= ms && ms < fault.toMs) return fault;
  return null;
}

/** How far the collector's clock is from the truth. */
export function clockOffset({ steps }: CollectorPlan, ms: number): number {
  let offset = 0;
  for (const { atMs, byMs } of steps) if (atMs <= ms) offset += byMs;
  return offset;
}

/** Spans in order, those that touch as one. */
export function union(spans: readonly Span[]): Span[] {
  const all: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = all.at(-1);
    if (last !== undefined && span.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, span.toMs);
    else all.push({ ...span });
  }
  return all;
}

/** The place of the first number that is not less, in numbers that grow. */
export function firstAt(numbers: readonly number[], ms: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The newest before, and the first at or after; null: there is none. */
export function lastBefore(numbers: readonly number[], ms: number): number | null {
  return numbers[firstAt(numbers, ms) - 1] ?? null;
}
export function firstFrom(numbers: readonly number[], ms: number): number | null {
  return numbers[firstAt(numbers, ms)] ?? null;
}

/** `03-27T10:45`, UTC. */
export function clock(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(5, 16) : "never";
}
