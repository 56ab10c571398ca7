// The agent at work: collects, says it to the receiver, and keeps what does not get through. When, and what an answer means,
// is in decide.ts.

import { backoffSeconds } from "../core/backoff.ts";
import { type CheckResult, type Heartbeat, type PluginState, type QueueReport, worst } from "../core/heartbeat.ts";
import type { Log } from "../runtime/log.ts";
import { isPlain, type Statuses, statusesOf } from "./decide.ts";
import { fitted } from "./fit.ts";
import type { SendResult } from "./send.ts";
import type { HeartbeatConfig } from "./settings.ts";
import type { Spool } from "./spool.ts";

/** What the agent needs of a spool. */
export type AgentSpool = Pick<Spool, "size" | "failure" | "dropped" | "nextSequence" | "keep" | "oldest" | "done">;

/** For a collection that is only looked at: nothing is kept, and nothing is written. */
export const NO_SPOOL: AgentSpool = {
  size: 0,
  failure: null,
  dropped: 0,
  nextSequence: () => 0,
  keep: () => undefined,
  oldest: () => null,
  done: () => undefined,
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

/** A heartbeat on its way: the newest one, which goes before those that wait. */
interface Newest {
  sequence: number;
  plain: boolean;
  text: string;
}

export class Agent {
  private readonly abort = new AbortController();
  private before: Statuses | null = null;
  private newest: Newest | null = null;
  private failures = 0;
  private saidWhy: string | null = null;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private sending: Promise<void> | null = null;
  latest: Heartbeat | null = null;
  sentAt: Date | null = null;

  constructor(readonly deps: AgentDeps) {}

  /** One collection as a heartbeat; the sequence moves on. */
  async collect(): Promise<Heartbeat> {
    const { config, spool, versions, states, queue, bootId, uptimeS, now } = this.deps;
    const sequence = spool.nextSequence();
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
    const statuses = statusesOf(heartbeat);
    const plain = isPlain(this.before, statuses);
    this.before = statuses;
    // One that has not even been tried yet makes room: memory holds one, the spool the others.
    if (this.newest !== null) this.keep(this.newest);
    this.newest = { sequence: heartbeat.sequence, plain, text: fitted(heartbeat) };
    this.pump();
  }

  /** Resolves when nothing is being sent. */
  async settled(): Promise<void> {
    await this.sending;
  }

  /** What systemd and `ps` may show. */
  status(): string {
    if (this.latest === null) return "collecting for the first time";
    const statuses = this.latest.results.map(({ status }) => status);
    const bad = statuses.filter((status) => status !== "ok").length;
    const wait = this.deps.spool.size;
    const said = this.saidWhy === null ? "" : `, NOT SENT: ${this.saidWhy}`;
    return `${worst(statuses)}: ${bad} of ${statuses.length} not ok${wait === 0 ? "" : `, ${wait} heartbeats wait`}${said}`;
  }

  /** Ends running collections and sends; what waits is kept. */
  async stop(): Promise<void> {
    this.abort.abort();
    if (this.retry !== null) clearTimeout(this.retry);
    await this.sending;
    if (this.newest !== null) this.keep(this.newest);
    this.newest = null;
  }

  private pump(): void {
    this.sending ??= this.sendAll().finally(() => {
      this.sending = null;
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
        if (await this.trySend(newest.sequence, newest.text)) continue;
        this.keep(newest);
        break;
      }
      const waiting = spool.oldest();
      if (waiting === null || !(await this.trySend(waiting.sequence, waiting.text))) break;
      spool.done(waiting.sequence);
      sent++;
    }
    if (sent > 0) log.info("heartbeats that waited are through", { sent, waiting: spool.size });
  }

  private keep({ sequence, plain, text }: Newest): void {
    const { spool, log } = this.deps;
    const { failure, dropped } = spool;
    spool.keep(sequence, plain, text);
    if (spool.failure !== null && failure === null) log.warn(`heartbeats wait in memory only: ${spool.failure}`);
    if (spool.dropped > 0 && dropped === 0)
      log.warn("too many heartbeats wait: the oldest go, those without news first");
  }

  /** @returns whether it needs no further try */
  private async trySend(sequence: number, text: string): Promise<boolean> {
    if (this.abort.signal.aborted) return false;
    const result = await this.deps.send(text, this.abort.signal);
    if (result.kind === "later") {
      this.failed(result.why, result.retryAfterS);
      return false;
    }
    if (result.kind === "drop")
      this.deps.log.error(`the receiver refuses a heartbeat for good: ${result.why}`, { sequence });
    else this.succeeded();
    return true;
  }

  private succeeded(): void {
    if (this.saidWhy !== null) this.deps.log.info("heartbeats arrive again", { waiting: this.deps.spool.size });
    this.saidWhy = null;
    this.failures = 0;
    this.sentAt = this.deps.now();
  }

  private failed(why: string, retryAfterS: number | null): void {
    if (this.abort.signal.aborted) return;
    this.failures++;
    // Said once for each reason, not every minute.
    if (this.saidWhy !== why) this.deps.log.warn(`heartbeat not sent, it is kept: ${why}`);
    this.saidWhy = why;
    const { config, random } = this.deps;
    const waitS = backoffSeconds(config.backoffSeconds, this.failures, random(), retryAfterS);
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = setTimeout(() => this.pump(), waitS * 1000);
  }
}
