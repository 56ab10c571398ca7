// The files of a spool: their names, how one is written whole, and what else may lie there. Knows nothing of when a heartbeat
// is kept or goes.

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  readdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import type { Finding } from "../../core/finding.ts";
import { giveToOwnerOf, makeNewDir, openOrMake } from "../../os/files/owner.ts";
import { replaceNow } from "../../os/files/sync-files.ts";
import { cannotWrite } from "../../runtime/ends/ends-dir.ts";

/** One heartbeat a second gets there in 30 million years: what is larger was no number of ours. */
export const MAX_SEQUENCE = 10 ** 15 - 1;

const NAME = /^(\d{12,15})\.(plain|change)\.json(\.tmp)?$/;

export interface SpoolFile {
  sequence: number;
  /** Nothing new in it: the first to go. */
  plain: boolean;
  path: string;
  bytes: number;
}

export interface Listing {
  files: SpoolFile[];
  /** Halves that a kill or a power cut has left behind. */
  leftovers: string[];
  /** Names that we did not give, and what has such a name and is no file. */
  strangers: string[];
}

export function spoolName(sequence: number, plain: boolean): string {
  return `${String(sequence).padStart(12, "0")}.${plain ? "plain" : "change"}.json`;
}

/** What lies in a spool; nothing if there is none. @throws Error of the system */
export function listSpool(directory: string): Listing {
  const listing: Listing = { files: [], leftovers: [], strangers: [] };
  for (const entry of entriesOf(directory)) {
    const [, digits, kind, isHalf] = NAME.exec(entry.name) ?? [];
    const path = join(directory, entry.name);
    if (digits === undefined || !entry.isFile()) listing.strangers.push(entry.name);
    else if (isHalf !== undefined) listing.leftovers.push(path);
    else listing.files.push({ sequence: Number(digits), plain: kind === "plain", path, bytes: sizeOf(path) });
  }
  return listing;
}

/** 0 for one that is gone by now, or may not be looked at. */
function sizeOf(path: string): number {
  try {
    return lstatSync(path).size;
  } catch {
    return 0;
  }
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/**
 * Makes a directory, for whom its parent belongs to: a run by hand as root must not keep the agent out.
 * @throws Error of the system, or when what has the name is none
 */
export function makeOwnDir(path: string): void {
  if (!makeNewDir(path, 0o750) && !statSync(path).isDirectory()) throw new Error("it is no directory");
}

/**
 * Whole or not at all for a reader. Not flushed: the kernel does that within half a minute, and a flush on a slow card would
 * hold up everything else. So a power cut may cost the newest one; a kill costs none.
 * @throws Error of the system; then nothing is left of it
 */
export function replaceFile(path: string, text: string): void {
  replaceNow(path, text, { temp: `${path}.tmp` });
}

/**
 * Writes over a file in place, which takes no room on most file systems; makes it if need be, and replaces what cannot be
 * written so. Shorter than a sector, so that a power cut leaves the old text or the new one.
 * @throws Error of the system
 */
export function overwriteFile(path: string, text: string): void {
  try {
    const { O_WRONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    const fd = openOrMake(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0o640);
    try {
      giveToOwnerOf(dirname(path), fd);
      writeSync(fd, text, 0);
      if (fstatSync(fd).size > text.length) ftruncateSync(fd, text.length);
    } finally {
      closeSync(fd);
    }
  } catch {
    replaceFile(path, text);
  }
}

/** Tries to write; says what came of it, and what is lost by that. @returns null: it went through */
export function refused(path: string, loss: string, write: () => void): Finding | null {
  try {
    write();
    return null;
  } catch (error) {
    return cannotWrite(path, error, loss);
  }
}

export function remove(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // It is found after a restart, and sent once more: the receiver knows it.
  }
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
