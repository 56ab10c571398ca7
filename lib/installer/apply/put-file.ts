// Writes a file with the rights that it is to have, and never with more on the way.

import { closeSync, fchmodSync, fchownSync, fsyncSync } from "node:fs";
import { EXIT } from "../../core/exit.ts";
import { UserError } from "../../core/failure.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";
import { readAccounts } from "../facts.ts";
import type { Rights, WantedFile } from "../wanted.ts";

/** @throws UserError: there is no such user, or group */
export async function idsOf({ owner, group }: Rights): Promise<{ uid: number; gid: number }> {
  const { users, groups } = await readAccounts();
  const [uid, gid] = [users.get(owner), groups.get(group)];
  if (uid === undefined || gid === undefined)
    throw new UserError(`there is no user ${owner} with a group ${group}`, null, EXIT.undelivered);
  return { uid, gid };
}

/** Of root's alone until it is whose it is to be: a secret is never for more people than that. */
export async function putFile(file: WantedFile, text: string): Promise<void> {
  const { uid, gid } = await idsOf(file);
  const fd = replaceDurable(file.path, text, { mode: 0o600 });
  try {
    fchownSync(fd, uid, gid);
    fchmodSync(fd, file.mode);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
