// Whom a file belongs to that we make, and who may read it: its mode is the one that was meant, whatever the umask, and what
// root makes belongs to whom the directory belongs to. A command by hand must not keep a daemon from its own files.

import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  type Stats,
} from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "../../core/failure.ts";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY } = constants;
/** Set-user-id, set-group-id and sticky: what a directory hands down stays. */
const SPECIAL = 0o7000;
const PERMISSIONS = 0o777;

/** Gives an open file that root has just made to whom a directory belongs; does nothing for anybody else. */
export function giveToOwnerOf(dir: string, fd: number): void {
  if (process.geteuid?.() !== 0) return;
  try {
    const to = lstatSync(dir);
    const own = fstatSync(fd);
    if (own.uid === 0 && needsGiving(own, to)) fchownSync(fd, to.uid, to.gid);
  } catch {
    // The file is written: whoever may not read it says so.
  }
}

/** A directory of root with another group is one that a service reads by its group. */
function needsGiving(own: Stats, to: Stats): boolean {
  return own.uid !== to.uid || own.gid !== to.gid;
}

/** Settles what was just made as `path`: by its descriptor, since what has the name by now does not matter. */
export function settleNew(fd: number, path: string, mode: number): void {
  giveToOwnerOf(dirname(path), fd);
  const { mode: found } = fstatSync(fd);
  if ((found & PERMISSIONS) === mode) return;
  try {
    fchmodSync(fd, mode | (found & SPECIAL));
  } catch (error) {
    // File systems without modes (vfat, exfat) have the ones that they were mounted with.
    if (errorCode(error) === null) throw error;
  }
}

/**
 * Opens a file for writing, and makes it if there is none. Root follows no link: in a directory of a service's user it would
 * lead root to wherever that user likes.
 * @throws Error of the system
 */
export function openOrMake(path: string, flags: number, mode: number): number {
  try {
    return makeNew(path, flags, mode);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    return openSync(path, process.geteuid?.() === 0 ? flags | O_NOFOLLOW : flags);
  }
}

/** Makes a file that is not there yet. @throws Error of the system */
export function makeNew(path: string, flags: number, mode: number): number {
  const fd = openSync(path, flags | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  settleNew(fd, path, mode);
  return fd;
}

/** Whose a file is, and who may use it. */
export interface Rights {
  uid: number;
  gid: number;
  /** Permission bits. */
  mode: number;
}

/**
 * Makes a file with exactly these rights, whatever the directory and the umask say. Nobody else may open it in the meantime, not even
 * while it is empty: whoever has it open then reads all that comes.
 * @throws Error of the system; then an empty file of that name may be left
 */
export function makeOwned(path: string, flags: number, { uid, gid, mode }: Rights): number {
  const fd = openSync(path, flags | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    const own = fstatSync(fd);
    if (own.uid !== uid || own.gid !== gid) fchownSync(fd, uid, gid);
    fchmodSync(fd, mode);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Makes a directory, not its parents. @returns false: something of that name was there @throws Error of the system */
export function makeNewDir(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
  const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    settleNew(fd, path, mode);
  } finally {
    closeSync(fd);
  }
  return true;
}

/** Makes a directory with its parents. @throws Error of the system */
export function makeDirsNow(path: string, mode: number): void {
  try {
    makeNewDir(path, mode);
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || dirname(path) === path) throw error;
    makeDirsNow(dirname(path), mode);
    makeNewDir(path, mode);
  }
}
