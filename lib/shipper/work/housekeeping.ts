// What is done with settled episodes now and then, beside the shipping: the daily last call for refused ones, their announcement,
// and the removal of shipped ones. One job at a time, never before READY, and nothing of it holds up the queue.

import type { SettledCounts } from "../../contract/shipper-status.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { SaidOnce } from "../../core/said-once.ts";
import { quoted } from "../../core/text/fields.ts";
import { arrivedAnnouncement } from "../retention/announcements.ts";
import { countSettled } from "../retention/counts.ts";
import { type Expiry, readExpiry } from "../retention/expiry.ts";
import {
  announceExpiring,
  judgeAnew,
  type LastCallDeps,
  lastCall,
  proveAnew,
  pruneRefused,
} from "../retention/last-call.ts";
import { type PruneDeps, Pruning } from "../retention/prune.ts";
import { sweepDoomed } from "../retention/removal.ts";
import { Turns } from "../retention/turns.ts";
import { UnverifiedUsage } from "../retention/unverified.ts";
import { readPin } from "../trust/pin.ts";
import { leftOverFix } from "../words/remedies.ts";

/** The receiver is asked again about refused episodes so often, milliseconds. */
const CALL_MS = 24 * 3600 * 1000;
/** What lies settled is counted no more often between two rounds, milliseconds: it may be thousands of episodes. */
const COUNT_MS = 30_000;

export interface Housekeeping {
  /** Judges anew what older releases settled; before the first round. */
  begin(): Promise<void>;
  /**
   * One round, if the interval is over and no other is under way; else a count, if more were refused since the last.
   * @param quarantined how many were refused since the start
   */
  tidy(quarantined?: number): Promise<void>;
  /** Removes acknowledged episodes that the receiver confirms, oldest first, until so many bytes are free; whether any went. */
  freeSpace(bytes: number): Promise<boolean>;
  /** What lies settled on this host, as of the last round or count; null before the first. */
  counts(): SettledCounts | null;
}

export interface HousekeepingDeps extends PruneDeps {
  /** Milliseconds that never jump, for the intervals. */
  monotonicMs: () => number;
}

export function createHousekeeping(deps: HousekeepingDeps): Housekeeping {
  const { settings, log, monotonicMs } = deps;
  const pruning = new Pruning(deps);
  const turns = new Turns();
  const unverified = new UnverifiedUsage(deps.dirs, deps.list);
  let roundMs = Number.NEGATIVE_INFINITY;
  let nextCallMs = Number.NEGATIVE_INFINITY;
  let counts: SettledCounts | null = null;
  let counted = 0;
  let nextCountMs = 0;
  let last: Promise<unknown> = Promise.resolve();
  let isUnderWay = false;
  /** One job at a time: pruning and freeing must not meet at one directory. */
  const alone = <T>(job: () => Promise<T>): Promise<T> => {
    const mine = last.then(job, job);
    last = mine.catch(() => undefined);
    return mine;
  };

  const round = async (): Promise<void> => {
    roundMs = monotonicMs();
    const { dataRoot, heartbeatRunDir } = settings.current();
    // A pin that cannot be read is said where episodes are sent; until it is mended nobody may confirm anything.
    const pinned = (await readPin(dataRoot).catch(() => null))?.receiver_id ?? null;
    const callDeps = { ...deps, turns, arrived: () => arrivedAnnouncement(heartbeatRunDir, pinned) };
    const expiry = await announceExpiring(callDeps);
    if (monotonicMs() >= nextCallMs && (await daily(callDeps, expiry))) nextCallMs = monotonicMs() + CALL_MS;
    await alone(() => pruning.byAge());
    await alone(sweep);
    await recount(expiry);
  };
  /** @returns false when nobody could be asked: then it is tried again */
  const daily = async (callDeps: LastCallDeps, expiry: Expiry): Promise<boolean> => {
    if (settings.current().receiver.kind === "labfleet") return lastCall(callDeps, expiry);
    await alone(() => pruneRefused(callDeps));
    return true;
  };
  const saidLeft = new SaidOnce();
  /** What a removal left over is tried again; its bytes are not free before. */
  const sweep = async (): Promise<void> => {
    for (const path of await sweepDoomed(deps.dirs)) {
      const what = `what is left of a removed episode cannot be removed: ${path}`;
      if (saidLeft.isNews(path)) log.warn({ what, fix: leftOverFix(path) });
    }
  };
  const recount = async (expiry: Expiry): Promise<void> => {
    const unverified_bytes = await unverified.read(deps.moved);
    counts = { ...(await countSettled(deps, expiry)), unverified_bytes };
    nextCountMs = monotonicMs() + COUNT_MS;
  };

  /** Nothing is lost by not removing: the next interval tries again. */
  const orSay = async (job: () => Promise<void>): Promise<void> => {
    try {
      await job();
    } catch (error) {
      if (errorCode(error) === null) throw error;
      log.warn(`settled episodes stay as they are: ${quoted(errorText(error))}`);
    }
  };

  const underWay = async (job: () => Promise<void>): Promise<void> => {
    isUnderWay = true;
    await orSay(job).finally(() => {
      isUnderWay = false;
    });
  };

  return {
    begin: () =>
      underWay(async () => {
        await judgeAnew(deps);
        await alone(() => proveAnew(deps));
      }),
    async tidy(quarantined = 0) {
      // By the interval that holds now: a shorter one must not wait for the end of a longer one.
      const isRound = monotonicMs() >= roundMs + settings.current().quarantineCleanupIntervalS * 1000;
      const isCount = quarantined !== counted && monotonicMs() >= nextCountMs;
      if (isUnderWay || !(isRound || isCount)) return;
      counted = quarantined;
      const count = async (): Promise<void> => recount(await readExpiry(settings.current().dataRoot));
      await underWay(isRound ? round : count);
    },
    freeSpace: (bytes) => alone(() => pruning.untilFree(bytes)),
    counts: () => counts,
  };
}
