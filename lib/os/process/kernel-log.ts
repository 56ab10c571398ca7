// Finds lines in the kernel's log by reading /dev/kmsg (Documentation/ABI/testing/dev-kmsg): what is there now, without
// waiting for more. Lines of programs are left out: only the kernel can say that the kernel killed something.

import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import type { Reading } from "../../core/reading.ts";

export interface KernelLine {
  /** Since boot, by the kernel's own clock. */
  seconds: number;
  text: string;
}

export interface KernelLog {
  lines: KernelLine[];
  /** Time was up before the last one. */
  cutShort: boolean;
}

/** A record is at most 8 KiB; a smaller buffer would be refused with EINVAL. */
const RECORD_BYTES = 8192;

/** Records read at most: the ring of a large machine holds far fewer. */
const RECORDS_MAX = 200_000;

/**
 * The last `max` kernel lines that match, oldest first.
 * @returns unreadable: EPERM without the right to read them, ENOENT where there is no such device
 */
export function readKernelLog(root: string, wanted: RegExp, max: number, isLate: () => boolean): Reading<KernelLog> {
  let fd: number;
  try {
    fd = openSync(join(root, "dev/kmsg"), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { unreadable: errorCode(error) ?? "error" };
  }
  try {
    return collect(fd, wanted, max, isLate);
  } catch (error) {
    return { unreadable: errorCode(error) ?? "error" };
  } finally {
    closeSync(fd);
  }
}

function collect(fd: number, wanted: RegExp, max: number, isLate: () => boolean): KernelLog {
  const log: KernelLog = { lines: [], cutShort: false };
  const buffer = Buffer.alloc(RECORD_BYTES);
  // A read gives one record; of a plain file (a fixture) it gives any number, and part of one.
  let rest = "";
  for (let count = 0; count < RECORDS_MAX; count++) {
    log.cutShort = isLate();
    if (log.cutShort) break;
    const bytes = readRecord(fd, buffer);
    if (bytes === null) continue;
    if (bytes === 0) break;
    const texts = (rest + buffer.toString("utf8", 0, bytes)).split("\n");
    rest = texts.pop() ?? "";
    for (const text of texts) {
      const line = parseKernelRecord(text);
      if (line !== null && wanted.test(line.text)) log.lines.push(line);
    }
    if (log.lines.length > max) log.lines.splice(0, log.lines.length - max);
  }
  return log;
}

/** Bytes of the next record; 0 after the last. Null: older records were overwritten, the next read goes on after them. */
function readRecord(fd: number, buffer: Buffer): number | null {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    if (errorCode(error) === "EAGAIN") return 0;
    if (errorCode(error) === "EPIPE") return null;
    throw error;
  }
}

/** Reads the first line of a record, `6,339,5140900,-;text`; null for other lines and for what a program wrote there. */
export function parseKernelRecord(line: string): KernelLine | null {
  const [, prefix, usec, text] = /^(\d+),\d+,(\d+),[^;]*;(.*)$/s.exec(line) ?? [];
  if (prefix === undefined || usec === undefined || text === undefined) return null;
  // The prefix is facility * 8 + level; the kernel's facility is 0, and it never lets a program use that.
  return Number(prefix) < 8 ? { seconds: Number(usec) / 1_000_000, text } : null;
}
