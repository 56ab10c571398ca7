// After a state was lost, round after round: an incident that the history has restored ends when it is known to be over, and not before.

import { describe, expect, test } from "bun:test";
import type { AttemptRow } from "../../../lib/contract/attempt-row.ts";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import type { Judged } from "../../../lib/fleet/judge.ts";
import { unknownSummary } from "../../../lib/fleet/view.ts";
import { parseFleetHealthConfig } from "../../../lib/fleet-health/config.ts";
import { coverageOf } from "../../../lib/fleet-health/coverage/coverage.ts";
import type { Incident } from "../../../lib/fleet-health/incidents/incident.ts";
import { limitsOf } from "../../../lib/fleet-health/judge/limits.ts";
import { unsaidSince } from "../../../lib/fleet-health/judge/unsure.ts";
import { round } from "../../../lib/fleet-health/round.ts";
import { restoredState } from "../../../lib/fleet-health/state/restore.ts";
import type { State } from "../../../lib/fleet-health/state/state.ts";
import { factsWith, hostsWith } from "../support.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const HOUR = 60 * MIN;
const CONFIG = parseFleetHealthConfig("", "collector.toml").config;

interface Now {
  /** Null: no heartbeat of it ever came; late: none comes any more. */
  queue?: { pending: number; quarantined: number } | "late" | null;
  /** Left out: it ships all the time. */
  shipped?: boolean;
  attempts?: readonly AttemptRow[];
}

const IDLE = { pending: 0, quarantined: 0 };

const row = (symptom: string, more: Partial<IncidentRow> = {}): IncidentRow => ({
  ...{ sequence: 9, at: isoWall(NOON - HOUR), host: "lab1", hosts: [], symptom, cause: "quarantine", change: "firing" },
  ...{ told: true, since: isoWall(NOON - 2 * HOUR), fired_at: isoWall(NOON - HOUR), what: "as it was told", fix: "f" },
  ...more,
});

const attempt = (atMs: number, status: number, reason: string): AttemptRow => ({
  ...{ at: isoWall(atMs), host_id: "lab1", episode_id: "ep", status, reason, bytes: 1, code_commit: null },
  remote: "a:1",
});

function beat(nowMs: number, { pending, quarantined }: typeof IDLE) {
  const rest = { outbox: 0, quarantined_bytes: 0, expiring: 0, announcement: null, unverified: 0 };
  const queue = { pending, quarantined, ...rest, oldest_pending_s: null, paused: null, waiting: null, held: null };
  return {
    ...unknownSummary("lab1"),
    ...{ received_at_wall: isoWall(nowMs), sent_at: isoWall(nowMs), age_s: 5, stale: false, never: false, queue },
  };
}

/** Of an hour ago. */
const lateBeat = (nowMs: number) => ({ ...beat(nowMs - HOUR, IDLE), age_s: 3600, stale: true });

/** Runs every five minutes from noon on, when the state was lost. @returns what was told, and what stands at the end */
function play(rows: readonly IncidentRow[], hours: number, now: (atMs: number) => Now) {
  let state: State | null = restoredState(rows, NOON);
  const told: string[] = [];
  let shippedMs = NOON - 3 * HOUR;
  for (let nowMs = NOON; nowMs <= NOON + hours * HOUR; nowMs += 5 * MIN) {
    const { queue = IDLE, attempts = [], shipped = true } = now(nowMs);
    if (shipped) shippedMs = nowMs;
    const seen = new Map([["lab1", { any: mark(shippedMs), own: mark(shippedMs) }]]);
    const checkpoint = { device: 1, inode: 1, offset: 1, head: "", before: "" };
    const recent = attempts.filter(({ at }) => Date.parse(at) <= nowMs && Date.parse(at) > nowMs - 30 * MIN);
    state = round(CONFIG, state, {
      ...{ nowMs, index: { checkpoint, seen, sinceMicros: null }, lastSequence: 9, ticks: [], doubts: [] },
      refusals: { kind: "attempts", rows: recent, doubt: null },
      hosts: hostsWith(queue === null ? [] : [queue === "late" ? lateBeat(nowMs) : beat(nowMs, queue)]),
      orders: { silences: [], retiredMs: new Map() },
    });
    for (const one of state.rows.filter((each) => each.told))
      told.push(`${one.at.slice(11, 16)} ${one.host} ${one.symptom} ${one.change}`);
  }
  const standing = (state?.watch.incidents ?? []).map(({ host, symptom, hasNoData, what }) => [
    ...[`${host} ${symptom}`, hasNoData, what],
  ]);
  return { told, standing };
}

