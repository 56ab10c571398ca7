// How long ago something came, as runs five minutes apart see it, whatever the clock is set to meanwhile.

import { expect, test } from "bun:test";
import { elapsedOf, type Mark, markOf, type TickMark, tickMarkOf } from "../../../lib/fleet-health/coverage/age.ts";
import { timesOf } from "../../../lib/fleet-health/coverage/times.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const tick = (sequence: number, wallMin: number, uptimeMin: number, boot = "a") => ({
  ...{ sequence, wallMs: NOON + wallMin * MIN, boot, uptimeS: uptimeMin * 60, isReady: true },
});

/** Of what each run sees: [now, ms], in minutes from noon. */
function ages(...runs: [nowMin: number, ms: number | null][]): (number | null)[] {
  let mark: Mark | null = null;
  return runs.map(([nowMin, ms]) => {
    mark = markOf(mark, ms === null ? null : NOON + ms * MIN, { nowMs: NOON + nowMin * MIN, elapsedMs: 5 * MIN });
    return mark === null ? null : mark.ageMs / MIN;
  });
}

test("what is newer is as old as its time says, and no older than the run before", () => {
  expect(ages([0, -3], [5, 4], [10, 4], [15, null], [20, 2])).toEqual([3, 1, 6, 11, 16]);
  expect(ages([0, null], [5, -100], [10, -50])).toEqual([null, 105, 5]);
  // Of a time that has yet to come nobody knows how old it is.
  expect(ages([0, 30], [5, 30], [35, 30])).toEqual([0, 5, 10]);
});

test("after a clock was set back what is earlier is news, if what was known has yet to come", () => {
  expect(ages([0, -3], [-60, -3], [-55, -56], [-50, -56])).toEqual([3, 8, 1, 6]);
  // What comes again with its time is no news.
  expect(ages([0, -3], [-60, -3], [-2, -3], [3, -3])).toEqual([3, 8, 13, 18]);
  // An index that was cut tells nothing.
  expect(ages([0, -3], [5, -30])).toEqual([3, 8]);
});

test("a tick is as old as the runs have seen it, and known by its number and boot", () => {
  const at = (before: TickMark | null, one: ReturnType<typeof tick> | undefined, nowMin: number, elapsedMin = 5) =>
    tickMarkOf(before, one, { nowMs: NOON + nowMin * MIN, elapsedMs: elapsedMin * MIN });
  const first = at(null, tick(7, -1, 100), 0, 0);
  expect(first).toEqual({ sequence: 7, boot: "a", uptimeS: 6000, ageMs: MIN });
  expect(at(first, tick(7, -1, 100), -60)?.ageMs).toBe(6 * MIN);
  expect(at(first, tick(8, -61, 105), -60)?.ageMs).toBe(MIN);
  expect(at(first, tick(8, -600, 105), -60)?.ageMs).toBe(5 * MIN);
  expect(at(first, tick(7, -61, 2, "b"), -60)?.ageMs).toBe(MIN);
  expect(at(first, undefined, 5)).toBeNull();
});

test("how long it is since the run before the clock tells, or the machine's own where that was set", () => {
  const before: TickMark = { sequence: 7, boot: "a", uptimeS: 6000, ageMs: MIN };
  const elapsed = (nowMin: number, one = tick(8, 0, 104)) => elapsedOf(NOON, before, one, NOON + nowMin * MIN) / MIN;
  expect([elapsed(5), elapsed(10), elapsed(0)]).toEqual([5, 10, 0]);
  expect([elapsed(-60), elapsed(125)]).toEqual([3, 3]);
  // No tick has come since, or the machine was started anew.
  expect([elapsed(-60, tick(7, -1, 100)), elapsed(125, tick(7, -1, 100))]).toEqual([0, 10]);
  expect([elapsed(30, tick(8, 30, 1, "b")), elapsed(125, tick(8, 30, 1, "b"))]).toEqual([30, 60]);
  expect([elapsedOf(null, null, undefined, NOON), elapsedOf(NOON, null, undefined, NOON + 30 * MIN) / MIN]).toEqual([
    0, 30,
  ]);
});

test("times are doubtful that have yet to come, or that the clock has shown twice, and no others", () => {
  const at = (min: number): number => NOON + min * MIN;
  const before = { lastRunMs: NOON, setBacks: [{ fromMs: at(-300), toMs: at(-330), attempts: {} }], tick: null };
  const { isDoubtful, setBacks } = timesOf(before, { nowMs: at(-60), ticks: [] });
  // The receiver's ticks show how far it had gone on, where runs were missed.
  const later = timesOf(before, { nowMs: at(-60), ticks: [tick(1, 30, 100), tick(2, -61, 105)] }).setBacks;
  expect(later[0]?.fromMs).toBe(at(32));
  expect(setBacks).toEqual([{ fromMs: at(5), toMs: at(-60), attempts: {} }, ...before.setBacks]);
  expect([-331, -330, -320, -300, -299, -61, -60, -59, 4, 600].map((min) => isDoubtful(at(min)))).toEqual([
    ...[false, false, true, true, false, false, false, true, true, true],
  ]);
  // A clock that is off by a little was not set.
  expect(timesOf({ ...before, setBacks: [] }, { nowMs: at(-1.9), ticks: [] }).setBacks).toEqual([]);
});

test("the receiver's ticks tell of times that came twice, where the state was lost", () => {
  const ticks = [tick(1, -20, 0), tick(2, 0, 20), tick(3, -14, 21), tick(4, -5, 30)];
  const { isDoubtful } = timesOf({ lastRunMs: null, setBacks: [], tick: null }, { nowMs: NOON - 4 * MIN, ticks });
  expect([-19, -10, -3].map((min) => isDoubtful(NOON + min * MIN))).toEqual([false, true, true]);
});

test("a receiver that died before the clock was set back has been dead since, and not for the time it shows", () => {
  const ticks = [tick(1, -150, 0), tick(2, -5, 145)];
  const dead: TickMark = { sequence: 2, boot: "a", uptimeS: 145 * 60, ageMs: 40 * MIN };
  const { coverage } = timesOf({ lastRunMs: NOON, setBacks: [], tick: dead }, { nowMs: NOON - 140 * MIN, ticks });
  expect((NOON - 140 * MIN - (coverage.newest?.wallMs ?? 0)) / MIN).toBe(40);
  expect(coverage.last(40 * MIN)).toBeLessThan(3 * MIN);
});
