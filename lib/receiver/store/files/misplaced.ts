// What stands in the place of an archive or of a host's directory and is none: a link, a pipe, a directory. Nothing is stored
// through it or over it, and nobody waits for it: it is said, and a person moves it.

import type { Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { errorCode } from "../../../core/failure.ts";
import { MISPLACED } from "../../disk/disk-refusals.ts";

export class Misplaced extends Error {
  override name = "Misplaced";
  readonly code = MISPLACED;
}

/** Size and time of an archive, null when nothing has that name. @throws Misplaced, and the disk's error */
export async function archiveFacts(path: string): Promise<{ bytes: number; mtimeMs: number } | null> {
  const facts = await look(path);
  if (facts !== null && !facts.isFile()) throw new Misplaced(`${path} is ${kindOf(facts)} and no archive`);
  return facts === null ? null : { bytes: facts.size, mtimeMs: facts.mtimeMs };
}

/**
 * Makes sure that what has a host's name below episodes/ is a directory: what is stored through a link would be outside the
 * data root. @throws Misplaced, and the disk's error
 */
export async function checkHostDirectory(path: string): Promise<void> {
  const facts = await look(path);
  if (facts !== null && !facts.isDirectory()) throw new Misplaced(`${path} is ${kindOf(facts)} and no directory`);
}

async function look(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return null;
    throw error;
  }
}

function kindOf(facts: Stats): string {
  if (facts.isSymbolicLink()) return "a symbolic link";
  if (facts.isDirectory()) return "a directory";
  if (facts.isFIFO()) return "a pipe";
  return facts.isFile() ? "a file" : "a device or a socket";
}
