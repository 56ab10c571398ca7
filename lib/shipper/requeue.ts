// Brings a settled episode back into the queue: the rename, then our note out of it. A power cut in between leaves a note that is never
// packed; the other way round it would leave an episode in shipped/ or quarantine/ about which nobody is ever asked again.

import { join } from "node:path";
import { errorCode } from "../core/failure.ts";
import { isName } from "../core/names.ts";
import { failpoint } from "../os/failpoint.ts";
import { exists, renameDurable } from "../os/files.ts";
import { type Place, removeDocument } from "./document.ts";
import { idOf } from "./retention/notes.ts";
import { type Dirs, directoryId } from "./settle.ts";

/**
 * Brings an episode back from `quarantine/`, or from `shipped/`, on the disk when this resolves.
 * @param name its directory there
 * @throws Error of the system
 */
export async function requeue(dirs: Dirs, place: Place, name: string): Promise<{ id: string } | { refused: string }> {
  const from = join(dirs[place], name);
  const id = idOf(name);
  if (!isName(id) || (await directoryId(from)) === null) return { refused: `no episode ${name} in ${dirs[place]}` };
  const to = join(dirs.episodes, id);
  if (await exists(to)) return { refused: `${to} exists: ship or rename that one first` };
  await renameDurable(from, to);
  failpoint("requeue.after-rename");
  try {
    await removeDocument(to, place);
  } catch (error) {
    // Sent already and moved on, or a file that cannot be removed: it is in the queue, and the note is no part of it.
    if (errorCode(error) === null) throw error;
  }
  return { id };
}
