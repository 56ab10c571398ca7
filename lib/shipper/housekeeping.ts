// What is done with settled episodes now and then, beside the shipping: the daily last call for refused ones, their announcement,
// and the removal of shipped ones. One job at a time, never before READY, and nothing of it holds up the queue.

import type { SettledCounts } from "../contract/shipper-status.ts";
import { errorCode, errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { readPin } from "./pin.ts";
import { arrivedAnnouncement } from "./retention/announcements.ts";
import { announceExpiring, judgeAnew, lastCall, listRejections } from "./retention/last-call.ts";
import { type PruneDeps, Pruning } from "./retention/prune.ts";
import { usageOf } from "./retention/usage.ts";

/** The receiver is asked again about refused episodes so often, milliseconds. */
const CALL_MS = 24 * 3600 * 1000;

export interface Housekeeping {
  /** Judges rejections of older releases anew; before the first round. */
  begin(): Promise<void>;
  /** One round, if the interval is over and no other is under way. */
  tidy(): Promise<void>;
  /** Removes acknowledged episodes that the receiver confirms, oldest first, until so many bytes are free; whether any went. */
  freeSpace(bytes: number): Promise<boolean>;
  /** What lies settled on this host, as of the last round; null before the first. */
  counts(): SettledCounts | null;
}

export interface HousekeepingDeps extends PruneDeps {
  /** Milliseconds that never jump, for the intervals. */
  monotonicMs: () => number;
}

export function createHousekeeping(deps: HousekeepingDeps): Housekeeping {
  const { config, log, monotonicMs, moved } = deps;
  const pruning = new Pruning(deps);
  let nextRoundMs = Number.NEGATIVE_INFINITY;
  let nextCallMs = Number.NEGATIVE_INFINITY;
  let counts: SettledCounts | null = null;
  let last: Promise<unknown> = Promise.resolve();
  let isUnderWay = false;
  /** One job at a time: pruning and freeing must not meet at one directory. */
  const alone = <T>(job: () => Promise<T>): Promise<T> => {
    const mine = last.then(job, job);
    last = mine.catch(() => undefined);
    return mine;
  };

  const round = async (): Promise<void> => {
    nextRoundMs = monotonicMs() + config.quarantineCleanupIntervalS * 1000;
    const pinned = (await readPin(config.dataRoot))?.receiver_id ?? null;
    const callDeps = { ...deps, arrived: () => arrivedAnnouncement(config.heartbeatRunDir, pinned) };
    const expiry = await announceExpiring(callDeps);
    // A Python receiver judges nothing.
    if (config.receiver.kind === "labfleet" && monotonicMs() >= nextCallMs && (await lastCall(callDeps, expiry)))
      nextCallMs = monotonicMs() + CALL_MS;
    await alone(() => pruning.byAge());
    const quarantined = await listRejections(deps);
    const shipped = await deps.list.read(moved);
    counts = {
      shipped: shipped.length,
      unverified: shipped.filter(({ isVerified }) => !isVerified).length,
      quarantined: quarantined.length,
      quarantined_bytes: await usageOf(deps.dirs.quarantine, moved),
      expiring: Object.keys(expiry.episodes).length,
      announcement: expiry.number,
    };
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
    begin: () => underWay(async () => void (await judgeAnew(deps))),
    async tidy() {
      if (!isUnderWay && monotonicMs() >= nextRoundMs) await underWay(round);
    },
    freeSpace: (bytes) => alone(() => pruning.untilFree(bytes)),
    counts: () => counts,
  };
}
