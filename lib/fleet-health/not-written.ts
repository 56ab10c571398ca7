// Why something could not be written, with what mends it: for the service, and for a person at a prompt.

import { constants, lstatSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../core/failure.ts";
import { byCommands, type Finding } from "../core/finding.ts";
import { refusedUse } from "../os/file-calls.ts";
import { whyDiskRefuses } from "../os/files/disk-refusal.ts";
import { isWrongKind, wrongAt } from "../os/files/regular.ts";
import { refusedFix } from "../os/process/as-typed.ts";
import { giveToUs, ourName } from "../os/process/own-user.ts";
import { outOfTheWay } from "./named.ts";
import { isOfRights, isServices } from "./not-read.ts";

/**
 * @param what could not be done
 * @param dir where it should stand
 * @param code the errno that was met
 * @param file the one in it that was to be written, or read before that; null: it is not known which
 */
export function whyNotWritten(what: string, dir: string, code: string, file: string | null = null): Finding {
  const { what: why, fix } = (file === null ? null : inTheWay(file, code)) ?? notOurs(dir, code, file);
  // For a person who is no user of the service root does the same once more.
  const isOthers = isOfRights(code) && !isServices(file ?? join(dir, "file"));
  return { what: `${what}: ${why}`, fix: isOthers ? refusedFix(code) : fix };
}

/** What has the name of a file of ours, or of a directory above it, and is none; null: nothing does. */
function inTheWay(file: string, code: string): Finding | null {
  if (!isWrongKind(code)) return null;
  const at = wrongAt(file);
  const kind = kindOf(at);
  const why = at === file ? WORDS[kind] : kind === "directory" || kind === "nothing" ? null : "is no directory";
  return why === null ? null : { what: `${at} ${why}`, fix: outOfTheWay(at) };
}

type Kind = "file" | "directory" | "other" | "nothing";

const WORDS: Readonly<Record<Kind, string | null>> = {
  // More than we read is left in one of ours that grew without end.
  file: "is larger than any of ours",
  directory: "is a directory",
  other: "is no regular file",
  nothing: null,
};

function kindOf(path: string): Kind {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return "nothing";
    return stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other";
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return "nothing";
  }
}

/** Where its directory lets us write it is the file that does not. */
function notOurs(dir: string, code: string, file: string | null): Finding {
  if (file === null || !isOfRights(code) || kindOf(file) !== "file" || refusedUse(dir, constants.W_OK) !== null)
    return whyDiskRefuses(dir, code);
  return { what: `${ourName()} may not read and write ${file}`, fix: byCommands(giveToUs([file])) };
}
