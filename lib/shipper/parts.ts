// Puts engine, housekeeping and packing thread together, for the daemon and for one pass.

import { readFileSync } from "node:fs";
import type { DaemonContext } from "../runtime/daemon.ts";
import { Engine } from "./engine.ts";
import { createHousekeeping, type Housekeeping } from "./housekeeping.ts";
import { type Packer, startPacker } from "./packer.ts";
import type { ShipperConfig } from "./settings.ts";
import type { Dirs } from "./settle.ts";

export interface Parts {
  engine: Engine;
  housekeeping: Housekeeping;
  packer: Packer;
}

/** @param once one try for each episode, no second one */
export function buildParts(
  config: ShipperConfig,
  dirs: Dirs,
  context: Omit<DaemonContext, "status">,
  once: boolean,
  changed: () => void,
): Parts {
  const { log, progress, fail } = context;
  const now = (): number => performance.now();
  const packer = startPacker();
  const { fingerprint } = packer;
  const housekeeping = createHousekeeping({ config, dirs, log, fingerprint, monotonicMs: now, wallMs: Date.now });
  const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const freeSpace = housekeeping.freeSpace;
  const engine = new Engine({
    config,
    dirs,
    packer,
    log,
    progress,
    bootId,
    now,
    random: Math.random,
    freeSpace,
    changed,
    fail,
    once,
  });
  return { engine, housekeeping, packer };
}
