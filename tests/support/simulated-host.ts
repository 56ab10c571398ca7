// A host's queue along a path that is a rule, with a clock of numbers: a year of it costs seconds. The queue, who goes next, when it
// stops, how long each waits and how many archives may lie in the outbox are the real ones, put together as the engine does it;
// packing takes no time, and what a body or a question meets is the path's.

import { Room } from "../../lib/shipper/disk/packing-room.ts";
import { fitsLane, LANES } from "../../lib/shipper/pack/lanes.ts";
import type { OutboxRecord } from "../../lib/shipper/pack/outbox.ts";
import type { Entry } from "../../lib/shipper/queue/entry.ts";
import { toGiveWay } from "../../lib/shipper/queue/order.ts";
import { Queue } from "../../lib/shipper/queue/queue.ts";
import { Waits } from "../../lib/shipper/queue/waits.ts";
import type { Fault } from "../../lib/shipper/trust/verdict.ts";
import type { EngineDeps } from "../../lib/shipper/work/deps.ts";
import type { SendStep } from "../../lib/shipper/work/send-step.ts";
import { type Next, Sending } from "../../lib/shipper/work/sending.ts";
import { recordOf } from "./lab-host.ts";
import { quietLog } from "./quiet-log.ts";
import { seededRandom } from "./random.ts";
import { scriptedEngine } from "./scripted-engine.ts";
import { tempDir } from "./temp-dir.ts";

export interface Path {
  /** What a body meets that is sent now; null: a receipt. A 401 is a fault of ours. */
  put: (id: string, bytes: number, nowMs: number) => Fault | null;
  /** Whether the judge can be reached. */
  judge: (nowMs: number) => boolean;
  /** Whose directories are gone: their archives never give way. */
  lastCopies?: readonly string[];
  /** How long a body of so many bytes takes until its answer, milliseconds. */
  tookMs: (bytes: number) => number;
}

export interface Arrival {
  id: string;
  bytes: number;
  atMs: number;
}

/** How long the judge takes, milliseconds. */
const JUDGE_MS = 100;
const FINDING = { what: "w", fix: { text: "t", commands: [] } };

/** What a box on the way answers. */
export const bareFault = (status: number): Fault => ({
  status,
  reason: `status-${status}`,
  isMarked: false,
  detail: "",
});

export class SimulatedHost {
  /** When each was delivered, milliseconds since the beginning. */
  readonly delivered = new Map<string, number>();
  /** When each body began to be sent. */
  readonly puts = new Map<string, number[]>();
  /** How many archives lay in the outbox at most. */
  mostPacked = 0;
  readonly queue = new Queue();
  private nowMs = 0;
  private readonly sizes = new Map<string, number>();
  private readonly records = new Map<string, OutboxRecord>();
  private work: { endMs: number; end: () => void }[] = [];
  private readonly deps: EngineDeps;
  private readonly sending: Sending;
  private readonly waits: Waits;
  private readonly room: Room;

  constructor(private readonly path: Path) {
    const { engine } = scriptedEngine(tempDir(), () => ({ kind: "cancelled" }));
    const now = (): number => this.nowMs;
    this.deps = { ...engine.deps, now, wallMs: now, random: seededRandom(1).next, log: quietLog };
    this.sending = new Sending(this.deps, this.queue, this.records);
    this.waits = new Waits(this.deps, (seconds) => this.nowMs + seconds * 1000);
    this.room = new Room(quietLog, this.deps.settings.current().dataRoot, () => null);
  }

  /**
   * Goes on until then, or until nothing is left.
   * @param arrivals in the order of their times
   */
  run(arrivals: readonly Arrival[], untilMs: number): void {
    let arrived = 0;
    while (this.nowMs < untilMs && (arrived < arrivals.length || this.queue.size > 0)) {
      for (let one = arrivals[arrived]; one !== undefined && one.atMs <= this.nowMs; one = arrivals[++arrived])
        this.arrive(one);
      this.pump();
      this.nowMs = Math.min(untilMs, this.nextEventMs(arrivals[arrived]?.atMs ?? null));
      this.endWork();
    }
  }

  private endWork(): void {
    const ended = this.work.filter(({ endMs }) => endMs <= this.nowMs);
    if (ended.length === 0) return;
    this.work = this.work.filter(({ endMs }) => endMs > this.nowMs);
    for (const { end } of ended.sort((a, b) => a.endMs - b.endMs)) end();
  }

