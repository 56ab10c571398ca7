// What is shown of a host at a time: literals in, ages and one line out.

import { describe, expect, test } from "bun:test";
import type { StoredHeartbeat } from "../../lib/contract/host-document.ts";
import type { CheckResult } from "../../lib/contract/observation.ts";
import { hostView } from "../../lib/fleet/host-view.ts";
import { withDuplicate } from "../../lib/fleet/senders.ts";
import { briefOf, summarise, unreadableBrief } from "../../lib/fleet/view.ts";
import { PENDING, result, storedAfter, T0 } from "../receiver/heartbeats/support.ts";

const SET_CLOCK =
  "; fix: set it, or this collector's where that is the wrong one: on the lab host: sudo timedatectl set-ntp true";

/** What mends a silence. */
const SPEAK =
  "; fix: switch the host on, or, where it is on, see why no heartbeat comes from it: on the lab host: sudo heartbeat status";

const stored = (results: CheckResult[], times = 1, over: Partial<StoredHeartbeat> = {}) =>
  storedAfter(
    Array.from({ length: times }, (_, n) => results.map((one) => ({ ...one, run: n + 1 }))),
    over,
  );
const letters = (name: string, letter: string, run: number) =>
  result({ name, run, status: letter === "o" ? "ok" : "critical" });

const row = (document: StoredHeartbeat, afterS = 0) =>
  withDuplicate(summarise(briefOf("lab1", document), T0 + afterS * 1000), null);

describe("a host", () => {
  test("is late after two intervals and 30 s of the collector's clock", () => {
    const document = stored([result({ ttl_s: 86_400 })]);
    expect(row(document, 150)).toMatchObject({
      age_s: 150,
      late_after_s: 150,
      stale: false,
      worst: "ok",
      problem: null,
    });
    expect(row(document, 151)).toMatchObject({ age_s: 151, stale: true, problem: `no heartbeat for 2min 31s${SPEAK}` });
  });
  test("that is late is not known to be well, though an answer of it counts for a day", () => {
    const document = stored([result({ name: "daily", ttl_s: 86_400 })]);
    expect(row(document, 151)).toMatchObject({ worst: "stale", worst_hard: "stale", counts: { ok: 1, stale: 0 } });
    const graver = stored([result({ ttl_s: 10 }), result({ name: "daily", status: "warning", ttl_s: 86_400 })], 3);
    expect(row(graver, 151)).toMatchObject({
      worst: "stale",
      problem: `no heartbeat for 2min 31s; daily warning: fine${SPEAK}`,
    });
  });
  test("that checks nothing is not known to be well either", () => {
    expect(row(stored([]))).toMatchObject({
      worst: "unknown",
      worst_hard: "unknown",
      counts: { ok: 0, warning: 0, critical: 0, unknown: 0, stale: 0 },
      problem: "its heartbeat holds no result",
    });
    expect(row(stored([]), 3600)).toMatchObject({
      worst: "unknown",
      problem: `no heartbeat for 1h; its heartbeat holds no result${SPEAK}`,
    });
  });
  test("whose heartbeat had lain in its spool is not silent, but what it said is old", () => {
    const document = stored([result({ ttl_s: 86_400 })], 1, { late_s: 10_800 });
    expect(row(document, 1)).toMatchObject({
      age_s: 1,
      late_s: 10_800,
      stale: false,
      problem: "its heartbeat was 3h old when it came",
    });
    expect(hostView("lab1", document, T0 + 1000)).toMatchObject({ age_s: 1, heartbeat: { age_s: 10_801 } });
    expect(row(stored([result()], 1, { late_s: 30 })).problem).toBeNull();
  });
  test.each([
    [120, false, null],
    [121, true, `its clock is 2min 1s fast${SET_CLOCK}`],
    [-121, true, `its clock is 2min 1s slow${SET_CLOCK}`],
    [null, false, null],
  ] as const)("whose clock is off by %p s", (skew_s, clock_off, problem) => {
    expect(row(stored([result()], 1, { skew_s }))).toMatchObject({ skew_s, clock_off, problem });
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
      worst_hard: "unknown",
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
      problem: `no heartbeat for 1h${SPEAK}`,
    });
  });
  test.each([
    ["torn", "its file cannot be read; its next heartbeat writes it anew"],
    ["EACCES", "its file cannot be read: EACCES"],
  ])("whose file cannot be read (%s) stays in the list", (why, problem) => {
    const unreadable = summarise(unreadableBrief("lab1", T0, why), T0 + 5000);
    expect(unreadable).toMatchObject({ host: "lab1", stale: true, worst: "unknown", received_at_wall: null, age_s: 5 });
    expect(withDuplicate(unreadable, null).problem).toBe(problem);
  });
  test("no age is negative when the collector's clock was set back a little", () => {
    expect(row(stored([result()]), -120)).toMatchObject({ age_s: 0, stale: false, worst: "ok", problem: null });
  });
  test("nobody knows how old anything is when it was set back by more", () => {
    expect(row(stored([result()]), -121)).toMatchObject({
      age_s: 0,
      stale: true,
      worst: "stale",
      worst_hard: "stale",
      problem: "its heartbeat came 2min 1s from now: this collector's clock was set back",
    });
  });
  test("that has the most results a heartbeat can hold is shown, and so are ten times as many", () => {
    const many = Array.from({ length: 80_000 }, (_, n) => result({ name: `n${n}`, status: "warning" }));
    expect(row(stored(many))).toMatchObject({ worst: "warning", counts: { warning: 80_000 } });
  });
  test("names what flaps", () => {
    const runs = [..."ocococ"].map((letter, n) => ["a", "b"].map((name) => letters(name, letter, n + 1)));
    expect(row(storedAfter([...runs, ["a", "b"].map((name) => letters(name, "o", 7))]))).toMatchObject({
      flapping: 2,
      worst: "ok",
      problem: "a flapping (and 1 more)",
    });
  });
});

