// The shipper at work: what is packed and sent, side by side, and what becomes of each. What comes in is in intake.ts, who goes
// next in sending.ts, what an answer means in decide.ts, how long an episode waits in waits.ts, what is held in held.ts; here they
// meet.

import { errorCode, errorText } from "../../core/failure.ts";
import { freeBytes } from "../../os/files/files.ts";
import { Room } from "../disk/packing-room.ts";
import { localFaultOf } from "../episode/episode-facts.ts";
import type { ScanProblem } from "../episode/scan-problem.ts";
import { Intake } from "../intake/intake.ts";
import { LANES } from "../pack/lanes.ts";
import type { OutboxRecord } from "../pack/outbox.ts";
import type { Entry, Work } from "../queue/entry.ts";
import { Queue } from "../queue/queue.ts";
import { RECHECK_S, Waits } from "../queue/waits.ts";
import type { Resource } from "../trust/verdict.ts";
import { localFinding } from "../words/remedies.ts";
import type { EngineDeps } from "./deps.ts";
import { Held } from "./held.ts";
import { type PackStep, packStep } from "./pack-step.ts";
import { type SendStep, sendStep } from "./send-step.ts";
import { Sending } from "./sending.ts";

export class Engine {
  readonly queue = new Queue();
  readonly records = new Map<string, OutboxRecord>();
  readonly sending: Sending;
  readonly room: Room;
  delivered = 0;
  quarantined = 0;
  private readonly waits: Waits;
  private readonly held: Held;
  readonly intake: Intake;
  /** Lanes that are packing, by their place in the table. */
  private readonly packing = new Set<number>();
  private stopping = false;
  /** The data root has gone: see ground.ts. */
  private isGroundGone = false;
  private readonly abort = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private wake: ReturnType<typeof setTimeout> | null = null;

  constructor(readonly deps: EngineDeps) {
    const later = (seconds: number): number => this.later(seconds);
    this.waits = new Waits(deps, later);
    this.sending = new Sending(deps, this.queue, this.records);
    this.held = new Held(deps, this.queue, this.records, this.waits, later);
    this.room = new Room(deps.log, deps.settings.current().dataRoot, () => deps.settled());
    this.intake = new Intake(deps, this.queue, this.records);
  }

  /** Takes over the whole archives that earlier runs left in the outbox. */
  recover(): Promise<void> {
    return this.intake.recover();
  }

  /** Looks for new episodes and for held ones that can go on. */
  async scan(): Promise<void> {
    for await (const { entry, step } of this.held.look()) this.apply(entry, step);
    await this.intake.scan(this.room.trouble);
    // Somebody else may have made room; a disk that does not tell has none.
    if (this.room.isWaitedFor) this.room.isThere(await freeBytes(this.deps.dirs.outbox).catch(() => 0));
  }

  /** Whether the data root has gone: then nothing new is begun before it is back (null). */
  groundIs(gone: ScanProblem | null): void {
    this.isGroundGone = gone !== null;
    if (gone !== null) this.intake.sayOnly(gone);
  }

  /** Starts whatever can be started now. */
  pump(): void {
    if (this.stopping || this.isGroundGone) return;
    for (let next = this.sending.next(); next !== null; next = this.sending.next()) {
      const { entry, resource } = next;
      this.begin(resource === "put" ? "sending" : "asking", entry, () => this.sendOne(entry, resource));
    }
    for (const [lane, maxBytes] of LANES.entries()) this.pack(lane, maxBytes);
    this.sleepUntilDue();
    this.deps.changed();
  }

  /** Gives a lane that is free its next episode. */
  private pack(lane: number, maxBytes: number | null): void {
    const now = this.deps.now();
    const counts = (id: string): boolean => this.sending.countsFor(id, maxBytes);
    if (this.packing.has(lane) || !this.room.mayPack(this.queue, this.deps.settings.current().transfers, now, counts))
      return;
    const entry = this.queue.nextToPack(now, maxBytes, this.sending.hadTurn);
    if (entry === null) return;
    this.packing.add(lane);
    this.begin("packing", entry, () => this.packOne(entry, maxBytes).finally(() => this.packing.delete(lane)));
  }

  /** Resolves when nothing runs and nothing can be started now. */
  async settled(): Promise<void> {
    while (this.running.size > 0) await Promise.race(this.running);
  }

  /**
   * Takes nothing new, lets uploads finish for `drainMs`, then breaks them off: they are sent again another time.
   * @returns how many were broken off
   */
  async stop(drainMs: number): Promise<number> {
    this.stopping = true;
    if (this.wake !== null) clearTimeout(this.wake);
    this.deps.packer.cancel();
    let brokenOff = 0;
    const timer = setTimeout(() => {
      brokenOff = this.uploads;
      this.abort.abort();
    }, drainMs);
    await this.settled();
    clearTimeout(timer);
    return brokenOff;
  }

  get uploads(): number {
    return this.queue.inStage("sending").size;
  }

  private begin(what: Work["what"], entry: Entry, work: () => Promise<void>): void {
    this.queue.move(entry, what === "packing" ? "packing" : "sending");
    // What packing has before it is known once its directory was walked.
    const bytes = what === "sending" ? (this.records.get(entry.id)?.bytes ?? null) : null;
    entry.work = { what, sinceMs: this.deps.now(), doneBytes: null, bytes };
    const task = work()
      .catch((error: unknown) => this.failed(entry, error))
      .finally(() => {
        entry.work = null;
        this.running.delete(task);
        this.pump();
      });
    this.running.add(task);
  }

