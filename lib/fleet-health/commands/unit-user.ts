// Root at a prompt may do more than the service: what root tries is tried as the user whom the service has, or its answer means nothing.

import { statSync } from "node:fs";
import { errorCode, errorText } from "../../core/failure.ts";
import { quoted } from "../../core/text/fields.ts";
import { becomeUser, type Identity } from "../../os/process/privileges.ts";
import type { Log } from "../../runtime/log/log.ts";

/** Whom the unit names. */
const UNIT_USER = "labfleet";

/** From here on this process is the user who runs the unit: to whom its state belongs. Where that cannot be it stays root, and says so. */
export function becomeUnitUser(stateDir: string, log: Pick<Log, "warn">): void {
  if (process.geteuid?.() !== 0) return;
  const owner = ownerOf(stateDir);
  // Whose state is root's, whatever the unit says, runs as root.
  if (owner?.uid === 0) return;
  try {
    becomeUser(owner ?? UNIT_USER);
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    const isUnknown = owner === null && code === "ERR_UNKNOWN_CREDENTIAL";
    const why = isUnknown ? `neither ${stateDir} nor a user ${UNIT_USER} is there` : quoted(errorText(error));
    log.warn({ what: `tried as root, who may do more than the unit's own user: ${why}`, fix: null });
  }
}

/** Null: it is not there yet. */
function ownerOf(dir: string): Identity | null {
  const { uid, gid } = statSync(dir, { throwIfNoEntry: false }) ?? { uid: null, gid: null };
  return uid === null || gid === null ? null : { uid, gid };
}