describe("a result", () => {
  test("that is sent again grows old, whenever its heartbeat came", () => {
    const again = result({ run: 1, ttl_s: 130 });
    const view = hostView("lab1", storedAfter([[again], [again], [again]]), T0 + 11_000);
    expect(view.heartbeat.results[0]).toMatchObject({ status: "stale", was: "ok", stale: true, age_s: 131 });
    // Not even under another name.
    expect(view.heartbeat.results[0]).toMatchObject({ hard: "stale" });
    expect(view.age_s).toBe(11);
  });
  test("of which nobody knows how old it is, since the collector's clock was set back, is stale", () => {
    const ahead = storedAfter([[result()]]).states.map((state) => ({
      ...state,
      as_of_wall: "2035-01-01T00:00:00.000000+00:00",
    }));
    expect(row(storedAfter([[result()]], { states: ahead }))).toMatchObject({
      stale: false,
      worst: "stale",
      worst_hard: "stale",
      problem: "load stale, was ok",
    });
  });
  test("shows its state, and what the agent said and we do not know", () => {
    const critical = result({ status: "critical", extra: [1] });
    const views = [1, 2, 3].map((times) => {
      const before = [result({ run: 0 })];
      const runs = Array.from({ length: times }, (_, n) => [{ ...critical, run: n + 1 }]);
      return hostView("lab1", storedAfter([before, ...runs]), T0 + 2000).heartbeat.results[0];
    });
    expect(views).toMatchObject([
      { status: "critical", age_s: 2, attempts: 1, hard: "ok", state: "soft", extra: [1] },
      { status: "critical", age_s: 2, attempts: 2, hard: "ok", state: "soft", extra: [1] },
      { status: "critical", age_s: 2, attempts: 3, hard: "critical", state: "hard", extra: [1] },
    ]);
  });
  test("of a first run that is not ok is soft, and no ok holds: there never was one", () => {
    for (const status of ["warning", "unknown"] as const) {
      const document = stored([result({ status })]);
      expect(hostView("lab1", document, T0).heartbeat.results[0]).toMatchObject({ hard: "unknown", state: "soft" });
      expect(row(document)).toMatchObject({ worst: status, worst_hard: "unknown" });
      expect(row(document).problem).toBe(`load ${status} (soft, run 1): fine`);
    }
  });
});

describe("a check of which no run has ended yet", () => {
  const view = (document: StoredHeartbeat, afterS = 0) =>
    hostView("lab1", document, T0 + afterS * 1000).heartbeat.results[0];

  test("and none ever did is unknown, whatever its status says, for as long as it is told so", () => {
    const waiting = storedAfter([[PENDING], [PENDING], [{ ...PENDING, status: "ok" }]]);
    expect(view(waiting, 130)).toMatchObject({
      status: "unknown",
      hard: "unknown",
      state: "pending",
      attempts: 0,
      age_s: 130,
      since_wall: "2026-05-01T11:58:00.000000+00:00",
    });
    expect(row(waiting)).toMatchObject({
      worst: "unknown",
      worst_hard: "unknown",
      problem: "disk_smart unknown: waiting for its turn",
    });
    expect(view(waiting, 131)).toMatchObject({ status: "stale", was: "unknown", hard: "stale" });
    expect(row(waiting, 131)).toMatchObject({ problem: "disk_smart stale, was unknown: waiting for its turn" });
  });

  const ran = (status: CheckResult["status"], run: number) => ({ ...PENDING, status, run, notes: {}, message: "last" });
  test("after one that was ok: unknown, and the ok holds until its time is over, not longer", () => {
    // The ok came a minute before T0.
    const waiting = storedAfter([[ran("ok", 4)], [{ ...PENDING, run: 5 }]]);
    expect(view(waiting, 70)).toMatchObject({
      status: "unknown",
      was: "ok",
      hard: "ok",
      state: "pending",
      age_s: 130,
      since_wall: null,
    });
    expect(row(waiting, 70)).toMatchObject({ worst: "unknown", worst_hard: "ok", counts: { ok: 0, unknown: 1 } });
    expect(row(waiting, 70).problem).toBe("disk_smart unknown: waiting for its turn");
    expect(view(waiting, 71)).toMatchObject({ status: "stale", was: "ok", hard: "stale", age_s: 131 });
    expect(row(waiting, 71)).toMatchObject({ worst: "stale", worst_hard: "stale", counts: { ok: 0, stale: 1 } });
    expect(row(waiting, 71).problem).toBe("disk_smart stale, was ok: waiting for its turn");
  });
  test("after one that was critical: what holds gets no better by it", () => {
    const failed = [1, 2, 3].map((run) => [ran("critical", run)]);
    const waiting = storedAfter([...failed, [{ ...PENDING, run: 4 }]]);
    expect(view(waiting)).toMatchObject({ status: "unknown", was: "critical", hard: "critical", attempts: 3 });
    expect(row(waiting)).toMatchObject({
      worst: "unknown",
      worst_hard: "critical",
      problem: "disk_smart unknown (was critical): waiting for its turn",
    });
  });
  test("once one has ended it is the first", () => {
    expect(view(storedAfter([[PENDING], [{ ...PENDING, status: "critical", notes: {} }]]))).toMatchObject({
      status: "critical",
      attempts: 1,
      state: "soft",
      hard: "unknown",
    });
    expect(view(storedAfter([[PENDING], [{ ...PENDING, status: "ok", notes: {} }]]))).toMatchObject({
      status: "ok",
      attempts: 0,
      state: "hard",
      hard: "ok",
    });
  });
});
