// attempts/<UTC day>.jsonl: one row a decided PUT, for whoever asks why a host's episodes are refused. Written within a
// second, not flushed to the disk: losing the last second in a power cut costs a line of statistics and no episode.

import { errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import type { AttemptRow } from "../core/types.ts";
import type { Log } from "../runtime/log.ts";
import { appendToDay, pruneDays } from "./day-files.ts";

const FLUSH_MS = 1000;
/** More than this in one second is a flood: it is counted, not written. */
const ROWS_PER_FLUSH = 10_000;

export interface Attempts {
  add(row: AttemptRow): void;
  /** Writes what is waiting. Never rejects. */
  flush(): Promise<void>;
  /** Removes old days (day-files.ts). Never rejects. */
  prune(nowMs: number): Promise<void>;
}

export function openAttempts(dir: string, log: Log): Attempts {
  let waiting: AttemptRow[] = [];
  let dropped = 0;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let failing = false;
  let writing = Promise.resolve();

  const write = async (rows: AttemptRow[]): Promise<void> => {
    const days = Map.groupBy(rows, (row) => row.at.slice(0, 10));
    try {
      for (const [day, ofDay] of days)
        await appendToDay(
          dir,
          day,
          ofDay.map((row) => JSON.stringify(row)),
        );
      failing = false;
    } catch (error) {
      if (!failing)
        log.error(`cannot write attempts to ${dir}: ${quoted(errorText(error))}; episodes are stored all the same`);
      failing = true;
    }
  };
  const flush = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const rows = waiting;
    waiting = [];
    if (dropped > 0) log.warn(`${dropped} attempts in one second were too many to be written`);
    dropped = 0;
    if (rows.length > 0) writing = writing.then(() => write(rows));
    return writing;
  };
  return {
    add(row) {
      if (waiting.length < ROWS_PER_FLUSH) waiting.push(row);
      else dropped++;
      timer ??= setTimeout(() => void flush(), FLUSH_MS);
    },
    flush,
    async prune(nowMs) {
      await pruneDays(dir, nowMs);
    },
  };
}
