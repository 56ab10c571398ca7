// What is wrong with a host, by literals: each symptom at its boundary, and its cause.

import { describe, expect, test } from "bun:test";
import { type Finding, inWords } from "../../../lib/core/finding.ts";
import type { Judged } from "../../../lib/fleet/judge.ts";
import type { ShownQueue } from "../../../lib/fleet/queue-view.ts";
import type { HostSummary } from "../../../lib/fleet/view.ts";
import { unknownSummary } from "../../../lib/fleet/view.ts";
import type { Facts } from "../../../lib/fleet-health/judge/facts.ts";
import { NO_PAST, type Past } from "../../../lib/fleet-health/judge/past.ts";
import { type Before, illOf, SYMPTOMS, unknownWithout } from "../../../lib/fleet-health/judge/symptoms.ts";
import type { Limits } from "../../../lib/fleet-health/judge/told.ts";
import { NO_UPLOADS } from "../../../lib/fleet-health/judge/uploads.ts";
import { factsWith, uploadsWith } from "../support.ts";

const NOW = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const HOUR = 60 * MIN;
const LIMITS: Limits = {
  nowMs: NOW,
  coveredMs: (fromMs) => NOW - fromMs,
  coveredOfLastMs: (ms) => ms,
  silentAfterMs: (host) => (host === "daily" ? 26 * 60 * MIN : 30 * MIN),
  downAfterMs: 30 * MIN,
  failingAfterMs: 15 * MIN,
  fatalMinCount: 10,
};

const ALL: Before = { missing: new Set(), refused: new Set(), unread: new Set() };
const facts = (more: Partial<Facts>): Facts => factsWith({ shippedMs: NOW, ...more });
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
const check = (name: string, holds: "ok" | "warning" | "critical", said: Finding | null = null): Judged => ({
  ...{ name, status: holds, before: null, pending: false, said, odd: "", asOfMs: NOW, ttlS: 300, attempts: 3 },
  ...{ hard: holds, flapping: false, shown: holds, holds, was: holds, state: "hard" },
});
const told = (more: Partial<Facts>): string[] =>
  illOf([facts(more)], LIMITS, ALL).map(({ symptom, cause }) => `${symptom}: ${cause}`);
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

  test("is no host whose heartbeats have ended, too: it is down", () => {
    expect(since(40, { heartbeat: late(40) })).toEqual(["host-down: no sign of life"]);
    expect(since(40, { heartbeat: late(30) })).toEqual([]);
  });
});

describe("heartbeat-late", () => {
  const heard = beat({ age_s: 20 * 60, stale: true, late_after_s: 150 });
  const shipped = (minutesAfter: number, limits: Partial<Limits> = {}): number =>
    illOf([facts({ heartbeat: heard, shippedMs: NOW - 20 * MIN + minutesAfter * MIN })], { ...LIMITS, ...limits }, ALL)
      .length;

  test("is who ships on: of a host that went off, or is behind a dead link, nothing comes at all", () => {
    expect([shipped(-1), shipped(1), shipped(2.5), shipped(2.6)]).toEqual([0, 0, 0, 1]);
  });

  test("is nobody whose heartbeat came before this clock was set back", () => {
    const ahead = beat({ age_s: 0, stale: true, late_after_s: 150 });
    const limits = { ...LIMITS, coveredMs: () => 60 * MIN };
    const ill = illOf([facts({ heartbeat: ahead, shippedMs: NOW + 59 * MIN })], limits, ALL);
    expect(ill.map(({ symptom }) => symptom)).not.toContain("heartbeat-late");
  });

  test("nor whose heartbeat came then, where it has shipped since", () => {
    const ahead = beat({ age_s: 0, stale: true, late_after_s: 150 });
    const limits = { ...LIMITS, coveredMs: (fromMs: number) => (fromMs > NOW ? 5 * MIN : 60 * MIN) };
    const ill = illOf([facts({ heartbeat: ahead, shippedMs: NOW + 59 * MIN })], limits, ALL);
    expect(ill.map(({ symptom }) => symptom)).not.toContain("heartbeat-late");
  });

  test("nor who shipped before this clock was set back, and has gone off since", () => {
    const late = beat({ age_s: 600, stale: true, late_after_s: 150 });
    const told = (more: Partial<Facts>) =>
      illOf([facts({ heartbeat: late, shippedMs: NOW - MIN, ...more })], LIMITS, ALL).map(({ symptom }) => symptom);
    expect([told({}), told({ shippedAgeMs: MIN }), told({ heardAgeMs: 10 * MIN })]).toEqual([
      ["heartbeat-late"],
      [],
      ["heartbeat-late"],
    ]);
  });

  test("is nobody while no heartbeat could come", () => {
    const covered = (minutes: number) => ({ coveredMs: () => minutes * MIN });
    expect([shipped(10, covered(2.5)), shipped(10, covered(2.6))]).toEqual([0, 1]);
  });
});

