// What is remembered of a host from run to run, by literals.

import { describe, expect, test } from "bun:test";
import type { ShownQueue } from "../../../lib/fleet/queue-view.ts";
import {
  growth,
  NO_PAST,
  type Now,
  type Past,
  pastOf,
  unheardPast,
  withoutFuture,
} from "../../../lib/fleet-health/judge/past.ts";
import { type Failed, NO_UPLOADS } from "../../../lib/fleet-health/judge/uploads.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const HOUR = 60 * MIN;

const queue = (pending: number, quarantined = 0): ShownQueue => ({
  ...{ pending, outbox: 0, quarantined, quarantined_bytes: 0, expiring: 0, announcement: null, unverified: 0 },
  ...{ oldest_pending_s: null, paused: null, waiting: null, held: null },
});
const now = (nowMs: number, more: Partial<Now> = {}): Now => {
  const { lastRunMs = nowMs - 5 * MIN } = more;
  return {
    ...{ nowMs, lastRunMs, uploads: NO_UPLOADS, queue: null, signMs: nowMs, isHeard: true },
    ...{ marks: { own: null, taken: null, beat: null }, elapsedMs: Math.max(0, nowMs - (lastRunMs ?? nowMs)) },
    ...more,
  };
};
const play = (nows: readonly Now[]): Past =>
  nows.reduce((past: Past | null, one) => pastOf(past, one), null) ?? NO_PAST;

describe("what failed since an upload was taken", () => {
  const failed = (...ms: number[]): readonly Failed[] => ms.map((one) => ({ ms: one, reason: `r${one - NOON}` }));
  const uploads = (takenMs: number | null, ...ms: number[]) => ({ ...NO_UPLOADS, takenMs, failed: failed(...ms) });

  test("is counted once, though the next run reads it again", () => {
    const runs = [
      now(NOON + 5, { uploads: uploads(null, NOON, NOON + 1) }),
      now(NOON + 9, { uploads: uploads(null, NOON, NOON + 1, NOON + 7) }),
    ];
    expect(play(runs).failing).toEqual({ count: 3, firstMs: NOON, lastMs: NOON + 7, reason: "r7" });
  });

  test("is over with the first that is taken, and begins anew after it", () => {
    const first = now(NOON + 5, { uploads: uploads(null, NOON) });
    expect(play([first, now(NOON + 9, { uploads: uploads(NOON + 8) })])).toMatchObject({
      takenMs: NOON + 8,
      failing: null,
    });
    expect(play([first, now(NOON + 9, { uploads: uploads(NOON + 7, NOON + 8) })]).failing).toMatchObject({
      count: 1,
      firstMs: NOON + 8,
    });
    // One that was taken between two that failed is met in order.
    expect(
      play([now(NOON + 5, { uploads: uploads(null, NOON, NOON + 4) }), now(NOON + 9, { uploads: uploads(NOON + 2) })])
        .failing,
    ).toBeNull();
    // Of one instant the success is the later one.
    expect(play([first, now(NOON + 9, { uploads: uploads(NOON) })]).failing).toBeNull();
    // A run that reads the older success again ends nothing.
    expect(play([first, now(NOON + 9, { uploads: uploads(NOON - 1) })]).failing?.count).toBe(1);
  });
});

describe("a backlog", () => {
  const hours = (...pending: number[]): Past =>
    play(pending.map((one, i) => now(NOON + i * HOUR, { queue: queue(one) })));

  test("has grown when it did in each of six hours", () => {
    expect([growth(hours(1, 2, 3, 4, 5, 6).backlog), growth(hours(1, 2, 3, 4, 5, 6, 9).backlog)]).toEqual([
      null,
      { from: 1, to: 9 },
    ]);
    expect(growth(hours(1, 2, 3, 4, 5, 6, 9, 11).backlog)).toEqual({ from: 2, to: 11 });
    expect(growth(hours(1, 2, 3, 3, 5, 6, 9).backlog)).toBeNull();
  });

  test("is what lay there at the least in each hour", () => {
    const runs = [5, 2, 7].map((pending, i) => now(NOON + i * MIN, { queue: queue(pending) }));
    expect(play(runs).backlog.lows).toEqual([2]);
  });

  test("of an empty queue is none, and of an hour without a heartbeat nothing is known", () => {
    expect(hours(3, 0).backlog.lows).toEqual([]);
    const gap = [now(NOON, { queue: queue(1) }), now(NOON + 2 * HOUR, { queue: queue(2) })];
    expect(play(gap).backlog.lows).toEqual([2]);
    expect(play([now(NOON, { queue: queue(1) }), now(NOON + MIN)]).backlog.lows).toEqual([1]);
  });
});

