// attempts/<UTC day>.jsonl: one row a decided PUT, for whoever asks why a host's episodes are refused. Written within a
// second, not flushed to the disk: losing the last second in a power cut costs a line of statistics and no episode.

import { appendFile, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { errorText } from "../core/failure.ts";
import { quoted } from "../core/fields.ts";
import type { AttemptRow } from "../core/types.ts";
import type { Log } from "../runtime/log.ts";

/** Days that attempts are kept. */
export const KEEP_DAYS = 14;
const FLUSH_MS = 1000;
/** More than this in one second is a flood: it is counted, not written. */
const ROWS_PER_FLUSH = 10_000;
const DAY_MS = 86_400_000;

export interface Attempts {
  add(row: AttemptRow): void;
  /** Writes what is waiting. Never rejects. */
  flush(): Promise<void>;
  /** Removes days before `KEEP_DAYS` ago. Never rejects. */
  prune(nowMs: number): Promise<void>;
}

/** The day files that are older than `KEEP_DAYS`. Pure. */
export function expiredDays(names: readonly string[], nowMs: number): string[] {
  const first = new Date(nowMs - KEEP_DAYS * DAY_MS).toISOString().slice(0, 10);
  return names.filter((name) => /^\d{4}-\d{2}-\d{2}\.jsonl$/.test(name) && name.slice(0, 10) < first);
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
      await mkdir(dir, { recursive: true, mode: 0o750 });
      for (const [day, ofDay] of days) {
        await appendFile(join(dir, `${day}.jsonl`), ofDay.map((row) => `${JSON.stringify(row)}\n`).join(""), {
          mode: 0o640,
        });
      }
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
      const names = await readdir(dir).catch(() => []);
      for (const name of expiredDays(names, nowMs)) await rm(join(dir, name), { force: true }).catch(() => undefined);
    },
  };
}