describe("host-down and heartbeat-late", () => {
  test("are not of a host whose heartbeats come, though what it shipped came before this clock was set back", () => {
    const coveredMs = (fromMs: number): number => (fromMs > NOW ? 45 * MIN : NOW - fromMs);
    const ill = illOf(
      [facts({ heartbeat: beat({ age_s: 46 }), shippedMs: NOW + 15 * MIN })],
      { ...LIMITS, coveredMs },
      ALL,
    );
    expect(ill.map(({ symptom }) => symptom)).toEqual([]);
  });

  test("are told apart by whether it ships", () => {
    expect(told({ shippedMs: null, heartbeat: late(31) })).toEqual(["host-down: no sign of life"]);
    expect(told({ shippedMs: null, heartbeat: late(30) })).toEqual([]);
    expect(told({ shippedMs: NOW - 5 * MIN, heartbeat: late(31) })).toEqual(["heartbeat-late: no heartbeat"]);
  });
});

describe("paused", () => {
  const pause = (kind: string, minutes: number) => ({
    ...{ kind, reason: "url 404", detail: "no such path", fix: "write it", next_try_at: null },
    since: new Date(NOW - minutes * MIN).toISOString(),
  });
  const paused = (kind: string, minutes: number, more: Partial<HostSummary> = {}) =>
    told({ heartbeat: beat({ queue: queue({ paused: pause(kind, minutes) }), ...more }) });

  test("at once where a person has to mend something, after a quarter of an hour where it may mend itself", () => {
    expect(paused("misconfigured", 0)).toEqual(["paused: url 404"]);
    expect([paused("failing", 14.9), paused("failing", 15)]).toEqual([[], ["paused: url 404"]]);
    expect(paused("misconfigured", 60, { stale: true, age_s: 200 })).toEqual(["heartbeat-late: no heartbeat"]);
  });

  test("no queue that failed because nothing could come to this collector", () => {
    const after = (kind: string, coveredMin: number): number =>
      illOf(
        [facts({ heartbeat: beat({ queue: queue({ paused: pause(kind, 120) }) }) })],
        { ...LIMITS, coveredMs: () => coveredMin * MIN },
        ALL,
      ).length;
    expect([after("failing", 14), after("failing", 15), after("misconfigured", 0)]).toEqual([0, 1, 1]);
  });

  test("no queue that what no heartbeat gets through has stopped, until it has tried again", () => {
    const of = (reason: string, minutes: number, heardMin: number | null, coveredMin = minutes): number => {
      const queued = queue({ paused: { ...pause("misconfigured", minutes), reason } });
      const past = { ...NO_PAST, ...(heardMin !== null && { heardSinceMs: NOW - heardMin * MIN }) };
      const limits = { ...LIMITS, coveredMs: (): number => coveredMin * MIN };
      const ill = illOf([facts({ heartbeat: beat({ queue: queued }), past })], limits, ALL);
      return ill.filter(({ symptom }) => symptom === "paused").length;
    };
    for (const reason of [
      "connect ECONNREFUSED",
      "dns ENOTFOUND",
      "tls CERT_HAS_EXPIRED",
      "network ECONNRESET",
      "unauthorized",
    ]) {
      expect([of(reason, 3.9, 60), of(reason, 4, 60)]).toEqual([0, 1]);
      // Heartbeats get through since then; or something can.
      expect([of(reason, 600, 3.9), of(reason, 600, 4), of(reason, 600, null)]).toEqual([0, 1, 0]);
      expect([of(reason, 600, 600, 3.9), of(reason, 600, 600, 4)]).toEqual([0, 1]);
    }
    for (const reason of ["another-collector", "url 404", "credentials bearer_token missing", "connected"])
      expect(of(reason, 0, null, 0)).toBe(1);
  });

  test("says for how long, why, and what the host says mends it", () => {
    const [one] = illOf(
      [facts({ heartbeat: beat({ queue: queue({ paused: pause("misconfigured", 60) }) }) })],
      LIMITS,
      ALL,
    );
    expect([one?.what, one?.fix]).toEqual(["its queue is paused for 1h: no such path", "on the lab host: write it"]);
  });
});

