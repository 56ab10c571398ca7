// A heartbeat that the receiver would refuse for its size is made smaller, and loses no status.

import { expect, test } from "bun:test";
import type { CheckResult, Heartbeat } from "../../lib/core/heartbeat.ts";
import { fitted, HEARTBEAT_BYTES } from "../../lib/heartbeat/fit.ts";

const result = (name: string, more: Partial<CheckResult> = {}): CheckResult => ({
  plugin: "nagios_runner",
  name,
  status: "critical",
  message: "bad",
  perfdata: [],
  started_at: "2026-05-01T06:37:53.830Z",
  duration_ms: 1,
  ttl_s: 130,
  run: 7,
  ...more,
});
const item = { label: "a", value: 1, uom: "", warning: null, critical: null, min: null, max: null };
const beat = (results: CheckResult[]): Heartbeat => ({
  host_id: "lab1",
  sent_at: "2026-05-01T06:37:54.000Z",
  boot_id: "b",
  sequence: 7,
  uptime_s: 1,
  interval_s: 60,
  versions: {},
  queue: null,
  plugins: [],
  results,
});
const fit = (heartbeat: Heartbeat, max?: number): Heartbeat => JSON.parse(fitted(heartbeat, max));

test("one that fits is left as it is", () => {
  const small = beat([result("a", { long_text: "x".repeat(1000), perfdata: [item] })]);
  expect(fit(small)).toEqual(small);
});

test("long texts go first, then items that were none, then performance data; what is small stays whole", () => {
  const small = result("small", { long_text: "kept", perfdata: [item] });
  const flood = result("flood", { long_text: "x".repeat(5000), perfdata: Array.from({ length: 20 }, () => item) });
  const [kept, cut] = fit(beat([small, flood]), 3500).results;
  expect(kept).toEqual(small);
  expect(cut?.long_text).toBeUndefined();
  expect(cut?.perfdata).toHaveLength(20);
  expect(cut?.notes?.truncated_bytes).toBeGreaterThan(5000);
  const [, bare] = fit(beat([small, flood]), 1500).results;
  expect(bare).toMatchObject({ name: "flood", status: "critical", message: "bad", perfdata: [] });
});

test("16,000 items of one check silence nobody", () => {
  const flood = result("flood", { perfdata: Array.from({ length: 16_000 }, () => item) });
  const text = fitted(beat([flood, result("other")]));
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(HEARTBEAT_BYTES);
  expect(JSON.parse(text).results.map(({ name, status }: CheckResult) => [name, status])).toEqual([
    ["flood", "critical"],
    ["other", "critical"],
  ]);
});

test("of too many results the first ones arrive", () => {
  const many = Array.from({ length: 20_000 }, (_, i) => result(`check ${i}`));
  const text = fitted(beat(many));
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(HEARTBEAT_BYTES);
  expect(JSON.parse(text).results[0]).toEqual(many[0]);
});