  private arrive({ id, bytes, atMs }: Arrival): void {
    this.sizes.set(id, bytes);
    this.queue.add([{ id, finishedMs: atMs }]);
  }

  /** As the engine does it after each thing that ended: packing ends at once here. */
  private pump(): void {
    for (let isMore = true; isMore; ) {
      for (let next = this.sending.next(); next !== null; next = this.sending.next()) this.begin(next);
      isMore = false;
      // Where all are packed nothing is to be asked: a year has a million such moments.
      if (this.queue.size === this.packedCount) return;
      for (const maxBytes of LANES) if (this.packIn(maxBytes)) isMore = true;
    }
  }

  private get packedCount(): number {
    return this.queue.inStage("packed").size + this.queue.inStage("sending").size;
  }

  private packIn(maxBytes: number | null): boolean {
    const counts = (id: string): boolean => this.sending.countsFor(id, maxBytes);
    if (!this.room.mayPack(this.queue, this.deps.settings.current().transfers, this.nowMs, counts)) return false;
    const entry = this.queue.nextToPack(this.nowMs, maxBytes, this.sending.hadTurn);
    if (entry === null) return false;
    const bytes = this.sizes.get(entry.id) ?? 0;
    if (fitsLane(bytes, maxBytes)) this.pack(entry);
    else entry.bytes = bytes;
    return true;
  }

  private pack(entry: Entry): void {
    const last = toGiveWay(this.queue.inStage("packed"), this.nowMs, this.sending.hadTurn);
    if (last !== null) this.queue.move(last, "waiting");
    this.records.set(entry.id, recordOf(entry.id, { bytes: this.sizes.get(entry.id) ?? 0 }));
    this.queue.move(entry, "packed");
    entry.isLastCopy = this.path.lastCopies?.includes(entry.id) === true;
    this.mostPacked = Math.max(this.mostPacked, this.packedCount);
  }

  private begin({ entry, resource }: Next): void {
    const bytes = this.sizes.get(entry.id) ?? 0;
    this.queue.move(entry, "sending");
    if (resource === "judge") {
      const fault = this.path.judge(this.nowMs) ? null : bareFault(502);
      this.ends(JUDGE_MS, () => this.asked(entry, fault));
    } else {
      const tries = this.puts.get(entry.id) ?? [];
      this.puts.set(entry.id, tries);
      tries.push(this.nowMs);
      const fault = this.path.put(entry.id, bytes, this.nowMs);
      const tookMs = this.path.tookMs(bytes);
      this.ends(tookMs, () => this.sent(entry, fault, tookMs));
    }
  }

  private ends(inMs: number, end: () => void): void {
    this.work.push({ endMs: this.nowMs + inMs, end });
  }

  private asked(entry: Entry, fault: Fault | null): void {
    this.sending.note(
      entry,
      fault === null ? { next: "packed", record: null } : retry(fault, JUDGE_MS),
      fault === null,
    );
    this.queue.move(entry, "packed");
  }

  private sent(entry: Entry, fault: Fault | null, tookMs: number): void {
    if (fault !== null) {
      const step = fault.status === 401 ? { ...retry(fault, tookMs), next: "paused" as const } : retry(fault, tookMs);
      this.sending.note(entry, step, false);
      this.queue.move(entry, "packed");
      if (step.next === "paused") this.waits.rest(entry, tookMs);
      else this.waits.again(entry, fault, FINDING, null, tookMs);
      return;
    }
    this.sending.note(entry, { next: "gone", counts: "delivered" }, true);
    this.queue.remove(entry.id);
    this.records.delete(entry.id);
    this.room.freed();
    this.delivered.set(entry.id, this.nowMs);
  }

  /** When something may happen next, as the engine looks at it. */
  private nextEventMs(nextArrivalMs: number | null): number {
    let nextMs = nextArrivalMs ?? Number.POSITIVE_INFINITY;
    const dueMs = this.queue.nextDueMs(this.nowMs);
    const probeMs = this.sending.pausing.pause?.nextProbeMs ?? null;
    for (const atMs of [dueMs, probeMs]) if (atMs !== null && atMs > this.nowMs) nextMs = Math.min(nextMs, atMs);
    for (const { endMs } of this.work) nextMs = Math.min(nextMs, endMs);
    return nextMs;
  }
}

function retry(fault: Fault, tookMs: number): Extract<SendStep, { next: "retry" }> {
  return { next: "retry", repack: false, fault, finding: FINDING, retryAfterS: null, tookMs };
}
