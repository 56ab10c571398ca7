// Receiver days: a counter that no clock of this host steps, and no receiver's clock steps fast.

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type DayCount,
  openReceiverDays,
  parseDays,
  type Seen,
  stepDays,
} from "../../../lib/shipper/settle/receiver-days.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR = 3600;
const COUNT: DayCount = { days: 5, utc_day: "2026-05-01", boot_id: "b1", boottime_s: 1000 };
const seen = (utcDay: string, bootId: string, boottimeS: number): Seen => ({ utcDay, bootId, boottimeS });

describe("the counter", () => {
  test("begins at 0 with the first answer", () => {
    expect(stepDays(null, seen("2026-05-01", "b1", 7))).toEqual({ ...COUNT, days: 0, boottime_s: 7 });
  });

  for (const [what, at, days] of [
    ["on the same day, however late", seen("2026-05-01", "b1", 1000 + 100 * HOUR), 5],
    ["on another day, but too soon", seen("2026-05-02", "b1", 1000 + 20 * HOUR - 1), 5],
    ["on another day after 20 hours", seen("2026-05-02", "b1", 1000 + 20 * HOUR), 6],
    ["on another day after a reboot", seen("2026-05-02", "b2", 1), 6],
    ["on the same day after a reboot", seen("2026-05-01", "b2", 1), 5],
    ["when the receiver's clock went back to 1970", seen("1970-01-01", "b1", 1000 + 20 * HOUR), 6],
    ["by one only when it jumps to 2030", seen("2030-01-01", "b1", 1000 + 99 * HOUR), 6],
  ] as const) {
    test(`${what} is ${days}`, () => expect(stepDays(COUNT, at).days).toBe(days));
  }

  test("is not worn down by a clock that flips each minute, nor by a year of a wrong one", () => {
    let count = COUNT;
    for (let minute = 0; minute < 60; minute++) {
      count = stepDays(count, seen(minute % 2 === 0 ? "2030-01-01" : "1970-01-01", "b1", 1000 + minute * 60));
    }
    expect(count.days).toBe(5);
  });
});

describe("on the disk", () => {
  test("it outlives a restart, and is written only when it steps", async () => {
    const root = tempDir();
    let boottime = 0;
    const open = () => openReceiverDays(root, "b1", () => boottime);
    const first = await open();
    expect(first.today()).toBe(0);
    await first.seen(Date.parse("2026-05-01T10:00:00Z"));
    const text = readFileSync(join(root, "receiver-days.json"), "utf8");
    boottime = 25 * HOUR;
    await first.seen(Date.parse("2026-05-01T23:00:00Z"));
    expect(readFileSync(join(root, "receiver-days.json"), "utf8")).toBe(text);
    await first.seen(Date.parse("2026-05-02T11:00:00Z"));
    expect([first.today(), (await open()).today()]).toEqual([1, 1]);
  });

  test("one that cannot be read begins anew, and a date that is none is passed over", async () => {
    const root = tempDir();
    writeFileSync(join(root, "receiver-days.json"), '{"days": 40');
    const days = await openReceiverDays(root, "b1", () => 0);
    await days.seen(Number.NaN);
    expect(days.today()).toBe(0);
  });

  for (const text of ["", "null", "{}", '{"days":"5","utc_day":"x","boot_id":"b","boottime_s":1}'])
    test(`${text} is none`, () => expect(parseDays(text)).toBeNull());
});
