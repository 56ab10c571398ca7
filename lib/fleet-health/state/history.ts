// incidents.jsonl: rows are appended after the state that names them is on the disk, and by their numbers: a kill in between costs
// none, and writes none twice.

import { closeSync, constants, fstatSync, fsyncSync, readSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { formatIncident, type IncidentRow, parseIncident } from "../../contract/incident-row.ts";
import { errorCode } from "../../core/failure.ts";
import { openOrMake } from "../../os/files/owner.ts";

/** Appends those that do not stand there yet; on the disk when it resolves. Rejects as the system does. */
export async function appendHistory(path: string, rows: readonly IncidentRow[]): Promise<void> {
  const last = rows.length === 0 ? 0 : await lastSequence(path);
  const fresh = rows.filter(({ sequence }) => sequence > last);
  if (fresh.length === 0) return;
  const { O_RDWR, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openOrMake(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0o640);
  try {
    const text = fresh.map((row) => `${formatIncident(row)}\n`).join("");
    // A line that a power cut has torn must not take the next one along.
    writeSync(fd, isEnded(fd) ? text : `\n${text}`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function isEnded(fd: number): boolean {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  return size === 0 || (readSync(fd, last, 0, 1, size - 1) === 1 && last[0] === 0x0a);
}

/** So much of its end holds the last row: one of ten thousand hosts is not as long. */
const TAIL_BYTES = 4 * 1024 ** 2;

/** The number of the last row, whether its line was ended or not; 0: there is none. */
export async function lastSequence(path: string): Promise<number> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    await file.read(bytes, 0, bytes.length, size - bytes.length);
    const rows = bytes.toString("utf8").split("\n").map(parseIncident);
    return rows.findLast((row) => row !== null)?.sequence ?? 0;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return 0;
    throw error;
  }
}
