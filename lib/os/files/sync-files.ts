// The few things of files.ts that must be done at once: a daemon at its end has no time for a promise.

import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import type { Reading } from "../../core/reading.ts";
import { failpoint } from "../failpoint.ts";
import { makeNew, makeOwned, openOrMake, type Rights } from "./owner.ts";

export interface SmallFile {
  text: string;
  mtimeMs: number;
}

/**
 * A regular file of at most `maxBytes`. Follows no link and never waits, whatever has that name; never throws.
 * @returns null when nothing has that name
 */
export function readSmallFile(path: string, maxBytes: number): Reading<SmallFile> | null {
  let fd: number | null = null;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(fd);
    if (!stats.isFile()) return { unreadable: "no regular file" };
    if (stats.size > maxBytes) return { unreadable: `more than ${maxBytes} bytes` };
    return { text: readFileSync(fd, "utf8"), mtimeMs: Math.round(stats.mtimeMs) };
  } catch (error) {
    const code = errorCode(error) ?? "error";
    return code === "ENOENT" || code === "ENOTDIR" ? null : { unreadable: code };
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

/** How a file is replaced. */
export interface Replacing {
  mode?: number;
  /** Whose it is then, and its mode; as its directory says, and `mode`, if left out. */
  rights?: Rights;
  /** Where it is written first, on the same file system. Always the same name leaves none over; then only one process may write. */
  temp?: string;
}

/**
 * Replaces a file, or what has its name, by a rename: whole or not there for a reader, and after a kill. Nothing is flushed: a power
 * cut may cost it.
 * @throws Error of the system; then nothing is left of it
 */
export function replaceNow(path: string, data: string | Uint8Array, how: Replacing = {}): void {
  closeSync(replace(path, data, how, false));
}

/**
 * The same, and after a power cut it is the old one or the new one, whole.
 * @returns the new file, open for reading and writing; the caller closes it
 * @throws Error of the system; then nothing is left of it
 */
export function replaceDurable(path: string, data: string | Uint8Array, how: Replacing = {}): number {
  return replace(path, data, how, true);
}

function replace(
  path: string,
  data: string | Uint8Array,
  { mode = 0o640, rights, temp }: Replacing,
  isDurable: boolean,
): number {
  const from = temp ?? join(dirname(path), `.${basename(path)}.tmp`);
  rmSync(from, { force: true });
  const fd = make(from, rights ?? mode);
  try {
    writeFileSync(fd, data);
    if (!isDurable) {
      renameSync(from, path);
      return fd;
    }
    fsyncSync(fd);
    failpoint("sync-files.replace.before-rename");
    renameSync(from, path);
    failpoint("sync-files.replace.before-flush");
    flushDir(dirname(path));
    return fd;
  } catch (error) {
    closeSync(fd);
    rmSync(from, { force: true });
    throw error;
  }
}

/** What cannot be given those rights is not left over. */
function make(path: string, rights: Rights | number): number {
  if (typeof rights === "number") return makeNew(path, constants.O_RDWR, rights);
  try {
    return makeOwned(path, constants.O_RDWR, rights);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
}

/**
 * Writes over a regular file of exactly this size, which takes no room: a full disk is no obstacle.
 * @returns the file, open for reading and writing; the caller closes it
 * @throws Error of the system, or when the file is not of that kind and size
 */
export function overwriteDurable(path: string, data: Uint8Array): number {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size !== data.length) throw new Error("not a file of that size");
    overwrite(fd, data);
    fsyncSync(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Writes over the beginning of an open file, in one call. @throws Error of the system */
export function overwrite(fd: number, data: Uint8Array): void {
  if (writeSync(fd, data, 0, data.length, 0) !== data.length) throw new Error("written in part");
}

/** Appends a line, or several, durably; makes the file if need be, and follows no link. @throws Error of the system */
export function appendLineDurable(path: string, line: string, mode = 0o640): void {
  const { O_RDWR, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openOrMake(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK, mode);
  try {
    if (!fstatSync(fd).isFile()) throw Object.assign(new Error("EINVAL: no regular file"), { code: "EINVAL" });
    const { size } = fstatSync(fd);
    // A line that a power cut has torn must not take the next one along.
    writeFileSync(fd, size === 0 || lastByte(fd, size) === NEWLINE ? `${line}\n` : `\n${line}\n`);
    fsyncSync(fd);
    if (size === 0) flushDir(dirname(path));
  } finally {
    closeSync(fd);
  }
}

const NEWLINE = 0x0a;

function lastByte(fd: number, size: number): number | undefined {
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, size - 1);
  return byte[0];
}

function flushDir(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
