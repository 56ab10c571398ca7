// What is wrong with a host, by literals: each symptom at its boundary, and its cause.

import { describe, expect, test } from "bun:test";
import type { ShownQueue } from "../../../lib/fleet/queue-view.ts";
import type { HostSummary } from "../../../lib/fleet/view.ts";
import { unknownSummary } from "../../../lib/fleet/view.ts";
import type { Facts } from "../../../lib/fleet-health/judge/facts.ts";
import { illOf, type Limits, SYMPTOMS, unknownWithout } from "../../../lib/fleet-health/judge/symptoms.ts";

const NOW = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const LIMITS: Limits = {
  nowMs: NOW,
  coveredMs: (fromMs) => NOW - fromMs,
  silentAfterMs: (host) => (host === "daily" ? 26 * 60 * MIN : 30 * MIN),
  downAfterMs: 30 * MIN,
  failingAfterMs: 15 * MIN,
  fatalMinCount: 10,
};

const facts = (more: Partial<Facts>): Facts => ({
  ...{ host: "lab1", shippedMs: NOW, heartbeat: null },
  ...{ uploads: { taken: 0, refused: new Map(), takenMs: null } },
  ...more,
});
const queue = (more: Partial<ShownQueue> = {}): ShownQueue => ({
  ...{ pending: 0, outbox: 0, quarantined: 0, quarantined_bytes: 0, expiring: 0, announcement: null, unverified: 0 },
  ...{ oldest_pending_s: null, paused: null, waiting: null, held: null },
  ...more,
});
/** A heartbeat of ten seconds ago with nothing to ship. */
const beat = (more: Partial<HostSummary> = {}): HostSummary => ({
  ...unknownSummary("lab1"),
  ...{
    age_s: 10,
    late_s: 0,
    stale: false,
    sent_at: new Date(NOW - 10_000).toISOString(),
    worst: "ok",
    worst_hard: "ok",
  },
  queue: queue(),
  ...more,
});
const told = (more: Partial<Facts>): string[] =>
  illOf([facts(more)], LIMITS, new Set()).map(({ symptom, cause }) => `${symptom}: ${cause}`);
const late = (minutes: number) => beat({ age_s: minutes * 60, stale: true });

test("a host that ships, with a heartbeat or without, is well", () => {
  expect([told({}), told({ heartbeat: beat() })]).toEqual([[], []]);
});

describe("silent", () => {
  const since = (minutes: number, more: Partial<Facts> = {}) => told({ shippedMs: NOW - minutes * MIN, ...more });

  test("is who shipped nothing for longer than the threshold, or than its own", () => {
    expect([since(30), since(30 + 1 / MIN)]).toEqual([[], ["silent: not known"]]);
    expect([since(26 * 60, { host: "daily" }), since(26 * 60 + 1, { host: "daily" })]).toEqual([
      [],
      ["silent: not known"],
    ]);
    expect(told({ shippedMs: null })).toEqual([]);
  });

  test("is nobody who has nothing to ship, and says so", () => {
    expect(since(600, { heartbeat: beat() })).toEqual([]);
    expect(since(600, { heartbeat: beat({ queue: queue({ pending: 2 }) }) })).toEqual(["silent: queue"]);
    const group = { count: 1, reason: "403", since: new Date(NOW).toISOString() };
    expect(since(600, { heartbeat: beat({ queue: queue({ waiting: group }) }) })).toEqual(["silent: queue"]);
    expect(since(600, { heartbeat: beat({ queue: queue({ held: group }) }) })).toEqual(["silent: queue"]);
    expect(since(600, { heartbeat: beat({ queue: null }) })).toEqual(["silent: shipper"]);
  });

  test("is a host whose heartbeats have ended, too: then it is down", () => {
    expect(since(40, { heartbeat: late(40) })).toEqual(["host-down: no sign of life", "silent: no heartbeat"]);
    expect(since(40, { heartbeat: late(30) })).toEqual(["silent: no heartbeat"]);
  });
});

