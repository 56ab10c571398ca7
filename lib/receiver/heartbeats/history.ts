// The daily files of heartbeats: every row of 14 days, but never more than they may have of the disk, which they share with
// the episodes. What is given up for that is told, once. Each host's latest is not theirs to lose.

import { join } from "node:path";
import { formatBytes } from "../../core/units.ts";
import type { Log } from "../../runtime/log.ts";
import { createDayAppender, type DayFile, KEEP_DAYS, pruneDays } from "../day-files.ts";

export interface History {
  /**
   * Writes a row to the file of a day. When that file alone is as large as all may be, the row is left out.
   * @throws the disk's error
   */
  append(day: string, line: string): Promise<void>;
  /** Removes old days. Never rejects. */
  prune(nowMs: number): Promise<void>;
}

/** @param maxBytes what all daily files may have, bytes */
export function openHistory(dir: string, log: Log, maxBytes: number): History {
  const all = formatBytes(maxBytes);
  let toldOf = "";
  const onFull = (day: string): void => {
    if (day === toldOf) return;
    toldOf = day;
    log.warn(
      `no more heartbeats of ${day} are written to ${join(dir, `${day}.jsonl`)}: it has the ${all} that all daily files may have; the latest of each host still is; fix: see by the host_id of its rows who sends so much, or move it away`,
    );
  };
  return {
    append: createDayAppender(dir, { maxBytes, onFull }),
    async prune(nowMs) {
      const gone = await pruneDays(dir, nowMs, maxBytes);
      if (gone.length > 0) log.warn(goneText(dir, gone, all));
    },
  };
}

/** @param gone at least one, oldest first */
function goneText(dir: string, gone: readonly DayFile[], all: string): string {
  const days = gone.map(({ name }) => name.slice(0, 10));
  const which =
    days.length === 1
      ? `1 day of heartbeats (${days[0]})`
      : `${days.length} days of heartbeats (${days[0]} to ${days.at(-1)})`;
  const bytes = gone.reduce((sum, file) => sum + file.bytes, 0);
  return `removed ${which}, ${formatBytes(bytes)}, before ${KEEP_DAYS} days were over: the daily files in ${dir} may have ${all}; the days after, and the latest of each host, were kept`;
}
