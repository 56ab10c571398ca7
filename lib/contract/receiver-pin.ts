// Whom a lab host trusts, as others read it: the shipper writes receiver-pin.json, heartbeats carry its id. Pure.

import { isReceiverId } from "./judgement.ts";

/** Below the shipper's data root. */
export const PIN_FILE = "receiver-pin.json";

/** The pinned receiver's id in the text of that file; null: nobody is pinned, or it cannot be read. */
export function pinnedId(text: string): string | null {
  try {
    const { receiver_id } = JSON.parse(text) as { receiver_id?: unknown };
    return isReceiverId(receiver_id) ? receiver_id : null;
  } catch {
    return null;
  }
}
