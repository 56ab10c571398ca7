// How much time counts, by clocks of that day; ticks at :00 of each minute.

import { describe, expect, test } from "bun:test";
import type { Tick } from "../../../lib/contract/tick.ts";
import { coverageOf } from "../../../lib/fleet-health/coverage/coverage.ts";

const DAY = Date.UTC(2026, 4, 4);
const at = (clock: string): number => {
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(":").map(Number);
  return DAY + ((hours * 60 + minutes) * 60 + seconds) * 1000;
};
const minutes = (ms: number): number => Math.round(ms / 600) / 100;

interface Stretch {
  from: string;
  to: string;
  boot?: string;
  /** The clock is off by so much, minutes. */
  off?: number;
  isReady?: boolean;
}

/** Ticks of each minute of some stretches; uptimes are of the true time. */
function ticksOf(...stretches: Stretch[]): Tick[] {
  const ticks: Tick[] = [];
  for (const { from, to, boot = "a", off = 0, isReady = true } of stretches)
    for (let ms = at(from); ms <= at(to); ms += 60_000)
      ticks.push({
        ...{ sequence: ticks.length, wallMs: ms + off * 60_000, boot, isReady },
        uptimeS: (ms - DAY) / 1000,
      });
  return ticks;
}
const covered = (ticks: Tick[], from: string, now: string): number =>
  minutes(coverageOf(ticks, at(now)).since(at(from)));

test("while the receiver runs all time counts, to the second", () => {
  const ticks = ticksOf({ from: "06:00", to: "08:00" });
  expect([covered(ticks, "06:30:20", "08:00:40"), covered(ticks, "06:30", "08:00:50")]).toEqual([90.33, 90.83]);
  expect(covered(ticks, "08:00:10", "08:00:40")).toBe(0.5);
});

test("without a tick all time counts: a Python receiver writes none", () => {
  expect(covered([], "06:00", "07:30")).toBe(90);
});

describe("what does not count", () => {
  test("the time in which the machine was down: half an hour of it is over at 04:20", () => {
    const ticks = (to: string) => ticksOf({ from: "01:00", to: "01:59" }, { from: "04:00", to, boot: "b" });
    expect([covered(ticks("04:20"), "01:50", "04:20"), covered(ticks("04:25"), "01:50", "04:25")]).toEqual([29, 34]);
  });

  test("the time in which the receiver alone was down, asleep, or could not store", () => {
    const down = ticksOf({ from: "01:00", to: "02:00" }, { from: "04:00", to: "04:10" });
    expect(covered(down, "01:50", "04:10")).toBe(20);
    const full = ticksOf(
      { from: "01:00", to: "02:00" },
      { from: "02:01", to: "03:59", isReady: false },
      { from: "04:00", to: "04:10" },
    );
    expect(covered(full, "01:50", "04:10")).toBe(21);
    expect(covered(full.slice(0, -11), "01:50", "04:30")).toBe(10);
  });

  test("a restart of half a minute costs nothing", () => {
    const ticks = ticksOf({ from: "09:00", to: "10:00" }, { from: "10:02", to: "11:00" });
    expect(covered(ticks, "09:30", "11:00")).toBe(90);
  });

  test("what comes after the newest tick, but for the time in which the next one is due", () => {
    const ticks = ticksOf({ from: "01:00", to: "02:00" });
    expect([
      covered(ticks, "01:50", "02:01"),
      covered(ticks, "01:50", "09:00"),
      covered(ticks, "02:00:30", "09:00"),
    ]).toEqual([11, 12.5, 2.5]);
  });

  test("what was before the first tick", () => {
    expect(covered(ticksOf({ from: "06:00", to: "06:10" }), "05:00", "06:10")).toBe(10);
  });
});

describe("a clock that was set", () => {
  test("forward by two hours makes nobody silent", () => {
    const ticks = ticksOf({ from: "10:00", to: "10:10" }, { from: "10:11", to: "10:20", off: 120 });
    expect(covered(ticks, "10:05:30", "12:20")).toBe(14.5);
  });

  test("back by two hours makes nobody well", () => {
    const ticks = ticksOf({ from: "10:00", to: "12:00" }, { from: "12:01", to: "13:00", off: -120 });
    expect(covered(ticks, "11:50:00", "11:00")).toBe(70);
  });
});

