// What is shown of a host at a time: literals in, ages and one line out.

import { describe, expect, test } from "bun:test";
import { isoWall } from "../../../lib/core/clock.ts";
import type { CheckResult } from "../../../lib/core/heartbeat.ts";
import type { StoredHeartbeat } from "../../../lib/receiver/heartbeats/document.ts";
import { nextStates } from "../../../lib/receiver/heartbeats/states.ts";
import { briefOf, hostView, summarise, unreadableBrief } from "../../../lib/receiver/heartbeats/view.ts";
import { renderHost, renderHosts } from "../../../lib/receiver/hosts-command.ts";
import { heartbeat, result } from "./support.ts";

const T0 = Date.parse("2026-05-01T12:00:00Z");

/** A document as it stands after `results` came so often in a row, each a new run; the last time at T0. */
function stored(results: CheckResult[], times = 1, over: Partial<StoredHeartbeat> = {}): StoredHeartbeat {
  let states: StoredHeartbeat["states"] = [];
  let last: CheckResult[] = [];
  for (let n = 1; n <= times; n++) {
    last = results.map((one) => ({ ...one, run: n }));
    states = nextStates(states, last, T0 - (times - n) * 60_000);
  }
  return {
    received_at_wall: isoWall(T0),
    late_s: 0,
    skew_s: 0,
    seen: [],
    states,
    heartbeat: heartbeat({ results: last }),
    ...over,
  };
}

const row = (document: StoredHeartbeat, afterS = 0) => summarise(briefOf("lab1", document), T0 + afterS * 1000);

describe("a host", () => {
  test("is late after two intervals and 30 s of the collector's clock", () => {
    const document = stored([]);
    expect(row(document, 150)).toMatchObject({ age_s: 150, late_after_s: 150, stale: false, problem: null });
    expect(row(document, 151)).toMatchObject({ age_s: 151, stale: true, problem: "no heartbeat for 2min 31s" });
  });
  test.each([
    [120, false, null],
    [121, true, "its clock is 2min 1s fast"],
    [-121, true, "its clock is 2min 1s slow"],
    [null, false, null],
  ] as const)("whose clock is off by %p s", (skew_s, clock_off, problem) => {
    expect(row(stored([], 1, { skew_s }))).toMatchObject({ skew_s, clock_off, problem });
  });
  test("counts each status, and the worst of them", () => {
    const results = [
      result({ name: "a" }),
      result({ name: "b", status: "warning" }),
      result({ name: "c", status: "unknown", message: "no output" }),
      result({ name: "short", ttl_s: 10 }),
    ];
    expect(row(stored(results), 5)).toMatchObject({
      worst: "unknown",
      worst_hard: "ok",
      counts: { ok: 2, warning: 1, critical: 0, unknown: 1, stale: 0 },
      problem: "c unknown (soft, run 1): no output (and 1 more)",
    });
    expect(row(stored(results, 3), 11)).toMatchObject({
      worst_hard: "unknown",
      counts: { ok: 1, warning: 1, critical: 0, unknown: 1, stale: 1 },
      problem: "c unknown: no output (and 2 more)",
    });
  });
  test("an expired ok is stale, never ok, and worse than a warning", () => {
    const document = stored([result({ ttl_s: 100 }), result({ name: "w", status: "warning", ttl_s: 1000 })]);
    expect(row(document, 100)).toMatchObject({ worst: "warning", counts: { stale: 0 } });
    expect(row(document, 101)).toMatchObject({ worst: "stale", counts: { ok: 0, stale: 1 } });
    expect(row(document, 101).problem).toBe("load stale, was ok (and 1 more)");
  });
  test("that is silent is one thing to say, though everything expires", () => {
    expect(row(stored([result(), result({ name: "b" })]), 3600)).toMatchObject({
      worst: "stale",
      problem: "no heartbeat for 1h",
    });
  });
  test("whose file cannot be read stays in the list", () => {
    const unreadable = summarise(unreadableBrief("lab1", T0), T0 + 5000);
    expect(unreadable).toMatchObject({ host: "lab1", stale: true, worst: "unknown", received_at_wall: null, age_s: 5 });
    expect(unreadable.problem).toContain("cannot be read");
  });
  test("no age is negative when the collector's clock was set back", () => {
    expect(row(stored([result()]), -60)).toMatchObject({ age_s: 0, stale: false, worst: "ok" });
  });
});

describe("a result", () => {
  test("that is sent again grows old, whenever its heartbeat came", () => {
    const again = result({ run: 1, ttl_s: 130 });
    const states = nextStates(nextStates([], [again], T0 - 120_000), [again], T0);
    const view = hostView("lab1", { ...stored([]), states, heartbeat: heartbeat({ results: [again] }) }, T0 + 11_000);
    expect(view.heartbeat.results[0]).toMatchObject({ status: "stale", was: "ok", stale: true, age_s: 131 });
    expect(view.age_s).toBe(11);
  });
  test("shows its state, and what the agent said and we do not know", () => {
    const view = hostView("lab1", stored([result({ status: "critical", extra: [1] })]), T0 + 2000);
    expect(view.heartbeat.results[0]).toMatchObject({
      status: "critical",
      age_s: 2,
      attempts: 1,
      hard: "ok",
      state: "soft",
      extra: [1],
    });
    expect(hostView("lab1", stored([result({ status: "critical" })], 3), T0).heartbeat.results[0]).toMatchObject({
      attempts: 3,
      hard: "critical",
      state: "hard",
    });
  });
});

describe("as a table", () => {
  test("all hosts", () => {
    const calm = summarise(briefOf("lab1", stored([result()])), T0 + 12_000);
    const bad = summarise(
      briefOf("a-longer-name", stored([result({ status: "critical", message: "no\u001b[31m room\n" })], 3)),
      T0 + 7_200_000,
    );
    expect(renderHosts([bad, calm])).toBe(
      [
        "HOST           HEARTBEAT  WORST  WHAT IS WRONG",
        "a-longer-name  2h late    stale  no heartbeat for 2h",
        "lab1           12s        ok",
        "",
      ].join("\n"),
    );
    expect(renderHosts([])).toBe("no heartbeat has come yet\n");
  });
  test("one host; what came from outside neither breaks a line nor steers the terminal", () => {
    const text = renderHost(
      hostView("lab1", stored([result({ status: "critical", message: "no\u001b[31m room\n" })], 3), T0 + 12_000),
    );
    expect(text).toBe(
      [
        "host       lab1",
        "heartbeat  12s ago, number 1, every 60 s",
        "up         16min 40s",
        "clock      0 s ahead of this one",
        "versions   heartbeat 0.1.0",
        "worst      critical",
        "",
        "RESULT  STATUS    STATE  AGE  MESSAGE",
        "load    critical  hard   12s  no\\u001b[31m room\\u000a",
        "",
      ].join("\n"),
    );
  });
});
