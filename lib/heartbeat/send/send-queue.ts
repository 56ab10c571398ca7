// Heartbeats on their way: the newest first, then those that waited, and when it is tried again. What an answer means is in
// decide.ts, what is said about it in send-remarks.ts.

import { backoffSeconds } from "../../core/backoff.ts";
import type { Settings } from "../../runtime/config/settings.ts";
import type { Log } from "../../runtime/log/log.ts";
import { isAboutOne, retryWaitS } from "../decide.ts";
import type { HeartbeatConfig } from "../settings.ts";
import type { SendResult } from "./send.ts";
import { type AgentSpool, type Failing, Remarks } from "./send-remarks.ts";

export interface QueueDeps {
  settings: Settings<HeartbeatConfig>;
  spool: AgentSpool;
  log: Log;
  /** Resolves in bounded time, whatever the other side does. */
  send: (text: string, signal: AbortSignal) => Promise<SendResult>;
  /** The newest heartbeat was taken by a receiver that said which store it is; it carried an announcement of this number. */
  accepted: (announcement: number, receiverId: string) => void;
  uptimeS: () => number;
  now: () => Date;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** A heartbeat on its way. */
type Tried = { sequence: number; text: string };
/** The one that goes before those that wait. `announcement`: the number that it carries, or null. */
export type Newest = Tried & { plain: boolean; announcement: number | null };

/** `one`: it did not get through, but others may. `later`: nothing gets through now. */
type Outcome = "sent" | "refused" | "one" | "later";

/** So many of those that wait may fail in one pass: a receiver that fails is not to be flooded. */
const FAILED_A_PASS = 5;

export class SendQueue {
  readonly remarks: Remarks;
  private isStopped = false;
  private newest: Newest | null = null;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private sending: Promise<void> | null = null;
  private underWay: { abort: AbortController; receiver: string } | null = null;
  /** The receiver has said when to come again: that holds for new heartbeats too. Milliseconds of a clock that nobody sets. */
  private toldUntil = 0;
  /** The same in seconds since boot, for whoever shows it; null: nothing was asked, or it is over. */
  toldUptimeS: number | null = null;
  /** The store that answered last, and said which it is; null: none yet. */
  answeredBy: string | null = null;
  /** Whether the newest one got through that was tried last. */
  private isOpen = false;
  /** Those that did not get through where the newest did: the others come first. */
  private readonly held = new Set<number>();
  /** When a heartbeat arrived last that was the newest; and in seconds since boot, which no set clock moves. */
  sentAt: Date | null = null;
  sentUptimeS: number | null = null;

  /** @param changed called when a status would show something else */
  constructor(
    private readonly deps: QueueDeps,
    private readonly changed: () => void,
  ) {
    this.remarks = new Remarks(deps);
  }

  /** Why the last try failed, and how many did in a row; null: it did not. */
  get failing(): Failing | null {
    return this.remarks.none ?? this.remarks.old;
  }

  /** Heartbeats that wait besides those of the spool. */
  get atHand(): number {
    return this.newest === null ? 0 : 1;
  }

  /** Takes a new heartbeat, and tries at once, whatever failed before: it is the newest truth. */
  take(newest: Newest): void {
    // One that has not even been tried yet makes room.
    if (this.newest !== null) this.keep(this.newest);
    this.newest = newest;
    const { sequence, plain, text } = newest;
    this.remarks.watchDisk(() => this.deps.spool.hold(sequence, plain, text));
    this.changed();
    if (!this.isToldToWait()) this.pump();
  }

  /** Resolves when nothing is being sent. */
  async settled(): Promise<void> {
    await this.sending;
  }

  /** What stood in the way may just have been mended; what is under way to another receiver than ours ends. */
  tryNow(): void {
    if (this.underWay !== null && this.underWay.receiver !== this.receiver()) this.underWay.abort.abort();
    if (this.failing === null && !this.isToldToWait()) return;
    this.untold();
    this.remarks.forgetFailures();
    this.pump();
  }

