// Lines to a descriptor that somebody else reads, or has stopped reading: never waits, never throws, keeps nothing but
// the rest of one line. What does not fit is dropped, counted, and said as soon as there is room again.

import { constants, fstatSync, openSync, type Stats } from "node:fs";
import { constants as os } from "node:os";
import { writeNow } from "./file-calls.ts";

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

type Refusal = "full" | "closed";
export type LossReason = Refusal | "full or closed";

export class Output {
  private fd: number;
  /** The rest of a line of which a part is written already: it goes first, so that no line is torn. */
  private rest: Uint8Array | null = null;
  private lost = 0;
  private reason: LossReason = "full";
  private looking: ReturnType<typeof setInterval> | null = null;

  /**
   * @param fd the descriptor, such as 2
   * @param notice the line, with its line break, that says how many lines were lost and why
   * @param reopen puts another reader behind the descriptor; gives the line that says so, or null when there is none
   */
  constructor(
    fd: number,
    private readonly notice: (lines: number, reason: LossReason) => string,
    private readonly reopen: (() => string | null) | null = null,
  ) {
    this.fd = withoutWaiting(fd);
  }

  /** Writes a text that ends in a line break, or drops it. */
  write(text: string): void {
    const due = this.settle();
    if (due !== null) this.lose(1, due);
    const refusal = due ?? this.put(Buffer.from(text), 1);
    if (this.isWorthALook(refusal)) this.lookLater();
  }

  /** What is closed and cannot be opened again hardly opens by itself: the next line tries it, and no timer. */
  private isWorthALook(refusal: Refusal | null): boolean {
    return refusal === "full" || (refusal === "closed" && this.reopen !== null);
  }

  /** Writes what is due before anything new: the rest of a line, then how many were lost. @returns null when all is */
  private settle(): Refusal | null {
    const { rest } = this;
    this.rest = null;
    const refusal = rest === null ? null : this.put(rest, 0, true);
    if (refusal !== null || this.lost === 0) return refusal;
    const refused = this.put(Buffer.from(this.notice(this.lost, this.reason)), 0);
    if (refused === null || this.rest !== null) this.lost = 0;
    return refused;
  }

  /**
   * Writes a text, or keeps the rest of it when it is begun, or drops it.
   * @param lines how many lines are lost with it
   * @param isBegun the start of it is written already
   * @param isAgain the descriptor was opened anew just now
   */
  private put(text: Uint8Array, lines: number, isBegun = false, isAgain = false): Refusal | null {
    let left = text;
    while (left.length > 0) {
      const written = writeNow(this.fd, left);
      if (written > 0) {
        left = left.subarray(written);
        continue;
      }
      const refusal = FULL.has(-written) ? "full" : "closed";
      const greeting = refusal === "closed" && !isAgain ? (this.reopen?.() ?? null) : null;
      if (greeting !== null) return this.beginAnew(greeting, text, lines, isBegun);
      // The number may be given to another file now, which is none of ours.
      if (-written === os.errno.EBADF) this.fd = -1;
      if (isBegun || left.length < text.length) this.rest = left;
      else this.lose(lines, refusal);
      return refusal;
    }
    return null;
  }

  /** The new reader gets whole lines: of one that the old one had a part of, the rest would look like one of its own. */
  private beginAnew(greeting: string, text: Uint8Array, lines: number, isBegun: boolean): Refusal | null {
    const refusal = this.put(Buffer.from(greeting), 0, false, true);
    if (isBegun || refusal !== null) {
      this.lose(isBegun ? 1 : lines, refusal ?? "closed");
      return refusal;
    }
    return this.put(text, lines, false, true);
  }

  private lose(lines: number, refusal: Refusal): void {
    this.reason = this.lost === 0 || this.reason === refusal ? refusal : "full or closed";
    this.lost += lines;
  }

  private lookLater(): void {
    this.looking ??= setInterval(() => {
      if (this.isWorthALook(this.settle()) || this.looking === null) return;
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
