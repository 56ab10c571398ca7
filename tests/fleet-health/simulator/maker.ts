// Makes a plan of a fleet in which all is well, and breaks it piece by piece.

import type { Quiet } from "../../../lib/fleet-health/notify/channel.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { channelWith } from "../support.ts";
import { DAY, type Fault, type FaultKind, HOUR, type HostPlan, MIN, type Plan, RUN_MS, type Span } from "./plan.ts";

export interface Size {
  hosts: number;
  days: number;
}

/** A Friday: on the Sunday after it summer time begins in Europe. */
const START = Date.UTC(2026, 2, 27);
/** Nothing breaks before, so that each host is known, or after, so that each end is told. */
const BEFORE_MS = 3 * HOUR;
const AFTER_MS = 6 * HOUR;
/** One fault of a host is told from the next. */
const APART_MS = 3 * HOUR;

export class Maker {
  readonly random: Random;
  readonly plan: Plan;

  constructor(seed: number, { hosts, days }: Size) {
    this.random = seededRandom(seed);
    this.plan = {
      ...{ seed, startMs: START, endMs: START + days * DAY, watchedMs: START },
      hosts: Array.from({ length: hosts }, (_, i) => this.host(i)),
      collector: { off: [], down: [], full: [], blind: [], steps: [] },
      channels: [{ channel: channelWith(), down: [] }],
      ...{ silences: [], retired: [], killChance: 0, expireAfterMs: 14 * DAY },
    };
  }

  private host(i: number): HostPlan {
    return {
      ...{ host: `lab${i}`, everyMs: this.random.between(3, 9) * MIN, dailyMs: null, faults: [] },
      ...{ hasBeats: this.random.next() < 0.6, silentAfterMs: null },
    };
  }

  /** A time at which something may break that takes so long. */
  time(longMs = 0): number {
    const { startMs, endMs } = this.plan;
    const minutes = Math.max(0, Math.floor((endMs - AFTER_MS - longMs - startMs - BEFORE_MS) / MIN));
    return startMs + BEFORE_MS + this.random.between(0, minutes) * MIN;
  }

  long(fewest: number, most: number): number {
    return Math.round(fewest + this.random.next() * (most - fewest));
  }

  /** A span of some length, somewhere. */
  span(fewestMs: number, mostMs: number): Span {
    const longMs = Math.round(this.long(fewestMs, mostMs) / MIN) * MIN;
    const fromMs = this.time(longMs);
    return { fromMs, toMs: fromMs + longMs };
  }

  /** A time in which nothing can come to the collector. Half of them end shortly before a run, when not all hosts are back yet. */
  outage(): Span {
    const { fromMs, toMs } = this.span(HOUR, 5 * HOUR);
    return { fromMs, toMs: toMs - (toMs % RUN_MS) + this.random.pick([1, 2, 3, 4]) * MIN };
  }

  /** So many hosts, any. */
  some(count: number): HostPlan[] {
    const left = [...this.plan.hosts];
    const taken: HostPlan[] = [];
    while (taken.length < count && left.length > 0)
      taken.push(...left.splice(this.random.between(0, left.length - 1), 1));
    return taken;
  }

  share(part: number): HostPlan[] {
    return this.some(Math.max(1, Math.round(this.plan.hosts.length * part)));
  }

  /** Breaks a host, unless it is broken then or about then. */
  break(host: HostPlan, kind: FaultKind, { fromMs, toMs }: Span, more: Partial<Fault> = {}): Fault | null {
    const isNear = host.faults.some((one) => fromMs < one.toMs + APART_MS && one.fromMs < toMs + APART_MS);
    if (isNear) return null;
    const fault = { kind, fromMs, toMs, reason: "commit-not-accepted", group: null, ...more };
    host.faults.push(fault);
    return fault;
  }

  /** Some hosts are off, behind a dead link, or without a shipper for hours. */
  outages(part = 0.15, mostMs = 8 * HOUR): void {
    for (const host of this.share(part))
      this.break(host, this.random.pick(["off", "cut", "shipper"] as const), this.span(80 * MIN, mostMs));
  }

  channel(name: string, quiet: Quiet | null, down: Span[] = []): void {
    this.plan.channels.push({ channel: channelWith({ name, quiet }), down });
  }
}