  /** Ends what is being sent; what waits is kept. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.underWay?.abort.abort();
    if (this.retry !== null) clearTimeout(this.retry);
    await this.sending;
    if (this.newest !== null) this.keep(this.newest);
    this.newest = null;
    this.remarks.sumUpDropped();
    const lost = this.deps.spool.close();
    if (lost > 0) this.deps.log.warn("heartbeats are lost that nothing but this process holds", { lost });
  }

  private untold(): void {
    this.toldUntil = 0;
    this.toldUptimeS = null;
    this.changed();
  }

  private isToldToWait(): boolean {
    return performance.now() < this.toldUntil;
  }

  private pump(): void {
    if (this.isStopped) return;
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
      // It came in the very moment in which there was nothing more to send, or during the last try.
      if (this.newest !== null && !this.isToldToWait()) this.pump();
    });
  }

  /**
   * Sends what there is: the newest first, for the receiver shall know how it stands before it learns how it stood, and
   * again before each of those that wait; these oldest first. Ends with the first that does not get through, unless that
   * may be its own fault.
   */
  private async sendAll(): Promise<void> {
    const pass = { sent: 0, refused: 0, one: 0, later: 0 };
    while (!this.isStopped && pass.later === 0 && pass.one < FAILED_A_PASS) {
      const { newest } = this;
      if (newest !== null) {
        this.newest = null;
        this.isOpen = (await this.trySend(newest, newest)) !== "later";
        if (this.isOpen) continue;
        this.keep(newest);
        pass.later++;
        break;
      }
      const waiting = this.remarks.watchDisk(() => this.oldest(pass.one === 0));
      if (waiting === null) break;
      pass[await this.trySend(waiting, null)]++;
    }
    if (pass.one > 0 && pass.later === 0) this.tryLater(this.remarks.old?.tries ?? 1, null);
    this.remarks.passed(pass, pass.one === 0 && pass.later === 0);
  }

  /** The oldest of those that have not failed by themselves; when all have, they have their turn again. */
  private oldest(mayBeginAnew: boolean): Tried | null {
    const { spool } = this.deps;
    const fresh = spool.oldest(this.held);
    if (fresh !== null || this.held.size === 0 || !mayBeginAnew) return fresh;
    this.held.clear();
    return spool.oldest();
  }

  private keep({ sequence, plain, text }: Newest): void {
    this.remarks.watchKeep(() => this.deps.spool.keep(sequence, plain, text));
  }

  private async trySend(tried: Tried, newest: Newest | null): Promise<Outcome> {
    const result = await this.exchange(tried);
    if (result === null) return "later";
    if (result.kind === "later") return this.failed(result, tried.sequence, newest !== null);
    this.deps.spool.done(tried.sequence);
    this.held.delete(tried.sequence);
    if (result.kind === "drop") this.remarks.wasRefused(result, tried.sequence);
    else this.succeeded(newest, result.receiverId ?? null);
    this.changed();
    return result.kind === "drop" ? "refused" : "sent";
  }

  /** One try, and another one if the endpoint changes meanwhile; null: stopped. */
  private async exchange({ sequence, text }: Tried): Promise<SendResult | null> {
    const { log, send } = this.deps;
    while (!this.isStopped) {
      const abort = new AbortController();
      this.underWay = { abort, receiver: this.receiver() };
      const began = performance.now();
      const result = await send(text, abort.signal);
      this.underWay = null;
      this.answeredBy = result.receiverId ?? this.answeredBy;
      const took_ms = Math.round(performance.now() - began);
      const { kind: outcome, status } = result;
      log.debug("heartbeat tried", { sequence, bytes: Buffer.byteLength(text), outcome, status, took_ms });
      if (outcome !== "later" || !abort.signal.aborted) return result;
    }
    return null;
  }

  private receiver(): string {
    return JSON.stringify(this.deps.settings.current().receiver) ?? "";
  }

  private succeeded(newest: Newest | null, receiverId: string | null): void {
    this.remarks.arrived(newest !== null);
    if (newest === null) return;
    // One that had waited may tell of numbers that were given anew since.
    if (newest.announcement !== null && receiverId !== null) this.deps.accepted(newest.announcement, receiverId);
    this.sentAt = this.deps.now();
    this.sentUptimeS = this.deps.uptimeS();
  }

  private failed(result: SendResult & { kind: "later" }, sequence: number, isNewest: boolean): Outcome {
    const { retryAfterS, status } = result;
    // Where the newest has just got through, an old one says nothing about the next newest.
    const isOld = !isNewest && this.isOpen;
    if (isOld) this.held.add(sequence);
    this.remarks.failed(isOld ? "old" : "none", result, sequence);
    this.changed();
    if (isOld && isAboutOne(status, retryAfterS)) return "one";
    this.tryLater(this.failing?.tries ?? 1, retryAfterS);
    return "later";
  }

  private tryLater(tries: number, retryAfterS: number | null): void {
    const { settings } = this.deps;
    const jitter = this.deps.random();
    // New heartbeats wait as long as was asked for, and not as long as our own schedule says.
    const askedS = retryAfterS === null ? 0 : backoffSeconds([], 1, jitter, retryAfterS);
    this.toldUntil = performance.now() + askedS * 1000;
    this.toldUptimeS = askedS === 0 ? null : this.deps.uptimeS() + Math.ceil(askedS);
    this.changed();
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = setTimeout(
      () => {
        this.untold();
        this.pump();
      },
      retryWaitS(settings.current().backoffSeconds, tries, jitter, retryAfterS) * 1000,
    );
  }
}
