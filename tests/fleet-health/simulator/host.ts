// One simulated host: it records, ships, and says how it is, minute by minute. What it manages to tell the collector is kept; of the rest
// nobody knows.

import type { AttemptRow } from "../../../lib/contract/attempt-row.ts";
import type { StoredHeartbeat } from "../../../lib/contract/host-document.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { NOBODY, noteSender, type Senders, type Sighting } from "../../../lib/fleet/senders.ts";
import type { Random } from "../../support/random.ts";
import { type Pause, type Said, storedOf } from "./heartbeat.ts";
import { DAY, faultAt, HOUR, type HostPlan, MIN } from "./plan.ts";

/** What of the collector answers a host now. */
export interface Collector {
  isUp: boolean;
  isFull: boolean;
  /** What its clock shows. */
  stampMs: (ms: number) => number;
}

/** Probes of a queue that is paused come this far apart before long. */
const PROBE_MS = 2 * MIN;
/** So much of a backlog is shipped a minute. */
const BACKLOG = 10;
/** A row of a later time than this from now was written before the collector's clock was set back. */
const AHEAD_MS = 2 * MIN;
/** How far the clock of a host, or of a clone, is wrong. */
const SKEW_MS = HOUR;

export class HostSim {
  /** When each upload was taken, when each was refused, and when each heartbeat came. */
  readonly ships: number[] = [];
  readonly refusals: number[] = [];
  readonly beats: number[] = [];
  /** When another machine was heard under its name than before. */
  readonly changes: number[] = [];
  private sender = "a";
  /** Newest of the index, by the collector's clock; null: none. */
  newestStampMs: number | null = null;
  /** The same whatever the clock did since: what the Python fleet's check goes by. */
  latestStampMs = 0;
  /** When bytes of an upload that is under way last came, by the collector's clock; null: none is. */
  movedStampMs: number | null = null;
  /** Who sends under its name, as the receiver remembers it. */
  senders: Senders = NOBODY;
  /** What the newest heartbeat said; null: none came. */
  private said: Said | null = null;
  private readonly shipPhaseMs: number;
  private readonly beatPhaseMs: number;
  private nextRecordMs: number;
  private pending = 0;
  private quarantined = 0;
  private oldestMs = 0;
  private failures = 0;
  private nextTryMs = 0;
  private pause: Pause | null = null;

  constructor(
    readonly plan: HostPlan,
    private readonly random: Random,
    startMs: number,
  ) {
    this.shipPhaseMs = random.between(1000, 59_000);
    this.beatPhaseMs = random.between(1000, 59_000);
    this.nextRecordMs = plan.dailyMs === null ? startMs + random.next() * plan.everyMs : startMs + plan.dailyMs;
  }

  /** @param attempts what the receiver writes down of uploads */
  minute(minuteMs: number, collector: Collector, attempts: AttemptRow[]): void {
    const shipMs = minuteMs + this.shipPhaseMs;
    const beatMs = minuteMs + this.beatPhaseMs;
    const isOff = faultAt(this.plan, "off", minuteMs) !== null;
    if (isOff) this.skipRecording(minuteMs);
    else if (shipMs < beatMs) {
      this.ship(shipMs, collector, attempts);
      this.beat(beatMs, collector);
    } else {
      this.beat(beatMs, collector);
      this.ship(shipMs, collector, attempts);
    }
  }

  private skipRecording(ms: number): void {
    this.goOn();
    while (this.nextRecordMs <= ms) this.nextRecordMs += this.stepMs();
  }

  private stepMs(): number {
    return this.plan.dailyMs === null ? this.plan.everyMs * (0.8 + 0.4 * this.random.next()) : DAY;
  }

  private record(ms: number): void {
    while (this.nextRecordMs <= ms) {
      if (this.pending === 0) this.oldestMs = this.nextRecordMs;
      this.pending += 1;
      this.nextRecordMs += this.stepMs();
    }
  }

  private ship(ms: number, collector: Collector, attempts: AttemptRow[]): void {
    this.record(ms);
    // Whoever starts anew knows of no pause.
    const isDead = faultAt(this.plan, "shipper", ms) !== null;
    if (isDead) this.goOn();
    if (isDead || this.pending === 0 || ms < this.nextTryMs) return;
    const isCut = faultAt(this.plan, "cut", ms) !== null || !collector.isUp;
    if (isCut) this.fail(ms, "failing", "unreachable");
    else if (faultAt(this.plan, "misconfigured", ms) !== null) this.fail(ms, "misconfigured", "unauthorized");
    else if (collector.isFull) {
      attempts.push(this.attempt(ms, collector, 507, "disk-full"));
      this.fail(ms, "failing", "disk-full");
    } else this.reach(ms, collector, attempts);
  }

