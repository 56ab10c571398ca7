// The directory of ends and whose its files are: a run by hand as root must not take them from the service's user. Decides
// what to say about what cannot be written; nothing here throws but setAside.

import { lstatSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import { makeNewDir } from "../../os/files/owner.ts";
import { giveToUsLine } from "../../os/process/own-user.ts";

/** What is lost when it cannot be written. */
export const OWN_END = "how this run ends may stay unknown";
export const LAST_END = "the end of the last run stands in the log alone";

/** Makes the directory, for whom its parent belongs to. @returns why there is none, in a sentence, or null */
export function makeDir(dir: string): string | null {
  try {
    if (makeNewDir(dir, 0o750)) return null;
  } catch (error) {
    return cannotWrite(dir, error, OWN_END);
  }
  try {
    const stats = lstatSync(dir);
    if (stats.isDirectory()) return null;
    // A link would lead a daemon that is root to wherever its owner likes.
    return cannotWrite(dir, stats.isSymbolicLink() ? "it is a link" : "it is no directory", OWN_END);
  } catch (error) {
    return cannotWrite(dir, error, OWN_END);
  }
}

/**
 * Puts a file that cannot be read out of the way, in place of the one put there before: it may be of use to a person.
 * @throws Error of the system
 */
export function setAside(path: string): void {
  renameSync(path, `${path}.unreadable`);
}

/** `cannot write FILE: EACCES: what is lost; fix: …` */
export function cannotWrite(path: string, error: unknown, loss: string): string {
  const why = typeof error === "string" ? error : (errorCode(error) ?? errorText(error));
  const fix = WRITE_FIXES[why]?.(path) ?? giveToUs(path);
  return `cannot write ${path}: ${why}: ${loss}; fix: ${fix}`;
}

const moveAway = (path: string): string => `move ${path} away; the next start makes a new one`;

const WRITE_FIXES: Readonly<Record<string, (path: string) => string>> = {
  ENOSPC: () => "make room on its disk",
  EDQUOT: () => "raise the quota of the daemon's user",
  EROFS: () => "mount its file system writable",
  ENOENT: (path) => `make ${dirname(path)}`,
  EISDIR: moveAway,
  ENOTEMPTY: moveAway,
  "it is a link": moveAway,
  "it is no directory": moveAway,
};

/** `sudo chown labfleet DIRECTORY FILE`: as many of them as are another's. */
function giveToUs(path: string): string {
  const uid = process.geteuid?.() ?? 0;
  const others = [dirname(path), path].filter((each) => (ownerOf(each) ?? uid) !== uid);
  return giveToUsLine(others.length === 0 ? [path] : others);
}

function ownerOf(path: string): number | null {
  try {
    return lstatSync(path).uid;
  } catch {
    return null;
  }
}
