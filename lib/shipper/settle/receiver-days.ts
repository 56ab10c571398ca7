// The age of what a person should see before it is removed, in days that no clock of this host has to be right for: one counter,
// stepped by the pinned receiver's own `Date` (docs/protocol.md, “What is removed”). A host that wakes up in 1970 or in 2030, and a
// receiver whose clock runs away, step it by one at most, and only after most of a day or a reboot.

import { join } from "node:path";
import { hasFields, isNumber, isText, parseShaped } from "../../core/text/shape.ts";
import { readIfExists, writeFileDurable } from "../../os/files/files.ts";
import { readUptimeS } from "../../os/uptime.ts";

export interface DayCount {
  days: number;
  /** The receiver's UTC day at the last step, `2026-05-01`. */
  utc_day: string;
  boot_id: string;
  /** CLOCK_BOOTTIME at the last step, seconds: it counts while the machine sleeps, too. */
  boottime_s: number;
}

/** When and where an answer of the pinned receiver came. */
export interface Seen {
  utcDay: string;
  bootId: string;
  boottimeS: number;
}

/** Least time between two steps within a boot, seconds: less than a day, so that a day that is a little early counts. */
const STEP_S = 20 * 3600;

/** The counter after an answer; the same object when it does not step. Pure. */
export function stepDays(count: DayCount | null, { utcDay, bootId, boottimeS }: Seen): DayCount {
  const at = { utc_day: utcDay, boot_id: bootId, boottime_s: boottimeS };
  if (count === null) return { days: 0, ...at };
  const isAnotherDay = utcDay !== count.utc_day;
  const isLater = bootId !== count.boot_id || boottimeS - count.boottime_s >= STEP_S;
  return isAnotherDay && isLater ? { days: count.days + 1, ...at } : count;
}

export interface ReceiverDays {
  /** Today's number; 0 before the first answer. */
  today(): number;
  /** An answer of the pinned receiver came with this `Date`, milliseconds since 1970. Resolves when a step is on the disk. */
  seen(dateMs: number): Promise<void>;
}

/** Opens the counter of a data root. One that cannot be read begins anew: everything is kept the longer. */
export async function openReceiverDays(
  dataRoot: string,
  bootId: string,
  boottimeS = readUptimeS,
): Promise<ReceiverDays> {
  const path = join(dataRoot, "receiver-days.json");
  let count = parseDays((await readIfExists(path).catch(() => null)) ?? "");
  return {
    today: () => count?.days ?? 0,
    async seen(dateMs) {
      if (!Number.isFinite(dateMs)) return;
      const before = count;
      count = stepDays(count, { utcDay: new Date(dateMs).toISOString().slice(0, 10), bootId, boottimeS: boottimeS() });
      if (count === before) return;
      await writeFileDurable(path, `${JSON.stringify(count)}\n`);
    },
  };
}

const isDayCount = hasFields({ days: isNumber, utc_day: isText, boot_id: isText, boottime_s: isNumber });

/** Reads a counter's text; null for what is none. Pure. */
export function parseDays(text: string): DayCount | null {
  return parseShaped(text, (value): value is DayCount => isDayCount(value));
}
