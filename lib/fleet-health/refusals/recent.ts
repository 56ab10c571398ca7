// The attempts of the last minutes, from attempts/<UTC day>.jsonl: the end of today's file, and of those before it as far as the window goes.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type AttemptRow, parseAttempt } from "../../contract/attempt-row.ts";
import { errorCode } from "../../core/failure.ts";
import { namesIn } from "../../os/files/files.ts";
import { openRegular } from "../../os/files/regular.ts";
import { type SetBack, wasBefore } from "../coverage/set-back.ts";
import { linesBackwards } from "../index/lines.ts";
import { parseIso } from "../python/python-time.ts";

/** So many bytes of rows that are too old, in a row, and no more is read: a clock that was set leaves a few among the others. */
const OLD_BYTES = 1024 ** 2;
const DAY_MS = 86_400_000;
const DAY_US = DAY_MS * 1000;

export interface Recent {
  /** In the order in which they were decided. */
  rows: AttemptRow[];
  /** Lines that are neither a row nor a sum. */
  bad: number;
}

/** Which are asked for, microseconds since 1970. */
export interface Window {
  sinceMicros: number;
  nowMicros: number;
  /** What was decided before one of them is not recent, whatever its time says. */
  setBacks: readonly SetBack[];
}

/** Those at or after `sinceMicros`, and not after `nowMicros`. A day without a file had none. Rejects where one cannot be read. */
export async function recentAttempts(dir: string, window: Window): Promise<Recent> {
  const { sinceMicros, nowMicros } = window;
  const [first, last] = [Math.floor(sinceMicros / DAY_US), Math.floor(nowMicros / DAY_US)];
  // Only what is there is looked for: the last run may be long ago, or now be far from it, as `--now` says.
  const names = (await namesIn(dir)).filter((name) => dayOf(name) >= first && dayOf(name) <= last);
  const found: Recent = { rows: [], bad: 0 };
  for (const name of names.sort()) {
    const { rows, bad } = await ofFile(dir, name, window);
    found.rows = found.rows.concat(rows.reverse());
    found.bad += bad;
  }
  return found;
}

/** The day of a file, counted since 1970: as a number, for beyond the year 9999 a text is not in order. NaN: it is no day's. */
function dayOf(name: string): number {
  const [, day = ""] = /^(\d{4}-\d\d-\d\d)\.jsonl$/.exec(name) ?? [];
  return Date.parse(day) / DAY_MS;
}

/** How long the files of that day, of the one before and of later ones are, by their names, bytes. Rejects where that cannot be told. */
export async function attemptSizes(dir: string, sinceMs: number): Promise<Record<string, number>> {
  const names = (await namesIn(dir)).filter((name) => dayOf(name) >= Math.floor(sinceMs / DAY_MS) - 1);
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await stat(join(dir, name))).size])));
}

/** The newest first. */
async function ofFile(dir: string, name: string, { sinceMicros, nowMicros, setBacks }: Window): Promise<Recent> {
  const found: Recent = { rows: [], bad: 0 };
  try {
    await using file = await openRegular(join(dir, name));
    let old = 0;
    for await (const lines of linesBackwards(file.handle, file.size)) {
      for (const { text, bytes, end } of lines) {
        const line = text === null ? null : parseAttempt(text);
        if (line === null) found.bad += 1;
        if (line?.kind !== "attempt") continue;
        const micros = parseIso(line.row.at);
        if (micros === null) found.bad += 1;
        else if (micros < sinceMicros) old += bytes;
        else if (micros <= nowMicros && !wasBefore(setBacks, name, end)) {
          old = 0;
          found.rows.push(line.row);
        }
      }
      // Some more than needed are read, and passed over.
      if (old > OLD_BYTES) break;
    }
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
  return found;
}
