// Files and descriptors beside Bun's own calls: locks, holes, rights, attributes, and writes that never wait.

import { getSystemErrorName } from "node:util";
import { at, errno, libc, newerLibc } from "./libc.ts";

const LOCK_EX_NB = 6;
const EAGAIN = 11;
const ENOTSOCK = 88;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;
const POLLOUT = 4;
const O_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;

/**
 * Takes an exclusive flock(2) on an open file or directory, without waiting.
 * @returns false when another process holds it
 * @throws Error of the system, for anything else
 */
export function tryLock(fd: number): boolean {
  if (libc().flock(fd, LOCK_EX_NB) === 0) return true;
  const refused = errno();
  if (refused === EAGAIN) return false;
  const code = getSystemErrorName(-refused);
  throw Object.assign(new Error(`${code}: flock`), { code });
}

const pollfd = Buffer.alloc(8);

/**
 * Writes what a descriptor takes now; never waits, never raises SIGPIPE, and leaves its flags alone, for they are
 * shared with whoever gave it to us.
 * @returns bytes written, at least 1; or an errno below 0: -EAGAIN (-11) when it is full
 */
export function writeNow(fd: number, data: Uint8Array): number {
  const sent = libc().send(fd, at(data), data.length, MSG_DONTWAIT_NOSIGNAL);
  if (sent >= 0n) return Number(sent);
  const refused = errno();
  if (refused !== ENOTSOCK) return -refused;
  // No socket: poll(2) promises room for PIPE_BUF bytes in a pipe, and says yes for files.
  pollfd.writeInt32LE(fd, 0);
  pollfd.writeInt32LE(POLLOUT, 4);
  if (libc().poll(at(pollfd), 1, 0) === 0) return -EAGAIN;
  const written = libc().write(fd, at(data), Math.min(data.length, 4096));
  return written < 0n ? -errno() : Number(written);
}

/** Makes `to` the same open file as `from` (dup2(2)). @returns 0, or the errno */
export function duplicate(from: number, to: number): number {
  return libc().dup2(from, to) < 0 ? errno() : 0;
}

/** Another descriptor for the same open file, above 2 and closed in children (fcntl(2)). @returns it, or the errno below 0 */
export function keepAside(fd: number): number {
  const kept = libc().fcntl(fd, F_DUPFD_CLOEXEC, 3);
  return kept < 0 ? -errno() : kept;
}

const pipefd = new Int32Array(2);

/** A pipe (pipe2(2)), closed in children. Both ends wait; whoever wants a reader that does not opens it anew. @throws Error */
export function openPipe(): { read: number; write: number } {
  if (libc().pipe2(at(pipefd), O_CLOEXEC) !== 0) throw new Error(`cannot open a pipe: errno ${errno()}`);
  return { read: pipefd[0] ?? -1, write: pipefd[1] ?? -1 };
}

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const ENXIO = 6;

/**
 * The next stretch of an open file, from an offset on, that is no hole (lseek(2)); moves the file's own offset.
 * @returns null when there are only holes to its end; everything where the file system does not know holes
 */
export function nextData(fd: number, from: number): { from: number; to: number } | null {
  const start = Number(libc().lseek(fd, BigInt(from), SEEK_DATA));
  if (start < 0) return errno() === ENXIO ? null : { from, to: Number.POSITIVE_INFINITY };
  const end = Number(libc().lseek(fd, BigInt(start), SEEK_HOLE));
  return { from: start, to: end < 0 ? Number.POSITIVE_INFINITY : end };
}

const AT_FDCWD = -100;
const AT_EACCESS = 0x200;
const ERRNO_NAMES: Readonly<Record<number, string>> = {
  1: "EPERM",
  2: "ENOENT",
  13: "EACCES",
  20: "ENOTDIR",
  30: "EROFS",
};

/**
 * Whether this process may use a file or directory so (access(2)'s R_OK, W_OK, X_OK), by its effective user and with its
 * capabilities: access(2), and so `fs.access`, judges by the real user and without them.
 * @returns null, or the errno's name
 */
export function refusedUse(path: string, mode: number): string | null {
  const name = Buffer.from(`${path}\0`);
  if (libc().faccessat(AT_FDCWD, at(name), mode, AT_EACCESS) === 0) return null;
  const code = errno();
  return ERRNO_NAMES[code] ?? `errno ${code}`;
}

/** What stands against moving or writing an entry, whoever asks (statx(2), chattr(1)). */
export interface Attributes {
  immutable: boolean;
  appendOnly: boolean;
  /** Something is mounted there. */
  isMountPoint: boolean;
}

const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_ATTR_IMMUTABLE = 0x10;
const STATX_ATTR_APPEND = 0x20;
const STATX_ATTR_MOUNT_ROOT = 0x2000;
/** struct statx: mask, block size, attributes, … */
const statxBuffer = Buffer.alloc(256);

/** The attributes of a file or directory; none where they cannot be told. */
export function attributesOf(path: string): Attributes {
  const name = Buffer.from(`${path}\0`);
  const known = newerLibc()?.statx(AT_FDCWD, at(name), AT_SYMLINK_NOFOLLOW, 0, at(statxBuffer)) === 0;
  const bits = known ? statxBuffer.readUInt32LE(8) : 0;
  return {
    immutable: (bits & STATX_ATTR_IMMUTABLE) !== 0,
    appendOnly: (bits & STATX_ATTR_APPEND) !== 0,
    isMountPoint: (bits & STATX_ATTR_MOUNT_ROOT) !== 0,
  };
}
