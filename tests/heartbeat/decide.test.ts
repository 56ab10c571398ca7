// When a heartbeat is due, what an answer means, and which ones go when too many wait.

import { describe, expect, test } from "bun:test";
import { classifyDelivery, isPlain, splayMs, toDrop, untilDueMs } from "../../lib/heartbeat/decide.ts";

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

describe("an answer", () => {
  const OURS = { reason: "malformed", detail: "d" };
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
      expect(classifyDelivery(status, body, "w").kind).toBe(kind));
  }
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

describe("what goes when too many wait", () => {
  const waiting = (text: string) => [...text].map((kind, i) => ({ sequence: i + 1, plain: kind === "." }));
  for (const [text, max, gone] of [
    ["....", 4, []],
    ["....", 2, [1, 2]],
    ["!..!.", 3, [2, 3]], // the oldest without news
    ["!!!!", 2, [1, 2]], // then the oldest
    ["!.!", 1, [2, 1]], // and never the newest
    ["...", 0, [1, 2]],
  ] as const) {
    test(`${text} down to ${max}: ${gone.join(",") || "none"}`, () =>
      expect(toDrop(waiting(text), max)).toEqual([...gone]));
  }
});
