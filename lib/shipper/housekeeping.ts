// Prunes at the start of a pass, at most once per interval, and frees space from acknowledged episodes when the disk is
// low. Each removal is logged. Which may go is decided in retention.ts; here one more proof is asked for: the directory
// is still what the receiver answered for.

import { join } from "node:path";
import { errorCode, errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import { freeBytes } from "../os/files.ts";
import type { Log } from "../runtime/log.ts";
import { checkClock, expired, listSettled, lowDiskOrder, removeSettled, type Settled } from "./retention.ts";
import type { ShipperConfig } from "./settings.ts";
import type { Dirs, Fingerprint } from "./settle.ts";

export interface Housekeeping {
  /** Removes what is older than the configured days, if the interval is over. */
  prune(): Promise<void>;
  /** Removes acknowledged episodes, oldest first, until so many bytes are free; whether it removed any. */
  freeSpace(bytes: number): Promise<boolean>;
}

export interface HousekeepingDeps {
  config: ShipperConfig;
  dirs: Dirs;
  log: Log;
  fingerprint: Fingerprint;
  /** Milliseconds that never jump, for the interval. */
  monotonicMs: () => number;
  /** The wall clock, for ages. */
  wallMs: () => number;
}

type Kind = "shipped" | "quarantine";

export function createHousekeeping(deps: HousekeepingDeps): Housekeeping {
  const { config, dirs, log, monotonicMs, wallMs } = deps;
  let nextMs = Number.NEGATIVE_INFINITY;
  let said = "";
  let last: Promise<unknown> = Promise.resolve();
  /** One job at a time: pruning and freeing must not meet at one directory. */
  const alone = <T>(job: () => Promise<T>): Promise<T> => {
    const mine = last.then(job, job);
    last = mine.catch(() => undefined);
    return mine;
  };
  const remove = remover(deps);

  const prune = async (): Promise<void> => {
    if (monotonicMs() < nextMs) return;
    nextMs = monotonicMs() + config.quarantineCleanupIntervalS * 1000;
    const shipped = await listSettled(dirs, "shipped");
    const oldShipped = expired(shipped, config.keepLocalForDays, wallMs());
    const oldRefused = expired(await listSettled(dirs, "quarantine"), config.quarantineKeepDays, wallMs());
    const clock = checkClock(wallMs(), newestReceipt(shipped));
    if (!clock.trusted) {
      // Only worth a word when it changes something.
      const count = oldShipped.length + oldRefused.length;
      const message = `nothing is pruned: ${clock.why}`;
      if (count > 0 && said !== message) log.warn(message, { would_go: count });
      said = message;
      return;
    }
    said = "";
    for (const s of oldShipped) await remove("shipped", s, `kept for ${config.keepLocalForDays} days`);
    for (const s of oldRefused) await remove("quarantine", s, `kept for ${config.quarantineKeepDays} days`);
  };

  const freeSpace = async (bytes: number): Promise<boolean> => {
    let freed = false;
    for (const settled of lowDiskOrder(await listSettled(dirs, "shipped"))) {
      if ((await freeBytes(dirs.shipped)) >= bytes) break;
      if (await remove("shipped", settled, "the disk is low and the receiver has it")) freed = true;
    }
    return freed;
  };

  const pruneOrSay = async (): Promise<void> => {
    try {
      await prune();
    } catch (error) {
      if (errorCode(error) === null) throw error;
      // Nothing was lost by not removing; the next interval tries again.
      log.warn(`nothing is pruned: ${quoted(errorText(error))}`);
    }
  };

  return { prune: () => alone(pruneOrSay), freeSpace: (bytes) => alone(() => freeSpace(bytes)) };
}

/** Removes one settled episode if it is what its document speaks of; whatever is wrong with one never stops the others. */
function remover({ dirs, log, fingerprint }: HousekeepingDeps) {
  const kept = new Set<string>();
  const keep = (kind: Kind, name: string, why: string): false => {
    if (!kept.has(`${kind}/${name}`)) log.warn(`not removed from ${kind}/: ${why}`, { episode: name });
    kept.add(`${kind}/${name}`);
    return false;
  };
  return async (kind: Kind, settled: Settled, why: string): Promise<boolean> => {
    const { name, atMs } = settled;
    try {
      if ((await fingerprint(join(dirs[kind], name))) !== settled.fingerprint) {
        return keep(kind, name, "its files changed since then, so they may be nowhere else");
      }
      await removeSettled(dirs, kind, name);
    } catch (error) {
      if (errorCode(error) === null) throw error;
      return keep(kind, name, quoted(errorText(error)));
    }
    log.info(`removed from ${kind}/: ${why}`, { episode: name, since: new Date(atMs).toISOString() });
    return true;
  };
}

function newestReceipt(shipped: readonly Settled[]): number | null {
  let newest: number | null = null;
  for (const { atMs } of shipped) if (atMs > 0 && (newest === null || atMs > newest)) newest = atMs;
  return newest;
}
