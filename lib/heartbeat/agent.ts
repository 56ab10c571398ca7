// The agent at work: collects, says it to the receiver, and keeps what does not get through. When, and what an answer means,
// is in decide.ts.

import { backoffSeconds } from "../core/backoff.ts";
import type { CheckResult, Heartbeat, PluginState, QueueReport } from "../core/heartbeat.ts";
import type { Log } from "../runtime/log.ts";
import { isPlain, reasonKind, type Statuses, statusesOf } from "./decide.ts";
import { fitted } from "./fit.ts";
import type { SendResult } from "./send.ts";
import type { HeartbeatConfig } from "./settings.ts";
import type { Spool } from "./spool.ts";

/** What the agent needs of a spool. */
export type AgentSpool = Pick<Spool, Exclude<keyof Spool, "directory" | "max">>;

/** For a collection that is only looked at: nothing is kept, and nothing is written. */
export const NO_SPOOL: AgentSpool = {
  size: 0,
  inMemory: 0,
  failure: null,
  unreadable: null,
  dropped: 0,
  damaged: 0,
  takeNotes: () => [],
  nextSequence: () => 0,
  hold: () => undefined,
  keep: () => undefined,
  oldest: () => null,
  done: () => undefined,
  close: () => 0,
};

export interface AgentDeps {
  config: HeartbeatConfig;
  spool: AgentSpool;
  log: Log;
  versions: Record<string, string>;
  /** Collects all plugins; `run` counts the collections. */
  collect: (run: number, signal: AbortSignal) => Promise<CheckResult[]>;
  /** Which plugins take part: one that loads slowly joins later. */
  states: () => readonly PluginState[];
  queue: () => QueueReport | null;
  send: (text: string, signal: AbortSignal) => Promise<SendResult>;
  bootId: string;
  uptimeS: () => number;
  now: () => Date;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** A heartbeat on its way. */
type Tried = { sequence: number; text: string };
/** The one that goes before those that wait. */
type Newest = Tried & { plain: boolean };

/** Heartbeats that the receiver refused for good, since the start. */
export interface Refused {
  count: number;
  /** Of the newest one. */
  why: string;
  /** None has been accepted since. */
  lasts: boolean;
}

/** Reasons that are said at most, each once, until the receiver takes a heartbeat. */
const REASONS = 20;

export class Agent {
  private readonly abort = new AbortController();
  private before: Statuses | null = null;
  private newest: Newest | null = null;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private sending: Promise<void> | null = null;
  private readonly saidRefused = new Set<string>();
  private saidDropping = false;
  private saidDisk: string | null = null;
  latest: Heartbeat | null = null;
  /** When a heartbeat arrived last that was the newest; and in seconds since boot, which no set clock moves. */
  sentAt: Date | null = null;
  sentUptimeS: number | null = null;
  /** Why the last try failed, and how many did in a row; null: it did not. */
  failing: { why: string; tries: number } | null = null;
  refused: Refused | null = null;
  /** Called when a status would show something else. */
  changed: () => void = () => undefined;

  constructor(readonly deps: AgentDeps) {}

  /** One collection as a heartbeat; the sequence moves on. */
  async collect(): Promise<Heartbeat> {
    const { config, spool, versions, states, queue, bootId, uptimeS, now } = this.deps;
    const sequence = this.watchDisk(() => spool.nextSequence());
    const results = await this.deps.collect(sequence, this.abort.signal);
    return {
      host_id: config.hostId,
      sent_at: now().toISOString(),
      boot_id: bootId,
      sequence,
      uptime_s: uptimeS(),
      interval_s: config.intervalS,
      versions,
      queue: queue(),
      plugins: [...states()],
      results,
    };
  }

  /** Collects, and begins to send. What was cut off by a stop is neither sent nor kept: it tells of failures that are none. */
  async beat(): Promise<void> {
    const heartbeat = await this.collect();
    if (this.abort.signal.aborted) return;
    this.latest = heartbeat;
    const { sequence } = heartbeat;
    const statuses = statusesOf(heartbeat);
    const plain = isPlain(this.before, statuses);
    this.before = statuses;
    // One that has not even been tried yet makes room.
    if (this.newest !== null) this.keep(this.newest);
    const text = fitted(heartbeat);
    this.newest = { sequence, plain, text };
    this.deps.spool.hold(sequence, plain, text);
    this.changed();
    this.pump();
  }

  /** Resolves when nothing is being sent. */
  async settled(): Promise<void> {
    await this.sending;
  }

