// Which user this process is, by name: for remedies that root runs on our behalf.

import { shellLine } from "../core/shell-quote.ts";
import { readUserNames } from "./process-table.ts";

/** The line for a shell that gives files to us. Not every user has a name; a number has no group of its own, so none is named. */
export function giveToUsLine(paths: readonly string[]): string {
  const uid = process.geteuid?.() ?? 0;
  return shellLine(["sudo", "chown", readUserNames("/").get(uid) ?? String(uid), ...paths]);
}