describe("a quarantine", () => {
  const counts = (...steps: [hours: number, count: number][]) =>
    play(steps.map(([at, count]) => now(NOON + at * HOUR, { queue: queue(0, count) }))).quarantine;

  test("of a host that is new was there before", () => {
    expect(counts([0, 4])).toEqual({ count: 4, from: 4, grewMs: null });
  });

  test("that grew is told from what to what, for a day after the newest", () => {
    expect(counts([0, 4], [1, 6])).toEqual({ count: 6, from: 4, grewMs: NOON + HOUR });
    expect(counts([0, 4], [1, 6], [2, 7])).toEqual({ count: 7, from: 4, grewMs: NOON + 2 * HOUR });
    expect(counts([0, 4], [1, 6], [24.9, 6]).grewMs).toBe(NOON + HOUR);
    expect(counts([0, 4], [1, 6], [25, 6])).toEqual({ count: 6, from: 6, grewMs: null });
  });

  test("that is cleared is no news any more", () => {
    expect(counts([0, 4], [1, 6], [2, 5]).grewMs).toBe(NOON + HOUR);
    expect(counts([0, 4], [1, 6], [2, 4]).grewMs).toBeNull();
  });
});

describe("for how long nothing came", () => {
  test("counts from the last sign at first, and then from run to run", () => {
    const first = now(NOON, { signMs: NOON - 3 * HOUR, lastRunMs: null });
    expect(play([first]).unheardMs).toBe(3 * HOUR);
    expect(play([first, now(NOON + 5 * MIN, { signMs: NOON - 3 * HOUR })]).unheardMs).toBe(3 * HOUR + 5 * MIN);
    expect(play([first, now(NOON + 5 * MIN, { signMs: NOON + MIN })]).unheardMs).toBe(0);
  });

  test("counts no more than an hour between two runs: the machine was off, or its clock was set", () => {
    const far = NOON + 3 * 365 * 24 * HOUR;
    const runs = [now(NOON, { signMs: NOON - MIN }), now(far, { signMs: NOON - MIN, lastRunMs: NOON })];
    expect(play(runs).unheardMs).toBe(MIN + HOUR);
    expect(play([...runs, now(NOON, { signMs: NOON - MIN, lastRunMs: far })]).unheardMs).toBe(MIN + HOUR);
    expect(
      unheardPast({ ...NO_PAST, unheardMs: 7 }, { lastRunMs: NOON, nowMs: NOON + MIN, elapsedMs: MIN }).unheardMs,
    ).toBe(7 + MIN);
  });
});

describe("since when it is heard", () => {
  const heard = (...all: [atMin: number, isHeard: boolean][]) =>
    play(all.map(([atMin, isHeard]) => now(NOON + atMin * MIN, { isHeard }))).heardSinceMs;

  test("is as long as each run has had a fresh heartbeat", () => {
    expect(heard([0, true], [5, true])).toBe(NOON);
    expect(heard([0, true], [5, false], [10, true])).toBe(NOON + 10 * MIN);
    expect([heard([0, true], [5, false]), heard([0, false])]).toEqual([undefined, undefined]);
    // This clock was set back.
    expect(heard([60, true], [5, true])).toBe(NOON + 5 * MIN);
    expect(
      unheardPast(play([now(NOON)]), { lastRunMs: NOON, nowMs: NOON + MIN, elapsedMs: MIN }).heardSinceMs,
    ).toBeUndefined();
  });
});

describe("what has yet to come, since this clock was set back", () => {
  const failing = (firstMs: number, lastMs: number) => ({ count: 3, firstMs, lastMs, reason: "r" });
  const past: Past = {
    ...{ ...NO_PAST, takenMs: NOON, failing: failing(NOON - 1, NOON) },
    quarantine: { count: 3, from: 1, grewMs: NOON },
  };

  test("is forgotten, and all else is kept", () => {
    expect(withoutFuture(past, NOON)).toEqual(past);
    expect(withoutFuture(past, NOON - 1)).toEqual({
      ...{ ...past, takenMs: null, failing: null, quarantine: { count: 3, from: 1, grewMs: null } },
    });
    expect(withoutFuture({ ...past, failing: failing(NOON + 1, NOON) }, NOON).failing).toBeNull();
  });
});
