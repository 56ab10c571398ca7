// The sequence number of heartbeats, over restarts, kills, power cuts and full disks: it may skip numbers, but gives none
// twice in a boot, for a receiver takes the second one for a duplicate.

import { isUnreadable } from "../../core/reading.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import { MAX_SEQUENCE, overwriteFile, replaceFile } from "./spool-files.ts";

/** So many numbers are taken with one write: the agent of an idle host writes to its card once an hour. */
const RESERVED = 60;

/** Always the same length, so that it can be written over in place. */
const textOf = (sequence: number): string => `${String(sequence).padEnd(15)}\n`;

export class Sequence {
  private last: number;
  /** The number in the file: none up to it will be given again. */
  private reserved: number;
  /** What is wrong with the file as it was found, or null. */
  readonly problem: string | null;

  /**
   * @param file on the disk
   * @param spare where it is noted when the disk does not take it: in memory, for this boot; null: nowhere
   */
  constructor(
    readonly file: string,
    private readonly spare: string | null,
  ) {
    const found = readNumber(file);
    const noted = spare === null ? null : readNumber(spare);
    this.reserved = typeof found === "number" ? found : -1;
    this.last = Math.max(this.reserved, typeof noted === "number" ? noted : 0, 0);
    this.problem = typeof found === "string" ? found : null;
  }

  /** The last one that was given, as far as is known. */
  get current(): number {
    return this.last;
  }

  /** The next number; no heartbeat had it. */
  next(): number {
    return ++this.last;
  }

  /** One that turned up later was given already. */
  skipTo(sequence: number): void {
    this.last = Math.max(this.last, sequence);
  }

  /**
   * Sees to it that the last number is not given again.
   * @param probe write it whatever stands there, as a new file: shows whether the disk takes any
   * @throws Error of the system
   */
  save(probe = false): void {
    if (this.last <= this.reserved && !probe) return;
    const reserved = this.last + RESERVED - 1;
    try {
      (probe ? replaceFile : overwriteFile)(this.file, textOf(reserved));
      this.reserved = reserved;
    } catch (error) {
      this.reserved = -1;
      this.saveSpare();
      throw error;
    }
  }

  /** Gives back what was reserved and not used: after a clean stop no number is skipped. */
  close(): void {
    if (this.reserved <= this.last) return;
    try {
      overwriteFile(this.file, textOf(this.last));
    } catch {
      // They are skipped.
    }
  }

  private saveSpare(): void {
    if (this.spare === null) return;
    try {
      overwriteFile(this.spare, textOf(this.last));
    } catch {
      // Neither disk nor memory takes a line: then a restart may give a number twice.
    }
  }
}

/** The number in a file; null: there is none; else what is wrong with it. */
function readNumber(path: string): number | string | null {
  const file = readSmallFile(path, 64);
  if (file === null) return null;
  if (isUnreadable(file)) return `cannot be read (${file.unreadable})`;
  const [, digits] = /^\s*(\d{1,15})\s*$/.exec(file.text) ?? [];
  const number = Number(digits ?? Number.NaN);
  return number <= MAX_SEQUENCE ? number : "holds no number";
}
