// Notes which announcement has arrived, and at which store: the shipper removes no refused episode that was not announced
// (contract/announcement.ts). The note lies in the run directory: lost with a boot, it costs a new week and never an episode.

import { join } from "node:path";
import { ANNOUNCED_FILE, type Announced, parseAnnounced } from "../../contract/announcement.ts";
import { errorText } from "../../core/failure.ts";
import { isUnreadable } from "../../core/reading.ts";
import { quoted } from "../../core/text/fields.ts";
import { replaceRunFile } from "../../os/files/run-file.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import type { Log } from "../../runtime/log/log.ts";

const NOTE_BYTES = 4096;

/** The note after a heartbeat was taken; null: it stays as it is. Pure. */
export function nextNote(before: Announced | null, taken: Announced): Announced | null {
  // 0: nothing was ever announced.
  if (taken.number === 0) return null;
  // What another store has taken is no measure.
  const isSame = before?.receiver_id === taken.receiver_id;
  return isSame && before.number >= taken.number ? null : taken;
}

/** Writes the note where it says more than before; the next heartbeat tries again where that fails. */
export function noteAnnounced(runDir: string, number: number, receiverId: string, log: Pick<Log, "debug">): void {
  const path = join(runDir, ANNOUNCED_FILE);
  const file = readSmallFile(path, NOTE_BYTES);
  const before = file === null || isUnreadable(file) ? null : parseAnnounced(file.text);
  const note = nextNote(before, { number, receiver_id: receiverId });
  if (note === null) return;
  try {
    replaceRunFile(path, `${JSON.stringify(note)}\n`);
  } catch (error) {
    log.debug(`cannot write ${path}: ${quoted(errorText(error))}`);
  }
}
