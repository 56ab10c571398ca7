import { expect, test } from "bun:test";
import { isBreach } from "../../../lib/contract/perfdata.ts";
import { type Limits, perf, statusOf } from "../../../lib/heartbeat/plugins/thresholds.ts";

const ABOVE: Limits = { alert: "above", warning: 80, critical: 90, because: "" };
const BELOW: Limits = { alert: "below", warning: 10, critical: 5, because: "" };

test("a figure with its limits is perfdata with ranges", () => {
  expect(perf("a", 1.239, "%", ABOVE)).toEqual({
    label: "a",
    value: 1.24,
    uom: "%",
    warning: { inside: false, low: null, high: 80 },
    critical: { inside: false, low: null, high: 90 },
    min: 0,
    max: 100,
  });
  expect(perf("b", null, "s", { ...BELOW, critical: null })).toEqual({
    label: "b",
    value: null,
    uom: "s",
    warning: { inside: false, low: 10, high: null },
    critical: null,
    min: null,
    max: null,
  });
});

test.each([
  [80, ABOVE, "ok"],
  [80.01, ABOVE, "warning"],
  [90, ABOVE, "warning"],
  [90.01, ABOVE, "critical"],
  [10, BELOW, "ok"],
  [9.99, BELOW, "warning"],
  [5, BELOW, "warning"],
  [4.99, BELOW, "critical"],
  [null, BELOW, "ok"],
  [1e9, { ...ABOVE, critical: null }, "warning"],
] as const)("%p is judged at its very limits", (value, limits, status) => {
  expect(statusOf([perf("x", value, "", limits)])).toBe(status);
});

test("a range may also mean inside, its ends included", () => {
  const inside = { inside: true, low: 10, high: 20 };
  expect([9, 10, 20, 21].map((value) => isBreach(inside, value))).toEqual([false, true, true, false]);
});

test("the gravest figure counts; a figure without limits never does", () => {
  expect(statusOf([perf("a", 1, "", ABOVE), perf("b", 85, "", ABOVE), perf("c", 1e9, "")])).toBe("warning");
  expect(statusOf([])).toBe("ok");
});
