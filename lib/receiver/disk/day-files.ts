// <UTC day>.jsonl: rows of a day, for whoever asks later. Written when the promise resolves, not flushed to the disk: a
// power cut takes the last seconds of statistics, and a flush would be taken from the episodes' disk.

import { closeSync, constants } from "node:fs";
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { failpoint } from "../../os/failpoint.ts";
import { makeDirsNow, openOrMake } from "../../os/files/owner.ts";
import { createBatch } from "./batch.ts";
import { HERE, type NeedHere } from "./presence.ts";

/** Days that are kept. */
export const KEEP_DAYS = 14;
const DAY_MS = 86_400_000;
const NEWLINE = 0x0a;

export interface DayFile {
  name: string;
  bytes: number;
}

/** Day files that go, oldest first, and why. */
export interface Expired {
  /** Older than `KEEP_DAYS`, and so many newer ones are there, or all are more than they may be. */
  aged: DayFile[];
  /** Younger, but all are more than they may be. */
  crowded: DayFile[];
}

/**
 * The day files that go: those that are older than `KEEP_DAYS`, and while all are more than `maxBytes` the oldest. Today's
 * stays, and so do the newest `KEEP_DAYS` files, whatever the clock says: one that runs years ahead removes nothing. Pure.
 */
export function expiredDays(files: readonly DayFile[], nowMs: number, maxBytes = Number.POSITIVE_INFINITY): Expired {
  const first = new Date(nowMs - KEEP_DAYS * DAY_MS).toISOString().slice(0, 10);
  const today = new Date(nowMs).toISOString().slice(0, 10);
  const days = files.filter(({ name }) => /^\d{4}-\d{2}-\d{2}\.jsonl$/.test(name));
  const newestFirst = [...days].sort((a, b) => (a.name < b.name ? 1 : -1));
  const expired: Expired = { aged: [], crowded: [] };
  let bytes = 0;
  for (const [newer, file] of newestFirst.entries()) {
    const day = file.name.slice(0, 10);
    bytes += file.bytes;
    const isCrowded = bytes > maxBytes && day < today;
    if (day < first && (newer >= KEEP_DAYS || isCrowded)) expired.aged.unshift(file);
    else if (isCrowded) expired.crowded.unshift(file);
  }
  return expired;
}

/** The day files of `dir`. Never rejects. */
export async function dayFiles(dir: string): Promise<DayFile[]> {
  const files: DayFile[] = [];
  for (const name of await readdir(dir).catch(() => [])) {
    if (!name.endsWith(".jsonl")) continue;
    const facts = await stat(join(dir, name)).catch(() => null);
    if (facts !== null) files.push({ name, bytes: facts.size });
  }
  return files;
}

/**
 * Removes the day files of `dir` that have expired. Never rejects.
 * @returns those that are gone before their time
 */
export async function pruneDays(dir: string, nowMs: number, maxBytes?: number): Promise<DayFile[]> {
  const files = await dayFiles(dir);
  const { aged, crowded } = expiredDays(files, nowMs, maxBytes);
  const remove = ({ name }: DayFile): Promise<boolean> =>
    rm(join(dir, name), { force: true }).then(
      () => true,
      () => false,
    );
  for (const file of aged) await remove(file);
  const gone: DayFile[] = [];
  for (const file of crowded) if (await remove(file)) gone.push(file);
  return gone;
}

/**
 * Appends lines, given without line breaks, to the file of a day. One call at a time for each directory. A line that a
 * crash tore is ended first, and one that fails to be written, such as on a full disk, is cut off again.
 * @param maxBytes a file that has so many takes no more lines
 * @param needHere asked before anything is made
 * @returns false: it takes no more; none of the lines is in the file
 * @throws the disk's error; none of the lines is then in the file
 */
export async function appendToDay(
  dir: string,
  day: string,
  lines: readonly string[],
  maxBytes = Number.POSITIVE_INFINITY,
  needHere: NeedHere = HERE,
): Promise<boolean> {
  const handle = await openIn(dir, `${day}.jsonl`, needHere);
  try {
    const { size } = await handle.stat();
    if (size >= maxBytes) return false;
    const last = Buffer.alloc(1);
    if (size > 0) await handle.read(last, 0, 1, size - 1);
    const start = size > 0 && last[0] !== NEWLINE ? "\n" : "";
    failpoint("receiver.before-day-append");
    try {
      await handle.appendFile(`${start}${lines.join("\n")}\n`);
    } catch (error) {
      await handle.truncate(size).catch(() => undefined);
      throw error;
    }
    failpoint("receiver.after-day-append");
    return true;
  } finally {
    await handle.close();
  }
}

async function openIn(dir: string, name: string, needHere: NeedHere) {
  const path = join(dir, name);
  const flags = constants.O_RDWR | constants.O_APPEND;
  try {
    return await open(path, flags);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    needHere();
    makeDirsNow(dir, 0o750);
    closeSync(openOrMake(path, flags, 0o640));
    return open(path, flags);
  }
}

/** How large a day's file may become, and who is told that one takes no more lines: each time, with the day; see also `HERE`. */
export interface DayLimit {
  maxBytes: () => number;
  onFull: (day: string) => void;
  needHere: NeedHere;
}

/**
 * Returns a function that appends a line to the file of a day, for many callers at once: those that wait share one write,
 * by which a file may outgrow its limit. It rejects with the disk's error; the line is then not in the file, and neither is
 * one that comes when the file is full.
 */
export function createDayAppender(
  dir: string,
  { maxBytes, onFull, needHere }: DayLimit,
): (day: string, line: string) => Promise<void> {
  const add = createBatch(async (group: readonly { day: string; line: string }[]) => {
    const failed = new Map<string, unknown>();
    for (const [day, ofDay] of Map.groupBy(group, (one) => one.day)) {
      const lines = ofDay.map(({ line }) => line);
      const append = appendToDay(dir, day, lines, maxBytes(), needHere);
      await append.then((isOpen) => isOpen || onFull(day)).catch((error: unknown) => failed.set(day, error));
    }
    return (at) => {
      const day = group[at]?.day ?? "";
      if (failed.has(day)) throw failed.get(day);
    };
  });
  return (day, line) => add({ day, line });
}
