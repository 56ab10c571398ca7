// How the fleet stands, as people read it.

import { expect, test } from "bun:test";
import { isoWall } from "../../../lib/core/clock.ts";
import { unknownSummary } from "../../../lib/fleet/view.ts";
import { strangersOf } from "../../../lib/fleet-health/commands/status.ts";
import { fleetStatus, renderStatus } from "../../../lib/fleet-health/commands/view.ts";
import type { Incident } from "../../../lib/fleet-health/incidents/incident.ts";
import type { Facts } from "../../../lib/fleet-health/judge/facts.ts";
import { emptyMailbox, type Mailbox } from "../../../lib/fleet-health/notify/mailbox.ts";
import { channelWith, factsWith } from "../support.ts";

const NOW = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const incident = (more: Partial<Incident>): Incident => ({
  ...{ host: "lab1", symptom: "silent", cause: "", what: "it has shipped nothing for 45min", fix: "look" },
  ...{ phase: "firing", pendingRuns: 2, sinceMs: NOW - 10 * MIN, firedMs: NOW, isTold: true, heldBy: null },
  ...{ hasNoData: false, flappingMs: null, hosts: [] },
  ...more,
});
const facts = (host: string, minutes: number | null): Facts =>
  factsWith({ host, shippedMs: minutes === null ? null : NOW - minutes * MIN });
const run = {
  ...{ began_at: isoWall(NOW), ended_at: isoWall(NOW - 2 * MIN), exit: 0, problem: null, fix: null },
  ...{ hosts: 1, rows: 1, bad_rows: 0, new_alerts: 0 },
};
const idleAfterMs = () => 30 * MIN;
const lines = (incidents: Incident[], all: Facts[], isAll = false, gone = new Map<string, string>()): string[] =>
  renderStatus(
    fleetStatus({ nowMs: NOW, run, incidents, facts: all, idleAfterMs, gone, strangers: [], mailboxes: [] }),
    isAll,
  )
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ +/g, " ").trimEnd());

test("what fires comes first, then what may be over or begins; the others are counted", () => {
  const incidents = [
    incident({ host: "lab3", phase: "pending", sinceMs: NOW - 5 * MIN }),
    incident({ host: "lab2", symptom: "paused", sinceMs: NOW - 5 * MIN, heldBy: "silenced", fix: null }),
    incident({}),
    incident({ host: "lab4", phase: "recovering", flappingMs: NOW, hasNoData: true }),
  ];
  const all = [
    facts("lab1", 45),
    facts("lab2", 5),
    facts("lab3", 40),
    facts("lab4", 1),
    facts("lab5", 1),
    facts("lab6", null),
  ];
  expect(lines(incidents, all)).toEqual([
    "hosts as of now, incidents as of the run 2min ago",
    "HOST SYMPTOM STATE FOR LAST SIGN TO SHIP WHAT IS WRONG",
    "lab1 silent firing 10min 45min ? it has shipped nothing for 45min; fix: look",
    "lab2 paused firing, held: silenced 5min 5min ? it has shipped nothing for 45min",
    "lab4 silent recovering, flapping, no data 10min 1min ? it has shipped nothing for 45min; fix: look",
    "lab3 silent pending 5min 40min ? it has shipped nothing for 45min; fix: look",
    "lab6 never never ?",
    "1 host is well",
  ]);
  expect(lines([], all.slice(4), true)).toEqual([
    "hosts as of now, incidents as of the run 2min ago",
    "HOST SYMPTOM STATE FOR LAST SIGN TO SHIP WHAT IS WRONG",
    "lab5 ok 1min ?",
    "lab6 never never ?",
  ]);
});

test("of what fires the worst comes first, of many before of one, then the oldest", () => {
  const firing = (host: string, symptom: string, minutes = 5) =>
    incident({ host, symptom, sinceMs: NOW - minutes * MIN });
  const incidents = [
    firing("lab1", "heartbeat-late", 60),
    firing("lab2", "clock-skew"),
    firing("lab3", "unknown-yet"),
    firing("lab4", "check-failing", 90),
    { ...firing("lab9", "check-failing", 2), cause: "raid: critical" },
    firing("lab5", "silent", 5),
    firing("lab6", "silent", 6),
    firing("*", "fleet-silent", 4),
    firing("lab7", "host-down"),
    firing("@", "collector-down", 1),
    incident({ host: "lab8", symptom: "host-down", phase: "pending" }),
  ];
  expect(
    lines(incidents, [])
      .slice(2)
      .map((line) => line.split(" ").slice(0, 3).join(" ")),
  ).toEqual([
    "(collector) collector-down firing",
    "lab7 host-down firing",
    "0 hosts fleet-silent",
    "lab6 silent firing",
    "lab5 silent firing",
    "lab9 check-failing (raid:",
    "lab3 unknown-yet firing",
    "lab4 check-failing firing",
    "lab2 clock-skew firing",
    "lab1 heartbeat-late firing",
    "lab8 host-down pending",
  ]);
});