test("how far the clock was set since then, as the machine's own clock tells", () => {
  const forward = ticksOf({ from: "06:00", to: "07:00" }, { from: "07:01", to: "08:00", off: 120 });
  const coverage = coverageOf(forward, at("10:00"));
  expect([coverage.steppedSince(at("06:30")), coverage.steppedSince(at("09:30"))].map(minutes)).toEqual([120, 0]);
  const back = ticksOf({ from: "06:00", to: "07:00" }, { from: "07:01", to: "08:00", off: -60 });
  expect(minutes(coverageOf(back, at("07:00")).steppedSince(at("05:59")))).toBe(-60);
  const reboot = ticksOf({ from: "06:00", to: "07:00" }, { from: "09:00", to: "09:30", boot: "b", off: 30 });
  expect(coverageOf(reboot, at("10:00")).steppedSince(at("06:30"))).toBe(0);
  expect(coverageOf([], at("10:00")).steppedSince(at("06:30"))).toBe(0);
});

describe("an hour that came twice", () => {
  const ticks = ticksOf({ from: "10:00", to: "12:00" }, { from: "12:01", to: "13:00", off: -60 });
  const { cameTwice } = coverageOf(ticks, at("12:00"));

  test("is taken for its second time: who ships on is not silent for an hour", () => {
    expect([covered(ticks, "11:30", "12:00"), covered(ticks, "11:59:50", "12:00:10")]).toEqual([30, 0.33]);
    expect(covered(ticks, "10:30", "12:00")).toBe(150);
  });

  test("is known as one", () => {
    const times = ["10:30", "11:00", "11:01:30", "11:59", "12:00", "12:01"];
    expect(times.map((clock) => cameTwice(at(clock)))).toEqual([false, false, true, true, true, false]);
  });
});

describe("right after the clock was set back by an hour, at 08:00", () => {
  const first = ticksOf({ from: "06:00", to: "07:59" });
  const then = [...first, ...ticksOf({ from: "08:01", to: "08:04", off: -60 })];

  test("nobody has been quiet for longer than its time says, until a tick tells which of the two it is", () => {
    expect([covered(first, "06:50", "07:00"), covered(first, "07:00", "07:00")]).toEqual([10, 0]);
    expect(covered(then, "06:50", "07:04")).toBe(74);
  });

  test("what came between that and the next tick came after it", () => {
    expect([covered(then, "07:00:30", "07:04"), covered(then, "07:00", "07:04")]).toEqual([3.5, 4]);
    expect(covered(then, "06:59", "07:04")).toBe(65);
  });

  test("so did what came between the start of a machine and its first tick", () => {
    const booted = first.concat(
      ticksOf({ from: "08:01", to: "08:04", off: -60, boot: "b" }).map((tick, i) => ({
        ...tick,
        uptimeS: 60 + i * 60,
      })),
    );
    expect(covered(booted, "07:00:30", "07:04")).toBe(3);
  });

  test("the last minutes are those of the machine, whatever the clock has shown in them", () => {
    const last = (ticks: Tick[], ms: number, now: string) => minutes(coverageOf(ticks, at(now)).last(ms * 60_000));
    expect([last(then, 3, "07:04"), last(then, 8, "07:04"), last(then, 500, "07:04")]).toEqual([3, 8, 124]);
    expect([last(first, 5, "08:00"), last([], 5, "08:00")]).toEqual([5, 5]);
    const off = ticksOf({ from: "06:00", to: "06:59" }, { from: "07:30", to: "07:40", boot: "b" });
    expect([last(off, 10, "07:40"), last(off, 30, "07:40"), last(off, 41, "07:40")]).toEqual([10, 10, 10]);
    expect(last(off, 45, "07:40")).toBe(14);
  });
});

describe("a gap", () => {
  const ticks = ticksOf({ from: "01:00", to: "01:59" }, { from: "04:00", to: "04:10", boot: "b" });
  const clocks = (gap: { fromMs: number; toMs: number } | null) =>
    gap === null ? null : [gap.fromMs, gap.toMs].map((ms) => new Date(ms).toISOString().slice(11, 16));

  test("is worth a word once, from ten minutes on", () => {
    const { gapAfter } = coverageOf(ticks, at("04:10"));
    expect([clocks(gapAfter(at("01:55"))), gapAfter(at("04:00"))]).toEqual([["01:59", "04:00"], null]);
    const short = ticksOf({ from: "01:00", to: "01:59" }, { from: "02:08", to: "02:30" });
    expect(coverageOf(short, at("02:30")).gapAfter(at("01:00"))).toBeNull();
    expect(coverageOf([], at("02:30")).gapAfter(0)).toBeNull();
  });
});
