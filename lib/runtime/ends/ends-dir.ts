// The directory of ends and whose its files are: a run by hand as root must not take them from the service's user. Decides
// what to say about what cannot be written; nothing here throws but setAside.

import { lstatSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import { byCommands, type Finding, type Fix, inWords, type Mendable } from "../../core/finding.ts";
import { makeNewDir } from "../../os/files/owner.ts";
import { giveToUs } from "../../os/process/own-user.ts";

/** What is lost when it cannot be written. */
export const OWN_END = "how this run ends may stay unknown";
export const LAST_END = "the end of the last run stands in the log alone";

/** Makes the directory, for whom its parent belongs to. @returns why there is none, or null */
export function makeDir(dir: string): Finding | null {
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

/** `cannot write FILE: EACCES: what is lost`, and what mends it. */
export function cannotWrite(path: string, error: unknown, loss: string): Mendable {
  const why = typeof error === "string" ? error : (errorCode(error) ?? errorText(error));
  return { what: `cannot write ${path}: ${why}: ${loss}`, fix: WRITE_FIXES[why]?.(path) ?? giveUs(path) };
}

const moveAway = (path: string): Fix => inWords(`move ${path} away; the next start makes a new one`);

const WRITE_FIXES: Readonly<Record<string, (path: string) => Fix>> = {
  ENOSPC: () => inWords("make room on its disk"),
  EDQUOT: () => inWords("raise the quota of the daemon's user"),
  EROFS: () => inWords("mount its file system writable"),
  ENOENT: (path) => inWords(`make ${dirname(path)}`),
  EISDIR: moveAway,
  ENOTEMPTY: moveAway,
  "it is a link": moveAway,
  "it is no directory": moveAway,
};

/** `sudo chown labfleet DIRECTORY FILE`: as many of them as are another's. */
function giveUs(path: string): Fix {
  const uid = process.geteuid?.() ?? 0;
  const others = [dirname(path), path].filter((each) => (ownerOf(each) ?? uid) !== uid);
  return byCommands(giveToUs(others.length === 0 ? [path] : others));
}

function ownerOf(path: string): number | null {
  try {
    return lstatSync(path).uid;
  } catch {
    return null;
  }
}
