// Which user this process is, by name: for remedies that root runs on our behalf.

import { type Command, here } from "../../core/finding.ts";
import { readUserNames } from "./process-table.ts";

/** The user that this process runs as, by name; not every user has one, then by number. */
export function ourName(): string {
  const uid = process.geteuid?.() ?? 0;
  return readUserNames("/").get(uid) ?? String(uid);
}

/** Gives files to us. A number has no group of its own, so none is named. */
export function giveToUs(paths: readonly string[]): Command {
  return here("sudo", "chown", ourName(), ...paths);
}
