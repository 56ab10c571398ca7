// That a shipper was at work on this host, in the agent's state directory: a data root that has gone says nothing of it itself.

import { closeSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { openOrMake } from "../../os/files/owner.ts";
import type { KnownShipper } from "./shipper-queue.ts";

/** @param stateDir [heartbeat] state_dir; where it takes no file nothing is remembered, which other checks say */
export function openKnownShipper(stateDir: string): KnownShipper {
  const path = join(stateDir, "shipper-known");
  let isNoted = false;
  return {
    path,
    isKnown: () => existsSync(path),
    note() {
      if (isNoted) return;
      try {
        closeSync(openOrMake(path, constants.O_WRONLY, 0o644));
        isNoted = true;
      } catch (error) {
        if (errorCode(error) === null) throw error;
      }
    },
  };
}
