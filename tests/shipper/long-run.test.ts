// Days behind a bad path, and a year behind a box, with a clock of numbers: who is tried when, and that nothing is lost or left out.
// The queue, its order, its pausing, its waits and its outbox are the real ones; the path is a rule.

import { describe, expect, test } from "bun:test";
import type { Fault } from "../../lib/shipper/trust/verdict.ts";
import { type Arrival, bareFault, type Path, SimulatedHost } from "../support/simulated-host.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365 * DAY_MS;
const MIB = 1024 * 1024;

/** Episodes of one size that are there from the beginning. */
const there = (name: string, count: number, bytes: number): Arrival[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${name}${i}`, bytes, atMs: 0 }));

/** The largest; of too many for an argument list. */
const most = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b), 0);

/** Ships these along a path until `untilMs`. */
function run(arrivals: readonly Arrival[], path: Path, untilMs: number): SimulatedHost {
  const host = new SimulatedHost(path);
  host.run(arrivals, untilMs);
  return host;
}

/** From each time to the next. */
const gaps = (times: readonly number[]): number[] => times.slice(1).map((at, i) => at - (times[i] ?? 0));

describe("a box with a limit of 1 MB", () => {
  const put = (_: string, bytes: number): Fault | null => (bytes > 1_000_000 ? bareFault(413) : null);

  test("lets all small ones through within minutes, though the large ones came first", () => {
    const large = there("large", 20, 500 * MIB);
    const path: Path = { put, judge: () => true, tookMs: () => 50 };
    const host = run([...large, ...there("small", 50, 100_000)], path, 2 * DAY_MS);
    expect([host.delivered.size, host.queue.size]).toEqual([50, 20]);
    expect(Math.max(...host.delivered.values())).toBeLessThan(10 * MINUTE_MS);
    for (const { id } of large) expect([id, (host.puts.get(id) ?? []).length > 500]).toEqual([id, true]);
  });

  test("that reads each body before it refuses it gets a fifth of the time at most", () => {
    const path: Path = { put: () => bareFault(413), judge: () => true, tookMs: () => 2 * HOUR_MS };
    const { puts } = run(there("a", 1, 500 * MIB), path, 30 * DAY_MS);
    const tries = puts.get("a0") ?? [];
    // A try of two hours, then six hours of rest: the longest there is.
    expect(tries.length).toBe(90);
    expect(Math.min(...gaps(tries))).toBeGreaterThanOrEqual(8 * HOUR_MS);
  });

  test("for a year: small ones go within seconds, large ones are tried again and again, and go when the box has gone", () => {
    const small = Array.from({ length: 8760 }, (_, hour) => {
      return { id: `small${hour}`, bytes: 100_000, atMs: hour * HOUR_MS };
    });
    const large = Array.from({ length: 12 }, (_, month) => {
      return { id: `large${month}`, bytes: 500 * MIB, atMs: (month * YEAR_MS) / 12 };
    });
    const path: Path = {
      put: (id, bytes, nowMs) => (nowMs < YEAR_MS ? put(id, bytes) : null),
      judge: () => true,
      tookMs: (bytes) => (bytes > MIB ? MINUTE_MS : 1000),
    };
    const arrivals = [...small, ...large].sort((a, b) => a.atMs - b.atMs);
    const host = run(arrivals, path, YEAR_MS + DAY_MS);
    expect([host.delivered.size, host.queue.size]).toEqual([8772, 0]);
    // A second on the line, and a question under way at most.
    const took = small.map(({ id, atMs }) => (host.delivered.get(id) ?? Number.POSITIVE_INFINITY) - atMs);
    expect(Math.max(...took)).toBeLessThanOrEqual(1100);
    for (const { id, atMs } of large) {
      const tries = host.puts.get(id) ?? [];
      // A minute and four times that; at most a round of all twelve.
      const between = gaps([atMs, ...tries]).slice(1);
      expect([id, Math.round(Math.min(...between)) >= 5 * MINUTE_MS]).toEqual([id, true]);
      expect([id, most(gaps([atMs, ...tries])) < 13 * MINUTE_MS]).toEqual([id, true]);
      expect([id, (host.delivered.get(id) ?? 0) > YEAR_MS]).toEqual([id, true]);
    }
  });

  test("for more large ones than the outbox holds: each has its turns, and the outbox does not grow", () => {
    const large = there("large", 40, 500 * MIB);
    const { puts, mostPacked } = run(large, { put, judge: () => true, tookMs: () => MINUTE_MS }, DAY_MS);
    // A day has 36 rounds of forty minutes.
    for (const { id } of large) expect([id, (puts.get(id) ?? []).length >= 30]).toEqual([id, true]);
    // One on its way, three that wait for their first try, eight or nine for another one.
    expect(mostPacked).toBeLessThanOrEqual(13);
  });
});

test("on a slow line small ones go beside large ones that take an hour each", () => {
  const small = Array.from({ length: 600 }, (_, i) => ({ id: `small${i}`, bytes: 100_000, atMs: i * MINUTE_MS }));
  const tookMs = (bytes: number): number => (bytes > MIB ? HOUR_MS : 1000);
  const path: Path = { put: () => null, judge: () => true, tookMs };
  const { delivered, queue } = run([...there("large", 10, 500 * MIB), ...small], path, DAY_MS);
  expect([delivered.size, queue.size]).toEqual([610, 0]);
  const took = small.map(({ id, atMs }) => (delivered.get(id) ?? Number.POSITIVE_INFINITY) - atMs);
  expect(most(took)).toBe(1000);
});

describe("a path that is dead for a day", () => {
  const path: Path = {
    put: (_, __, now) => (now < DAY_MS ? bareFault(502) : null),
    judge: (now) => now >= DAY_MS,
    tookMs: () => 10,
  };

  test("is asked every two minutes, by each in its turn, and all is delivered minutes after it is back", () => {
    const { delivered, puts } = run(there("ep", 30, 1000), path, 2 * DAY_MS);
    expect(delivered.size).toBe(30);
    expect(Math.max(...delivered.values())).toBeLessThan(DAY_MS + 10 * MINUTE_MS);
    const tries = [...puts.values()].map((all) => all.filter((at) => at < DAY_MS).length);
    expect(tries.reduce((sum, count) => sum + count, 0)).toBeLessThan(2000);
    expect(Math.max(...tries) - Math.min(...tries)).toBeLessThanOrEqual(4);
  });
});

test("a token that is refused for a week: each of many goes ahead once, and the outbox stays as small as ever", () => {
  const path: Path = {
    put: (_, __, now) => (now < 7 * DAY_MS ? bareFault(401) : null),
    judge: () => true,
    tookMs: () => 10,
  };
  const host = run(there("ep", 300, 1000), path, 8 * DAY_MS);
  const first = [...host.puts.values()].map(([at]) => at ?? Number.POSITIVE_INFINITY);
  expect([first.length, most(first) < 12 * HOUR_MS]).toEqual([300, true]);
  expect(host.mostPacked).toBeLessThanOrEqual(12);
  expect(host.delivered.size).toBe(300);
  expect(most([...host.delivered.values()])).toBeLessThan(7 * DAY_MS + 10 * MINUTE_MS);
});

test.each([401, 502])("a last copy among many that all meet %d: the outbox stays as small as ever", (status) => {
  const path: Path = {
    put: (_, __, now) => (now < 2 * DAY_MS ? bareFault(status) : null),
    judge: () => false,
    tookMs: () => 10,
    lastCopies: ["ep0"],
  };
  const host = run(there("ep", 300, 1000), path, 3 * DAY_MS);
  expect(host.mostPacked).toBeLessThanOrEqual(13);
  expect(host.delivered.size).toBe(300);
});

test("one poisoned episode among many never holds them up, and is tried again for ever", () => {
  const path: Path = { put: (id) => (id === "ep0" ? bareFault(403) : null), judge: () => true, tookMs: () => 10 };
  const { delivered, puts, queue } = run(there("ep", 100, 1000), path, DAY_MS);
  expect([delivered.size, queue.size]).toEqual([99, 1]);
  expect(Math.max(...delivered.values())).toBeLessThan(MINUTE_MS);
  expect((puts.get("ep0") ?? []).length).toBeGreaterThan(200);
});
