// The C library, for the few calls that Bun has no API for; what they do is in file-calls.ts, socket-calls.ts and clock-calls.ts.
// Opens libc.so.6, which is always loaded, and nothing else: a library that is missing would be looked for in the working
// directory (docs/architecture.md, “bun:ffi”).

import { dlopen, FFIType, read } from "bun:ffi";
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
export function libc(): Libc {
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
export function newerLibc(): Newer | null {
  if (newerOpened !== undefined) return newerOpened;
  try {
    newerOpened = dlopen("libc.so.6", NEWER_SYMBOLS).symbols;
  } catch {
    newerOpened = null;
  }
  return newerOpened;
}

/** errno of the last call; valid only at once after it, never across an await. */
export function errno(): number {
  const location = libc().__errno_location();
  return location === null ? 0 : read.i32(location, 0);
}

/** The address of a buffer, for a call. */
export { ptr as at } from "bun:ffi";