const mark = (ms: number) => ({ text: isoWall(ms), micros: ms * 1000 });

describe("a quarantine that has grown", () => {
  const quarantined = (count: (atMs: number) => number) => (atMs: number) => ({
    queue: { pending: 0, quarantined: count(atMs) },
  });

  test("stands as it was told while nothing changes, and is over a day later", () => {
    expect(
      play(
        [row("quarantine-growing")],
        23,
        quarantined(() => 5),
      ),
    ).toEqual({
      told: [],
      standing: [["lab1 quarantine-growing", true, "as it was told"]],
    });
    expect(
      play(
        [row("quarantine-growing")],
        25,
        quarantined(() => 5),
      ).told,
    ).toEqual(["12:05 lab1 quarantine-growing recovered"]);
  });

  test("is over when it is empty, or shrinks", () => {
    const at2 = NOON + 2 * HOUR;
    for (const [before, after] of [
      [5, 0],
      [5, 4],
    ] as const)
      expect(
        play(
          [row("quarantine-growing")],
          3,
          quarantined((ms) => (ms < at2 ? before : after)),
        ).told,
      ).toEqual(["14:05 lab1 quarantine-growing recovered"]);
  });

  test("is told with what is known once it grows again, and no second time", () => {
    const { told, standing } = play(
      [row("quarantine-growing")],
      3,
      quarantined((ms) => (ms < NOON + HOUR ? 5 : 6)),
    );
    expect(told).toEqual([]);
    expect(standing).toEqual([
      ["lab1 quarantine-growing", false, expect.stringMatching(/^1 episode more was refused in a day: it keeps 6/)],
    ]);
  });

  test("of a host whose heartbeats come later: what it has then was there before", () => {
    const later = (ms: number) => ({ queue: ms < NOON + HOUR ? null : { pending: 0, quarantined: 5 } });
    expect(play([row("quarantine-growing")], 3, later)).toEqual({
      told: [],
      standing: [["lab1 quarantine-growing", true, "as it was told"]],
    });
    expect(play([row("paused", { change: "recovered" })], 3, later)).toEqual({ told: [], standing: [] });
  });
});

describe("a backlog that grows", () => {
  const pending = (count: (hour: number) => number) => (atMs: number) => ({
    queue: { pending: count(Math.floor((atMs - NOON) / HOUR)), quarantined: 0 },
  });

  test("stands until six hours of it are known, and goes on where it grew in each", () => {
    const { told, standing } = play(
      [row("backlog-growing")],
      9,
      pending((hour) => 10 + hour),
    );
    expect(told).toEqual([]);
    expect(standing).toEqual([["lab1 backlog-growing", false, expect.stringContaining("from 13 to 19 episodes")]]);
  });

  test("is over when the queue is empty, or has stood still for an hour", () => {
    expect(
      play(
        [row("backlog-growing")],
        3,
        pending((hour) => (hour < 2 ? 10 + hour : 0)),
      ).told,
    ).toEqual(["14:05 lab1 backlog-growing recovered"]);
    expect(
      play(
        [row("backlog-growing")],
        3,
        pending(() => 10),
      ).told,
    ).toEqual(["13:05 lab1 backlog-growing recovered"]);
  });
});

