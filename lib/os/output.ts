// Lines to a descriptor that somebody else reads, or has stopped reading: never waits, never throws, keeps nothing but
// the rest of one line. What does not fit is dropped, counted, and said as soon as there is room again.

import { constants, fstatSync, openSync, type Stats } from "node:fs";
import { constants as os } from "node:os";
import { writeNow } from "./libc.ts";

/** No room now, but perhaps later. Any other errno means that nobody takes lines there. */
const FULL: ReadonlySet<number> = new Set([
  os.errno.EAGAIN,
  os.errno.ENOBUFS,
  os.errno.ENOMEM,
  os.errno.EINTR,
  os.errno.ENOSPC,
  os.errno.EDQUOT,
  os.errno.EFBIG,
]);

/** How often a quiet process looks whether there is room again, milliseconds. */
const LOOK_EVERY_MS = 1000;

export type LossReason = "full" | "closed" | "full or closed";

/** Bytes on their way, and how many log lines are lost if they cannot be written. */
interface Piece {
  bytes: Uint8Array;
  lines: number;
}

export class Output {
  private fd: number;
  /** The rest of a line of which a part is written already: it goes first, so that no line is torn. */
  private rest: Piece | null = null;
  private lost = 0;
  private reason: LossReason = "full";
  private looking: ReturnType<typeof setInterval> | null = null;

  /**
   * @param fd the descriptor, such as 2
   * @param notice the line, with its line break, that says how many lines were lost and why
   */
  constructor(
    fd: number,
    private readonly notice: (lines: number, reason: LossReason) => string,
  ) {
    this.fd = withoutWaiting(fd);
  }

  /** Writes a text that ends in a line break, or drops it. */
  write(text: string): void {
    if (this.settle()) this.put({ bytes: Buffer.from(text), lines: 1 });
    else this.lose(1, this.rest === null ? this.reason : "full");
    // What is closed hardly opens again: the next line tries it, and no timer.
    if (this.rest !== null || (this.lost > 0 && this.reason !== "closed")) this.lookLater();
  }

  private get isSettled(): boolean {
    return this.rest === null && this.lost === 0;
  }

  /** Writes what is due before anything new: the rest of a line, then how many were lost. True when nothing is due. */
  private settle(): boolean {
    if (this.rest !== null) {
      const { rest } = this;
      this.rest = null;
      this.put(rest, true);
    }
    if (this.rest === null && this.lost > 0) {
      const { lost } = this;
      this.lost = 0;
      this.put({ bytes: Buffer.from(this.notice(lost, this.reason)), lines: lost });
    }
    return this.isSettled;
  }

  /** @param begun whether a part is written already, so that the rest must follow */
  private put({ bytes, lines }: Piece, begun = false): void {
    let left = bytes;
    while (left.length > 0) {
      const written = writeNow(this.fd, left);
      if (written > 0) {
        left = left.subarray(written);
      } else if (FULL.has(-written) && (begun || left.length < bytes.length)) {
        this.rest = { bytes: left, lines };
        return;
      } else {
        this.lose(lines, FULL.has(-written) ? "full" : "closed");
        // The number may be given to another file now, which is none of ours.
        if (-written === os.errno.EBADF) this.fd = -1;
        return;
      }
    }
  }

  private lose(lines: number, reason: LossReason): void {
    this.reason = this.lost === 0 || this.reason === reason ? reason : "full or closed";
    this.lost += lines;
  }

  private lookLater(): void {
    this.looking ??= setInterval(() => {
      if (!this.settle() || this.looking === null) return;
      clearInterval(this.looking);
      this.looking = null;
    }, LOOK_EVERY_MS).unref();
  }
}

/**
 * An open file of our own for a pipe or a terminal, which poll(2) may call writable and which then waits all the same:
 * a terminal with room for one byte, a pipe that another process fills. The flags of `fd` itself are not ours alone.
 */
function withoutWaiting(fd: number): number {
  let stats: Stats;
  try {
    stats = fstatSync(fd);
    if (!stats.isFIFO() && !stats.isCharacterDevice()) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // Closed, or another user's: then it is written as it is.
    return fd;
  }
}
