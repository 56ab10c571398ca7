// Small files of a run directory, which is in memory: whole or not there for a reader, and written through no link, for root
// may write into a directory of the service's user.

import { statfsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode, errorText } from "../../core/failure.ts";
import { byCommands, type Finding, here } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { ownUnit } from "../process/own-unit.ts";
import { ourName } from "../process/own-user.ts";
import { clearAway } from "./aside.ts";
import { isOutOfInodes, whyDiskRefuses } from "./disk-refusal.ts";
import { replaceNow } from "./sync-files.ts";

/** Replaces such a file. @throws Error of the system */
export function replaceRunFile(path: string, text: string, mode = 0o644): void {
  replaceNow(path, text, { mode, temp: join(dirname(path), `.${basename(path)}.${process.pid}.tmp`) });
}

/** Why such a file could not be written, with what mends it. */
export function runFileFault(path: string, error: unknown): Finding {
  const code = errorCode(error);
  if (code === null) return { what: `cannot write ${path}: ${quoted(errorText(error))}`, fix: null };
  if (code === "EISDIR") return { what: `cannot write ${path}: it is a directory`, fix: byCommands(clearAway(path)) };
  const { what, fix } = whyRefused(dirname(path), code);
  return { what: `cannot write ${path}: ${what}`, fix };
}

function whyRefused(directory: string, code: string): Finding {
  const found = lookAt(directory);
  if (found !== "directory") return notThere(directory, found === "nothing");
  return whyDiskRefuses(directory, code);
}

function lookAt(path: string): "directory" | "nothing" | "other" {
  try {
    return statSync(path).isDirectory() ? "directory" : "other";
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    // What refuses to be looked at says why by its errno.
    return code === "ENOENT" || code === "ENOTDIR" ? "nothing" : "directory";
  }
}

/** systemd makes a unit's run directory at each start; by hand somebody has to. */
function notThere(directory: string, isGone: boolean): Finding {
  const unit = ownUnit();
  const make = ["install", "-d", "-o", ourName(), directory];
  const steps = [
    ...(isGone ? [] : [["rm", directory]]),
    ...(unit === null ? [make] : [["systemctl", "restart", unit]]),
  ].map((step) => here("sudo", ...step));
  return { what: `${directory} ${isGone ? "has gone" : "is no directory any more"}`, fix: byCommands(...steps) };
}

/**
 * Why a daemon cannot report into its run directory, with what mends it, as anybody sees it: no room is left. Null when there is.
 * Whoever has no report, or an old one, has to know: a restart would not even get to its pid file.
 */
export function fullRunDir(runDir: string): Finding | null {
  try {
    if (statfsSync(runDir).bavail > 0 && !isOutOfInodes(runDir)) return null;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
  return whyRefused(runDir, "ENOSPC");
}
