// Brings a settled episode back into the queue: our note out of it, then the rename.

import { join } from "node:path";
import { isName } from "../core/names.ts";
import { exists, fsyncDir, renameDurable } from "../os/files.ts";
import { type Place, removeDocument } from "./document.ts";
import { idOf } from "./retention/notes.ts";
import { type Dirs, inodeOf } from "./settle.ts";

/**
 * Brings an episode back from `quarantine/`, or from `shipped/`, on the disk when this resolves.
 * @param name its directory there
 * @throws Error of the system
 */
export async function requeue(dirs: Dirs, place: Place, name: string): Promise<{ id: string } | { refused: string }> {
  const from = join(dirs[place], name);
  const id = idOf(name);
  if (!isName(id) || (await inodeOf(from)) === null) return { refused: `no episode ${name} in ${dirs[place]}` };
  const to = join(dirs.episodes, id);
  if (await exists(to)) return { refused: `${to} exists: ship or rename that one first` };
  await removeDocument(from, place);
  await fsyncDir(from);
  await renameDurable(from, to);
  return { id };
}
