// Makes a directory, and sets whose it is, by its descriptor: where a service's user rules, a link could lead root to wherever that user likes.

import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { EXIT } from "../../core/exit.ts";
import { errorCode, UserError } from "../../core/failure.ts";

/** Makes it; its parent is there. For root alone, until `setRights`. @throws UserError: a link stands in its way */
export function makeDirectory(path: string): void {
  const parent = openPlain(dirname(path));
  try {
    mkdirSync(`/proc/self/fd/${parent}/${basename(path)}`, { mode: 0o700 });
    fsyncSync(parent);
  } finally {
    closeSync(parent);
  }
}

/** @throws UserError: a link stands in its place, or on the way to it */
export function setRights(path: string, { uid, gid, mode }: { uid: number; gid: number; mode: number }): void {
  const fd = openPlain(path);
  try {
    fchownSync(fd, uid, gid);
    fchmodSync(fd, mode);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Removes it, with the empty directories below it: a daemon that has run has made some. What holds something stays, and so does what
 * is above it. @throws as rmdir(2) does, of `path` alone
 */
export function removeEmpty(path: string): void {
  const parent = openPlain(dirname(path));
  try {
    removeEmptyIn(parent, basename(path));
  } catch (error) {
    throw errorCode(error) === "ENOTEMPTY" ? new Error(`${path} holds something by now`) : error;
  } finally {
    closeSync(parent);
  }
}

function removeEmptyIn(parent: number, name: string): void {
  const at = `/proc/self/fd/${parent}/${name}`;
  const fd = openSync(at, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    for (const entry of readdirSync(`/proc/self/fd/${fd}`, { withFileTypes: true }))
      if (entry.isDirectory()) tryRemoveIn(fd, entry.name);
  } finally {
    closeSync(fd);
  }
  rmdirSync(at);
}

function tryRemoveIn(parent: number, name: string): void {
  try {
    removeEmptyIn(parent, name);
  } catch (error) {
    // The one above says it.
    if (errorCode(error) !== "ENOTEMPTY") throw error;
  }
}

/** A directory that has this very path, whatever somebody makes of it afterwards. */
function openPlain(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (!["ELOOP", "ENOTDIR"].includes(errorCode(error) ?? "")) throw error;
    throw inTheWay(path, "what is no directory");
  }
  const real = readlinkSync(`/proc/self/fd/${fd}`);
  if (real === path) return fd;
  closeSync(fd);
  throw inTheWay(path, real);
}

function inTheWay(path: string, to: string): UserError {
  return new UserError(
    `${path} leads to ${to}: root changes nothing there`,
    "mount the disk at that path instead of a link, or set its rights by hand",
    EXIT.undelivered,
  );
}
