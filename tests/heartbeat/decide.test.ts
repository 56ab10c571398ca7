// When a heartbeat is due, what an answer means, and which ones go when too many wait.

import { describe, expect, test } from "bun:test";
import type { CheckResult, CheckStatus } from "../../lib/contract/observation.ts";
import {
  classifyDelivery,
  DISK_BYTES,
  IN_MEMORY,
  isAboutOne,
  isPlain,
  retryWaitS,
  splayMs,
  summarise,
  summaryText,
  toDrop,
  untilDueMs,
} from "../../lib/heartbeat/decide.ts";

describe("a host's place in the interval", () => {
  test("is always the same, and within it", () => {
    expect(splayMs("lab1", 60_000)).toBe(splayMs("lab1", 60_000));
    for (let i = 0; i < 1000; i++) {
      const place = splayMs(`lab${i}`, 60_000);
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThan(60_000);
    }
  });

  test("spreads a fleet: of 1,000 hosts no second of the minute gets many more than its share", () => {
    for (const name of [
      (i: number) => `lab${i}`,
      (i: number) => `pi-${i.toString(16)}.wg`,
      (i: number) => `h${i * 7}`,
    ]) {
      const seconds = new Array<number>(60).fill(0);
      for (let i = 0; i < 1000; i++) {
        const second = Math.floor(splayMs(name(i), 60_000) / 1000);
        seconds[second] = (seconds[second] ?? 0) + 1;
      }
      // 16.7 on average; the spread of a fair draw is 4.
      expect(Math.max(...seconds)).toBeLessThan(16.7 + 4 * 4.05 + 1);
      expect(Math.min(...seconds)).toBeGreaterThan(0);
    }
  });

  for (const [now, splay, wait] of [
    [0, 10_000, 70_000], // less than half an interval away: the next one
    [0, 40_000, 40_000],
    [100_000, 40_000, 60_000],
    [45_000, 40_000, 55_000],
    [-5000, 40_000, 45_000], // a clock before 1970
  ] as const) {
    test(`at ${now} ms, its place ${splay} ms: in ${wait} ms`, () => {
      expect(untilDueMs(now, 60_000, splay)).toBe(wait);
    });
  }
});

describe("a clock that is set", () => {
  // The wait is counted by a clock that nobody sets: whatever the wall clock does meanwhile, it is over when it is over.
  const INTERVAL = 60_000;
  const SPLAY = splayMs("lab1", INTERVAL);

  /** The waits of an agent whose wall clock is set by `jumpMs(n)` during the nth of them. */
  function waits(startMs: number, jumpMs: (n: number) => number, count = 1000): number[] {
    let wallMs = startMs;
    return Array.from({ length: count }, (_, n) => {
      const wait = untilDueMs(wallMs, INTERVAL, SPLAY);
      // A timer is late by a little, and never by nothing.
      wallMs += wait + (n % 7) + jumpMs(n);
      return wait;
    });
  }

  const TEN_MINUTES = 600_000;
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  for (const [what, jumpMs] of [
    ["ten minutes ahead, once", (n: number) => (n === 3 ? TEN_MINUTES : 0)],
    ["ten minutes behind, once", (n: number) => (n === 3 ? -TEN_MINUTES : 0)],
    ["from 1970 to today, as after a boot without a clock", (n: number) => (n === 3 ? 1.78e12 : 0)],
    ["to and fro all the time", (n: number) => (n % 2 === 0 ? TEN_MINUTES : -TEN_MINUTES)],
    ["by anything at any time", () => (random() - 0.5) * 1e10],
    ["a little slow, so that it is corrected each time", () => -37],
  ] as const) {
    test(`${what}: no burst, and no silence`, () => {
      const all = waits(5000, jumpMs);
      expect(Math.min(...all)).toBeGreaterThanOrEqual(INTERVAL / 2);
      expect(Math.max(...all)).toBeLessThan(INTERVAL * 1.5);
    });
  }

  test("finds the host's place in the interval again with the next wait", () => {
    const all = waits(SPLAY, (n) => (n === 3 ? TEN_MINUTES + 20_000 : 0), 10);
    expect(all.map((wait) => Math.round(wait / 1000))).toEqual([60, 60, 60, 60, 40, 60, 60, 60, 60, 60]);
  });

  test("an interval of a day is waited for a day and a half at most", () => {
    const day = 86_400_000;
    for (const wallMs of [0, -1, 1.78e12, 1.78e12 + day / 2])
      expect(untilDueMs(wallMs, day, splayMs("lab1", day))).toBeLessThan(1.5 * day);
  });
});

describe("how a collection went", () => {
  const results = (...statuses: (CheckStatus | "pending")[]): CheckResult[] =>
    statuses.map((status, i) => ({
      plugin: "p",
      name: `p${i}`,
      status: status === "pending" ? "unknown" : status,
      message: "",
      perfdata: [],
      started_at: "2026-05-01T06:37:53.830Z",
      duration_ms: 1,
      ttl_s: 130,
      run: 1,
      ...(status === "pending" && { notes: { pending: true } }),
    }));
  for (const [statuses, text] of [
    [[], "ok: 0 of 0 not ok"],
    [["ok", "warning", "critical", "unknown"], "critical: 3 of 4 not ok"],
    [["ok", "unknown"], "unknown: 1 of 2 not ok"],
    // What has no answer yet is no fault.
    [["ok", "pending", "pending"], "ok: 0 of 3 not ok, 2 not known yet"],
    [["pending", "warning"], "warning: 1 of 2 not ok, 1 not known yet"],
  ] as [(CheckStatus | "pending")[], string][]) {
    test(`${statuses.join(" ") || "nothing"}: ${text}`, () =>
      expect(summaryText(summarise(results(...statuses)))).toBe(text));
  }
});