describe("fatal-only and unstamped", () => {
  const refused = (counts: Record<string, number>, taken = 0) => told({ uploads: uploadsWith(counts, taken) });

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
      (reason) => illOf([facts({ uploads: uploadsWith({ [reason]: 10 }) })], LIMITS, ALL)[0]?.fix,
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
  expect(told({ heartbeat: late(5) })).toEqual(["heartbeat-late: no heartbeat"]);
});

test("what is told from what is missing is not looked for", () => {
  const all = facts({
    shippedMs: NOW - 40 * MIN,
    heartbeat: late(40),
    uploads: uploadsWith({ "missing-commit": 10 }),
  });
  const names = (...missing: ("refusals" | "heartbeats")[]) =>
    illOf([all], LIMITS, { ...ALL, missing: new Set(missing) }).map(({ symptom }) => symptom);
  expect(names()).toEqual(["host-down", "fatal-only", "unstamped"]);
  expect(names("refusals")).toEqual(["host-down"]);
  expect(names("heartbeats")).toEqual(["fatal-only", "unstamped"]);
  expect([...unknownWithout(new Set(["refusals"]))]).toEqual(["fatal-only", "unstamped"]);
  expect(unknownWithout(new Set(["refusals", "heartbeats"])).size).toBe(SYMPTOMS.length);
});

test("time in which nothing could have come counts against nobody", () => {
  const half: Limits = { ...LIMITS, coveredMs: (fromMs) => (NOW - fromMs) / 2 };
  const ill = (minutes: number, heartbeat: HostSummary | null) =>
    illOf([facts({ shippedMs: NOW - minutes * MIN, heartbeat })], half, ALL).map(({ symptom }) => symptom);
  expect([ill(60, null), ill(61, null)]).toEqual([[], ["silent"]]);
  expect([ill(60, late(60)), ill(61, late(61))]).toEqual([[], ["host-down"]]);
});

