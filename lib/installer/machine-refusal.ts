// What the machine refuses to an installer that writes all over it, as a sentence with what mends it.

import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { byCommands, here, inWords } from "../core/finding.ts";
import { whyDiskRefuses } from "../os/files/disk-refusal.ts";

/** What stands at a path where something else is to be. */
const IN_THE_WAY: ReadonlySet<string> = new Set(["EISDIR", "ENOTDIR", "EEXIST", "ELOOP"]);

/** The same as a UserError (exit 3), where it is an error of the system; any other as it is. */
export function refusedByMachine(error: unknown): unknown {
  const code = errorCode(error);
  if (code === null || error instanceof UserError || !/^E[A-Z0-9]+$/.test(code)) return error;
  const path = pathOf(error);
  if (path === null) {
    const isFull = code === "ENOSPC" || code === "EDQUOT";
    const fix = isFull ? inWords("make room: df -h shows which disk is full") : null;
    return new UserError(errorText(error), fix, EXIT.undelivered);
  }
  if (IN_THE_WAY.has(code)) {
    const at = obstacle(path);
    const aside = byCommands(here("sudo", "mv", "-T", at, `${at}.before`));
    return new UserError(`${at} is in the way: ${errorText(error)}`, aside, EXIT.undelivered);
  }
  const { what, fix } = whyDiskRefuses(dirname(path), code);
  return new UserError(`${what} (${errorText(error)})`, fix, EXIT.undelivered);
}

/** Of a rename where it was to lead. */
function pathOf(error: unknown): string | null {
  if (typeof error !== "object" || error === null) return null;
  const [to, from] = ["dest" in error ? error.dest : null, "path" in error ? error.path : null];
  return typeof to === "string" ? to : typeof from === "string" ? from : null;
}

/** The first on the way to it that is there and is no directory; else the path itself. */
function obstacle(path: string): string {
  let at = "/";
  for (const name of path.split("/").filter((part) => part !== "")) {
    at = join(at, name);
    if (at !== path && !isDirectory(at)) return at;
  }
  return path;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
  }
}
