// A simulated fleet with its collector, minute by minute, and what a run of the health check would read there.

import type { AttemptRow } from "../../../lib/contract/attempt-row.ts";
import { TICKS, type Tick } from "../../../lib/contract/tick.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { briefOf, summarise } from "../../../lib/fleet/view.ts";
import { isSetBack } from "../../../lib/fleet-health/coverage/set-back.ts";
import { type Hosts, NO_HOSTS } from "../../../lib/fleet-health/hosts/hosts.ts";
import type { LastSeen } from "../../../lib/fleet-health/index/last-seen.ts";
import { isoText } from "../../../lib/fleet-health/python/python-time.ts";
import type { Read } from "../../../lib/fleet-health/round.ts";
import { seededRandom } from "../../support/random.ts";
import { type Collector, HostSim } from "./host.ts";
import { clockOffset, HOUR, MIN, type Plan, within } from "./plan.ts";

/** When in its minute the receiver writes a tick. */
const TICK_PHASE_MS = 20_000;
/** Attempts are kept for so long: no run asks for older ones. */
const KEPT_MS = 2 * HOUR;

interface Kept {
  ms: number;
  stampMs: number;
  row: AttemptRow;
}

export class World {
  readonly hosts: HostSim[];
  /** When the receiver wrote that it is up and can store, and when that it is up and cannot. */
  readonly readyTicks: number[] = [];
  readonly fullTicks: number[] = [];
  private ticks: Tick[] = [];
  private attempts: Kept[] = [];
  /** The first run after each time that the clock was set back. */
  private readonly setBacks: number[] = [];

  constructor(readonly plan: Plan) {
    const random = seededRandom(plan.seed * 7919 + 1);
    this.hosts = plan.hosts.map((one) => new HostSim(one, random, plan.startMs));
  }

  stampMs = (ms: number): number => ms + clockOffset(this.plan.collector, ms);

  minute(ms: number): void {
    const { off, down, full } = this.plan.collector;
    const isUp = !within(off, ms) && !within(down, ms);
    const isFull = within(full, ms);
    const collector: Collector = { isUp, isFull, stampMs: this.stampMs };
    const rows: AttemptRow[] = [];
    for (const host of this.hosts) host.minute(ms, collector, rows);
    for (const row of rows) this.attempts.push({ ms, stampMs: Date.parse(row.at), row });
    if (isUp) this.tick(ms + TICK_PHASE_MS, isFull);
  }

  private tick(ms: number, isFull: boolean): void {
    (isFull ? this.fullTicks : this.readyTicks).push(ms);
    const boots = this.plan.collector.off.filter(({ toMs }) => toMs <= ms).length;
    const sequence = (this.ticks.at(-1)?.sequence ?? 0) + 1;
    const boot = String(boots).padStart(12, "0");
    this.ticks.push({ sequence, wallMs: this.stampMs(ms), boot, uptimeS: ms / 1000, isReady: !isFull });
    if (this.ticks.length > TICKS) this.ticks.shift();
  }

  /** What a run reads now. @param lastRunMs what the run before it has kept of its own time; null: there was none */
  read(ms: number, lastRunMs: number | null, windowMs: number): Read {
    const nowMs = this.stampMs(ms);
    const isBlind = within(this.plan.collector.blind, ms);
    this.attempts = this.attempts.filter((one) => one.ms >= ms - KEPT_MS);
    const sinceMs = Math.min(nowMs - windowMs, lastRunMs ?? nowMs);
    if (isSetBack(lastRunMs, nowMs)) this.setBacks.push(ms);
    const wasBefore = (one: Kept): boolean => this.setBacks.some((setBackMs) => one.ms < setBackMs);
    const isRecent = ({ stampMs }: Kept): boolean => stampMs >= sinceMs && stampMs <= nowMs;
    const rows = this.attempts.filter((one) => isRecent(one) && !wasBefore(one)).map(({ row }) => row);
    const why = { about: "attempts", what: "they may not be read", fix: null };
    const checkpoint = { device: 1, inode: 1, offset: 1, head: "", before: "" };
    return {
      ...{ nowMs, lastSequence: 0, ticks: this.ticks, doubts: isBlind ? [why] : [] },
      index: { checkpoint, seen: this.seen(), sinceMicros: null },
      refusals: isBlind ? { kind: "unknown", why } : { kind: "attempts", rows, doubt: null },
      hosts: isBlind ? null : this.heard(nowMs),
      orders: this.orders(ms),
    };
  }

  private seen(): LastSeen {
    const seen: LastSeen = new Map();
    const markOf = (ms: number) => ({ text: isoText(ms * 1000), micros: ms * 1000 });
    for (const { plan, newestStampMs, latestStampMs } of this.hosts)
      if (newestStampMs !== null) seen.set(plan.host, { any: markOf(latestStampMs), own: markOf(newestStampMs) });
    return seen;
  }

  private heard(nowMs: number): Hosts {
    const heard = this.hosts.flatMap((host) => {
      const stored = host.stored();
      return stored === null ? [] : [{ summary: summarise(briefOf(host.plan.host, stored), nowMs), checks: [] }];
    });
    const hosts = this.hosts.map(({ plan, movedStampMs }) => ({
      ...{ host: plan.host, token_since: null },
      moved_at: movedStampMs === null ? null : isoWall(movedStampMs),
    }));
    const senders = new Map(this.hosts.map((host) => [host.plan.host, host.senders]));
    return { ...NO_HOSTS, heard, known: { at: "", store: null, hosts }, senders };
  }

  /** What people have said by now. */
  private orders(ms: number): Read["orders"] {
    const { silences, retired } = this.plan;
    const said = silences.filter(({ fromMs }) => fromMs <= ms);
    return {
      silences: said.map(({ host, fromMs, toMs }) => ({
        ...{ host, symptom: null, reason: "", fromMs: this.stampMs(fromMs), untilMs: this.stampMs(toMs) },
      })),
      retiredMs: new Map(
        retired.filter(({ atMs }) => atMs <= ms).map(({ host, atMs }) => [host, this.stampMs(atMs)] as const),
      ),
    };
  }

  /** The host of this name. */
  host(name: string): HostSim {
    const found = this.hosts.find(({ plan }) => plan.host === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }
}

/** When each minute of a plan begins. */
export function* minutesOf({ startMs, endMs }: Plan): Generator<number> {
  for (let ms = startMs; ms < endMs; ms += MIN) yield ms;
}