describe("heartbeat-late", () => {
  const heard = beat({ age_s: 20 * 60, stale: true, late_after_s: 150 });
  const shipped = (minutesAfter: number, limits: Partial<Limits> = {}): number =>
    illOf(
      [facts({ heartbeat: heard, shippedMs: NOW - 20 * MIN + minutesAfter * MIN })],
      { ...LIMITS, ...limits },
      new Set(),
    ).length;

  test("is who ships on: of a host that went off, or is behind a dead link, nothing comes at all", () => {
    expect([shipped(-1), shipped(1), shipped(2.5), shipped(2.6)]).toEqual([0, 0, 0, 1]);
  });

  test("is nobody whose heartbeat came before this clock was set back", () => {
    const ahead = beat({ age_s: 0, stale: true, late_after_s: 150 });
    const limits = { ...LIMITS, coveredMs: () => 60 * MIN };
    const ill = illOf([facts({ heartbeat: ahead, shippedMs: NOW + 59 * MIN })], limits, new Set());
    expect(ill.map(({ symptom }) => symptom)).not.toContain("heartbeat-late");
  });

  test("is nobody while no heartbeat could come", () => {
    const covered = (minutes: number) => ({ coveredMs: () => minutes * MIN });
    expect([shipped(10, covered(2.5)), shipped(10, covered(2.6))]).toEqual([0, 1]);
  });
});

describe("host-down and heartbeat-late", () => {
  test("are told apart by whether it ships", () => {
    expect(told({ shippedMs: null, heartbeat: late(31) })).toEqual(["host-down: no sign of life"]);
    expect(told({ shippedMs: null, heartbeat: late(30) })).toEqual([]);
    expect(told({ shippedMs: NOW - 5 * MIN, heartbeat: late(31) })).toEqual(["heartbeat-late: no heartbeat"]);
  });
});

describe("paused", () => {
  const pause = (kind: string, minutes: number) => ({
    ...{ kind, reason: "unauthorized", detail: "no token", fix: "write it", next_try_at: null },
    since: new Date(NOW - minutes * MIN).toISOString(),
  });
  const paused = (kind: string, minutes: number, more: Partial<HostSummary> = {}) =>
    told({ heartbeat: beat({ queue: queue({ paused: pause(kind, minutes) }), ...more }) });

  test("at once where a person has to mend something, after a quarter of an hour where it may mend itself", () => {
    expect(paused("misconfigured", 0)).toEqual(["paused: unauthorized"]);
    expect([paused("failing", 14.9), paused("failing", 15)]).toEqual([[], ["paused: unauthorized"]]);
    expect(paused("misconfigured", 60, { stale: true, age_s: 200 })).toEqual(["heartbeat-late: no heartbeat"]);
  });

  test("no queue that failed because nothing could come to this collector", () => {
    const after = (kind: string, coveredMin: number): number =>
      illOf(
        [facts({ heartbeat: beat({ queue: queue({ paused: pause(kind, 120) }) }) })],
        { ...LIMITS, coveredMs: () => coveredMin * MIN },
        new Set(),
      ).length;
    expect([after("failing", 14), after("failing", 15), after("misconfigured", 0)]).toEqual([0, 1, 1]);
  });

  test("says for how long, why, and what the host says mends it", () => {
    const [one] = illOf(
      [facts({ heartbeat: beat({ queue: queue({ paused: pause("misconfigured", 60) }) }) })],
      LIMITS,
      new Set(),
    );
    expect([one?.what, one?.fix]).toEqual(["its queue is paused for 1h: no token", "write it"]);
  });
});

