// One at a time changes what is installed here.

import { UserError } from "../core/failure.ts";
import { makeDir } from "../os/files/files.ts";
import { lockDataRoot } from "../os/files/lock.ts";
import { OPT_DIR } from "./wanted.ts";

/** Held until this process ends. @throws UserError: it is not root's, or another one is at work */
export async function lock(): Promise<void> {
  if (process.geteuid?.() !== 0)
    throw new UserError("what is installed is root's to change", "begin the command with sudo");
  await makeDir(OPT_DIR, 0o755);
  lockDataRoot("installer", OPT_DIR, "/run/labfleet/installer");
}
