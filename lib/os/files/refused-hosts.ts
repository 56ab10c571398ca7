// Which hosts were refused since yesterday, how often and why: from the rows of attempts/, yesterday's and today's, read on
// from where they were read last. Of files that grew large before we came only the end is read. A host whose upload was taken since is
// not refused any more; one whose heartbeats are is, whatever it ships.

import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { type AttemptLine, parseAttempt, successIn } from "../../contract/attempt-row.ts";
import { addTally, type RefusedTally, tallyRefusal } from "../../contract/refused-tally.ts";
import { utcDay } from "../../core/clock.ts";
import { errorCode } from "../../core/failure.ts";
import { openRegular } from "./regular.ts";

const DAY_MS = 86_400_000;
/** What is read of a file at the first look, bytes. */
const TAIL_BYTES = 8 * 1024 * 1024;
/** Read at a time; requests have their turn in between. */
const BLOCK_BYTES = 64 * 1024;

export interface RefusedHosts {
  /** Where it is looked. */
  readonly dir: string;
  /** @throws the disk's error */
  look(nowMs: number): Promise<ReadonlyMap<string, RefusedTally>>;
}

interface Day {
  day: string;
  /** Up to here it was read. */
  offset: number | null;
  /** Of heartbeats, and of all else. */
  beats: Map<string, RefusedTally>;
  others: Map<string, RefusedTally>;
  /** When the newest upload of each host was taken, as it is written there. */
  taken: Map<string, string>;
}

function newDay(day: string): Day {
  return { day, offset: null, beats: new Map(), others: new Map(), taken: new Map() };
}

export function openRefusedHosts(dir: string, tailBytes = TAIL_BYTES): RefusedHosts {
  let days: Day[] = [];
  let turn: Promise<unknown> = Promise.resolve();
  const look = async (nowMs: number): Promise<ReadonlyMap<string, RefusedTally>> => {
    const wanted = [utcDay(nowMs - DAY_MS), utcDay(nowMs)];
    days = wanted.map((day) => days.find((known) => known.day === day) ?? newDay(day));
    for (const day of days) await readOn(join(dir, `${day.day}.jsonl`), day, tailBytes);
    return merge(days);
  };
  return {
    dir,
    look: (nowMs) => {
      const mine = turn.then(() => look(nowMs));
      turn = mine.catch(() => undefined);
      return mine;
    },
  };
}

function merge(days: readonly Day[]): Map<string, RefusedTally> {
  const all = new Map<string, RefusedTally>();
  const others = new Map<string, RefusedTally>();
  const takenMs = new Map<string, number>();
  for (const day of days) {
    for (const [host, tally] of day.beats) addTally(all, host, tally);
    for (const [host, tally] of day.others) addTally(others, host, tally);
    for (const [host, at] of day.taken) takenMs.set(host, Math.max(takenMs.get(host) ?? 0, Date.parse(at) || 0));
  }
  for (const [host, tally] of others) if (tally.atMs > (takenMs.get(host) ?? 0)) addTally(all, host, tally);
  return all;
}

async function readOn(path: string, day: Day, tailBytes: number): Promise<void> {
  try {
    await using file = await openRegular(path);
    // A line that we come into the middle of is no row, and is passed over.
    day.offset ??= Math.max(0, file.size - tailBytes);
    await readLines(file.handle, day, file.size);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

/** Reads whole lines; an unfinished last one is read again at the next look. */
async function readLines(file: FileHandle, day: Day, size: number): Promise<void> {
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let offset = day.offset ?? 0;
  while (offset < size) {
    const { bytesRead } = await file.read(block, 0, block.length, offset);
    const end = block.subarray(0, bytesRead).lastIndexOf(0x0a);
    // No row is as long as a block: what is, is passed over.
    if (end < 0 && bytesRead < block.length) break;
    const text = block.toString("utf8", 0, Math.max(end, 0));
    for (const line of text.split("\n")) noteLine(day, line);
    offset += end < 0 ? bytesRead : end + 1;
    day.offset = offset;
  }
}

function noteLine({ beats, others, taken }: Day, line: string): void {
  if (line === "") return;
  const success = successIn(line);
  if (success !== null) {
    if (success.what === "episode") taken.set(success.host, success.at);
    return;
  }
  const read = parseAttempt(line);
  if (read !== null) tallyRefusal(isOfBeat(read) ? beats : others, read);
}

function isOfBeat(line: AttemptLine): boolean {
  return (line.kind === "sum" ? line.sum.what : line.row.what) === "heartbeat";
}
