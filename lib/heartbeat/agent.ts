// The agent at work: collects, says it to the receiver, and keeps what does not get through. When, and what an answer means,
// is in decide.ts.

import { backoffSeconds } from "../core/backoff.ts";
import {
  type CheckResult,
  type CheckStatus,
  type Heartbeat,
  type PluginState,
  type QueueReport,
  worst,
} from "../core/heartbeat.ts";
import type { Log } from "../runtime/log.ts";
import { isPlain, statusesOf } from "./decide.ts";
import { fitted } from "./fit.ts";
import type { SendResult } from "./send.ts";
import type { HeartbeatConfig } from "./settings.ts";
import type { Spool } from "./spool.ts";

export interface AgentDeps {
  config: HeartbeatConfig;
  spool: Spool;
  log: Log;
  versions: Record<string, string>;
  /** Collects all plugins; `run` counts the collections. */
  collect: (run: number, signal: AbortSignal) => Promise<CheckResult[]>;
  states: readonly PluginState[];
  queue: () => QueueReport | null;
  send: (text: string, signal: AbortSignal) => Promise<SendResult>;
  bootId: string;
  uptimeS: () => number;
  now: () => Date;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** At most so many of those that waited are sent after one another, so that a collection is never late for them. */
const CATCH_UP = 200;

export class Agent {
  private readonly abort = new AbortController();
  private before: CheckStatus[] | null = null;
  private failures = 0;
  private saidWhy: string | null = null;
  private retry: ReturnType<typeof setTimeout> | null = null;
  private sending: Promise<void> = Promise.resolve();
  latest: Heartbeat | null = null;
  sentAt: Date | null = null;

  constructor(private readonly deps: AgentDeps) {}

  /** One collection as a heartbeat; the sequence moves on. */
  async collect(): Promise<Heartbeat> {
    const { config, spool, versions, states, queue, bootId, uptimeS, now } = this.deps;
    const sequence = spool.nextSequence();
    const results = await this.deps.collect(sequence, this.abort.signal);
    this.latest = {
      host_id: config.hostId,
      sent_at: now().toISOString(),
      boot_id: bootId,
      sequence,
      uptime_s: uptimeS(),
      interval_s: config.intervalS,
      versions,
      queue: queue(),
      plugins: [...states],
      results,
    };
    return this.latest;
  }

  /** Collects and sends. What was cut off by a stop is neither sent nor kept: it would tell of failures that are none. */
  async beat(): Promise<void> {
    const heartbeat = await this.collect();
    if (this.abort.signal.aborted) return;
    const statuses = statusesOf(heartbeat);
    const plain = isPlain(this.before, statuses);
    this.before = statuses;
    await this.deliver(heartbeat, plain);
  }

  /** What systemd and `ps` may show. */
  status(): string {
    if (this.latest === null) return "collecting for the first time";
    const statuses = statusesOf(this.latest);
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
  }

  private deliver(heartbeat: Heartbeat, plain: boolean): Promise<void> {
    const text = fitted(heartbeat);
    const mine = this.sending.then(async () => {
      // The newest first: the receiver shall know how it stands now before it learns how it stood.
      const arrived = await this.trySend(heartbeat.sequence, text);
      if (!arrived) this.keep(heartbeat.sequence, plain, text);
      else await this.catchUp();
    });
    this.sending = mine;
    return mine;
  }

  private keep(sequence: number, plain: boolean, text: string): void {
    const { spool, log } = this.deps;
    const { failure, dropped } = spool;
    spool.keep(sequence, plain, text);
    if (spool.failure !== null && failure === null) log.warn(`heartbeats wait in memory only: ${spool.failure}`);
    if (spool.dropped > 0 && dropped === 0)
      log.warn("too many heartbeats wait: the oldest go, those without news first");
  }

  /** Sends what waits, oldest first. */
  private async catchUp(): Promise<void> {
    const { spool, log } = this.deps;
    let sent = 0;
    for (let entry = spool.oldest(); entry !== null && sent < CATCH_UP; entry = spool.oldest()) {
      if (!(await this.trySend(entry.sequence, entry.text))) return;
      spool.done(entry.sequence);
      sent++;
    }
    if (sent > 0) log.info("heartbeats that waited are sent", { sent, waiting: spool.size });
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
    this.retry = setTimeout(() => {
      this.sending = this.sending.then(() => this.catchUp());
    }, waitS * 1000);
  }
}
