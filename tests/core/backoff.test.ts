// When to try again: schedule, jitter, Retry-After. Draws and times are arguments.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { backoffSeconds, DEFAULT_BACKOFF_S, parseRetryAfter, retryAfterSeconds } from "../../lib/core/backoff.ts";
import { seededRandom } from "../support/random.ts";

const NOW = Date.parse("2026-11-22T12:00:00Z");

describe("the wait before the next try", () => {
  test("follows the schedule of the Python fleet and stays at its last entry", () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1000].map((n) => backoffSeconds(DEFAULT_BACKOFF_S, n, 1, null));
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 120, 300, 300, 300]);
  });

  test("is scaled by the draw after the cap, down to nothing", () => {
    expect(backoffSeconds(DEFAULT_BACKOFF_S, 50, 0, null)).toBe(0);
    expect(backoffSeconds(DEFAULT_BACKOFF_S, 50, 0.5, null)).toBe(150);
    expect(backoffSeconds([10], 7, 0.25, null)).toBe(2.5);
  });

  test("of 1,000 hosts at the cap is spread over the whole of it", () => {
    const random = seededRandom(1);
    const perTenth = new Array<number>(10).fill(0);
    for (let host = 0; host < 1000; host++) {
      const wait = backoffSeconds(DEFAULT_BACKOFF_S, 20, random.next(), null);
      const tenth = Math.floor(wait / 30);
      perTenth[tenth] = (perTenth[tenth] ?? 0) + 1;
    }
    // 100 expected in each tenth; five standard deviations are 47.
    expect(Math.min(...perTenth)).toBeGreaterThan(53);
    expect(Math.max(...perTenth)).toBeLessThan(147);
  });

  test("is at least what the server asks for, and spread over a tenth more", () => {
    expect(backoffSeconds([1], 1, 0, 120)).toBe(120);
    expect(backoffSeconds([1], 1, 0.5, 120)).toBe(126);
    expect(backoffSeconds([1000], 1, 0.5, 120)).toBe(500);
  });

  test("is an hour at most, however long the server asks for", () => {
    for (const jitter of [0, 0.5, 0.999]) {
      const wait = backoffSeconds([1], 1, jitter, 86_400);
      expect(wait).toBeLessThanOrEqual(3600);
      expect(wait).toBeGreaterThan(3200);
    }
  });

  test("of hosts that were all told to come in an hour is spread too", () => {
    const random = seededRandom(2);
    const waits = Array.from({ length: 1000 }, () => backoffSeconds([1], 1, random.next(), 3600));
    expect(new Set(waits).size).toBeGreaterThan(900);
  });

  test("is never negative, never above an hour when the server asked, and never shorter than asked below the cap", () => {
    const schedule = fc.array(fc.integer({ min: 0, max: 3600 }), { minLength: 1, maxLength: 12 });
    const jitter = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(schedule, fc.integer({ min: 1, max: 50 }), jitter, fc.nat({ max: 3600 }), (s, n, j, asked) => {
        const wait = backoffSeconds(s, n, j, asked);
        expect(wait).toBeGreaterThanOrEqual(Math.min(asked, 3272));
        expect(wait).toBeLessThanOrEqual(3600);
        expect(backoffSeconds(s, n, j, null)).toBeLessThanOrEqual(Math.max(...s));
        expect(backoffSeconds(s, n, j, null)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe("a Retry-After", () => {
  for (const [text, seconds] of [
    ["0", 0],
    ["120", 120],
    ["  7 ", 7],
    ["0007", 7],
    ["999999", 999_999],
    ["Sun, 22 Nov 2026 12:01:30 GMT", 90],
    ["Sunday, 22-Nov-26 12:01:30 GMT", 90],
    ["Sun Nov 22 12:01:30 2026", 90],
    ["Sun Nov  1 12:01:30 2026", 0],
    ["Sun, 22 Nov 2026 11:00:00 GMT", 0],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["Mon, 23 Nov 2026 12:00:00 GMT", 86_400],
    ["Tue, 29 Feb 2028 00:00:00 GMT", (Date.UTC(2028, 1, 29) - NOW) / 1000],
  ] as const) {
    test(`of ${JSON.stringify(text)} is ${seconds} s from now`, () => {
      expect(parseRetryAfter(text, NOW)).toBe(seconds);
    });
  }

  for (const garbage of [
    "",
    " ",
    "soon",
    "-3",
    "1.5",
    "+5",
    "1e3",
    "0x10",
    "5 May",
    "2026-11-22T12:01:30Z",
    "5 s",
    "NaN",
    "1,2",
    "99999999999",
  ]) {
    test(`of ${JSON.stringify(garbage)} is none`, () => {
      expect(parseRetryAfter(garbage, NOW)).toBeNull();
    });
  }

  test("that begins like a month and is no HTTP date is none", () => {
    expect(["May 5", "May 5 2099", "Monday"].map((text) => parseRetryAfter(text, NOW))).toEqual([null, null, null]);
  });

  test("that is missing is none", () => {
    expect([parseRetryAfter(null, NOW), parseRetryAfter(undefined, NOW)]).toEqual([null, null]);
  });

  test("is never an error and never negative, whatever it says", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const seconds = parseRetryAfter(text, NOW);
        if (seconds !== null) expect(seconds).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe("what an answer asks to wait", () => {
  const NOW = Date.UTC(2026, 10, 29);
  const AHEAD = "Mon, 30 Nov 2026 00:00:00 GMT";
  for (const [date, retryAfter, seconds] of [
    [undefined, "7", 7],
    [AHEAD, "7", 7],
    // By our clock a day and twenty seconds, by the answer's own twenty seconds.
    [AHEAD, "Mon, 30 Nov 2026 00:00:20 GMT", 20],
    // The other way round: a receiver whose clock is in 1970 asks for a minute.
    ["Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 01 Jan 1970 00:01:00 GMT", 60],
    [undefined, "Sun, 29 Nov 2026 00:00:30 GMT", 30],
    ["no date", "Sun, 29 Nov 2026 00:00:30 GMT", 30],
    [AHEAD, undefined, null],
  ] as const) {
    test(`Date: ${date}, Retry-After: ${retryAfter}: ${seconds} s`, () =>
      expect(retryAfterSeconds({ date, "retry-after": retryAfter }, NOW)).toBe(seconds));
  }
});
