// What looks through a store, and what repairs it. Pure.

import { byCommands, type Fix, here } from "../../core/finding.ts";

/** Names everything that does not fit, with what mends each; a receiver that runs goes on. */
export const VERIFY: Fix = byCommands(here("sudo", "receiver", "verify"));

/** A repair needs the store for itself: the line that stops the receiver for it. */
export const repairLine = (options: string): string =>
  `sudo systemctl stop labfleet-receiver && sudo receiver verify ${options}; sudo systemctl start labfleet-receiver`;

/** @param isByHand no unit of ours runs the receiver: it is stopped, and started, as whoever does that does it */
export function stopAndRepair(options: string, isByHand: boolean): string {
  return isByHand ? `receiver stop && receiver verify ${options}, then start it again` : repairLine(options);
}
