// A configuration that is edited while something stands: whoever was told that it began is told that it is over, once, and nobody else is.

import { expect, test } from "bun:test";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import type { Incident } from "../../../lib/fleet-health/incidents/incident.ts";
import type { Channel } from "../../../lib/fleet-health/notify/channel.ts";
import { mailboxesAway, outgoingOf } from "../../../lib/fleet-health/notify/delivery/deliver.ts";
import { emptyMailbox, type Mailbox, type Sent, settle } from "../../../lib/fleet-health/notify/mailbox.ts";
import { channelWith, HUB } from "../support.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const RUN_MS = 5 * 60_000;
const SINCE = isoWall(NOON - RUN_MS);

let sequence = 0;
const row = (host: string, change: string, more: Partial<IncidentRow> = {}): IncidentRow => ({
  ...{ sequence: ++sequence, at: isoWall(NOON), host, hosts: [], symptom: "silent", cause: "", change, told: true },
  ...{ since: SINCE, fired_at: SINCE, what: "it is silent", fix: null },
  ...more,
});
const standing = (host: string): Incident => ({
  ...{ host, symptom: "silent", cause: "", what: "it is silent", fix: null, phase: "firing", pendingRuns: 2 },
  ...{ sinceMs: NOON - RUN_MS, firedMs: NOON - RUN_MS, isTold: true, heldBy: null, hasNoData: false },
  ...{ flappingMs: null, hosts: [] },
});

interface Run {
  channels: Channel[];
  rows?: IncidentRow[];
  stands?: string[];
  sent?: Sent;
}

/** @returns of each run what was sent, by channel, and the mailboxes in the end */
function play(runs: readonly Run[]): { heard: string[]; mailboxes: readonly Mailbox[] } {
  let mailboxes: Mailbox[] = [];
  const heard = runs.map(({ channels, rows = [], stands = [], sent = "taken" }, i) => {
    const nowMs = NOON + i * RUN_MS;
    const left = { mailboxes, rows, watch: { incidents: stands.map(standing), runsMs: [nowMs] } };
    const outgoing = outgoingOf(left, channels, nowMs, HUB);
    const away = mailboxesAway(mailboxes, channels, rows);
    const settled = outgoing.map(({ mailbox, notice }) => (notice === null ? mailbox : settle(mailbox, sent, nowMs)));
    mailboxes = [...settled, ...away];
    return outgoing
      .flatMap(({ channel, notice }) => notice?.rows.map((one) => `${channel.name}: ${one.host} ${one.change}`) ?? [])
      .join(", ");
  });
  return { heard, mailboxes };
}

const OPS = channelWith({});

test("a channel that is away while it recovers hears of it when it comes back, and then no more", () => {
  const { heard, mailboxes } = play([
    { channels: [OPS], rows: [row("lab1", "firing"), row("lab2", "firing")], stands: ["lab1", "lab2"] },
    { channels: [], stands: ["lab1", "lab2"] },
    { channels: [channelWith({ name: "post" })], rows: [row("lab1", "recovered")], stands: ["lab2"] },
    { channels: [OPS], stands: ["lab2"] },
    { channels: [OPS], rows: [row("lab2", "recovered")] },
    { channels: [] },
  ]);
  expect(heard).toEqual([
    ...[
      "ops: lab1 firing, ops: lab2 firing",
      "",
      "post: lab2 firing",
      "ops: lab1 recovered",
      "ops: lab2 recovered",
      "",
    ],
  ]);
  // It is owed nothing more; the other one an end.
  expect(mailboxes.map(({ channel, isAway, waiting }) => [channel, isAway, waiting.length])).toEqual([
    ["post", true, 1],
  ]);
});

test("one that comes back hears of what began meanwhile and stands, and of nothing that began and ended", () => {
  const { heard } = play([
    { channels: [OPS], rows: [row("lab1", "firing")], stands: ["lab1"] },
    { channels: [], rows: [row("lab2", "firing"), row("lab3", "firing")], stands: ["lab1", "lab2", "lab3"] },
    { channels: [], rows: [row("lab3", "recovered"), row("lab9", "returned")], stands: ["lab1", "lab2"] },
    { channels: [OPS], rows: [row("lab4", "firing")], stands: ["lab1", "lab2", "lab4"] },
    { channels: [OPS], rows: ["lab1", "lab2", "lab4"].map((host) => row(host, "recovered")) },
  ]);
  expect(heard.slice(1)).toEqual([
    ...["", "", "ops: lab2 firing, ops: lab4 firing"],
    "ops: lab1 recovered, ops: lab2 recovered, ops: lab4 recovered",
  ]);
});

