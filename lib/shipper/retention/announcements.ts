// Which announcement has arrived: the heartbeat notes it in its run directory, with the store that took it.

import { join } from "node:path";
import { ANNOUNCED_FILE, parseAnnounced } from "../../contract/announcement.ts";
import { isUnreadable } from "../../core/reading.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";

const NOTE_BYTES = 4096;

/**
 * The newest announcement that the trusted receiver took, or null.
 * @param heartbeatRunDir where the heartbeat of this host keeps its note
 * @param pinned whom this host trusts: another collector's taking it tells nobody who could act
 */
export function arrivedAnnouncement(heartbeatRunDir: string, pinned: string | null): number | null {
  const file = readSmallFile(join(heartbeatRunDir, ANNOUNCED_FILE), NOTE_BYTES);
  if (file === null || isUnreadable(file) || pinned === null) return null;
  const note = parseAnnounced(file.text);
  return note?.receiver_id === pinned ? note.number : null;
}
