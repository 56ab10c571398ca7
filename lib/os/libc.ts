// The few libc calls that Bun has no API for. Opens libc.so.6, which is always loaded, and nothing else: a library
// that is missing would be looked for in the working directory (docs/architecture.md, "bun:ffi").

import { dlopen, FFIType, ptr, read } from "bun:ffi";
import { errorText, UserError } from "../core/failure.ts";

const SYMBOLS = {
  __errno_location: { args: [], returns: FFIType.ptr },
  flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
  socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  sendto: {
    args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
    returns: FFIType.i64,
  },
  connect: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  getsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  close: { args: [FFIType.i32], returns: FFIType.i32 },
  poll: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
  send: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i64 },
  write: { args: [FFIType.i32, FFIType.ptr, FFIType.u64], returns: FFIType.i64 },
  pipe2: { args: [FFIType.ptr, FFIType.i32], returns: FFIType.i32 },
  dup2: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  adjtimex: { args: [FFIType.ptr], returns: FFIType.i32 },
  lseek: { args: [FFIType.i32, FFIType.i64, FFIType.i32], returns: FFIType.i64 },
  faccessat: { args: [FFIType.i32, FFIType.ptr, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  clock_gettime: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
} as const;

/** Not in the C library of every distribution that Bun runs on (glibc 2.28). */
const NEWER_SYMBOLS = {
  statx: { args: [FFIType.i32, FFIType.ptr, FFIType.i32, FFIType.u32, FFIType.ptr], returns: FFIType.i32 },
} as const;

type Libc = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"];

let opened: Libc | null = null;

/**
 * Opened when first needed: --help and --version need nothing of it.
 * @throws UserError where Bun runs without its compiler
 */
function libc(): Libc {
  if (opened !== null) return opened;
  try {
    opened = dlopen("libc.so.6", SYMBOLS).symbols;
    return opened;
  } catch (error) {
    throw new UserError(
      `cannot call libc: ${errorText(error)}`,
      "remove MemoryDenyWriteExecute= from the unit and BUN_JSC_useJIT from the environment",
    );
  }
}

type Newer = ReturnType<typeof dlopen<typeof NEWER_SYMBOLS>>["symbols"];

let newerOpened: Newer | null | undefined;

/** Null where the C library has them not. */
function newerLibc(): Newer | null {
  if (newerOpened !== undefined) return newerOpened;
  try {
    newerOpened = dlopen("libc.so.6", NEWER_SYMBOLS).symbols;
  } catch {
    newerOpened = null;
  }
  return newerOpened;
}

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0x80002;
const SOCK_STREAM_NONBLOCK_CLOEXEC = 0x80801;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const EINPROGRESS = 115;
const MSG_DONTWAIT_NOSIGNAL = 0x4040;
const LOCK_EX_NB = 6;
const SIOCOUTQ = 0x5411;
const EAGAIN = 11;
const ENOTSOCK = 88;
const POLLOUT = 4;
const CLOCK_MONOTONIC = 1;
const O_CLOEXEC = 0o2000000;
const F_DUPFD_CLOEXEC = 1030;
const F_SETFL = 4;
const ENAMETOOLONG = 36;

/** errno of the last call; valid only at once after it, never across an await. */
function errno(): number {
  const location = libc().__errno_location();
  return location === null ? 0 : read.i32(location, 0);
}

/**
 * Takes an exclusive flock(2) on an open file or directory, without waiting.
 * @returns false when another process holds it
 * @throws Error with the errno for anything else
 */
export function tryLock(fd: number): boolean {
  if (libc().flock(fd, LOCK_EX_NB) === 0) return true;
  const code = errno();
  if (code === EAGAIN) return false;
  throw new Error(`flock failed with errno ${code}`);
}

const outq = new Int32Array(1);

/** Bytes of a TCP socket that the peer has not acknowledged yet (SIOCOUTQ, tcp(7)); null when it cannot be told. */
export function unacknowledgedBytes(fd: number): number | null {
  return libc().ioctl(fd, SIOCOUTQ, ptr(outq)) === 0 ? (outq[0] ?? null) : null;
}

/**
 * Begins a TCP connection and does not wait for it.
 * @param sockaddr a struct sockaddr_in or sockaddr_in6
 * @returns its descriptor, to be asked with `connectErrno` and closed; or the errno below 0
 */
export function beginConnect(sockaddr: Buffer): number {
  const fd = libc().socket(sockaddr.readUInt16LE(0), SOCK_STREAM_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) return -errno();
  if (libc().connect(fd, ptr(sockaddr), sockaddr.length) === 0) return fd;
  const code = errno();
  if (code === EINPROGRESS) return fd;
  libc().close(fd);
  return -code;
}

const soError = new Int32Array(1);
const soLength = new Int32Array(1);

/** How a connection that was begun has ended: 0, or its errno; null: it has not ended yet. */
export function connectErrno(fd: number): number | null {
  pollfd.writeInt32LE(fd, 0);
  pollfd.writeInt32LE(POLLOUT, 4);
  if (libc().poll(ptr(pollfd), 1, 0) === 0) return null;
  soLength[0] = 4;
  const asked = libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, ptr(soError), ptr(soLength));
  return asked === 0 ? (soError[0] ?? 0) : errno();
}

export function closeDescriptor(fd: number): void {
  libc().close(fd);
}

