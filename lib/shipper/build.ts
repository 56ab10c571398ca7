// Puts engine, housekeeping, client and packing thread together, for the daemon and for one pass.

import { readFileSync } from "node:fs";
import { openClient } from "../client/client.ts";
import { formatMachine } from "../contract/machine.ts";
import type { Dirs } from "../contract/places.ts";
import { freeBytes } from "../os/files/files.ts";
import { thisMachine } from "../os/process/machine.ts";
import type { Settings } from "../runtime/config/settings.ts";
import type { DaemonContext } from "../runtime/daemon.ts";
import { createFreeSpace } from "./disk/free-space.ts";
import { startPacker } from "./pack/packer.ts";
import { ShippedList } from "./retention/shipped-list.ts";
import type { ShipperConfig } from "./settings.ts";
import { openReceiverDays } from "./settle/receiver-days.ts";
import { Engine } from "./work/engine.ts";
import { createHousekeeping, type Housekeeping } from "./work/housekeeping.ts";

export interface Parts {
  engine: Engine;
  housekeeping: Housekeeping;
  /** Calls off what housekeeping asks of the receiver. */
  stopAsking(): void;
  close(): void;
}

/** @param once one try for each episode, no second one */
export async function buildParts(
  settings: Settings<ShipperConfig>,
  dirs: Dirs,
  context: Omit<DaemonContext, "status">,
  once: boolean,
  changed: () => void,
): Promise<Parts> {
  const { log, progress, fail } = context;
  const { hostId, dataRoot } = settings.current();
  const now = (): number => performance.now();
  const packer = startPacker();
  const client = openClient({ hostId, timeoutKey: "shipper.request_timeout_s" });
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const days = await openReceiverDays(dataRoot, bootId);
  const machine = formatMachine(thisMachine());
  const shared = { settings, dirs, client, machine, days, log, wallMs: Date.now };
  const asking = new AbortController();
  const { fingerprint } = packer;
  const housekeeping = createHousekeeping({
    ...shared,
    list: new ShippedList(dirs),
    fingerprint,
    signal: asking.signal,
    moved: progress.moved,
    monotonicMs: now,
  });
  const freeSpace = createFreeSpace({
    free: () => freeBytes(dirs.outbox),
    remove: housekeeping.freeSpace,
    reserveBytes: () => settings.current().diskReserveBytes,
  });
  const settled = housekeeping.counts;
  const work = { packer, progress, bootId, now, random: Math.random, freeSpace, settled, changed, fail, once };
  const engine = new Engine({ ...shared, ...work });
  const close = (): void => {
    packer.close();
    client.close();
  };
  return { engine, housekeeping, stopAsking: () => asking.abort(), close };
}
