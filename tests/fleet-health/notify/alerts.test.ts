// What an Alertmanager is told, over runs: what stands, what is over, and how long an alert lasts.

import { expect, test } from "bun:test";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import type { Incident } from "../../../lib/fleet-health/incidents/incident.ts";
import { alertsUrl, keyOf, lastsMs, settleStanding, standingOf } from "../../../lib/fleet-health/notify/alerts.ts";
import type { Channel } from "../../../lib/fleet-health/notify/channel.ts";
import { emptyMailbox, type Mailbox } from "../../../lib/fleet-health/notify/mailbox.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const CHANNEL: Channel = {
  ...{
    name: "am",
    type: "alertmanager",
    url: "http://127.0.0.1:1",
    urlFile: null,
    tokenFile: null,
    caBundle: null,
    command: [],
  },
  ...{ mail: null, symptoms: null, hosts: null, quiet: null },
};
const incident = (more: Partial<Incident> = {}): Incident => ({
  ...{ host: "lab1", hosts: [], symptom: "silent", cause: "queue", what: "it is silent", fix: "sudo shipper status" },
  ...{ phase: "firing", pendingRuns: 2, sinceMs: NOON - 10 * MIN, firedMs: NOON, isTold: true, heldBy: null },
  ...{ hasNoData: false, flappingMs: null },
  ...more,
});
const row = (more: Partial<IncidentRow> = {}): IncidentRow => ({
  ...{ sequence: 1, at: isoWall(NOON), host: "lab1", hosts: [], symptom: "silent", cause: "queue" },
  ...{ change: "recovered", told: true, since: isoWall(NOON - 10 * MIN), fired_at: isoWall(NOON) },
  ...{ what: "it is silent", fix: null },
  ...more,
});

function stand(
  incidents: Incident[],
  before: Mailbox = emptyMailbox("am"),
  rows: IncidentRow[] = [],
  channel = CHANNEL,
) {
  const watch = { incidents, runsMs: [NOON, NOON - 5 * MIN] };
  return standingOf(before, channel, { rows, watch }, { nowMs: NOON, collector: "hub" });
}
const named = (incidents: Incident[], channel = CHANNEL): string[] =>
  stand(incidents, undefined, [], channel).standing.alerts.map(({ labels }) =>
    `${labels.alertname} ${labels.host ?? ""}`.trim(),
  );

test("an incident is an alert with what it is known by as labels, and all that may change as annotations", () => {
  const { standing, mailbox } = stand([incident()]);
  expect(standing.alerts).toEqual([
    {
      labels: { alertname: "labfleet_watchdog", collector: "hub" },
      annotations: {
        summary: "fleet-health runs on hub",
        what: "this fires always: when it ends fleet-health runs no more, or does not reach this Alertmanager",
      },
      endsAt: isoWall(NOON + 60 * MIN),
    },
    {
      labels: { alertname: "labfleet_silent", host: "lab1", severity: "critical", collector: "hub" },
      annotations: {
        ...{ summary: "lab1: silent", what: "it is silent", fix: "sudo shipper status" },
        since: isoWall(NOON - 10 * MIN),
      },
      endsAt: isoWall(NOON + 60 * MIN),
    },
  ]);
  expect(mailbox).toEqual({
    ...emptyMailbox("am"),
    open: ['{"alertname":"labfleet_silent","host":"lab1","severity":"critical","collector":"hub"}'],
  });
});

test("what comes and goes says so, from its beginning on", () => {
  const annotations = stand([incident({ flappingMs: 1 })]).standing.alerts[1]?.annotations;
  expect(annotations).toMatchObject({ summary: "lab1: silent, flapping", what: "it comes and goes; it is silent" });
});

