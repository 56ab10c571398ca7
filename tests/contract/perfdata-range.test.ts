// Thresholds: what is one, and which values alert.

import { describe, expect, test } from "bun:test";
import type { PerfRange } from "../../lib/contract/observation.ts";
import { isBreach, parseRange } from "../../lib/contract/perfdata.ts";

const outside = (low: number | null, high: number | null): PerfRange => ({ inside: false, low, high });
const inside = (low: number | null, high: number | null): PerfRange => ({ inside: true, low, high });

describe("a range", () => {
  for (const [text, range] of [
    ["10", outside(0, 10)],
    ["10:", outside(10, null)],
    ["~:10", outside(null, 10)],
    ["10:20", outside(10, 20)],
    ["@10:20", inside(10, 20)],
    ["~:", outside(null, null)],
    ["@0", inside(0, 0)],
    ["5:5", outside(5, 5)],
    ["", null],
    ["U", null],
    ["@", null],
    [":", null],
    ["@:", null],
    ["~", null],
    ["~:~", null],
    ["5:~", null],
    ["1:2:3", null],
    ["20:10", null],
    ["-10", null],
    ["@@1:2", null],
    [" 1:2", null],
    ["1%", null],
    ["1:2 ", null],
  ] as const) {
    test(`${JSON.stringify(text)} is ${JSON.stringify(range)}`, () => expect(parseRange(text)).toEqual(range));
  }

  for (const [text, alerts, quiet] of [
    ["10", [-0.1, 10.1], [0, 5, 10]],
    ["10:", [9.9, -1e300], [10, 1e300]],
    ["~:10", [10.1], [-1e300, 10]],
    ["~:5", [6], [-3]],
    ["10:20", [9.9, 20.1], [10, 15, 20]],
    ["@10:20", [10, 15, 20], [9.9, 20.1]],
    ["@~:20", [-1e300, 20], [20.1]],
    ["~:", [], [-1e300, 0, 1e300]],
    ["@~:", [-1e300, 0, 1e300], []],
  ] as const) {
    test(`${text} alerts at ${alerts.join(" ")}, not at ${quiet.join(" ")}`, () => {
      const range = parseRange(text) ?? outside(Number.NaN, Number.NaN);
      expect(alerts.filter((value) => !isBreach(range, value))).toEqual([]);
      expect(quiet.filter((value) => isBreach(range, value))).toEqual([]);
    });
  }
});