test("another kind under the same name is another channel", () => {
  const slack = channelWith({ type: "slack" });
  const { heard } = play([
    { channels: [OPS], rows: [row("lab1", "firing")], stands: ["lab1"] },
    { channels: [slack], stands: ["lab1"] },
    { channels: [slack], rows: [row("lab1", "recovered")] },
    { channels: [OPS] },
  ]);
  expect(heard).toEqual(["ops: lab1 firing", "ops: lab1 firing", "ops: lab1 recovered", "ops: lab1 recovered"]);
  // An older release has not written down of what kind it was.
  const [own] = outgoingOf(
    { mailboxes: [emptyMailbox("ops")], rows: [], watch: { incidents: [standing("lab1")], runsMs: [] } },
    ...([[slack], NOON, HUB] as const),
  );
  expect([own?.notice, own?.mailbox.type]).toEqual([null, "slack"]);
});

test("who was told a beginning is told its end, though it wants no more of that kind", () => {
  const { heard, mailboxes } = play([
    { channels: [OPS], rows: [row("lab1", "firing"), row("*", "firing", { symptom: "fleet-silent" })] },
    {
      channels: [{ ...OPS, symptoms: ["paused"] }],
      rows: [row("lab2", "firing"), row("*", "growing", { symptom: "fleet-silent" })],
    },
    {
      channels: [{ ...OPS, symptoms: ["paused"] }],
      rows: [row("lab1", "recovered"), row("lab2", "recovered"), row("*", "recovered", { symptom: "fleet-silent" })],
    },
  ]);
  expect(heard).toEqual(["ops: lab1 firing, ops: * firing", "", "ops: lab1 recovered, ops: * recovered"]);
  expect(mailboxes[0]?.open).toEqual([]);
});

test("a beginning that waits and is wanted no more is dropped with all that belongs to it; what may have been told is not", () => {
  const other = { ...OPS, hosts: ["lab2"] };
  const both = [row("lab1", "firing"), row("lab2", "firing"), row("lab3", "firing"), row("lab3", "recovered")];
  const { heard, mailboxes } = play([
    { channels: [OPS], rows: both, sent: "refused" },
    { channels: [other] },
    { channels: [other], rows: [row("lab1", "recovered"), row("lab2", "recovered")] },
  ]);
  expect(heard.slice(1)).toEqual(["ops: lab2 firing", "ops: lab2 recovered"]);
  expect(mailboxes[0]?.open).toEqual([]);
  const unsure = play([
    { channels: [OPS], rows: [row("lab1", "firing")], sent: "unsure" },
    { channels: [other] },
    { channels: [other], rows: [row("lab1", "recovered")] },
  ]);
  expect(unsure.heard.slice(1)).toEqual(["ops: lab1 firing", "ops: lab1 recovered"]);
});

test("an end that waits for whoever was told the beginning is told, though it wants no more of that", () => {
  const other = { ...OPS, hosts: ["lab2"] };
  const { heard } = play([
    { channels: [OPS], rows: [row("lab1", "firing")] },
    { channels: [OPS], rows: [row("lab1", "recovered")], sent: "refused" },
    { channels: [other] },
  ]);
  expect(heard[2]).toBe("ops: lab1 recovered");
});

test("of what never reached a channel nothing is kept for it, and nothing of how it failed", () => {
  const { mailboxes } = play([{ channels: [OPS], rows: [row("lab1", "firing")], sent: "refused" }, { channels: [] }]);
  expect(mailboxes).toEqual([]);
  const failing: Mailbox = { ...emptyMailbox("ops"), failures: 3, nextTryMs: NOON, open: ["lab1|silent|x"] };
  const [away] = mailboxesAway([{ ...failing, lastFailure: { what: "no", fix: "" } }], [], []);
  expect(away).toEqual({ ...emptyMailbox("ops"), isAway: true, open: ["lab1|silent|x"] });
});
