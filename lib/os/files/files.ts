// Files that survive a power cut: what is renamed, linked or removed here is on the disk when the promise resolves.

import { constants } from "node:fs";
import { type FileHandle, link, lstat, open, readdir, rename, rmdir, statfs, symlink, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { failpoint } from "../failpoint.ts";
import { makeNewDir, settleNew } from "./owner.ts";
import { openRegular, readBytes } from "./regular.ts";

/** Flushes a directory's entries: creates, renames and removals in it (fsync(2)). */
export async function fsyncDir(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The last write under way of each temporary name: two at once would take it from each other. */
const writing = new Map<string, Promise<void>>();

/**
 * Replaces a file with `text`: after a power cut it is the old one or the new one, whole. Of several at once the last one holds.
 * @param temp where it is written first, on the same file system; beside the file if left out
 */
export function writeFileDurable(
  path: string,
  text: string,
  mode = 0o640,
  temp = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`),
): Promise<void> {
  const write = (): Promise<void> => replaceFile(path, text, mode, temp);
  const before = writing.get(temp);
  const mine = (before === undefined ? write() : before.then(write, write)).finally(() => {
    if (writing.get(temp) === mine) writing.delete(temp);
  });
  writing.set(temp, mine);
  return mine;
}

async function replaceFile(path: string, text: string, mode: number, temp: string): Promise<void> {
  // Root may write into a directory of the service's user: through no link, and over nothing that somebody put there.
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const handle = await cleared(temp, () => open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  try {
    settleNew(handle.fd, path, mode);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  failpoint("files.write.before-rename");
  await rename(temp, path);
  await fsyncDir(dirname(path));
}

/**
 * Frees a name of ours from whatever has it: a pipe would be written to for ever, a directory never be replaced. But a directory
 * with something in it is somebody's, and stays.
 * @throws Error of the system; ENOTEMPTY for such a directory
 */
export async function clearName(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errorCode(error) === "EISDIR") await rmdir(path);
    else if (errorCode(error) !== "ENOENT") throw error;
  }
}

/** Does what needs a free name; where something has it, that is cleared and it is done again. @throws Error of the system */
export async function cleared<T>(path: string, make: () => T | Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    const code = errorCode(error);
    if (code !== "EEXIST" && code !== "EISDIR") throw error;
    await clearName(path);
    return await make();
  }
}

/** Renames within one filesystem and flushes both parents. */
export async function renameDurable(from: string, to: string): Promise<void> {
  await rename(from, to);
  failpoint("files.rename.before-fsync");
  await fsyncDir(dirname(to));
  if (dirname(from) !== dirname(to)) await fsyncDir(dirname(from));
}

/** Makes a symbolic link, in the place of what was there: after a power cut it is the old one or the new one. Rejects as the system does. */
export async function symlinkDurable(target: string, path: string): Promise<void> {
  const temp = join(dirname(path), `.${basename(path)}.new`);
  await cleared(temp, () => symlink(target, temp));
  await renameDurable(temp, path);
}

/**
 * Gives a finished file its name, only if the name is free; the old name stays, for the caller to remove.
 * The caller flushes the directory.
 * @returns false when the name was taken
 */
export async function publishNoReplace(temp: string, path: string): Promise<boolean> {
  try {
    await link(temp, path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** The names in a directory, in no order; none where it is not there. @throws Error of the system */
export async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/**
 * The text of a file of ours, or null when there is none. Never blocks, whatever has that name.
 * @throws Error of the system; EISDIR, EINVAL or EFBIG for what is no regular file, or has more than `maxBytes`
 */
export async function readIfExists(path: string, maxBytes = 16 * 1024 * 1024): Promise<string | null> {
  return (await readBytesIfExists(path, maxBytes))?.toString("utf8") ?? null;
}

/** The same, as bytes. */
export async function readBytesIfExists(path: string, maxBytes: number): Promise<Buffer | null> {
  try {
    await using file = await openRegular(path, maxBytes);
    return await readBytes(file);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return null;
    throw error;
  }
}

/**
 * The text of a regular file of at most `maxBytes`; null for anything else: nothing there, a link, a pipe, a directory,
 * a larger file, or one that may not be read. Never blocks, whatever has that name.
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<string | null> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
  try {
    const stats = await handle.stat();
    return stats.isFile() && stats.size <= maxBytes
      ? (await readBytes({ handle, size: stats.size })).toString("utf8")
      : null;
  } catch (error) {
    // A bad sector in it: what cannot be read says nothing.
    if (errorCode(error) === null) throw error;
    return null;
  } finally {
    await handle.close();
  }
}

/**
 * Whether something has that name, be it a link that leads nowhere (not whether it may be read). Never by access(2): that
 * judges by the real user and forgets our capabilities.
 * @throws the file system's error where we may not even look
 */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return false;
    throw error;
  }
}

/** Makes a directory with its parents, flushing each parent that got a new entry. */
export async function makeDir(path: string, mode = 0o750): Promise<void> {
  if (await exists(path)) return;
  await makeDir(dirname(path), mode);
  makeNewDir(path, mode);
  await fsyncDir(dirname(path));
}

/** Bytes that an unprivileged process may still write on the filesystem of `path`. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