test("of many: the cause is a label, for two of one symptom stand side by side, and its members are none", () => {
  const many = incident({ host: "*", symptom: "fleet-silent", hosts: ["lab1", "lab2"], fix: null });
  const labelsOf = (one: Incident) => stand([one]).standing.alerts[1]?.labels;
  expect(labelsOf(many)).toEqual({
    alertname: "labfleet_fleet_silent",
    cause: "queue",
    severity: "critical",
    collector: "hub",
  });
  expect(labelsOf({ ...many, hosts: ["lab1", "lab3", "lab4"] })).toEqual(labelsOf(many));
  expect(labelsOf({ ...many, cause: "" })).toEqual({
    alertname: "labfleet_fleet_silent",
    severity: "critical",
    collector: "hub",
  });
  expect(stand([many]).standing.alerts[1]?.annotations).toEqual({
    ...{ summary: "2 hosts: fleet-silent", what: "it is silent, as each of lab1, lab2" },
    since: isoWall(NOON - 10 * MIN),
  });
  const own = incident({ host: "@", symptom: "collector-down", cause: "" });
  expect(stand([own]).standing.alerts[1]).toMatchObject({
    labels: { alertname: "labfleet_collector_down", severity: "critical", collector: "hub" },
    annotations: { summary: "this collector: collector-down" },
  });
});

test("of a check: its name is a label, for a host may have several, and what is worse than a warning is critical", () => {
  const check = (cause: string, more: Partial<Incident> = {}) =>
    stand([incident({ symptom: "check-failing", cause, ...more })]).standing.alerts[1];
  const labels = { alertname: "labfleet_check_failing", host: "lab1", collector: "hub" };
  expect(check("raid")?.labels).toEqual({ ...labels, cause: "raid", severity: "warning" });
  for (const cause of ["raid: critical", "raid: unknown"])
    expect(check(cause)?.labels).toEqual({ ...labels, cause, severity: "critical" });
  // A name that ends like that is no grade.
  expect(check("raid critical")?.labels.severity).toBe("warning");
  expect(check("raid")?.annotations.summary).toBe("lab1: check-failing (raid)");
  const many = { host: "*", symptom: "fleet-disk-low", hosts: ["lab1"] };
  expect([check("disk", many), check("disk: critical", many)].map((one) => one?.labels.severity)).toEqual([
    ...["warning", "critical"],
  ]);
  const blind = { host: "@", symptom: "detector-blind" };
  expect(check("no journal", blind)?.labels).toMatchObject({ cause: "no journal", severity: "critical" });
  expect(check("no journal", blind)?.annotations.summary).toBe("this collector: detector-blind");
});

test("only what was told stands, until it is over: held back is not, and recovering or silenced after is", () => {
  expect(
    named([
      incident({ host: "held", isTold: false, heldBy: "silenced" }),
      incident({ host: "folded", isTold: false, heldBy: "fleet-silent" }),
      incident({ host: "young", isTold: false, phase: "pending" }),
      incident({ host: "well", phase: "recovering" }),
      incident({ host: "flaps", phase: "steady", flappingMs: NOON }),
      incident({ host: "unseen", hasNoData: true }),
    ]),
  ).toEqual(["labfleet_watchdog", "labfleet_silent well", "labfleet_silent flaps", "labfleet_silent unseen"]);
});

test("a channel's symptoms and hosts hold, and the watchdog always fires", () => {
  const all = [
    ...[incident(), incident({ host: "lab2" }), incident({ symptom: "paused" })],
    incident({ host: "*", symptom: "fleet-silent", hosts: ["lab7"] }),
  ];
  expect(named(all, { ...CHANNEL, symptoms: ["silent"], hosts: ["lab1"] })).toEqual([
    "labfleet_watchdog",
    "labfleet_silent lab1",
    "labfleet_fleet_silent",
  ]);
  expect(named([], { ...CHANNEL, symptoms: ["silent"], hosts: ["lab1"] })).toEqual(["labfleet_watchdog"]);
});