  private reach(ms: number, collector: Collector, attempts: AttemptRow[]): void {
    const refused = faultAt(this.plan, "refused", ms);
    if (refused !== null) {
      attempts.push(this.attempt(ms, collector, refused.reason === "missing-commit" ? 400 : 412, refused.reason));
      this.refusals.push(ms);
      this.goOn();
      this.pending -= 1;
      this.quarantined += 1;
      return;
    }
    this.goOn();
    const isUploading = faultAt(this.plan, "upload", ms) !== null;
    this.movedStampMs = isUploading ? collector.stampMs(ms) : null;
    if (isUploading) return;
    // What was refused before is given back to the queue.
    this.quarantined = 0;
    attempts.push(this.attempt(ms, collector, 201, "stored"));
    this.see("episode", ms, collector);
    this.pending = Math.max(0, this.pending - BACKLOG);
    this.ships.push(ms);
    // As an index is read: the newest by its own time, but for one of a time that has yet to come.
    const stampMs = collector.stampMs(ms);
    const known = this.newestStampMs ?? 0;
    this.newestStampMs = known > stampMs + AHEAD_MS ? stampMs : Math.max(known, stampMs);
    this.latestStampMs = Math.max(this.latestStampMs, stampMs);
  }

  /** The receiver sees which of two machines it is. @returns its boot */
  private see(kind: Sighting["kind"], ms: number, { stampMs }: Collector): string {
    const boot = this.isClone(ms) ? "b" : "a";
    if (boot !== this.sender) this.changes.push(ms);
    this.sender = boot;
    const machine = { id: boot.repeat(32), hardware: [] };
    const sighting = { kind, bootId: kind === "heartbeat" ? boot : null, machine, remote: boot, conflict: false };
    this.senders = noteSender(this.senders, sighting, stampMs(ms));
    return boot;
  }

  private fail(ms: number, kind: Pause["kind"], reason: string): void {
    this.failures += 1;
    this.nextTryMs = this.failures < 4 ? 0 : ms + PROBE_MS;
    if (this.pause === null && (kind === "misconfigured" || this.failures > 1))
      this.pause = { kind, reason, sinceMs: ms };
  }

  private goOn(): void {
    this.failures = 0;
    this.nextTryMs = 0;
    this.pause = null;
  }

  private attempt(ms: number, { stampMs }: Collector, status: number, reason: string): AttemptRow {
    const { host } = this.plan;
    return {
      ...{ at: isoWall(stampMs(ms)), host_id: host, episode_id: `ep-${ms}`, status, reason, bytes: 1 },
      ...{ code_commit: null, remote: `${this.isClone(ms) ? "10.0.0.9" : "10.0.0.5"}:4000` },
    };
  }

  /** Of two machines under one name now the one is heard and now the other. */
  private isClone(ms: number): boolean {
    return faultAt(this.plan, "clone", ms) !== null && Math.imul(Math.floor(ms / MIN), 0x9e3779b1) >>> 31 === 1;
  }

  private beat(ms: number, collector: Collector): void {
    const { hasBeats } = this.plan;
    this.record(ms);
    if (!hasBeats || !collector.isUp || collector.isFull) return;
    if (faultAt(this.plan, "cut", ms) !== null || faultAt(this.plan, "agent", ms) !== null) return;
    const isClone = this.isClone(ms);
    const skewMs = isClone || faultAt(this.plan, "clock", ms) !== null ? SKEW_MS : 0;
    const { pending, quarantined, oldestMs, pause } = this;
    const hasQueue = faultAt(this.plan, "shipper", ms) === null;
    this.beats.push(ms);
    const boot = this.see("heartbeat", ms, collector);
    this.said = {
      ...{ ms, stampMs: collector.stampMs(ms), skewMs, boot, sequence: this.beats.length },
      queue: hasQueue ? { pending, quarantined, oldestMs, pause } : null,
    };
  }

  /** Newest heartbeat as the receiver keeps it; null: none came. */
  stored(): StoredHeartbeat | null {
    return this.said === null ? null : storedOf(this.plan.host, this.said);
  }
}