  /** What stood in the way may just have been mended. */
  tryNow(): void {
    if (this.failing !== null) this.pump();
  }

  /** Ends running collections and sends; what waits is kept. */
  async stop(): Promise<void> {
    this.abort.abort();
    if (this.retry !== null) clearTimeout(this.retry);
    await this.sending;
    if (this.newest !== null) this.keep(this.newest);
    this.newest = null;
    const lost = this.deps.spool.close();
    if (lost > 0) this.deps.log.warn("heartbeats are lost that nothing but this process holds", { lost });
  }

  private pump(): void {
    if (this.abort.signal.aborted) return;
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
      // It came in the very moment in which there was nothing more to send, or during the last try.
      if (this.newest !== null) this.pump();
    });
  }

  /**
   * Sends what there is: the newest first, for the receiver shall know how it stands before it learns how it stood, and
   * again before each of those that wait; these oldest first. Ends with the first that does not get through.
   */
  private async sendAll(): Promise<void> {
    const { spool, log } = this.deps;
    let sent = 0;
    while (!this.abort.signal.aborted) {
      const { newest } = this;
      if (newest !== null) {
        this.newest = null;
        if (await this.trySend(newest, true)) continue;
        this.keep(newest);
        break;
      }
      const waiting = this.watchDisk(() => spool.oldest());
      if (waiting === null || !(await this.trySend(waiting, false))) break;
      sent++;
    }
    if (spool.size === 0) this.saidDropping = false;
    if (sent > 0) log.info("heartbeats that waited are through", { sent, waiting: spool.size });
  }

  private keep({ sequence, plain, text }: Newest): void {
    const { spool, log } = this.deps;
    const { dropped } = spool;
    this.watchDisk(() => spool.keep(sequence, plain, text));
    if (spool.dropped === dropped || this.saidDropping) return;
    this.saidDropping = true;
    log.warn("too many heartbeats wait: the oldest go, those without news first");
  }

  /** Says what the disk does, when that has changed. */
  private watchDisk<T>(work: () => T): T {
    const { spool, log } = this.deps;
    const done = work();
    const { failure } = spool;
    if (failure !== null && failure !== this.saidDisk) log.warn(failure);
    if (failure === null && this.saidDisk !== null) log.info("the disk takes heartbeats again");
    this.saidDisk = failure;
    for (const note of spool.takeNotes()) log.warn(note);
    return done;
  }

  /** @returns whether it needs no further try */
  private async trySend({ sequence, text }: Tried, isNewest: boolean): Promise<boolean> {
    if (this.abort.signal.aborted) return false;
    const result = await this.deps.send(text, this.abort.signal);
    if (result.kind === "later") {
      this.failed(result.why, result.retryAfterS);
      return false;
    }
    this.deps.spool.done(sequence);
    if (result.kind === "drop") this.wasRefused(result.why, sequence);
    else this.succeeded(isNewest);
    this.failing = null;
    this.changed();
    return true;
  }

  private succeeded(isNewest: boolean): void {
    const { log, spool } = this.deps;
    if (this.failing !== null) log.info("heartbeats arrive again", { waiting: spool.size });
    if (!isNewest) return;
    this.sentAt = this.deps.now();
    this.sentUptimeS = this.deps.uptimeS();
    if (this.refused?.lasts !== true) return;
    this.refused.lasts = false;
    this.saidRefused.clear();
    log.info("the receiver takes heartbeats again", { refused: this.refused.count });
  }

  /** Said once for each reason: if it is our fault, every heartbeat has it. */
  private wasRefused(why: string, sequence: number): void {
    this.refused = { count: (this.refused?.count ?? 0) + 1, why, lasts: true };
    const kind = reasonKind(why);
    if (this.saidRefused.has(kind) || this.saidRefused.size >= REASONS) return;
    this.saidRefused.add(kind);
    this.deps.log.error(`the receiver refuses heartbeats for good: ${why}`, { sequence });
  }

  private failed(why: string, retryAfterS: number | null): void {
    if (this.abort.signal.aborted) return;
    // Said once for each reason, not every minute.
    if (this.failing?.why !== why) this.deps.log.warn(`heartbeat not sent, it is kept: ${why}`);
    const tries = (this.failing?.tries ?? 0) + 1;
    this.failing = { why, tries };
    const { config, random } = this.deps;
    const waitS = backoffSeconds(config.backoffSeconds, tries, random(), retryAfterS);
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = setTimeout(() => this.pump(), waitS * 1000);
    this.changed();
  }
}
