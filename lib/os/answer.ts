// A command's answer on standard output: it arrives whole, however slow its reader is. A command that runs code of others
// meanwhile puts standard output aside: whatever that code writes there, from native code or a child process, too, goes to
// standard error.

import { closeSync, fstatSync, openSync, statSync, writeSync } from "node:fs";
import { constants as os } from "node:os";
import { getSystemErrorName } from "node:util";
import { EXIT } from "../core/exit.ts";
import { UserError } from "../core/failure.ts";
import { duplicate, keepAside, writeNow } from "./file-calls.ts";

/** No room now: the reader is slow. */
const AGAIN: ReadonlySet<number> = new Set([os.errno.EAGAIN, os.errno.EINTR, os.errno.ENOBUFS]);
/** How often a slow reader is looked at, milliseconds. A pipe holds 64 KiB: that makes some megabytes a second. */
const LOOK_MS = 10;

/**
 * Prints a tool's answer: all of it, what process.stdout has not written yet is lost when the process exits.
 * @returns whether its reader took all of it, or had gone
 */
export function print(text: string): Promise<boolean> {
  return writeAnswer(1, text);
}

/**
 * Whether standard output leads nowhere: /dev/null, which also stands there in this process when it was closed (`>&-`). What
 * can be shown only once must not be made then.
 */
export function isOutputNowhere(): boolean {
  const [out, nowhere] = [fstatSync(1), statSync("/dev/null")];
  return out.isCharacterDevice() && out.rdev === nowhere.rdev;
}

/** So long a failure waits for whoever reads standard error, milliseconds: nobody holds up an end. */
const PATIENCE_MS = 2000;

let complaints: ((text: string) => void) | null = null;

/** Says on standard error why a command fails. Never throws: a standard error that is closed or full has no reader. */
export function complain(text: string | Uint8Array): void {
  if (complaints !== null) {
    complaints(Buffer.from(text).toString());
    return;
  }
  let left: Uint8Array = Buffer.from(text);
  const until = performance.now() + PATIENCE_MS;
  while (left.length > 0) {
    const written = writtenNow(left);
    if (written > 0) left = left.subarray(written);
    else if (AGAIN.has(-written) && performance.now() < until) Bun.sleepSync(LOOK_MS);
    else return;
  }
}

/** What standard error takes of it. Where libc cannot be called, which is then the complaint, it may have to be waited for. */
function writtenNow(bytes: Uint8Array): number {
  try {
    return writeNow(2, bytes);
  } catch {
    try {
      return writeSync(2, bytes);
    } catch {
      return 0;
    }
  }
}

/** From now on complaints go there: a daemon that left its terminal has a log. */
export function redirectComplaints(to: (text: string) => void): void {
  complaints = to;
}

/**
 * Puts standard output aside.
 * @returns the descriptor to which the answer goes; 1 where that cannot be done
 */
export function takeStandardOutput(): number {
  const kept = keepAside(1);
  if (kept < 0) return 1;
  if (duplicate(2, 1) !== 0) {
    // There is no standard error.
    const nowhere = openSync("/dev/null", "w");
    duplicate(nowhere, 1);
    closeSync(nowhere);
  }
  return kept;
}

/** A terminal that was closed answers EIO, and isatty(3) says no to it: of the character devices only such a one does. */
function isTerminal(fd: number): boolean {
  return fstatSync(fd).isCharacterDevice();
}

/**
 * Writes all of a text, however slow its reader is; a reader that has gone does not want the rest.
 * @returns false for such a reader
 * @throws UserError when it cannot be written, as on a full disk
 */
export async function writeAnswer(fd: number, text: string): Promise<boolean> {
  let left: Uint8Array = Buffer.from(text);
  while (left.length > 0) {
    const written = writeNow(fd, left);
    if (written > 0) left = left.subarray(written);
    else if (AGAIN.has(-written)) await Bun.sleep(LOOK_MS);
    else if (-written === os.errno.EPIPE || -written === os.errno.ECONNRESET) return false;
    else if (-written === os.errno.EIO && isTerminal(fd)) return false;
    else {
      const why = getSystemErrorName(written);
      throw new UserError(`the answer cannot be written to standard output: ${why}`, null, EXIT.undelivered);
    }
  }
  return true;
}
