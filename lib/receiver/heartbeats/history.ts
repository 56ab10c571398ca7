// The daily files of heartbeats: the rows of 14 days, but never more than they may have of the disk, which they share with
// the episodes. What is given up for that is told, once. Each host's latest is not theirs to lose.

import { join } from "node:path";
import { utcDay } from "../../core/clock.ts";
import { inWords } from "../../core/finding.ts";
import { counted, formatBytes } from "../../core/text/quantity.ts";
import type { Log } from "../../runtime/log/log.ts";
import { createDayAppender, type DayFile, dayFiles, KEEP_DAYS, pruneDays } from "../disk/day-files.ts";
import { HERE, type NeedHere } from "../disk/presence.ts";
import { hostNames } from "./latest-file.ts";

export interface History {
  /**
   * Writes a row to the file of a day. When that file alone is as large as all may be, the row is left out.
   * @throws the disk's error
   */
  append(day: string, line: string): Promise<void>;
  /** Removes old days. Never rejects. */
  prune(nowMs: number): Promise<void>;
  /** What they hold and how far that goes, in one line. Never rejects. */
  describe(nowMs: number): Promise<string>;
}

/** @param maxBytes what all daily files may have now, bytes @param needHere asked before anything is made */
export function openHistory(dir: string, log: Log, maxBytes: () => number, needHere: NeedHere = HERE): History {
  const all = (): string => formatBytes(maxBytes());
  let toldOf = "";
  const onFull = (day: string): void => {
    if (day === toldOf) return;
    toldOf = day;
    log.warn({
      what: `no more heartbeats of ${day} are written to ${join(dir, `${day}.jsonl`)}: it has the ${all()} that all daily files may have; the latest of each host still is`,
      fix: inWords("raise [heartbeats] history_max, see by the host_id of its rows who sends so much, or move it away"),
    });
  };
  return {
    append: createDayAppender(dir, { maxBytes, onFull, needHere }),
    async prune(nowMs) {
      const gone = await pruneDays(dir, nowMs, maxBytes());
      if (gone.length > 0) log.warn(goneText(dir, gone, all()));
    },
    async describe(nowMs) {
      const hosts = (await hostNames(dir).catch(() => [])).length;
      return reachText({ files: await dayFiles(dir), hosts, maxBytes: maxBytes(), today: utcDay(nowMs) });
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

/** What a host leaves a day, where no whole day tells it: a few dozen results, mostly as they were, bytes. */
const USUAL_BYTES = 2 * 1024 * 1024;

export interface Reach {
  files: readonly DayFile[];
  /** Hosts that are known. */
  hosts: number;
  maxBytes: number;
  today: string;
}

/** How many days the daily files hold of how many hosts, and how far their room goes. Pure. */
export function reachText({ files, hosts, maxBytes, today }: Reach): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const whole = files.filter(({ name }) => name.slice(0, 10) < today);
  const wholeBytes = whole.reduce((sum, file) => sum + file.bytes, 0);
  const perHostDay = hosts > 0 && wholeBytes > 0 ? wholeBytes / whole.length / hosts : USUAL_BYTES;
  const most = Math.floor(maxBytes / (perHostDay * KEEP_DAYS));
  const days = Math.min(KEEP_DAYS, maxBytes / (perHostDay * Math.max(1, hosts)));
  const reach = days >= KEEP_DAYS ? `${KEEP_DAYS} days` : `${days.toFixed(1)} of ${KEEP_DAYS} days`;
  return `heartbeats of ${counted(hosts, "host")}: ${counted(files.length, "day")}, ${formatBytes(bytes)} of ${formatBytes(maxBytes)}; at ${formatBytes(perHostDay)} a host and day that holds ${reach} (${KEEP_DAYS} days of ${most} hosts)`;
}
