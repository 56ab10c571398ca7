// The agent at work: collects, and hands what it saw to the queue that sends it (send-queue.ts).

import type { Heartbeat } from "../contract/heartbeat.ts";
import type { Machine } from "../contract/machine.ts";
import type { CheckResult, PluginState } from "../contract/observation.ts";
import { type QueueReport, sentQueue } from "../contract/queue.ts";
import { isPlain, type Statuses, statusesOf, summarise } from "./decide.ts";
import { fitted } from "./send/fit.ts";
import { type QueueDeps, SendQueue } from "./send/send-queue.ts";
import type { AgentSpool, Failing, Refused } from "./send/send-remarks.ts";

export type { AgentSpool };

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

export interface AgentDeps extends QueueDeps {
  versions: Record<string, string>;
  /** Collects all plugins, or `only` one; `run` counts the collections. */
  collect: (run: number, signal: AbortSignal, only: string | null) => Promise<CheckResult[]>;
  /** Which plugins take part: one that loads slowly may join later. */
  states: () => readonly PluginState[];
  /** What the queue's plugin saw last. */
  queue: () => QueueReport | null;
  bootId: string;
  machine: Machine;
  /** Whom the shipper of this host trusts now. */
  pinned: () => string | null;
}

export class Agent {
  private readonly abort = new AbortController();
  private readonly outgoing: SendQueue;
  private before: Statuses | null = null;
  latest: Heartbeat | null = null;
  private shows: () => void = () => undefined;

  constructor(readonly deps: AgentDeps) {
    this.outgoing = new SendQueue(deps, () => this.shows());
  }

  /** When a heartbeat arrived last that was the newest; and in seconds since boot, which no set clock moves. */
  get sentAt(): Date | null {
    return this.outgoing.sentAt;
  }

  get sentUptimeS(): number | null {
    return this.outgoing.sentUptimeS;
  }

  /** Until when the receiver has asked to be left alone, in seconds since boot; null: it has not. */
  get toldUptimeS(): number | null {
    return this.outgoing.toldUptimeS;
  }

  /** Why the last try failed, and how many did in a row; null: it did not. */
  get failing(): Failing | null {
    return this.outgoing.failing;
  }

  get refused(): Refused | null {
    return this.outgoing.remarks.refused;
  }

  /** Heartbeats that wait besides those of the spool. */
  get atHand(): number {
    return this.outgoing.atHand;
  }

  /** From now on `show` is called when a status would show something else; null: nobody is. */
  onChange(show: (() => void) | null): void {
    this.shows = show ?? (() => undefined);
  }

  /** One collection as a heartbeat; the sequence moves on. @param only the one plugin that is asked: the others say again what they said */
  async collect(only: string | null = null): Promise<Heartbeat> {
    const { settings, spool, log, versions, states, queue, bootId, uptimeS, now, machine, pinned } = this.deps;
    const { hostId, intervalS } = settings.current();
    const began = performance.now();
    const sequence = this.outgoing.remarks.watchDisk(() => spool.nextSequence());
    const results = await this.deps.collect(sequence, this.abort.signal, only);
    const report = queue();
    const { not_ok } = summarise(results);
    const took_ms = Math.round(performance.now() - began);
    log.debug("collected", { sequence, results: results.length, not_ok, took_ms });
    return {
      host_id: hostId,
      sent_at: now().toISOString(),
      boot_id: bootId,
      sequence,
      uptime_s: uptimeS(),
      interval_s: intervalS,
      versions,
      queue: report === null ? null : sentQueue(report),
      plugins: [...states()],
      results,
      machine,
      receiver_id: pinned(),
      answered_by: this.outgoing.answeredBy,
    };
  }

  /** Collects, and begins to send. What was cut off by a stop is neither sent nor kept: it tells of failures that are none. */
  async beat(only: string | null = null): Promise<void> {
    const heartbeat = await this.collect(only);
    if (this.abort.signal.aborted) return;
    this.latest = heartbeat;
    const statuses = statusesOf(heartbeat);
    const plain = isPlain(this.before, statuses);
    this.before = statuses;
    const announcement = heartbeat.queue?.announcement ?? null;
    this.outgoing.take({ sequence: heartbeat.sequence, plain, text: fitted(heartbeat), announcement });
  }

  /** Resolves when nothing is being sent. */
  settled(): Promise<void> {
    return this.outgoing.settled();
  }

  /** What stood in the way may just have been mended. */
  tryNow(): void {
    this.outgoing.tryNow();
  }

  /** Ends running collections and sends; what waits is kept. */
  stop(): Promise<void> {
    this.abort.abort();
    return this.outgoing.stop();
  }
}