describe("an answer", () => {
  const OURS = { reason: "malformed", detail: "d" };
  const FINDING = { what: "it is full", fix: { text: "make room", commands: [] } };
  for (const [status, body, kind] of [
    [200, { status: "stored" }, "sent"],
    [200, { status: "old" }, "sent"],
    [200, { status: "duplicate" }, "sent"],
    [200, {}, "later"], // a portal's page has not taken it
    [200, null, "later"],
    [301, null, "later"],
    [400, OURS, "drop"],
    [400, null, "later"], // a proxy in between
    [401, OURS, "later"],
    [404, OURS, "later"], // an older receiver: it may be updated
    [413, OURS, "drop"],
    [413, null, "later"],
    [422, OURS, "drop"],
    [429, OURS, "later"],
    [500, null, "later"],
    [507, OURS, "later"],
  ] as const) {
    test(`${status} ${JSON.stringify(body)}: ${kind}`, () =>
      expect(classifyDelivery(status, body, body === OURS ? OURS.reason : null, FINDING).kind).toBe(kind));
  }

  test("that settles nothing says what it is and what mends it; two are told apart by status and reason", () => {
    const why = FINDING;
    expect(classifyDelivery(507, OURS, "disk-full", FINDING)).toEqual({ kind: "later", reason: "507 disk-full", why });
    expect(classifyDelivery(404, null, null, FINDING)).toEqual({ kind: "later", reason: "404 unmarked", why });
  });
});

describe("a heartbeat is plain", () => {
  for (const [before, now, plain] of [
    [null, { a: "ok" }, false], // the first one says that the host is up
    [{ a: "ok" }, { a: "ok" }, true],
    [{ a: "ok" }, { a: "warning" }, false],
    [{ a: "warning" }, { a: "ok" }, false], // a recovery is news
    [{ a: "warning" }, { a: "warning" }, true], // what lasts is none
    [{ a: "ok" }, { a: "ok", b: "ok" }, false],
    [{ a: "ok", b: "critical" }, { a: "critical", b: "ok" }, false],
  ] as const) {
    test(`${JSON.stringify(before)} then ${JSON.stringify(now)}: ${plain}`, () =>
      expect(isPlain(before, now)).toBe(plain));
  }
});

describe("whether others may get through where one did not", () => {
  for (const [status, retryAfterS, may] of [
    [0, null, false],
    [302, null, false],
    [401, null, false],
    [404, null, true],
    [413, null, true],
    [429, null, false],
    [500, null, true],
    [500, 5, false],
    [503, null, false],
  ] as const) {
    test(`${status}, Retry-After ${retryAfterS}: ${may}`, () => expect(isAboutOne(status, retryAfterS)).toBe(may));
  }
});

describe("what goes when too many wait", () => {
  const waiting = (text: string, bytes = 1) =>
    [...text].map((kind, i) => ({ sequence: i + 1, plain: kind === ".", bytes }));
  for (const [text, count, gone] of [
    ["....", 4, []],
    ["....", 2, [1, 2]],
    ["!..!.", 3, [2, 3]], // the oldest without news
    ["!!!!", 2, [1, 2]], // then the oldest
    ["!.!", 1, [2, 1]], // and never the newest
    ["...", 0, [1, 2]],
  ] as const) {
    test(`${text} down to ${count}: ${gone.join(",") || "none"}`, () =>
      expect(toDrop(waiting(text), { count, bytes: 100 })).toEqual([...gone]));
    test(`${text} of 10 bytes each down to exactly ${10 * count} bytes: the same`, () =>
      expect(toDrop(waiting(text, 10), { count: 100, bytes: 10 * count })).toEqual([...gone]));
    test(`${text} of 10 bytes each down to ${10 * count + 9} bytes: the same`, () =>
      expect(toDrop(waiting(text, 10), { count: 100, bytes: 10 * count + 9 })).toEqual([...gone]));
  }
});

describe("a heartbeat that failed", () => {
  for (const [what, schedule, tries, jitter, asked, waitS] of [
    ["is tried again after what the schedule and chance say", [10, 20], 2, 0.5, null, 10],
    ["never at once, however short the schedule", [0.01], 1, 0.9, null, 1],
    ["never at once, however small the jitter", [1, 2], 1, 0, null, 1],
    ["never at once, even if the receiver says so", [0], 3, 0, 0, 1],
    ["later if the receiver asks for it", [0], 1, 0, 60, 60],
  ] as [string, number[], number, number, number | null, number][]) {
    test(what, () => expect(retryWaitS(schedule, tries, jitter, asked)).toBe(waitS));
  }
});

test("what may wait: a day of usual heartbeats on the disk, an hour of them in memory, and never much of a small host", () => {
  const MIB = 1024 ** 2;
  const usual = (5 * MIB) / 1440;
  expect(DISK_BYTES).toBeWithin(1440 * usual, 100 * MIB);
  expect(IN_MEMORY.count).toBe(60);
  expect(IN_MEMORY.bytes).toBeWithin(60 * usual, 16 * MIB);
});