/** A struct sockaddr_un for a path, or for `@name` of an abstract socket; null for more than 107 bytes. */
function unixAddress(address: string): Buffer | null {
  const isAbstract = address.startsWith("@");
  const name = Buffer.from(isAbstract ? `\0${address.slice(1)}` : address);
  if (name.length > 107) return null;
  const sockaddr = Buffer.alloc(2 + name.length + (isAbstract ? 0 : 1));
  sockaddr.writeUInt16LE(AF_UNIX, 0);
  name.copy(sockaddr, 2);
  return sockaddr;
}

/**
 * Connects to a unix stream socket; never waits: one whose backlog is full refuses with EAGAIN.
 * @returns its descriptor, closed in children, whose writes wait; or the errno below 0
 */
export function connectUnixStream(path: string): number {
  const sockaddr = unixAddress(path);
  if (sockaddr === null) return -ENAMETOOLONG;
  const fd = beginConnect(sockaddr);
  if (fd >= 0) libc().fcntl(fd, F_SETFL, 0);
  return fd;
}

/**
 * Sends one datagram to a unix socket; never blocks.
 * @param address a path, or `@name` for an abstract socket; at most 107 bytes
 * @returns 0, or the errno
 */
export function sendUnixDatagram(address: string, text: string): number {
  const sockaddr = unixAddress(address);
  if (sockaddr === null) return ENAMETOOLONG;
  const fd = libc().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return errno();
  const data = Buffer.from(text);
  const sent = libc().sendto(fd, ptr(data), data.length, MSG_DONTWAIT_NOSIGNAL, ptr(sockaddr), sockaddr.length);
  const code = sent < 0n ? errno() : 0;
  libc().close(fd);
  return code;
}

const pollfd = Buffer.alloc(8);

/**
 * Writes what a descriptor takes now; never waits, never raises SIGPIPE, and leaves its flags alone, for they are
 * shared with whoever gave it to us.
 * @returns bytes written, at least 1; or an errno below 0: -EAGAIN (-11) when it is full
 */
export function writeNow(fd: number, data: Uint8Array): number {
  const sent = libc().send(fd, ptr(data), data.length, MSG_DONTWAIT_NOSIGNAL);
  if (sent >= 0n) return Number(sent);
  const refused = errno();
  if (refused !== ENOTSOCK) return -refused;
  // No socket: poll(2) promises room for PIPE_BUF bytes in a pipe, and says yes for files.
  pollfd.writeInt32LE(fd, 0);
  pollfd.writeInt32LE(POLLOUT, 4);
  if (libc().poll(ptr(pollfd), 1, 0) === 0) return -EAGAIN;
  const written = libc().write(fd, ptr(data), Math.min(data.length, 4096));
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
  if (libc().pipe2(ptr(pipefd), O_CLOEXEC) !== 0) throw new Error(`cannot open a pipe: errno ${errno()}`);
  return { read: pipefd[0] ?? -1, write: pipefd[1] ?? -1 };
}

const timespec = new BigInt64Array(2);

/** CLOCK_MONOTONIC in microseconds: systemd's clock. performance.now() counts from the start of the process. */
export function monotonicUsec(): bigint {
  libc().clock_gettime(CLOCK_MONOTONIC, ptr(timespec));
  return (timespec[0] ?? 0n) * 1_000_000n + (timespec[1] ?? 0n) / 1000n;
}

/** What the kernel knows of its clock (adjtimex(2)). */
export interface ClockState {
  /** False once no program has disciplined the clock for a while (STA_UNSYNC, TIME_ERROR). */
  synchronised: boolean;
  /** Still being slewed away, seconds. */
  offsetS: number;
  /** Bound of the error that the disciplining program gave, seconds. */
  maxErrorS: number;
}

const STA_UNSYNC = 0x40;
const STA_NANO = 0x2000;
const TIME_ERROR = 5;
/** Larger than struct timex on 64-bit Linux, whose first words are modes, offset, freq, maxerror, esterror, status. */
const timex = Buffer.alloc(512);

/** Reads the state of the kernel's clock, changing nothing; null where it may not be asked. */
export function readClock(): ClockState | null {
  timex.fill(0);
  const state = libc().adjtimex(ptr(timex));
  if (state < 0) return null;
  const status = timex.readInt32LE(40);
  const offset = Number(timex.readBigInt64LE(8));
  return {
    synchronised: state !== TIME_ERROR && (status & STA_UNSYNC) === 0,
    offsetS: offset / ((status & STA_NANO) === 0 ? 1e6 : 1e9),
    maxErrorS: Number(timex.readBigInt64LE(24)) / 1e6,
  };
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
  if (libc().faccessat(AT_FDCWD, ptr(name), mode, AT_EACCESS) === 0) return null;
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
  const known = newerLibc()?.statx(AT_FDCWD, ptr(name), AT_SYMLINK_NOFOLLOW, 0, ptr(statxBuffer)) === 0;
  const bits = known ? statxBuffer.readUInt32LE(8) : 0;
  return {
    immutable: (bits & STATX_ATTR_IMMUTABLE) !== 0,
    appendOnly: (bits & STATX_ATTR_APPEND) !== 0,
    isMountPoint: (bits & STATX_ATTR_MOUNT_ROOT) !== 0,
  };
}