test("of a check that is worse than a warning one line says so, unless all are asked for; of many each stands", () => {
  const check = (host: string, cause: string, more: Partial<Incident> = {}) =>
    incident({ host, symptom: host === "*" ? "fleet-check-failing" : "check-failing", cause, what: cause, ...more });
  const shown = (incidents: Incident[], isAll = false): string[] =>
    lines(incidents, [facts("lab1", 1)], isAll)
      .slice(2)
      .map((line) =>
        line
          .replace(/; fix: look$/, "")
          .replace(/10min|1min|\?/g, "")
          .replace(/ +/g, " "),
      );
  const both = [check("lab1", "raid"), check("lab1", "raid: critical"), check("lab1", "swap")];
  const swap = "lab1 check-failing (swap) firing swap";
  expect(shown(both)).toEqual(["lab1 check-failing (raid: critical) firing raid: critical", swap]);
  expect(shown(both, true)).toEqual([
    "lab1 check-failing (raid: critical) firing raid: critical",
    "lab1 check-failing (raid) firing raid",
    swap,
  ]);
  const pending = [check("lab1", "raid"), check("lab1", "raid: critical", { phase: "pending" })];
  expect(shown(pending)).toEqual([
    "lab1 check-failing (raid) firing raid",
    "lab1 check-failing (raid: critical) pending raid: critical",
  ]);
  expect(shown([check("*", "raid"), check("*", "raid: critical")]).slice(0, 2)).toEqual([
    ...["0 hosts fleet-check-failing (raid: critical) firing raid: critical"],
    ...["0 hosts fleet-check-failing (raid) firing raid"],
  ]);
  const state = fleetStatus({
    ...{ nowMs: NOW, run, incidents: both, facts: [facts("lab1", 1)], idleAfterMs, gone: new Map() },
    ...{ strangers: [], mailboxes: [] },
  });
  expect(state.hosts.map((one) => one.state)).toEqual(["check-failing"]);
});

test("who has nothing to ship, and says so, is idle after a while", () => {
  const beat = { ...unknownSummary("lab1"), age_s: 5, stale: false, never: false };
  const queue = {
    ...{ pending: 0, outbox: 0, quarantined: 0, quarantined_bytes: 0, expiring: 0, announcement: null },
    ...{ unverified: 0, oldest_pending_s: null, paused: null, waiting: null, held: null },
  };
  const state = (more: Partial<Facts>): string[] =>
    lines([], [factsWith({ heartbeat: { ...beat, queue }, ...more })], true).slice(2);
  expect(state({ shippedMs: NOW - 30 * MIN - 1 })).toEqual(["lab1 idle 5s 0"]);
  expect(state({ shippedMs: null })).toEqual(["lab1 idle 5s 0"]);
  expect(state({ shippedMs: NOW - 30 * MIN })).toEqual(["lab1 ok 5s 0"]);
  expect(state({ heartbeat: { ...beat, queue: { ...queue, pending: 1 } } })).toEqual(["lab1 ok 5s 1"]);
  expect(state({ movedMs: NOW })).toEqual(["lab1 ok 0s 0"]);
  expect(state({ heartbeat: { ...beat, stale: true, queue } })).toEqual(["lab1 late 5s 0"]);
  expect(lines([], [factsWith({ heartbeat: { ...beat, queue } })])).toContain("1 host is well");
});

test("many are one line, and each of them only where all are asked for", () => {
  const many = incident({ host: "*", symptom: "fleet-silent", hosts: ["lab1", "lab2"] });
  const held = ["lab1", "lab2"].map((host) => incident({ host, heldBy: "fleet-silent", isTold: false }));
  const all = [facts("lab1", 45), facts("lab2", 45)];
  expect(lines([many, ...held], all).slice(2)).toEqual([
    "2 hosts fleet-silent firing 10min it has shipped nothing for 45min; fix: look",
  ]);
  expect(lines([many, ...held], all, true)).toHaveLength(5);
  expect(lines([incident({ host: "@", symptom: "collector-down" })], [])[2]).toBe(
    "(collector) collector-down firing 10min it has shipped nothing for 45min; fix: look",
  );
});