test("what is over is posted as such until it is taken, with the labels that it had", () => {
  const { mailbox } = stand([incident(), incident({ host: "lab2" })]);
  const next = stand([incident({ host: "lab2" })], mailbox, [row(), row({ host: "lab3" })]);
  const key = keyOf({ labels: { alertname: "labfleet_silent", host: "lab1", severity: "critical", collector: "hub" } });
  expect([...next.standing.ends]).toEqual([key]);
  expect(next.standing.alerts.at(-1)).toEqual({
    labels: JSON.parse(key),
    annotations: { summary: "lab1: silent recovered", what: "it is silent", since: isoWall(NOON - 10 * MIN) },
    endsAt: isoWall(NOON),
  });
  // Not taken: it stays, and the next run, which has no row of it, posts it again.
  const lost = settleStanding(next.mailbox, next.standing, new Set(), { what: "no", fix: "mend it" });
  expect(lost.open).toHaveLength(2);
  expect(lost).toMatchObject({ failures: 1, lastFailure: { what: "no", fix: "mend it" } });
  const again = stand([incident({ host: "lab2" })], lost);
  expect(again.standing.alerts.at(-1)).toMatchObject({
    annotations: { summary: "lab1: labfleet_silent is over" },
    endsAt: isoWall(NOON),
  });
  const done = new Set(again.standing.alerts.map(keyOf));
  const settled = settleStanding(again.mailbox, again.standing, done, null);
  expect(settled.open).toEqual([
    keyOf({ labels: { alertname: "labfleet_silent", host: "lab2", severity: "critical", collector: "hub" } }),
  ]);
  expect([settled.failures, settled.lastFailure]).toEqual([0, undefined]);
});

test("tries that fail are counted until one does not, and where nothing is to be marked nothing changes", () => {
  const { mailbox, standing } = stand([incident()]);
  expect(settleStanding(mailbox, standing, new Set(), null)).toBe(mailbox);
  const once = settleStanding(mailbox, standing, new Set(), { what: "no", fix: "mend it" });
  const next = stand([incident()], once);
  const twice = settleStanding(next.mailbox, next.standing, new Set(), { what: "still no", fix: "mend it" });
  expect([twice.failures, twice.lastFailure?.what]).toEqual([2, "still no"]);
  expect(settleStanding(twice, next.standing, new Set(), null)).toEqual({ ...emptyMailbox("am"), open: twice.open });
});

test("what begins anew before its end was taken has no end", () => {
  const { mailbox } = stand([incident()]);
  const { standing } = stand([incident({ sinceMs: NOON })], mailbox);
  expect([standing.ends.size, standing.alerts.length]).toEqual([0, 2]);
});

test("nor does it count the failures of a notice that nobody knows the end of", () => {
  const before: Mailbox = {
    ...{ ...emptyMailbox("am"), failures: 4, lastFailure: { what: "no", fix: "" } },
    notice: { id: "am-1-1", isRetried: true, rows: [row()] },
  };
  const { mailbox } = stand([], before);
  expect([mailbox.failures, mailbox.lastFailure, mailbox.notice]).toEqual([0, undefined, null]);
});

test("a channel that was of another type leaves nothing that is posted", () => {
  const before = {
    ...emptyMailbox("am"),
    waiting: [row()],
    open: ["lab1|silent|2026-05-01", "[]", "{}", "null"],
    failures: 3,
    lastFailure: { what: "no", fix: "mend it" },
  };
  expect(stand([], before)).toMatchObject({
    mailbox: { waiting: [], notice: null, open: [], failures: 0 },
    standing: { alerts: [{ labels: { alertname: "labfleet_watchdog" } }] },
  });
});

test("an alert lasts for four runs and an hour at least; an outage between two runs makes it no longer", () => {
  const of = (...minutes: number[]): number => lastsMs(minutes.map((ago) => NOON - ago * MIN)) / MIN;
  expect([of(0), of(0, 5, 10), of(0, 30, 60), of(0, 600, 605), of(0, 600, 630), of(0, -10, 20)]).toEqual([
    60, 60, 120, 60, 120, 120,
  ]);
});

test("the address may end in a slash, have a path, or name the place itself", () => {
  const to = (url: string): string => alertsUrl(new URL(url)).href;
  expect(["http://a:1", "http://a:1/", "http://a:1/api/v2/alerts", "http://a:1/api/v2/"].map(to)).toEqual(
    Array(4).fill("http://a:1/api/v2/alerts"),
  );
  expect(["https://u:p@a/am", "https://u:p@a/am//"].map(to)).toEqual(Array(2).fill("https://u:p@a/am/api/v2/alerts"));
});
