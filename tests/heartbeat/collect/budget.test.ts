// What one plugin may say in one collection: limits on parts multiply, the sum is bounded, and what is small stays whole.

import { expect, test } from "bun:test";
import { BUDGET_BYTES, withinBudget } from "../../../lib/heartbeat/collect/budget.ts";
import { LIMITS, tidy } from "../../../lib/heartbeat/collect/observations.ts";
import type { Observation } from "../../../lib/heartbeat/plugin.ts";

const item = { label: "a", value: 1, uom: "", warning: null, critical: null, min: null, max: null };
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
const seen = (name: string, more: Partial<Observation> = {}): Observation => ({
  name,
  status: "critical",
  message: "bad",
  ...more,
});

test("what is small is left as it is, object by object", () => {
  const small = Array.from({ length: 200 }, (_, n) => seen(`${n}`, { perfdata: [item], long_text: "x" }));
  const { observations, problem } = withinBudget(small);
  expect(problem).toBeNull();
  expect(observations.every((one, n) => one === small[n])).toBe(true);
});

test("what might be too much and is not stays whole as well, to the byte", () => {
  const large = [seen("a", { long_text: "x".repeat(100_000) }), seen("b", { long_text: "y".repeat(100_000) })];
  expect(withinBudget(large, bytesOf(large))).toEqual({ observations: large, problem: null });
  expect(bytesOf(withinBudget(large, bytesOf(large) - 1).observations)).toBeLessThan(bytesOf(large));
});

test("the largest loses its long text, then its errors, its figures and most of its message; the small one nothing", () => {
  const small = seen("small", { long_text: "kept", perfdata: [item] });
  const flood = seen("flood", {
    long_text: "x".repeat(9000),
    perf_errors: Array.from({ length: 20 }, () => "e".repeat(200)),
    perfdata: Array.from({ length: 20 }, () => item),
    message: "m".repeat(2000),
    notes: { exit_code: 2, refresh_failed: "r".repeat(2000), truncated_bytes: 7 },
  });
  const at = (maxBytes: number) => {
    const { observations, problem } = withinBudget([small, flood], maxBytes);
    expect(problem).toBeNull();
    expect(observations[0]).toBe(small);
    expect(bytesOf(observations)).toBeLessThanOrEqual(maxBytes);
    return observations[1];
  };
  const { long_text: _, ...noText } = flood;
  expect(at(11_000)).toEqual({ ...noText, notes: { ...flood.notes, truncated_bytes: expect.any(Number) } });
  const { perf_errors: __, ...noErrors } = noText;
  expect(at(7000)).toMatchObject(JSON.parse(JSON.stringify({ ...noErrors, notes: { exit_code: 2 } })));
  expect(at(7000)?.perf_errors).toBeUndefined();
  expect(at(5000)).toMatchObject({ perfdata: [], message: flood.message });
  const bare = at(1500);
  expect(bare).toMatchObject({ message: "m".repeat(200), notes: { exit_code: 2, refresh_failed: "r".repeat(200) } });
  // What was lost before, and what is lost now, but for the letters that say so.
  expect(bare?.notes?.truncated_bytes).toBeGreaterThan(7 + bytesOf(flood) - bytesOf(bare) - 50);
});

test("one large one among many small ones pays alone", () => {
  const many = Array.from({ length: 300 }, (_, n) => seen(`${n}`, { message: "m".repeat(700) }));
  const flood = seen("flood", { long_text: "x".repeat(100_000) });
  const { observations, problem } = withinBudget([...many.slice(0, 150), flood, ...many.slice(150)]);
  expect(problem).toBeNull();
  expect(observations.filter(({ name }) => name !== "flood")).toEqual(many);
  expect(observations[150]?.long_text).toBeUndefined();
});

test("everything at its limit: bounded, in bytes that are no letters too, and what is left out is said", () => {
  for (const letter of ["x", "\u0001", "\u{1F600}"]) {
    const text = letter.repeat(20_000);
    const big = { name: text, status: "ok", message: text, long_text: text, notes: { refresh_failed: text } };
    const full = {
      ...big,
      perfdata: Array.from({ length: 20 }, () => ({ ...item, label: text })),
      perf_errors: [text],
    };
    const tidied = tidy(Array.from({ length: LIMITS.observations }, () => full)).observations;
    const { observations, problem } = withinBudget(tidied);
    expect(bytesOf(observations)).toBeLessThanOrEqual(BUDGET_BYTES);
    const lost = LIMITS.observations - observations.length;
    expect(lost).toBeGreaterThan(0);
    expect(problem).toBe(
      `it said more than 256 KiB at once: ${lost} of its ${LIMITS.observations} observations were left out`,
    );
  }
});

test("2,000 checks that say what checks say need 768 KiB at most, and then lose nothing", () => {
  const checks = Array.from({ length: 2000 }, (_, n) => seen(`check ${n}`, { perfdata: [item, item] }));
  expect(withinBudget(checks, 768 * 1024)).toEqual({ observations: checks, problem: null });
});