test("what waits for more than a day, and what is about to be removed, is told with its number", () => {
  const waiting = (hours: number) => ({
    count: 2,
    reason: "403",
    since: new Date(NOW - 10_000 - hours * 3_600_000).toISOString(),
  });
  const of = (more: Partial<ShownQueue>) =>
    illOf([facts({ heartbeat: beat({ queue: queue(more) }) })], LIMITS, ALL).map(
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

describe("an upload whose bytes come", () => {
  const moving = { shippedMs: NOW - 90 * MIN, movedMs: NOW - 4 * MIN };

  test("is a sign of life, however long it takes", () => {
    expect(told(moving)).toEqual([]);
    expect(told({ ...moving, heartbeat: late(90) })).toEqual(["heartbeat-late: no heartbeat"]);
    expect(told({ ...moving, movedMs: null, heartbeat: late(90) })).toEqual(["host-down: no sign of life"]);
    expect(told({ ...moving, movedMs: null })).toEqual(["silent: not known"]);
  });
});

describe("two machines of one name", () => {
  const found = { reason: "duplicate-host" as const, what: "two machines", fix: inWords("x"), machines: [] };

  test("are told until nothing shows them for an hour", () => {
    const since = (minutes: number) => told({ duplicate: { found, lastMs: NOW - minutes * MIN } });
    expect([since(60), since(60.1)]).toEqual([["duplicate-host: duplicate"], []]);
    // By a clock that was ahead: it shows again, if it is so.
    expect([since(-2), since(-3)]).toEqual([["duplicate-host: duplicate"], []]);
  });
});

describe("what the collector could not take", () => {
  const unable = (...seconds: number[]) =>
    told({
      uploads: { ...NO_UPLOADS, unable: seconds.map((s) => ({ ms: NOW + s * 1000, reason: "storage-failed" })) },
    });

  test("pauses a host that met it twice, a minute apart", () => {
    expect([unable(0), unable(0, 59), unable(0, 60), unable(0, 10, 60)]).toEqual([
      [],
      [],
      ["paused: storage-failed"],
      ["paused: storage-failed"],
    ]);
  });
});

describe("a host that seldom ships", () => {
  const failing = (count: number, hours: number, agoHours = 0) => {
    const lastMs = NOW - agoHours * HOUR;
    const firstMs = lastMs - hours * HOUR;
    return told({ past: { ...NO_PAST, failing: { count, firstMs, lastMs, reason: "commit-not-accepted" } } });
  };
  const told3 = ["fatal-only: commit-not-accepted"];

  test("is refused throughout when three failed over three hours", () => {
    expect([failing(3, 3), failing(2, 3), failing(3, 2.9)]).toEqual([told3, [], []]);
  });

  test("is not any more when none has come for three times as long as between two, and for an hour", () => {
    expect([failing(3, 3, 4.5), failing(3, 3, 4.6)]).toEqual([told3, []]);
    expect([failing(100, 3, 1), failing(100, 3, 1.1)]).toEqual([told3, []]);
  });
});

describe("many hosts that are refused for one reason", () => {
  const refused = (host: string, reason: string, agoHours = 0): Facts => {
    const ms = NOW - agoHours * HOUR;
    return facts({ host, past: { ...NO_PAST, failing: { count: 1, firstMs: ms, lastMs: ms, reason } } });
  };
  const many = (count: number, reason = "commit-not-accepted", agoHours = 0) =>
    Array.from({ length: count }, (_, i) => refused(`${reason[0]}${i}`, reason, agoHours));
  const well = (count: number) => Array.from({ length: count }, (_, i) => facts({ host: `w${i}` }));
  const told_ = (all: Facts[], before: Partial<Before> = {}) =>
    illOf(all, LIMITS, { ...ALL, ...before }).map(({ host, symptom, cause }) => `${host} ${symptom} ${cause}`);

  test("have it at once, from five and a fifth on, each reason by itself", () => {
    expect(told_(many(4))).toEqual([]);
    expect(told_(many(5))).toHaveLength(5);
    expect(told_(many(5))[0]).toBe("c0 fatal-only commit-not-accepted");
    expect([told_([...many(5), ...well(20)]).length, told_([...many(5), ...well(21)]).length]).toEqual([5, 0]);
    expect(told_([...many(4), ...many(4, "missing-commit")])).toEqual([]);
  });

  test("are those of late, and of a run that has read who was refused", () => {
    expect([told_(many(5, "too-large", 2)).length, told_(many(5, "too-large", 2.1)).length]).toEqual([5, 0]);
    expect(told_(many(5), { missing: new Set(["refusals"] as const) })).toEqual([]);
  });

  test("have it until something of each gets through, however few are left", () => {
    expect(told_(many(2), { refused: new Set(["c1", "w1"]) })).toEqual(["c1 fatal-only commit-not-accepted"]);
  });
});

describe("why nothing comes", () => {
  const refused = { count: 3, reason: "unauthorized", at: "x" };
  const problem = { what: "refused 3 times, the newest unauthorized from 10.0.0.5", fix: inWords("give it a token") };
  const about = (more: Partial<Facts>) =>
    illOf([facts(more)], LIMITS, ALL).map(({ symptom, cause, what, fix }) => `${symptom} ${cause}: ${what}; ${fix}`);

  test("is that it was refused at the door, by whomever: what is told names who it was", () => {
    const shippedMs = NOW - 40 * MIN;
    expect(about({ shippedMs, heartbeat: { ...late(40), refused, problem } })).toEqual([
      "host-down unauthorized: nothing has come from it for 40min; refused 3 times, the newest unauthorized from 10.0.0.5; give it a token",
    ]);
    const never = { ...beat({ never: true, age_s: null, stale: true }), refused, problem };
    expect(about({ shippedMs, heartbeat: never })).toEqual([
      "silent unauthorized: it has shipped nothing for 40min; refused 3 times, the newest unauthorized from 10.0.0.5; give it a token",
    ]);
    expect(about({ heartbeat: { ...late(40), refused, problem } })).toEqual([
      "heartbeat-late unauthorized: it ships; refused 3 times, the newest unauthorized from 10.0.0.5; give it a token",
    ]);
    // By itself it is no alarm: anybody may send under its name.
    expect(about({ heartbeat: { ...beat(), refused, problem } })).toEqual([]);
    expect(about({ shippedMs, heartbeat: { ...beat({ queue: queue({ pending: 1 }) }), refused, problem } })).toEqual([
      "silent queue: it has shipped nothing for 40min, and has 1 to ship; on the lab host: sudo shipper status",
    ]);
    expect(about({ shippedMs: null, heartbeat: { ...beat({ never: true, age_s: null }), refused, problem } })).toEqual(
      [],
    );
  });

  test("is none that was refused before its last upload was taken, or its last heartbeat", () => {
    const shippedMs = NOW - 40 * MIN;
    const at = (minutesAgo: number) => ({ ...refused, at: new Date(NOW - minutesAgo * MIN).toISOString() });
    const never = (minutesAgo: number) => {
      const heartbeat = { ...beat({ never: true, age_s: null, stale: true }), refused: at(minutesAgo), problem };
      return about({ shippedMs, heartbeat }).map((line) => line.split(":")[0]);
    };
    expect([never(39.9), never(40), never(50)]).toEqual([
      ["silent unauthorized"],
      ["silent not known"],
      ["silent not known"],
    ]);
    const down = (minutesAgo: number) =>
      about({ shippedMs, heartbeat: { ...late(50), refused: at(minutesAgo), problem } }).map(
        (line) => line.split(":")[0],
      );
    expect([down(39.9), down(45)]).toEqual([["host-down unauthorized"], ["host-down no sign of life"]]);
  });

  test("has a remedy, whatever it was refused for, and so has a clock that is off", () => {
    const shippedMs = NOW - 40 * MIN;
    for (const reason of ["missing-commit", "commit-not-accepted", "too-large", "internal", "new-reason"]) {
      const why = {
        refused: { ...refused, reason },
        problem: { what: `refused 13 times, the newest ${reason}`, fix: null },
      };
      const never = beat({ never: true, age_s: null, stale: true, ...why });
      const fixes = [never, { ...late(40), ...why }].flatMap((heartbeat) =>
        illOf([facts({ shippedMs, heartbeat })], LIMITS, ALL).map(({ fix }) => fix),
      );
      expect(fixes).toEqual([expect.stringContaining("sudo "), expect.stringContaining("sudo ")]);
    }
    const off = beat({ clock_off: true, problem: null });
    expect(illOf([facts({ heartbeat: off })], LIMITS, ALL)[0]?.fix).toContain("sudo timedatectl set-ntp true");
  });

  test("is its shipper, in the words of its own check, or its clock", () => {
    const since = { shippedMs: NOW - 40 * MIN };
    const said = { what: "the shipper does not run", fix: inWords("start it") };
    expect(about({ ...since, heartbeat: beat({ queue: null }), checks: [check("queue", "critical", said)] })).toContain(
      "silent shipper: it has shipped nothing for 40min: the shipper does not run; start it",
    );
    const stopped = { what: "the shipper does not run · 2 lie here, finished or not", fix: inWords("start it") };
    const checks = [check("queue", "critical", stopped)];
    expect(about({ ...since, heartbeat: beat({ queue: queue({ pending: 2 }) }), checks })).toContain(
      "silent queue: it has shipped nothing for 40min, and has 2 to ship: the shipper does not run · 2 lie here, finished or not; start it",
    );
    const held = { count: 1, reason: "its meta.json is no JSON", since: "2026-05-01T06:00:00.000000+00:00" };
    expect(about({ ...since, heartbeat: beat({ queue: queue({ held }) }), checks })).toContain(
      "silent queue: it has shipped nothing for 40min, and has 0 to ship; on the lab host: sudo shipper status",
    );
    // Of one that runs its check may say what has nothing to do with that.
    const running = queue({ pending: 2, oldest_pending_s: 60 });
    expect(about({ ...since, heartbeat: beat({ queue: running }), checks })).toContain(
      "silent queue: it has shipped nothing for 40min, and has 2 to ship; on the lab host: sudo shipper status",
    );
    expect(
      told({ ...since, heartbeat: beat({ queue: queue({ pending: 2 }), clock_off: true, problem: said }) }),
    ).toEqual(["silent: clock", "clock-skew: clock"]);
  });
});

test("since when it is so is known of silence, of a host that is down or late, and of a queue", () => {
  const began = (more: Partial<Facts>) =>
    illOf([facts(more)], LIMITS, ALL).map(({ symptom, beganMs }) => [symptom, beganMs && (NOW - beganMs) / MIN]);
  expect(began({ shippedMs: NOW - 40 * MIN })).toEqual([["silent", 40]]);
  expect(began({ shippedMs: NOW - 50 * MIN, heartbeat: late(45) })).toEqual([["host-down", 45]]);
  expect(began({ heartbeat: late(5) })).toEqual([["heartbeat-late", 5]]);
  const paused = { kind: "misconfigured", reason: "401", detail: "d", fix: null, next_try_at: null };
  const since = new Date(NOW - 7 * MIN).toISOString();
  expect(began({ heartbeat: beat({ queue: queue({ paused: { ...paused, since } }) }) })).toEqual([["paused", 7]]);
  expect(began({ heartbeat: beat({ queue: queue({ paused: { ...paused, since: null } }) }) })).toEqual([
    ["paused", undefined],
  ]);
});

test("how long a host is silent that shipped a moment before this clock was set back is counted by the machine's own", () => {
  const limits = { ...LIMITS, coveredMs: () => 45 * MIN };
  const [found] = illOf([facts({ shippedMs: NOW + 15 * MIN })], limits, ALL);
  expect([found?.what, found?.beganMs]).toEqual(["it has shipped nothing for 45min", NOW - 45 * MIN]);
});

describe("checks that hold bad", () => {
  const of = (heartbeat: HostSummary, ...checks: Judged[]) =>
    illOf([facts({ heartbeat, checks })], LIMITS, ALL).map(
      ({ symptom, cause, what }) => `${symptom} ${cause}: ${what}`,
    );

  test("are told each, the gravest first, and that one is grave by itself", () => {
    expect(of(beat(), check("load", "warning"), check("ping", "critical", { what: "no route", fix: null }))).toEqual([
      "check-failing ping: ping critical: no route",
      "check-failing ping: unknown: ping critical: no route",
      "check-failing ping: critical: ping critical: no route",
      "check-failing load: load warning",
    ]);
    expect(of(late(5), check("load", "warning"))).toEqual([
      "heartbeat-late no heartbeat: it ships, and no heartbeat has come for 5min",
    ]);
  });

  test("are those that hold: what has not run often enough to hold as anything is not known to be bad", () => {
    const soft = (holds: Judged["holds"], state: Judged["state"]): Judged => ({
      ...check("ping", "critical"),
      holds,
      state,
    });
    expect(of(beat(), soft("unknown", "soft"))).toEqual([]);
    expect(of(beat(), soft("unknown", "pending"))).toEqual([]);
    expect(of(beat(), soft("unknown", "hard"))).toEqual([
      ...["check-failing ping: ping unknown", "check-failing ping: unknown: ping unknown"],
    ]);
    expect(of(beat(), soft("critical", "soft"))).toEqual([
      ...["check-failing ping: ping critical", "check-failing ping: unknown: ping critical"],
      ...["check-failing ping: critical: ping critical"],
    ]);
    expect(of(beat(), { ...soft("unknown", "soft"), name: "disk:/" })).toEqual([]);
  });

  test("are grave when they are worse than a warning, whatever they are called", () => {
    const causes = (...checks: Judged[]) =>
      illOf([facts({ heartbeat: beat(), checks })], LIMITS, ALL).map(({ cause }) => cause);
    const unknown: Judged = { ...check("u", "ok"), holds: "unknown" };
    expect(causes(check("c", "warning"), unknown, check("a", "critical"))).toEqual([
      ...["a", "a: unknown", "a: critical", "u", "u: unknown"],
      "c",
    ]);
    expect(causes(check("disk:/", "critical"))).toEqual(["disk:/", "disk:/: unknown", "disk:/: critical"]);
    // A name that ends as a grade does is none.
    expect(causes(check("backup: critical", "warning"), check("backup unknown", "warning"))).toEqual([
      ...["backup:critical", "backup unknown"],
    ]);
  });

  test("that have expired are as bad as what nobody knows, where the host has said something since", () => {
    const stale: Judged = { ...check("b", "ok"), holds: "stale", asOfMs: NOW - 20 * MIN, ttlS: 150 };
    const causes = (ageS: number, one: Judged) =>
      illOf([facts({ heartbeat: { ...beat(), age_s: ageS }, checks: [one] })], LIMITS, ALL).map(({ cause }) => cause);
    expect(causes(10, stale)).toEqual(["b", "b: unknown"]);
    // Of one that died when its result was fresh nobody knows.
    expect(causes(20 * 60 - 150, stale)).toEqual([]);
    expect(causes(20 * 60 - 151, stale)).toEqual(["b", "b: unknown"]);
  });

  test("of a host whose heartbeat cannot be read are not looked for, nor whether it is silent", () => {
    const unread = { ...ALL, unread: new Set(["lab1"]) };
    const quiet = facts({ host: "lab1", shippedMs: NOW - 60 * MIN, heartbeat: null });
    expect(illOf([quiet], LIMITS, ALL).map(({ symptom }) => symptom)).toEqual(["silent"]);
    expect(illOf([quiet], LIMITS, unread)).toEqual([]);
  });

  test("are told each with what it says, and what mends it", () => {
    const said = (what: string): Finding => ({ what, fix: inWords(`mend ${what}`) });
    const told = (...checks: Judged[]) =>
      illOf([facts({ heartbeat: beat(), checks })], LIMITS, ALL).map(({ what, fix }) => [what, fix]);
    expect(told(check("a", "critical", said("x")), check("c", "warning"))).toEqual([
      ...Array(3).fill(["a critical: x", "mend x"]),
      ["c warning", "on the lab host: sudo heartbeat status"],
    ]);
    expect(told(check("disk:/", "warning", said("x")))).toEqual([["x", "mend x"]]);
  });

  test("of disks are disk-low, with what frees some of it", () => {
    const low = [check("disk:/srv", "warning"), check("disk:/", "critical", { what: "/ has 1 GiB free", fix: null })];
    expect(of(beat(), ...low)).toEqual([
      ...["disk-low disk:/: / has 1 GiB free", "disk-low disk:/: unknown: / has 1 GiB free"],
      ...["disk-low disk:/: critical: / has 1 GiB free"],
      "disk-low disk:/srv: disk:/srv warning",
    ]);
    const fix = (bytes: number) =>
      illOf([facts({ heartbeat: beat({ queue: queue({ quarantined_bytes: bytes }) }), checks: low })], LIMITS, ALL)[0]
        ?.fix;
    expect([fix(0), fix(2 ** 30)]).toEqual([
      "make room on the lab host; this shows there what fills it: sudo du -a -k -x / | sort -n | tail -n 20",
      "what mends each that was refused, and what gives them up and frees 1.0 GiB, is shown by: on the lab host: sudo shipper status",
    ]);
  });

  test("of the queue are not told twice, where the queue itself says what they say", () => {
    const paused = {
      ...{ kind: "misconfigured", reason: "401", detail: "d", fix: null },
      since: null,
      next_try_at: null,
    };
    const group = { count: 1, reason: "r", since: new Date(NOW).toISOString() };
    const with_ = (more: Partial<ShownQueue>, holds: "warning" | "critical") =>
      of(beat({ queue: queue(more) }), check("queue", holds)).map((line) => line.split(" ")[0]);
    expect(with_({ paused }, "critical")).toEqual(["paused"]);
    expect(with_({ quarantined: 2 }, "warning")).toEqual([]);
    expect(with_({ quarantined: 2 }, "critical")).toEqual(["check-failing", "check-failing", "check-failing"]);
    expect(with_({ quarantined: 2, held: group }, "warning")).toEqual(["check-failing"]);
    expect(with_({}, "warning")).toEqual(["check-failing"]);
  });
});

test("what grows is told from how many to how many, and for a quarantine with what its own check says frees it", () => {
  const of = (past: Partial<Past>, more: Partial<Facts> = {}) =>
    illOf(
      [
        facts({
          heartbeat: beat({ queue: queue({ quarantined: 5, quarantined_bytes: 2048 }) }),
          past: { ...NO_PAST, ...past },
          ...more,
        }),
      ],
      LIMITS,
      ALL,
    ).map(({ symptom, what, fix }) => `${symptom}: ${what}; ${fix}`);
  expect(of({ backlog: { hour: 1, lows: [1, 2, 3, 4, 5, 6, 40] } })).toEqual([
    "backlog-growing: its queue has grown in each of the last 6 hours, from 1 to 40 episodes; on the lab host: sudo shipper status",
  ]);
  expect(of({ backlog: { hour: 1, lows: [1, 2, 3, 4, 5, 6, 40] } }, { heartbeat: late(5) })).toHaveLength(1);
  const quarantine = { count: 5, from: 4, grewMs: NOW };
  const fix = inWords("sudo shipper discard --reason conflict");
  expect(of({ quarantine }, { checks: [check("queue", "warning", { what: "w", fix })] })).toEqual([
    "quarantine-growing: 1 episode more was refused in a day: it keeps 5 (2.0 KiB); sudo shipper discard --reason conflict",
  ]);
});
