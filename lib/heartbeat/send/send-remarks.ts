// What is said about heartbeats on their way, each thing once and with its figures: failures, refusals, what the spool
// and its disk do. Decides nothing about what is sent.

import { type Finding, findingText } from "../../core/finding.ts";
import { SaidOnce } from "../../core/said-once.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { Spool } from "./spool.ts";

/** What is needed of a spool. */
export type AgentSpool = Pick<Spool, Exclude<keyof Spool, "directory" | "max">>;

/** Heartbeats that the receiver refused for good, since the start. */
export interface Refused {
  count: number;
  /** Of the newest one. */
  why: Finding;
  /** None has been accepted since. */
  lasts: boolean;
}

/** Why heartbeats do not get through, and for how many tries in a row. */
export interface Failing {
  why: Finding;
  tries: number;
}

/** What stands in the way: `reason` tells two apart, `why` is what is said. */
export interface Told {
  reason: string;
  why: Finding;
}

/** Reasons that are said at most, each once, until the receiver takes a heartbeat. */
const REASONS = 20;

export class Remarks {
  /** None gets through; or the newest does, and those that wait do not. */
  none: Failing | null = null;
  old: Failing | null = null;
  refused: Refused | null = null;
  private readonly saidFailures = new Set<string>();
  private readonly saidRefusals = new Set<string>();
  private readonly saidDisk = new SaidOnce();
  private saidTorn = 0;
  /** How many had gone before those that go now began to; null: none go. */
  private goneBefore: number | null = null;

  constructor(private readonly deps: { spool: AgentSpool; log: Log }) {}

  /** Said once for each reason, not every minute. */
  failed(of: "none" | "old", { reason, why }: Told, sequence: number): void {
    this[of] = { why, tries: (this[of]?.tries ?? 0) + 1 };
    if (isNew(this.saidFailures, reason))
      this.deps.log.warn({ what: `heartbeat not sent, it is kept: ${why.what}`, fix: why.fix }, { sequence });
  }

  /** A person has changed something: what is still wrong is said again. */
  forgetFailures(): void {
    this.saidFailures.clear();
  }

  arrived(isNewest: boolean): void {
    const { log, spool } = this.deps;
    if (this.none !== null) {
      log.info("heartbeats arrive again", { waiting: spool.size });
      this.saidFailures.clear();
    }
    this.none = null;
    if (!isNewest || this.refused?.lasts !== true) return;
    this.refused.lasts = false;
    this.saidRefusals.clear();
    log.info("the receiver takes heartbeats again", { refused: this.refused.count });
  }

  /** Said once for each reason: if it is our fault, every heartbeat has it. */
  wasRefused({ reason, why }: Told, sequence: number): void {
    this.none = null;
    this.refused = { count: (this.refused?.count ?? 0) + 1, why, lasts: true };
    if (isNew(this.saidRefusals, reason))
      this.deps.log.error(
        { what: `the receiver refuses heartbeats for good: ${why.what}`, fix: why.fix },
        { sequence },
      );
  }

  /** @param keep may make others go */
  watchKeep(keep: () => void): void {
    const { spool, log } = this.deps;
    const before = spool.dropped;
    this.watchDisk(keep);
    if (spool.dropped === before || this.goneBefore !== null) return;
    this.goneBefore = before;
    const fields = { waiting: spool.size, dropped: spool.dropped - before };
    log.warn("too many heartbeats wait: the oldest go, those without news first", fields);
  }

  /** Says what the disk does, when that has changed. */
  watchDisk<T>(work: () => T): T {
    const { spool, log } = this.deps;
    const done = work();
    const { failure } = spool;
    if (failure === null) {
      if (this.saidDisk.isOver("disk")) log.info("the disk takes heartbeats again");
    } else if (this.saidDisk.isNews("disk", findingText(failure))) log.warn(failure);
    for (const note of spool.takeNotes()) log.warn(note);
    return done;
  }

  /** All was tried that could be. @param sent of those that waited @param isClear none of them failed */
  passed({ sent, refused }: { sent: number; refused: number }, isClear: boolean): void {
    const { spool, log } = this.deps;
    if (sent > 0) {
      const fields = { sent, ...(refused > 0 && { refused }), waiting: spool.size };
      log.info("heartbeats that waited are through", fields);
    }
    const torn = spool.damaged - this.saidTorn;
    this.saidTorn = spool.damaged;
    if (torn > 0) log.warn("heartbeats that waited are lost: their files are torn, as by a power cut", { torn });
    if (isClear && this.old !== null) {
      this.old = null;
      this.saidFailures.clear();
    }
    if (spool.size === 0) this.sumUpDropped();
  }

  /** How many have gone, once no more go. */
  sumUpDropped(): void {
    if (this.goneBefore === null) return;
    const dropped = this.deps.spool.dropped - this.goneBefore;
    this.goneBefore = null;
    this.deps.log.warn("heartbeats are lost because too many waited", { dropped });
  }
}

function isNew(said: Set<string>, reason: string): boolean {
  if (said.has(reason) || said.size >= REASONS) return false;
  said.add(reason);
  return true;
}
