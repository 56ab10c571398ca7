// A heartbeat that the receiver would refuse for its size is made smaller, and loses no status.

import { expect, test } from "bun:test";
import type { Heartbeat } from "../../../lib/contract/heartbeat.ts";
import type { CheckResult } from "../../../lib/contract/observation.ts";
import { fitted, HEARTBEAT_BYTES } from "../../../lib/heartbeat/send/fit.ts";

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

test("of too many results the first ones arrive, as many as fit, and one says how many are missing", () => {
  const many = Array.from({ length: 20_000 }, (_, i) => result(`check ${i}`));
  const text = fitted(beat(many));
  const bytes = Buffer.byteLength(text);
  expect(bytes).toBeLessThanOrEqual(HEARTBEAT_BYTES);
  expect(bytes).toBeGreaterThan(HEARTBEAT_BYTES - 2048);
  const { results }: Heartbeat = JSON.parse(text);
  const kept = results.length - 1;
  expect(results.slice(0, kept)).toEqual(many.slice(0, kept));
  expect(results[kept]).toEqual({
    plugin: "heartbeat",
    name: "heartbeat",
    status: "unknown",
    message: `${20_000 - kept} of 20000 results did not fit into a heartbeat of 1 MiB: ${kept} kept`,
    perfdata: [],
    started_at: "2026-05-01T06:37:54.000Z",
    duration_ms: 0,
    ttl_s: 180,
    run: 7,
  });
});

test("a message is not cut in the middle of a character", () => {
  const text = fitted(beat([result("a", { message: `${"x".repeat(199)}😀${"x".repeat(2000)}` })]), 1000);
  expect(JSON.parse(text).results[0].message).toBe(`${"x".repeat(199)}\ufffd`);
});

test("the result that says so takes nobody's name", () => {
  const many = ["heartbeat", "heartbeat#2", ...Array.from({ length: 99 }, (_, i) => `c${i}`)].map((name) =>
    result(name),
  );
  const { results } = fit(beat(many), 4000);
  expect(results.at(-1)).toMatchObject({ plugin: "heartbeat", name: "heartbeat#3" });
});

test("where nothing fits beside the list of plugins, the plugins go, and what is missing is still said", () => {
  const plugins = Array.from({ length: 100 }, (_, i) => ({ name: `p${i}`, state: "failed" as const, reason: "r" }));
  const heartbeat = { ...beat([result("a"), result("b")]), plugins };
  const small = fit(heartbeat, 3000);
  expect(small.plugins).toEqual([]);
  expect(small.results.map(({ name }) => name)).toEqual(["a", "b", "heartbeat"]);
  expect(small.results[2]?.message).toBe("the list of plugins did not fit into a heartbeat of 1 MiB");
  // Not even one result.
  const none = fit(heartbeat, 1200);
  expect(none.results.map(({ message }) => message)).toEqual([
    "2 of 2 results did not fit into a heartbeat of 1 MiB: 0 kept",
  ]);
});

test("the plugin that says most pays, and not the figures of the others", () => {
  const flood = Array.from({ length: 500 }, (_, n) => ({
    ...result(`flood ${n}`, { long_text: "x".repeat(5000) }),
    plugin: "flood",
  }));
  // Each is larger than what would count as small by itself.
  const disks = Array.from({ length: 20 }, (_, n) => ({
    ...result(`disk:/${n}`, { long_text: "y".repeat(400), perfdata: Array.from({ length: 20 }, () => item) }),
    plugin: "disks",
  }));
  const { results } = fit(beat([...disks.slice(0, 10), ...flood, ...disks.slice(10)]));
  expect(results).toHaveLength(520);
  expect(results.map(({ name }) => name)).toEqual([
    ...disks.slice(0, 10).map(({ name }) => name),
    ...flood.map(({ name }) => name),
    ...disks.slice(10).map(({ name }) => name),
  ]);
  expect(results.filter(({ plugin }) => plugin === "disks")).toEqual(disks);
});

test("results are dropped of the plugin alone that has too many, and that is said beside those of the others", () => {
  const many = Array.from({ length: 20_000 }, (_, i) => result(`check ${i}`));
  const other = { ...result("load"), plugin: "load" };
  const text = fitted(beat([...many, other]));
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(HEARTBEAT_BYTES);
  const { results }: Heartbeat = JSON.parse(text);
  expect(results.at(-2)).toEqual(other);
  expect(results.at(-1)).toMatchObject({
    plugin: "heartbeat",
    message: `${20_001 - results.length + 1} of 20001 results did not fit into a heartbeat of 1 MiB: ${results.length - 1} kept`,
  });
});

test("whatever there is room for: no more than that is sent, and every byte of it is tried", () => {
  const groups = ["a", "b", "c"].map((plugin) =>
    result(plugin, { plugin, long_text: "x".repeat(400), perfdata: [item] }),
  );
  const heartbeat = beat([result("small", { plugin: "small" }), ...groups]);
  const whole = Buffer.byteLength(JSON.stringify(heartbeat));
  let least = whole;
  for (let most = whole; most > whole - 1700; most--) {
    const bytes = Buffer.byteLength(fitted(heartbeat, most));
    if (bytes > most) least = Math.min(least, most);
  }
  expect(least).toBe(whole);
});
