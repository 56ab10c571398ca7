// The shipper at work: what is packed and sent next, side by side, and when to stop for a while. What an answer means is
// in decide.ts, what comes next in queue.ts, where an episode goes in settle.ts; here they meet.

import { join } from "node:path";
import { backoffSeconds } from "../core/backoff.ts";
import { errorCode, errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { Breaker } from "./breaker.ts";
import type { EngineDeps } from "./deps.ts";
import { whyNotSettled } from "./episode-facts.ts";
import { heldLine } from "./hindrance.ts";
import { LANES } from "./lanes.ts";
import { dropRecord, type OutboxRecord, recoverOutbox } from "./outbox.ts";
import { type PackStep, packStep } from "./pack-step.ts";
import { type Entry, newEntry, Queue } from "./queue.ts";
import { RECHECK_S, Room } from "./room.ts";
import { type Scan, type ScanProblem, scanEpisodes } from "./scan.ts";
import { type SendStep, sendStep } from "./send-step.ts";
import { type Settlement, settle } from "./settle.ts";

export class Engine {
  readonly queue = new Queue();
  readonly records = new Map<string, OutboxRecord>();
  readonly breaker: Breaker;
  readonly room: Room;
  recording = 0;
  problems: ScanProblem[] = [];
  delivered = 0;
  quarantined = 0;
  /** Lanes that are packing, by their place in the table. */
  private readonly packing = new Set<number>();
  private stopping = false;
  private readonly abort = new AbortController();
  private readonly running = new Set<Promise<void>>();
  private wake: ReturnType<typeof setTimeout> | null = null;
  private readonly told = new Set<string>();
  /** Answers that could not be carried out yet; after a restart they are asked for again. */
  private readonly unsettled = new Map<string, Settlement>();

  constructor(readonly deps: EngineDeps) {
    const { config, random, log } = deps;
    this.breaker = new Breaker(
      () => config.backoffSeconds,
      random,
      (seconds) => this.later(seconds),
      log,
    );
    this.room = new Room(log);
  }

  /** Takes over the whole archives that earlier runs left in the outbox. */
  async recover(): Promise<void> {
    const { dirs, bootId, log } = this.deps;
    const { records, strays } = await recoverOutbox(dirs.outbox, dirs.episodes, bootId);
    for (const name of strays) {
      log.warn("left alone: an archive that no record proves, and its episode's directory is gone or cannot be read", {
        archive: join(dirs.outbox, name),
      });
    }
    for (const record of records) {
      this.records.set(record.id, record);
      this.queue.restore(newEntry(record.id, record.finished_ms, "packed"));
    }
  }

  /** Looks for new episodes and for held ones that can go on. */
  async scan(): Promise<void> {
    const now = this.deps.now();
    for (const entry of [...this.queue.inStage("held")]) if (entry.notBeforeMs <= now) await this.finishHeld(entry);
    const scan = await this.look();
    if (scan === null) return;
    this.queue.add(scan.finished);
    this.recording = scan.recording;
    const { trouble } = this.room;
    const ofDisk =
      trouble === null ? [] : [{ name: this.deps.config.dataRoot, problem: trouble.reason, fix: trouble.fix }];
    this.problems = [...ofDisk, ...scan.problems];
    // A record outlives its directory: what it says is settled or sent first.
    this.queue.forgetWaiting((id) => !scan.present.has(id) && !this.records.has(id));
    for (const problem of scan.problems) this.tell(problem);
  }

  /** What stands in episodes/; null when it cannot be read now: then nothing is known, and nothing forgotten. */
  private async look(): Promise<Scan | null> {
    const { episodes } = this.deps.dirs;
    try {
      return await scanEpisodes(episodes, (id) => this.queue.has(id));
    } catch (error) {
      if (errorCode(error) === null) throw error;
      const problem = { name: episodes, problem: `cannot read it: ${errorCode(error)}`, fix: `ls -ld ${episodes}` };
      this.tell(problem);
      this.problems = [problem];
      return null;
    }
  }

  /** Starts whatever can be started now. */
  pump(): void {
    if (this.stopping) return;
    while (this.breaker.maySend(this.uploads, this.deps.config.transfers, this.deps.now())) {
      const entry = this.queue.nextToSend(this.deps.now());
      if (entry === null) break;
      this.begin("sending", entry, () => this.sendOne(entry));
    }
    for (const [lane, maxBytes] of LANES.entries()) this.pack(lane, maxBytes);
    this.sleepUntilDue();
    this.deps.changed();
  }

  /** Gives a lane that is free its next episode. */
  private pack(lane: number, maxBytes: number | null): void {
    const now = this.deps.now();
    if (this.packing.has(lane) || !this.room.mayPack(this.queue, this.deps.config.transfers, now)) return;
    const entry = this.queue.nextToPack(now, maxBytes);
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

  private begin(stage: "sending" | "packing", entry: Entry, work: () => Promise<void>): void {
    this.queue.move(entry, stage);
    const task = work()
      .catch((error: unknown) => this.failed(entry, error))
      .finally(() => {
        this.running.delete(task);
        this.pump();
      });
    this.running.add(task);
  }

  private async packOne(entry: Entry, maxBytes: number | null): Promise<void> {
    await this.room.evict(this.queue, this.records, this.deps.dirs, this.deps.now());
    this.apply(entry, await packStep(this.deps, entry, maxBytes, () => this.stopping));
  }

  private async sendOne(entry: Entry): Promise<void> {
    const record = this.records.get(entry.id);
    if (record === undefined) throw new Error(`no outbox record for packed episode ${entry.id}`);
    const step = await sendStep(this.deps, entry, record, this.abort.signal);
    if (step.next === "gone" || step.next === "held") this.breaker.answered();
    if (step.next === "retry") this.breaker.failed(step);
    if (step.next === "paused") this.breaker.misconfigured(step);
    this.apply(entry, step);
  }

  /** Carries a step's outcome into the queue. */
  private apply(entry: Entry, step: PackStep | SendStep): void {
    switch (step.next) {
      case "packed":
        this.queue.move(entry, "packed");
        if (step.record === null) break;
        this.records.set(entry.id, step.record);
        this.room.found();
        break;
      case "gone":
        this.queue.remove(entry.id);
        this.records.delete(entry.id);
        this.unsettled.delete(entry.id);
        if (step.counts === "delivered") this.delivered++;
        if (step.counts === "quarantined") this.quarantined++;
        break;
      case "retry":
        this.queue.move(entry, step.repack ? "waiting" : "packed");
        if (step.repack) this.records.delete(entry.id);
        this.retryLater(entry, step.reason, step.detail, step.retryAfterS);
        break;
      case "held":
        if (step.settlement !== null) this.unsettled.set(entry.id, step.settlement);
        this.hold(entry, step.reason, step.fix);
        break;
      case "waiting":
        this.queue.move(entry, "waiting");
        this.records.delete(entry.id);
        break;
      case "disk": {
        this.queue.move(entry, "waiting");
        entry.reason = step.reason;
        // Later than any other, should it be this one alone that meets it.
        entry.notBeforeMs = this.later(2 * RECHECK_S);
        this.room.refused(step, this.later(RECHECK_S));
        break;
      }
      case "no-space":
        this.queue.move(entry, "waiting");
        this.waitForSpace(entry, step.neededBytes);
        break;
      case "paused":
        this.queue.move(entry, "packed");
        break;
    }
  }

  private retryLater(entry: Entry, reason: string, detail: string, retryAfterS: number | null): void {
    entry.failures++;
    if (reason === "digest-mismatch") entry.mismatches++;
    const waitS = backoffSeconds(this.deps.config.backoffSeconds, entry.failures, this.deps.random(), retryAfterS);
    entry.notBeforeMs = this.later(waitS);
    entry.reason = reason;
    this.deps.log.warn(`not shipped yet: ${quoted(detail)}`, {
      episode: entry.id,
      reason,
      failures: entry.failures,
      again_in_s: waitS.toFixed(1),
    });
  }

  private hold(entry: Entry, reason: string, fix: string | null): void {
    // Said once for each episode and reason, not every time it is looked at again.
    if (entry.reason !== reason) this.deps.log.error(heldLine("held", entry.id, reason, fix));
    this.queue.move(entry, "held");
    entry.reason = reason;
    entry.notBeforeMs = this.later(RECHECK_S);
  }

  /** Goes on with a held episode: an answer that could not be carried out, or from the beginning. */
  private async finishHeld(entry: Entry): Promise<void> {
    const record = this.records.get(entry.id);
    const settlement = this.unsettled.get(entry.id);
    if (record === undefined || settlement === undefined) {
      this.queue.move(entry, record === undefined ? "waiting" : "packed");
      return;
    }
    try {
      const isMoved = await settle(this.deps.dirs, record, settlement, this.deps.packer.fingerprint);
      await dropRecord(this.deps.dirs.outbox, entry.id);
      const counts = settlement.to === "shipped" ? "delivered" : "quarantined";
      this.apply(entry, { next: "gone", counts: isMoved ? counts : null });
    } catch (error) {
      if (errorCode(error) === null) throw error;
      const { reason, fix } = whyNotSettled(join(this.deps.dirs.episodes, entry.id), settlement.to, error);
      this.hold(entry, reason, fix);
    }
  }

  private waitForSpace(entry: Entry, neededBytes: number): void {
    const untilMs = this.later(RECHECK_S);
    entry.notBeforeMs = untilMs;
    entry.reason = "no room to pack it";
    this.room.full(untilMs);
    const freeing = this.deps
      .freeSpace(neededBytes)
      .then((freed) => {
        // Room was made for it: no need to wait.
        if (freed) entry.notBeforeMs = this.room.notBeforeMs = 0;
      })
      .catch((error: unknown) => this.deps.fail(error));
    const task = freeing.finally(() => {
      this.running.delete(task);
      this.pump();
    });
    this.running.add(task);
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
    this.retryLater(entry, errorCode(error) ?? "error", errorText(error), RECHECK_S);
  }

  private later(seconds: number): number {
    return this.deps.once ? Number.POSITIVE_INFINITY : this.deps.now() + seconds * 1000;
  }

  private sleepUntilDue(): void {
    if (this.wake !== null) clearTimeout(this.wake);
    const now = this.deps.now();
    const dues = [this.queue.nextDueMs(now), this.breaker.pause?.untilMs ?? null, this.room.notBeforeMs].filter(
      (due): due is number => due !== null && due > now && Number.isFinite(due),
    );
    this.wake = dues.length === 0 ? null : setTimeout(() => this.pump(), Math.min(...dues) - now + 1);
  }

  /** Said once for each directory and problem, not on every pass. */
  private tell({ name, problem, fix }: ScanProblem): void {
    const key = `${name}: ${problem}`;
    if (this.told.has(key)) return;
    this.told.add(key);
    this.deps.log.error(heldLine("not shipped", name, problem, fix));
  }
}
