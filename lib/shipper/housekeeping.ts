// Prunes at the start of a pass, at most once per interval, and frees space from acknowledged episodes when the disk is
// low. Each removal is logged. Which may go is decided in retention.ts.

import { freeBytes } from "../os/files.ts";
import type { Log } from "../runtime/log.ts";
import { checkClock, expired, listSettled, lowDiskOrder, removeSettled, type Settled } from "./retention.ts";
import type { ShipperConfig } from "./settings.ts";
import type { Dirs } from "./settle.ts";

export interface Housekeeping {
  /** Removes what is older than the configured days, if the interval is over. */
  prune(): Promise<void>;
  /** Removes acknowledged episodes, oldest first, until so many bytes are free. */
  freeSpace(bytes: number): Promise<void>;
}

/** @param monotonicMs milliseconds that never jump, for the interval; @param wallMs the wall clock, for ages */
export function createHousekeeping(
  config: ShipperConfig,
  dirs: Dirs,
  log: Log,
  monotonicMs: () => number,
  wallMs: () => number,
): Housekeeping {
  let nextMs = Number.NEGATIVE_INFINITY;
  let said = "";
  const remove = async (kind: "shipped" | "quarantine", settled: Settled, why: string): Promise<void> => {
    await removeSettled(dirs, kind, settled.name);
    log.info(`removed from ${kind}/: ${why}`, { episode: settled.name, since: new Date(settled.atMs).toISOString() });
  };
  return {
    async prune() {
      if (monotonicMs() < nextMs) return;
      nextMs = monotonicMs() + config.quarantineCleanupIntervalS * 1000;
      const shipped = await listSettled(dirs, "shipped");
      const quarantined = await listSettled(dirs, "quarantine");
      const oldShipped = expired(shipped, config.keepLocalForDays, wallMs());
      const oldQuarantined = expired(quarantined, config.quarantineKeepDays, wallMs());
      const clock = checkClock(wallMs(), newestReceipt(shipped));
      if (!clock.trusted) {
        // Only worth a word when it changes something.
        const count = oldShipped.length + oldQuarantined.length;
        const message = `nothing is pruned: ${clock.why}`;
        if (count > 0 && said !== message) log.warn(message, { would_go: count });
        said = message;
        return;
      }
      said = "";
      for (const s of oldShipped) await remove("shipped", s, `kept for ${config.keepLocalForDays} days`);
      for (const s of oldQuarantined) await remove("quarantine", s, `kept for ${config.quarantineKeepDays} days`);
    },
    async freeSpace(bytes) {
      for (const settled of lowDiskOrder(await listSettled(dirs, "shipped"))) {
        if ((await freeBytes(dirs.shipped)) >= bytes) return;
        await remove("shipped", settled, "the disk is low and the receiver has it");
      }
    },
  };
}

function newestReceipt(shipped: readonly Settled[]): number | null {
  let newest: number | null = null;
  for (const { atMs } of shipped) if (atMs > 0 && (newest === null || atMs > newest)) newest = atMs;
  return newest;
}
