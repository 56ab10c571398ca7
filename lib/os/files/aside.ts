// What stands in the way of a file of ours, or is torn, is put aside and not removed: somebody may want to know what it was.

import { lstatSync } from "node:fs";
import { rename } from "node:fs/promises";
import { errorCode } from "../../core/failure.ts";
import { type Command, here } from "../../core/finding.ts";

/** One that is a directory, or is put over one. */
const TAKEN: readonly string[] = ["EISDIR", "ENOTDIR", "ENOTEMPTY", "EEXIST"];

/** Renames it beside itself, over a file that was put aside before. @returns its new name @throws Error of the system */
export async function putAside(path: string): Promise<string> {
  try {
    await rename(path, `${path}.aside`);
    return `${path}.aside`;
  } catch (error) {
    if (!TAKEN.includes(errorCode(error) ?? "")) throw error;
    const free = asideName(path);
    await rename(path, free);
    return free;
  }
}

/** The same by hand, for what we may not rename. */
export function clearAway(path: string): Command {
  return here("sudo", "mv", "-T", path, asideName(path));
}

/** A name beside it that is free, as far as can be seen. */
export function asideName(path: string): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? `${path}.aside` : `${path}.aside${n}`;
    if (n > 99 || !isThere(name)) return name;
  }
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return false;
  }
}
