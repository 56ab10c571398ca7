// One at a time changes what is installed here.

import { EXIT } from "../core/exit.ts";
import { UserError } from "../core/failure.ts";
import { makeDir } from "../os/files/files.ts";
import { openLock } from "../os/files/lock.ts";

/** For root alone: whoever may open it could hold it. */
const LOCK_DIR = "/run/labfleet-installer";

/** Held until this process ends. @throws UserError: it is not root's, or another one is at work */
export async function lock(): Promise<void> {
  if (process.geteuid?.() !== 0)
    throw new UserError("what is installed is root's to change", "begin the command with sudo");
  await makeDir(LOCK_DIR, 0o700);
  if (openLock({ tool: "installer", dataRoot: LOCK_DIR, runDir: LOCK_DIR }).take()) return;
  throw new UserError("another installer is at work here", "wait for its end, then begin again", EXIT.undelivered);
}
