// The line that repairs a store. Pure.

/** A repair needs the store for itself: the line that stops the receiver for it. */
export const repairLine = (options: string): string =>
  `sudo systemctl stop labfleet-receiver && sudo receiver verify ${options}; sudo systemctl start labfleet-receiver`;

/** @param isByHand no unit of ours runs the receiver: it is stopped, and started, as whoever does that does it */
export function stopAndRepair(options: string, isByHand: boolean): string {
  return isByHand ? `receiver stop && receiver verify ${options}, then start it again` : repairLine(options);
}