describe("fatal-only and unstamped", () => {
  const refused = (counts: Record<string, number>, taken = 0) =>
    told({ uploads: { taken, refused: new Map(Object.entries(counts)), takenMs: null } });

  test("are who was refused ten times and never taken, by the reason of most", () => {
    expect([refused({ "commit-not-accepted": 9 }), refused({ "commit-not-accepted": 10 })]).toEqual([
      [],
      ["fatal-only: commit-not-accepted"],
    ]);
    expect(refused({ "disk-full": 6, internal: 4 })).toEqual(["fatal-only: disk-full"]);
    expect(refused({ "commit-not-accepted": 50 }, 1)).toEqual([]);
    expect(refused({ "missing-commit": 10 }, 1)).toEqual(["unstamped: missing-commit"]);
    expect(refused({ "missing-commit": 9 }, 1)).toEqual([]);
  });

  test("name the remedy of the one whose fault it is", () => {
    const fixes = ["commit-not-accepted", "disk-full", "too-large", "toString"].map(
      (reason) =>
        illOf([facts({ uploads: { taken: 0, refused: new Map([[reason, 10]]), takenMs: null } })], LIMITS, new Set())[0]
          ?.fix,
    );
    expect(fixes).toEqual([
      "accept its commit in accepted_commits_file, or update the host; it says which: on the lab host: sudo shipper status",
      "make room on this collector's disk: sudo receiver status",
      "on the lab host: sudo shipper status",
      "on the lab host: sudo shipper status",
    ]);
  });
});

test("a clock that is off and a check that holds bad are told in the words of the receiver's list", () => {
  const problem = { what: "its clock is 5min fast", fix: null };
  expect(told({ heartbeat: beat({ clock_off: true, problem }) })).toEqual(["clock-skew: clock"]);
  expect(told({ heartbeat: beat({ worst_hard: "critical", problem }) })).toEqual(["check-failing: critical"]);
  expect(told({ heartbeat: beat({ worst: "critical" }) })).toEqual([]);
  expect(told({ heartbeat: late(5) })).toEqual(["heartbeat-late: no heartbeat"]);
});

test("what is told from what is missing is not looked for", () => {
  const all = facts({
    shippedMs: NOW - 40 * MIN,
    heartbeat: late(40),
    uploads: { taken: 0, refused: new Map([["missing-commit", 10]]), takenMs: null },
  });
  const names = (...missing: ("refusals" | "heartbeats")[]) =>
    illOf([all], LIMITS, new Set(missing)).map(({ symptom }) => symptom);
  expect(names()).toEqual(["host-down", "silent", "fatal-only", "unstamped"]);
  expect(names("refusals")).toEqual(["host-down", "silent"]);
  expect(names("heartbeats")).toEqual(["fatal-only", "unstamped"]);
  expect([...unknownWithout(new Set(["refusals"]))]).toEqual(["fatal-only", "unstamped"]);
  expect(unknownWithout(new Set(["refusals", "heartbeats"])).size).toBe(SYMPTOMS.length);
});

test("time in which nothing could have come counts against nobody", () => {
  const half: Limits = { ...LIMITS, coveredMs: (fromMs) => (NOW - fromMs) / 2 };
  const ill = (minutes: number, heartbeat: HostSummary | null) =>
    illOf([facts({ shippedMs: NOW - minutes * MIN, heartbeat })], half, new Set()).map(({ symptom }) => symptom);
  expect([ill(60, null), ill(61, null)]).toEqual([[], ["silent"]]);
  expect([ill(60, late(60)), ill(61, late(61))]).toEqual([[], ["host-down", "silent"]]);
});

test("what waits for more than a day, and what is about to be removed, is told with its number", () => {
  const waiting = (hours: number) => ({
    count: 2,
    reason: "403",
    since: new Date(NOW - 10_000 - hours * 3_600_000).toISOString(),
  });
  const of = (more: Partial<ShownQueue>) =>
    illOf([facts({ heartbeat: beat({ queue: queue(more) }) })], LIMITS, new Set()).map(
      ({ symptom, what }) => `${symptom}: ${what}`,
    );
  expect([of({ waiting: waiting(24) }), of({ waiting: waiting(24.1) })]).toEqual([
    [],
    ["waits-alone: 2 episodes wait since 2026-04-30 11:53: 403"],
  ]);
  expect([of({ expiring: 0 }), of({ expiring: null }), of({ expiring: 1 })]).toEqual([
    [],
    [],
    ["quarantine-expiring: 1 refused episode is removed from its quarantine before long"],
  ]);
});