  private async packOne(entry: Entry, maxBytes: number | null): Promise<void> {
    const { queue, records, deps, room } = this;
    await room.evict(queue, records, deps.dirs, deps.now(), this.sending.hadTurn);
    const reserveBytes = room.reserveFor(entry, deps.settings.current().diskReserveBytes);
    try {
      this.apply(entry, await packStep(deps, entry, { maxBytes, reserveBytes }, () => this.stopping));
    } finally {
      room.giveBack(entry, this.later(RECHECK_S));
    }
  }

  private async sendOne(entry: Entry, resource: Resource): Promise<void> {
    const record = this.records.get(entry.id);
    if (record === undefined) throw new Error(`no outbox record for packed episode ${entry.id}`);
    const { step, isAnswered } = await sendStep(this.deps, entry, record, resource, this.abort.signal);
    this.sending.note(entry, step, isAnswered);
    // A question that was not answered says nothing of the body: that one keeps its own time.
    if (step.next === "retry" && resource === "judge") this.queue.move(entry, "packed");
    else this.apply(entry, step);
    // Were the pause over at once, as where only the way of bodies is blocked, the body would go again, and again. Without an
    // answer (status 0) none went: nobody was reached.
    if (step.next === "paused" && step.fault.status > 0) this.waits.rest(entry, step.tookMs);
    // The collector took one without a stamp: the others may go, too.
    if (step.next === "gone" && step.counts === "delivered" && record.code_commit === null) this.held.release();
  }

  /** Carries a step's outcome into the queue. */
  private apply(entry: Entry, step: PackStep | SendStep): void {
    switch (step.next) {
      case "packed":
        this.queue.move(entry, "packed");
        if (step.record === null) break;
        this.records.set(entry.id, step.record);
        this.room.found(entry);
        break;
      case "gone":
        this.queue.remove(entry.id);
        this.records.delete(entry.id);
        this.room.forget(entry);
        this.room.freed();
        this.held.forget(entry.id);
        if (step.counts === "delivered") this.delivered++;
        if (step.counts === "quarantined") this.quarantined++;
        break;
      case "retry":
        this.queue.move(entry, step.repack ? "waiting" : "packed");
        if (step.repack) this.records.delete(entry.id);
        this.waits.again(entry, step.fault, step.finding, step.retryAfterS, step.tookMs);
        break;
      case "held":
        this.held.keep(entry.id, step.unsettled);
        this.queue.move(entry, "held");
        this.waits.held(entry, step.reason, step.detail, step.fix);
        break;
      case "unstamped":
        this.queue.move(entry, "held");
        this.waits.unstamped(entry, step.detail);
        break;
      case "waiting":
        this.queue.move(entry, "waiting");
        this.records.delete(entry.id);
        break;
      case "disk": {
        this.queue.move(entry, "waiting");
        // Later than any other, should it be this one alone that meets it.
        this.waits.forDisk(entry, this.later(2 * RECHECK_S), step.reason, step.fix);
        this.room.refused(step, this.later(RECHECK_S));
        break;
      }
      case "no-space":
        this.queue.move(entry, "waiting");
        this.waitForSpace(entry, step.bytes);
        break;
      case "paused":
        this.queue.move(entry, "packed");
        break;
    }
  }

  private waitForSpace(entry: Entry, bytes: number | null): void {
    const untilMs = this.later(RECHECK_S);
    const neededBytes = (bytes ?? 0) + this.deps.settings.current().diskReserveBytes;
    this.waits.forRoom(entry, untilMs);
    this.room.full(entry, neededBytes, untilMs);
    const freeing = this.room
      .make(neededBytes, this.deps, () => this.isIdle())
      .catch((error: unknown) => this.deps.fail(error));
    const task = freeing.finally(() => {
      this.running.delete(task);
      this.pump();
    });
    this.running.add(task);
  }

  /** Nothing is sent, or about to be, and nothing is stopped. */
  private isIdle(): boolean {
    const isSending = this.uploads > 0 || this.queue.readyToSend(this.deps.now()) > 0;
    return !isSending && this.queue.inStage("packing").size === 0 && this.sending.pausing.pause === null;
  }

  private failed(entry: Entry, error: unknown): void {
    if (errorCode(error) === null) {
      // A bug would only come again, and again.
      this.stopping = true;
      this.deps.fail(error);
      return;
    }
    // A disk or a right that failed us outside the expected places: later again, and never the episode's fault.
    this.queue.move(entry, this.records.has(entry.id) ? "packed" : "waiting");
    const fault = {
      status: 0,
      reason: errorCode(error) ?? "error",
      isMarked: false,
      detail: errorText(error),
    };
    this.waits.again(entry, fault, localFinding(localFaultOf(error)), RECHECK_S, 0);
  }

  private later(seconds: number): number {
    return this.deps.once ? Number.POSITIVE_INFINITY : this.deps.now() + seconds * 1000;
  }

  private sleepUntilDue(): void {
    if (this.wake !== null) clearTimeout(this.wake);
    const now = this.deps.now();
    const dues = [
      this.queue.nextDueMs(now),
      this.sending.pausing.pause?.nextProbeMs ?? null,
      this.room.notBeforeMs,
    ].filter((due): due is number => due !== null && due > now && Number.isFinite(due));
    this.wake = dues.length === 0 ? null : setTimeout(() => this.pump(), Math.min(...dues) - now + 1);
  }
}
