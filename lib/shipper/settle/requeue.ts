// Brings a settled episode back into the queue: the rename, then our note out of it. A power cut in between leaves a note that is never
// packed; the other way round it would leave an episode in shipped/ or quarantine/ about which nobody is ever asked again.

import { join } from "node:path";
import { isName } from "../../contract/names.ts";
import type { Dirs } from "../../contract/places.ts";
import { errorCode } from "../../core/failure.ts";
import { type Finding, type Fix, onHost } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { failpoint } from "../../os/failpoint.ts";
import { exists, renameDurable } from "../../os/files/files.ts";
import { directoryId } from "../episode/directory-id.ts";
import { type Place, removeDocument } from "../episode/document.ts";
import { idOf } from "../episode/notes.ts";

export interface NotQueued {
  refused: string;
  fix: Fix | null;
}

const LIST: Fix = { text: "see which there are", commands: [onHost("sudo", "shipper", "status")] };

/** What is said of it, behind the consequence. The name may be anybody's text. */
export function notQueued(consequence: string, { refused, fix }: NotQueued): Finding {
  return { what: `${consequence}: ${quoted(refused)}`, fix };
}

/** Another episode has got the name: it is shipped by itself, or under another one. */
function renameFix(to: string): Fix {
  return { text: "let that one be shipped first, or rename it", commands: [onHost("sudo", "mv", "-T", to, `${to}-2`)] };
}

/**
 * Brings an episode back from `quarantine/`, or from `shipped/`, on the disk when this resolves.
 * @param name its directory there
 * @param as the id that it is to have then; null: its own
 * @throws Error of the system
 */
export async function requeue(
  dirs: Dirs,
  place: Place,
  name: string,
  as: string | null = null,
): Promise<{ id: string } | NotQueued> {
  const from = join(dirs[place], name);
  const own = idOf(name);
  if (!isName(own) || (await directoryId(from)) === null)
    return { refused: `no episode ${name} in ${dirs[place]}`, fix: LIST };
  const id = as ?? own;
  const to = join(dirs.episodes, id);
  if (await exists(to)) return { refused: `${to} exists`, fix: renameFix(to) };
  // Under another name nobody would know the note for ours. Without one it lies there for a reason that is not known, and is kept.
  if (as !== null) await removeDocument(from, place);
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
