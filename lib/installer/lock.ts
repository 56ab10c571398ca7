// One at a time changes what is installed here.

import { UserError } from "../core/failure.ts";
import { makeDir } from "../os/files/files.ts";
import { lockDataRoot } from "../os/files/lock.ts";

/** For root alone: whoever may open it could hold it. */
const LOCK_DIR = "/run/labfleet-installer";

/** Held until this process ends. @throws UserError: it is not root's, or another one is at work */
export async function lock(): Promise<void> {
  if (process.geteuid?.() !== 0)
    throw new UserError("what is installed is root's to change", "begin the command with sudo");
  await makeDir(LOCK_DIR, 0o700);
  lockDataRoot("installer", LOCK_DIR, LOCK_DIR);
}