describe("a host that seldom ships and is refused each time", () => {
  const every4h = (status: number, reason: string) => {
    const attempts = [0, 1, 2, 3, 4].map((n) => attempt(NOON + (4 * n + 1) * HOUR, status, reason));
    return () => ({ attempts });
  };

  test("stands until it is judged anew, from what came since", () => {
    const fatal = [row("fatal-only", { cause: "conflict" })];
    expect(play(fatal, 8, every4h(409, "conflict"))).toEqual({
      told: [],
      standing: [["lab1 fatal-only", true, "as it was told"]],
    });
    expect(play(fatal, 17, every4h(409, "conflict"))).toEqual({
      told: [],
      standing: [["lab1 fatal-only", false, expect.stringContaining("each of its 5 uploads in 16h has failed")]],
    });
  });

  test("is well as soon as an upload is taken", () => {
    expect(play([row("fatal-only")], 8, every4h(201, "stored")).told).toEqual(["13:05 lab1 fatal-only recovered"]);
  });

  test("and many of them, told as one, stand with those who belong to it", () => {
    const many = row("fleet-fatal-only", { host: "*", hosts: ["lab1", "lab2"], cause: "conflict" });
    expect(play([many], 3, () => ({}))).toEqual({
      told: [],
      standing: [
        ["lab1 fatal-only", true, "as it was told"],
        ["lab2 fatal-only", true, "as it was told"],
        ["* fleet-fatal-only", true, "as it was told"],
      ],
    });
  });
});

test("what one run can judge is judged in the first one", () => {
  expect(play([row("paused")], 1, () => ({})).told).toEqual(["12:05 lab1 paused recovered"]);
});

describe("what a heartbeat has said", () => {
  const toldOf = (symptom: string, hours: number, now: (ms: number) => Now) =>
    play([row(symptom)], hours, now).told.filter((line) => line.includes(` ${symptom} `));
  const said = ["clock-skew", "disk-low", "check-failing", "waits-alone", "quarantine-expiring", "paused"];

  test("stands while its host sends none, and is over when one says so", () => {
    const at1 = NOON + HOUR;
    for (const symptom of said) {
      const shipped = symptom !== "paused";
      expect([symptom, toldOf(symptom, 1, () => ({ queue: "late", shipped }))]).toEqual([symptom, []]);
      expect([symptom, toldOf(symptom, 2, (ms) => ({ queue: ms < at1 ? "late" : IDLE, shipped }))]).toEqual([
        symptom,
        [`13:05 lab1 ${symptom} recovered`],
      ]);
    }
  });

  test("is another thing than what attempts say: that is over by them", () => {
    expect(toldOf("unstamped", 1, () => ({ queue: "late" }))).toEqual(["12:05 lab1 unstamped recovered"]);
  });

  test("is over where no heartbeat ever came, and a queue that ships is paused no more", () => {
    expect(toldOf("clock-skew", 1, () => ({ queue: null }))).toEqual(["12:05 lab1 clock-skew recovered"]);
    const ships = (ms: number): Now => ({ queue: "late", shipped: ms >= NOON + HOUR });
    expect(toldOf("paused", 2, ships)).toEqual(["13:05 lab1 paused recovered"]);
  });
});

test("many whose heartbeats have ended are not well by a lost state: they stand until one of them says so", () => {
  const many = row("fleet-check-failing", { host: "*", hosts: ["lab1"], cause: "load" });
  const at1 = NOON + HOUR;
  const { told, standing } = play([many], 1, () => ({ queue: "late" }));
  expect(told.filter((line) => line.includes("check-failing"))).toEqual([]);
  expect(standing).toContainEqual(["* fleet-check-failing", true, "as it was told"]);
  expect(play([many], 2, (ms) => ({ queue: ms < at1 ? "late" : IDLE })).told).toContain(
    "13:10 * fleet-check-failing recovered",
  );
});

test("a check that has expired is over by that no more than one of a silent host; another check is", () => {
  const check = (cause: string, phase: Incident["phase"] = "firing"): Incident => ({
    ...{ host: "lab1", symptom: "check-failing", cause, what: "w", fix: null, phase, pendingRuns: 2, sinceMs: NOON },
    ...{ firedMs: NOON, isTold: true, heldBy: null, hasNoData: false, flappingMs: null, hosts: [] },
  });
  const heartbeat = { ...unknownSummary("lab1"), age_s: 5, stale: false, never: false };
  const raid = { name: "raid", holds: "stale" } as Judged;
  const facts = new Map([["lab1", factsWith({ host: "lab1", heartbeat, checks: [raid] })]]);
  const all = [check("raid"), check("raid: critical"), check("load"), check("raid: unknown", "pending")];
  expect([...unsaidSince(all, facts, new Set(), limitsOf(CONFIG, NOON, coverageOf([], NOON)))]).toEqual([
    "lab1|check-failing|raid",
    "lab1|check-failing|raid: critical",
  ]);
});
