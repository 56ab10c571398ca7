// Moves an episode where its answer says: document into its directory, then the rename. A power cut in between leaves it
// in the queue with a document that is never packed; it is asked for again, and the receiver says that it has it.

import { join } from "node:path";
import type { Dirs } from "../../contract/places.ts";
import { failpoint } from "../../os/failpoint.ts";
import { exists, renameDurable } from "../../os/files/files.ts";
import { directoryId, isSameDirectory } from "../episode/directory-id.ts";
import { type Place, writeDocument } from "../episode/document.ts";
import type { OutboxRecord } from "../pack/outbox.ts";
import { fingerprintOf } from "../pack/pack.ts";

/** What a directory looks like now; null when it cannot be read. See `fingerprintOf` in pack.ts. */
export type Fingerprint = (root: string) => Promise<string | null>;

/** Where an episode goes and what is written into it. */
export interface Settlement {
  to: Place;
  document: Record<string, unknown>;
}

/** Which directory an answer is about. */
export type Packed = Pick<OutboxRecord, "id" | "directory_inode" | "fingerprint">;

/**
 * Moves an episode to `shipped/` or `quarantine/`, with its document, on the disk when this resolves.
 * @param fingerprint how to look at a directory; the packing thread's where there is one
 * @returns its name there, `id` or `id~1` where that stands already; null when the directory is not the one that was packed, be it
 *   by inode or by its files: then it is another episode under the same name, and stays
 */
export async function settle(
  dirs: Dirs,
  packed: Packed,
  { to, document }: Settlement,
  fingerprint: Fingerprint = fingerprintOf,
): Promise<string | null> {
  const from = join(dirs.episodes, packed.id);
  if (!isSameDirectory(packed.directory_inode, await directoryId(from))) return null;
  if ((await fingerprint(from)) !== packed.fingerprint) return null;
  failpoint("settle.before-document");
  const about = { episode_id: packed.id, fingerprint: packed.fingerprint };
  // Written in the outbox first: what a crash leaves there is swept, and in the episode it would be packed.
  const temp = join(dirs.outbox, `.${packed.id}.document.part`);
  await writeDocument(from, to, { ...document, ...about }, temp);
  failpoint("settle.after-document");
  const name = await freeName(dirs[to], packed.id);
  await renameDurable(from, join(dirs[to], name));
  failpoint("settle.after-rename");
  return name;
}

/** `id`, or `id~1`, `id~2` … : a name under which nothing stands there. `~` cannot be in an episode's own name. */
async function freeName(directory: string, id: string): Promise<string> {
  for (let n = 0; ; n++) {
    const name = n === 0 ? id : `${id}~${n}`;
    if (!(await exists(join(directory, name)))) return name;
  }
}
