// attempts/<UTC day>.jsonl: one row a decided PUT of a known sender, and sums of what others were refused, for whoever asks
// why nothing comes from a host. Written within a second, not flushed to the disk: losing the last second in a power cut costs
// a line of statistics and no episode. What may be written in a day is bounded, and never taken from the disk's reserve.

import { join } from "node:path";
import { type AttemptRow, formatAttempt, type RefusalSum } from "../../contract/attempt-row.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { SaidOnce } from "../../core/said-once.ts";
import { quoted } from "../../core/text/fields.ts";
import { formatBytes } from "../../core/text/quantity.ts";
import { makeDirsNow } from "../../os/files/owner.ts";
import type { Log } from "../../runtime/log/log.ts";
import { appendToDay, pruneDays } from "../disk/day-files.ts";
import { HERE, type NeedHere } from "../disk/presence.ts";
import { collapse } from "./refusal-sums.ts";

const FLUSH_MS = 1000;
/** More than this in one second is a flood: it is counted, not written. */
const ROWS_PER_FLUSH = 10_000;

/** Bytes that may be written. A row has some 250, so that these are a million PUTs a day. */
export const ATTEMPT_LIMITS = {
  rowsPerDay: 256 * 1024 ** 2,
  /** Sums, which anyone can cause, get so many of their own; beyond that they are collapsed, a dozen lines a minute. */
  sumsPerDay: 16 * 1024 ** 2,
  collapsedPerDay: 4 * 1024 ** 2,
  /** All days; the oldest go. */
  all: 1024 ** 3,
};

export interface Attempts {
  add(row: AttemptRow): void;
  /** Writes sums, less exactly if there is no room for all. @returns those that are not written: there is none now */
  addSums(sums: readonly RefusalSum[]): Promise<RefusalSum[]>;
  /** Writes what is waiting. Never rejects. */
  flush(): Promise<void>;
  /** Removes old days (day-files.ts). Never rejects. */
  prune(nowMs: number): Promise<void>;
}

export interface AttemptParts {
  dir: string;
  log: Log;
  /** False while the disk's reserve would have to be written into. */
  hasRoom?: () => boolean;
  limits?: typeof ATTEMPT_LIMITS;
  /** Asked before anything is made. */
  needHere?: NeedHere;
}

export function openAttempts(parts: AttemptParts): Attempts {
  try {
    // There from the start on: whoever finds none takes the receiver for one that writes none.
    parts.needHere?.();
    makeDirsNow(parts.dir, 0o750);
  } catch (error) {
    // Said when a row cannot be written into it.
    if (errorCode(error) === null) throw error;
  }
  return new DayAttempts(parts);
}

/** Why rows are not written; each is said once, until some are written again. */
type Lost = "disk" | "reserve" | "day";

class DayAttempts implements Attempts {
  private waiting: AttemptRow[] = [];
  private dropped = 0;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly said = new SaidOnce();
  private writing: Promise<unknown> = Promise.resolve();
  /** Bytes of sums that were written, by day. */
  private sums = { day: "", bytes: 0 };
  private readonly limits: typeof ATTEMPT_LIMITS;

  constructor(private readonly parts: AttemptParts) {
    this.limits = parts.limits ?? ATTEMPT_LIMITS;
  }

  add(row: AttemptRow): void {
    if (this.waiting.length < ROWS_PER_FLUSH) this.waiting.push(row);
    else this.dropped++;
    this.timer ??= setTimeout(() => void this.flush(), FLUSH_MS);
  }

  addSums(sums: readonly RefusalSum[]): Promise<RefusalSum[]> {
    return this.inTurn(() => this.writeSums(sums));
  }

  async flush(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const rows = this.waiting;
    this.waiting = [];
    if (this.dropped > 0) this.parts.log.warn(`${this.dropped} attempts in one second were too many to be written`);
    this.dropped = 0;
    await this.inTurn(() => this.writeRows(rows));
  }

  async prune(nowMs: number): Promise<void> {
    const gone = await pruneDays(this.parts.dir, nowMs, this.limits.all);
    if (gone.length === 0) return;
    const names = gone.map(({ name }) => name).join(", ");
    this.parts.log.warn(
      `removed ${names} from ${this.parts.dir} before their time: all of it may have ${formatBytes(this.limits.all)}`,
    );
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.writing.then(work);
    this.writing = mine;
    return mine;
  }

  private async writeRows(rows: readonly AttemptRow[]): Promise<void> {
    for (const [day, ofDay] of Map.groupBy(rows, (row) => row.at.slice(0, 10))) {
      await this.append(day, ofDay.map(formatAttempt), this.limits.rowsPerDay);
    }
  }

  private async writeSums(sums: readonly RefusalSum[]): Promise<RefusalSum[]> {
    const left: RefusalSum[] = [];
    for (const [day, ofDay] of Map.groupBy(sums, ({ from }) => from.slice(0, 10))) {
      const before = day === this.sums.day ? this.sums.bytes : 0;
      const { sumsPerDay, collapsedPerDay, rowsPerDay } = this.limits;
      const exact = ofDay.map(formatAttempt);
      const lines = before + sizeOf(exact) <= sumsPerDay ? exact : collapse(ofDay).map(formatAttempt);
      if (before + sizeOf(lines) > sumsPerDay + collapsedPerDay) continue;
      // The file may have been filled by rows; sums are few, and what anyone caused is no reason to lose them.
      const isWritten = await this.append(day, lines, rowsPerDay + sumsPerDay + collapsedPerDay);
      if (isWritten) this.sums = { day, bytes: before + sizeOf(lines) };
      else left.push(...ofDay);
    }
    return left;
  }

  /** Never rejects. @returns whether the lines are written */
  private async append(day: string, lines: readonly string[], maxBytes: number): Promise<boolean> {
    const { dir, log, hasRoom = () => true, needHere = HERE } = this.parts;
    try {
      if (!hasRoom()) this.lose("reserve", `no attempts are written to ${dir}: the disk is down to its reserve`);
      else if (await appendToDay(dir, day, lines, maxBytes, needHere)) {
        this.said.isOver(dir);
        return true;
      } else {
        const file = join(dir, `${day}.jsonl`);
        this.lose("day", `no more attempts of ${day} are written to ${file}: it has ${formatBytes(maxBytes)}`);
      }
    } catch (error) {
      if (this.said.isNews(dir, "disk"))
        log.error(`cannot write attempts to ${dir}: ${quoted(errorText(error))}; no episode waits for that`);
    }
    return false;
  }

  private lose(why: Lost, text: string): void {
    if (this.said.isNews(this.parts.dir, why)) this.parts.log.warn(`${text}; no episode waits for that`);
  }
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length + 1, 0);
}
