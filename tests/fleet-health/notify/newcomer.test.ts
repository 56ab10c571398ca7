// A channel that is added while something stands.

import { expect, test } from "bun:test";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import type { Incident } from "../../../lib/fleet-health/incidents/incident.ts";
import type { Channel } from "../../../lib/fleet-health/notify/channel.ts";
import { outgoingOf } from "../../../lib/fleet-health/notify/delivery/deliver.ts";
import { ANY_CHANNEL, emptyMailbox, type Mailbox, settle } from "../../../lib/fleet-health/notify/mailbox.ts";
import { channelWith, HUB } from "../support.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
const incident = (host: string, more: Partial<Incident> = {}): Incident => ({
  ...{ host, symptom: "silent", cause: "", what: "it is silent", fix: "look", phase: "firing", pendingRuns: 2 },
  ...{ sinceMs: NOON - 60 * MIN, firedMs: NOON - 50 * MIN, isTold: true, heldBy: null, hasNoData: false },
  ...{ flappingMs: null, hosts: [] },
  ...more,
});
const row = (sequence: number, host: string, change: string, more: Partial<IncidentRow> = {}): IncidentRow => ({
  ...{ sequence, at: isoWall(NOON), host, hosts: [], symptom: "silent", cause: "", change, told: true },
  ...{ since: isoWall(NOON - 60 * MIN), fired_at: isoWall(NOON - 50 * MIN), what: "it is silent", fix: "look" },
  ...more,
});
const STANDING = [
  incident("lab1"),
  incident("lab2", { sinceMs: NOON - 90 * MIN }),
  incident("lab3", { isTold: false, heldBy: "silenced" }),
  incident("lab4", { sinceMs: NOON }),
];
/** In this run lab4 has begun, and lab5 ended. */
const ROWS = [row(8, "lab4", "firing", { since: isoWall(NOON) }), row(9, "lab5", "recovered")];

function run(mailboxes: readonly Mailbox[], more: Partial<Channel> = {}, incidents = STANDING, rows = ROWS) {
  const left = { mailboxes, rows, watch: { incidents, runsMs: [NOON] } };
  const [outgoing] = outgoingOf(left, [channelWith(more)], NOON, HUB);
  if (outgoing === undefined) throw new Error("there is no channel");
  const heard = outgoing.notice?.rows.map(({ sequence, host, change }) => `${sequence} ${host} ${change}`) ?? [];
  return { heard, id: outgoing.notice?.id, mailbox: outgoing.mailbox, rows: outgoing.notice?.rows };
}

test("is told what stands and was told before, then what this run tells, and each end after that", () => {
  const { heard, id, mailbox, rows } = run([]);
  expect(heard).toEqual(["-2 lab2 firing", "-1 lab1 firing", "8 lab4 firing"]);
  expect(rows?.[1]).toEqual(row(-1, "lab1", "firing"));
  expect(id).toBe(`ops-hub-${NOON}-2-8`);
  expect(mailbox.notice?.collector).toBe("hub");
  const next = run(
    [settle(mailbox, "taken", NOON)],
    {},
    [],
    [row(10, "lab1", "recovered"), row(11, "lab3", "recovered")],
  );
  expect(next.heard).toEqual(["10 lab1 recovered"]);
  expect(next.id).toBe(`ops-hub-${NOON}-10-10`);
});

test("is told of what fires again in this run, which is no news to others", () => {
  const again = row(8, "lab1", "firing", { told: false });
  expect(run([], {}, [incident("lab1")], [again]).heard).toEqual(["-1 lab1 firing"]);
});

test("is told since when each is so, and that it comes and goes, as all others were", () => {
  const began = NOON - 95 * MIN;
  const { rows } = run([], {}, [incident("lab1", { beganMs: began, flappingMs: NOON })], []);
  expect(rows).toEqual([row(-1, "lab1", "firing", { began: isoWall(began), flapping: true })]);
});

test("hears of its hosts and symptoms alone, and of many once, with all that belong to it", () => {
  const many = incident("*", { symptom: "fleet-silent", hosts: ["lab1", "lab2", "lab6"] });
  const grown = row(8, "*", "growing", { symptom: "fleet-silent", hosts: many.hosts });
  const { heard } = run([], { hosts: ["lab1"] }, [...STANDING, many], [grown]);
  expect(heard).toEqual(["-3 lab1 firing", "-2 * firing"]);
  expect(run([], { symptoms: ["paused"] }).heard).toEqual([]);
});

test("was not told, where the state was lost, what it does not want to hear; nor is it told of an end of that when it does", () => {
  const open = ["lab1", "lab2"].map((host) => `${host}|silent|${isoWall(NOON - 60 * MIN)}`);
  const own = { hosts: ["lab1"] };
  const { mailbox } = run([{ ...emptyMailbox(ANY_CHANNEL), open }], own, STANDING, []);
  expect(mailbox.open).toEqual([open[0] ?? ""]);
  const since = { since: isoWall(NOON - 60 * MIN) };
  expect(run([mailbox], {}, STANDING, [row(8, "lab2", "recovered", since)]).heard).toEqual([]);
});

// Whoever was told a beginning, as this one was before its hosts were changed, has an end to hear.
test("is told the end of what it was told, wanted or not, and forgets it", () => {
  const open = [`lab1|silent|${isoWall(NOON - 60 * MIN)}`];
  const own = { hosts: ["lab2"] };
  const { heard, mailbox } = run([{ ...emptyMailbox("ops"), open }], own, [], [row(8, "lab1", "recovered")]);
  expect([heard, mailbox.open]).toEqual([["8 lab1 recovered"], []]);
});

test("is not new where it has a mailbox, or where the state was lost: nothing is told twice", () => {
  expect(run([emptyMailbox("ops")]).heard).toEqual(["8 lab4 firing"]);
  const open = [`lab1|silent|${isoWall(NOON - 60 * MIN)}`];
  const lost = run([{ ...emptyMailbox(ANY_CHANNEL), open }], {}, STANDING, [row(8, "lab1", "recovered")]);
  expect(lost.heard).toEqual(["8 lab1 recovered"]);
  // The channels of others say nothing of it.
  expect(run([emptyMailbox("post")]).heard).toHaveLength(3);
});

test("more than a thousand of them are told under more than one id", () => {
  const all = Array.from({ length: 2500 }, (_, i) => incident(`lab${i}`));
  let { id, mailbox } = run([], {}, all, []);
  const ids = [id];
  for (let i = 0; i < 2; i++) {
    ({ id, mailbox } = run([settle(mailbox, "taken", NOON)], {}, all, []));
    ids.push(id);
  }
  expect(ids).toEqual([`ops-hub-${NOON}-2500-1501`, `ops-hub-${NOON}-1500-501`, `ops-hub-${NOON}-500-1`]);
  expect([mailbox.waiting, mailbox.open.length]).toEqual([[], 2500]);
});
