// The disk calls of an upload, in one place, so that a test can make the disk slow or full. Descriptors are numbers.

import { close, constants, fdatasync, fsync, open, read, write } from "node:fs";
import { lstat, unlink } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { errorCode } from "../../../core/failure.ts";
import { settleNew } from "../../../os/files/owner.ts";

const fs = {
  close: promisify(close),
  fdatasync: promisify(fdatasync),
  fsync: promisify(fsync),
  open: promisify(open),
  read: promisify(read),
  write: promisify(write),
};

export interface Disk {
  /** Creates a file that is not there yet, for writing. */
  create(path: string): Promise<number>;
  /** Writes all bytes at a position. */
  write(fd: number, bytes: Uint8Array, position: number): Promise<void>;
  /** Flushes a file's data and size (fdatasync(2)). */
  flush(fd: number): Promise<void>;
  close(fd: number): Promise<void>;
  /** Removes a file; false when it is not there. */
  remove(path: string): Promise<boolean>;
}

export const realDisk: Disk = {
  async create(path) {
    const fd = await fs.open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o640);
    settleNew(fd, path, 0o640);
    return fd;
  },
  async write(fd, bytes, position) {
    for (let at = 0; at < bytes.length; ) {
      at += (await fs.write(fd, bytes, at, bytes.length - at, position + at)).bytesWritten;
    }
  },
  flush: (fd) => fs.fdatasync(fd),
  close: (fd) => fs.close(fd),
  async remove(path) {
    try {
      await unlink(path);
      return true;
    } catch (error) {
      if (errorCode(error) === "ENOENT") return false;
      throw error;
    }
  },
};

/** Size and modification time of a regular file, or null when there is none. */
export async function fileFacts(path: string): Promise<{ bytes: number; mtimeMs: number } | null> {
  try {
    const facts = await lstat(path);
    return facts.isFile() ? { bytes: facts.size, mtimeMs: facts.mtimeMs } : null;
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return null;
    throw error;
  }
}

/** Read, and digested, between two turns of the event loop: a few milliseconds on a machine without SHA instructions. */
const BLOCK_BYTES = 256 * 1024;

/** Opens a file as a number. @throws the disk's error */
export const openFile = (path: string, flags: number): Promise<number> => fs.open(path, flags);
/** Bytes of an open file, at most `max`; none at its end. @throws the disk's error */
export async function readAt(fd: number, from: number, max: number): Promise<Uint8Array> {
  const block = Buffer.allocUnsafe(max);
  return block.subarray(0, (await fs.read(fd, block, 0, max, from)).bytesRead);
}
/** Closes what `openFile` opened. */
export const closeFile = (fd: number): Promise<void> => fs.close(fd);

/**
 * Reads a file whole and computes its digest.
 * @param moved called for each block read
 * @param flush also flushes the file, for one whose writer is not known to have done so
 */
export async function hashFile(
  path: string,
  moved: () => void,
  flush = false,
): Promise<{ bytes: number; sha256: string }> {
  const fd = await openFile(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const found = await hashOpen(fd, moved);
    if (flush) await fs.fsync(fd);
    return found;
  } finally {
    await closeFile(fd);
  }
}

/** The same of an open file. @param moved called for each block read; what it throws breaks the reading off */
export async function hashOpen(fd: number, moved: () => void): Promise<{ bytes: number; sha256: string }> {
  const hash = new Bun.CryptoHasher("sha256");
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await fs.read(fd, block, 0, block.length, bytes);
    if (bytesRead === 0) break;
    hash.update(block.subarray(0, bytesRead));
    bytes += bytesRead;
    moved();
    // Two files that come from the page cache would keep the loop to themselves.
    await nextTurn();
  }
  return { bytes, sha256: hash.digest("hex") };
}