test("who is watched no more is not called well", () => {
  const gone = new Map([
    ["lab1", "retired"],
    ["lab2", "expired"],
  ]);
  const all = [facts("lab1", 45), facts("lab2", 99_999), facts("lab3", 1)];
  expect(lines([], all, false, gone)).toEqual([
    "hosts as of now, incidents as of the run 2min ago",
    "1 host is well",
    "2 hosts are watched no more (--all)",
  ]);
  expect(lines([], all, true, gone).slice(2)).toEqual([
    "lab3 ok 1min ?",
    "lab1 retired 45min ?",
    "lab2 expired 69d 10h 39min ?",
  ]);
});

test("a run that had a problem says so with its remedy", () => {
  const status = fleetStatus({
    nowMs: NOW,
    run: { ...run, problem: "no room", fix: "make some" },
    incidents: [],
    facts: [],
    idleAfterMs,
    gone: new Map(),
    strangers: [{ name: "lab9", where: "[fleet_health.hosts]", meant: "lab8" }],
    mailboxes: [],
  });
  expect(renderStatus(status, false)).toBe(
    "hosts as of now, incidents as of the run 2min ago; no room; fix: make some\n[fleet_health.hosts] names lab9, and nothing is known of it; did you mean lab8?\n",
  );
  expect(renderStatus({ ...status, strangers: [], run: null }, false)).toBe("how the last run went is not known\n");
});

test("each channel that was not told is named, with why, and what mends it", () => {
  const box = (channel: string, failures: number, what: string): Mailbox => ({
    ...{ ...emptyMailbox(channel), failures },
    ...(failures > 0 && { lastFailure: { what, fix: `mend ${channel}` } }),
  });
  const mailboxes = [box("ops", 3, "it answered 500"), box("post", 0, ""), box("page", 1, "no")];
  const some = { incidents: [], facts: [], idleAfterMs, gone: new Map(), strangers: [], mailboxes };
  const status = fleetStatus({ nowMs: NOW, run, ...some });
  expect(status.untold).toEqual([
    { channel: "ops", failures: 3, what: "it answered 500", fix: "mend ops" },
    { channel: "page", failures: 1, what: "no", fix: "mend page" },
  ]);
  expect(renderStatus(status, false).split("\n").slice(1, 3)).toEqual([
    "ops was not told 3 times: it answered 500; fix: mend ops",
    "page was not told: no; fix: mend page",
  ]);
});

test("hosts that only the configuration knows are named with where, and who may be meant", () => {
  const channel = channelWith({ hosts: ["lab1", "lab2"] });
  expect(
    strangersOf({ silentAfterMs: { lab11: 1, lab1: 1 }, channels: [channel, { ...channel, hosts: null }] }, ["lab1"]),
  ).toEqual([
    { name: "lab11", where: "[fleet_health.hosts]", meant: "lab1" },
    { name: "lab2", where: '[[notify]] "ops"', meant: "lab1" },
  ]);
});

test("what is known of a host now stands beside its incident, and in its row where it has none", () => {
  const problem = { what: "no heartbeat for 5min", fix: null };
  const late = { ...unknownSummary("lab2"), age_s: 300, problem };
  const all = [factsWith({ host: "lab2", shippedMs: NOW, heartbeat: late })];
  expect(lines([], all)[2]).toBe("lab2 late 0s ? no heartbeat for 5min");
  const { hosts } = fleetStatus({
    nowMs: NOW,
    run,
    incidents: [incident({ host: "lab2" })],
    facts: all,
    idleAfterMs,
    gone: new Map(),
    strangers: [],
    mailboxes: [],
  });
  expect(hosts).toMatchObject([{ host: "lab2", state: "silent", now: "no heartbeat for 5min", late: true }]);
  // Of one that was retired and never came nobody waits any more.
  expect(lines([], [facts("lab7", null)], true, new Map([["lab7", "retired"]]))[2]).toBe("lab7 retired never ?");
  expect(lines([], [facts("lab7", null)], true, new Map([["lab7", "expired"]]))[2]).toBe("lab7 never never ?");
});
