// That refused episodes are about to be removed is announced before they are: the shipper numbers what it announces, the heartbeat
// carries the number and notes the newest one that has arrived, and the shipper removes nothing that was not announced
// (docs/protocol.md, “What is removed”). The note lies in the heartbeat's run directory, `announced.json`. Pure.

import { hasFields, isNumber, isText, parseShaped } from "../core/text/shape.ts";

export const ANNOUNCED_FILE = "announced.json";

export interface Announced {
  /** The newest number that a heartbeat carried which the receiver took. */
  number: number;
  /** The store that took it. */
  receiver_id: string;
}

const isAnnounced = hasFields({ number: isNumber, receiver_id: isText });

/** Reads the note; null for what is none. */
export function parseAnnounced(text: string): Announced | null {
  return parseShaped(text, (value): value is Announced => isAnnounced(value));
}
