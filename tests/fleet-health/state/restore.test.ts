// A state that was lost, from the history: what was told is ended, and nothing else.

import { expect, test } from "bun:test";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import { NO_WATCH } from "../../../lib/fleet-health/incidents/watch.ts";
import { outgoingOf } from "../../../lib/fleet-health/notify/delivery/deliver.ts";
import type { Mailbox } from "../../../lib/fleet-health/notify/mailbox.ts";
import { restoredState } from "../../../lib/fleet-health/state/restore.ts";
import { channelWith } from "../support.ts";

const NOON = Date.UTC(2026, 4, 1, 12);
const MIN = 60_000;
let sequence = 0;
const row = (host: string, change: string, told: boolean, more: Partial<IncidentRow> = {}): IncidentRow => ({
  ...{ sequence: ++sequence, at: isoWall(NOON + sequence * MIN), host, hosts: [], symptom: "silent", cause: "c" },
  ...{ change, told, since: isoWall(NOON), fired_at: isoWall(NOON + MIN), what: "w", fix: "f" },
  ...more,
});

test("an empty history restores nothing", () => {
  expect(restoredState([], NOON)).toBeNull();
});

test("what was told and has not ended stands, as it was last told; what was not told does not", () => {
  const many = { host: "*", symptom: "fleet-silent" };
  const rows = [
    row("lab1", "pending", false),
    row("lab1", "firing", false),
    row("lab1", "firing", true),
    row("lab2", "firing", true),
    row("lab2", "recovering", false),
    row("lab2", "recovered", true),
    row("lab3", "firing", false),
    row("*", "firing", true, { ...many, hosts: ["lab4", "lab5"] }),
    row("*", "growing", true, { ...many, hosts: ["lab4", "lab5", "lab6"] }),
    row("lab7", "growing", true),
  ];
  const state = restoredState(rows, NOON);
  expect(state?.sequence).toBe(sequence);
  expect(
    state?.watch.incidents.map(({ host, phase, isTold, hosts, hasNoData }) => [host, phase, isTold, hosts, hasNoData]),
  ).toEqual([
    ["lab1", "firing", true, [], true],
    ["*", "firing", true, ["lab4", "lab5", "lab6"], true],
  ]);
  expect(state?.watch.incidents[0]).toMatchObject({
    sinceMs: NOON,
    firedMs: NOON + MIN,
    cause: "c",
    what: "w",
    fix: "f",
  });
});

test("of many whose symptom takes several runs to judge those stand, too, that belong to it and have not ended", () => {
  const many = { host: "*", symptom: "fleet-quarantine-growing" };
  const one = { symptom: "quarantine-growing" };
  const state = restoredState(
    [
      row("lab1", "firing", true, one),
      row("*", "firing", true, { ...many, hosts: ["lab1", "lab2", "lab3", "lab4"] }),
      row("*", "firing", true, { ...many, cause: "d", hosts: ["lab4", "lab5"] }),
      row("lab3", "recovered", false, one),
      row("lab5", "recovered", false, one),
      row("lab5", "pending", false, one),
    ],
    NOON,
  );
  const shown = state?.watch.incidents.map(({ host, isTold, heldBy, restoredMs }) => [
    host,
    isTold,
    heldBy,
    restoredMs,
  ]);
  expect(shown?.toSorted()).toEqual([
    ["*", true, null, undefined],
    ["*", true, null, undefined],
    ["lab1", true, null, NOON],
    ["lab2", false, "fleet-quarantine-growing", NOON],
    ["lab4", false, "fleet-quarantine-growing", NOON],
    ["lab5", false, "fleet-quarantine-growing", NOON],
  ]);
});

test("a channel is told the end of what it was told before the state was lost, and no other end", () => {
  const state = restoredState([row("lab1", "firing", true)], NOON);
  const ends = ["lab1", "lab2"].map((host) =>
    row(host, "recovered", true, { since: isoWall(state?.watch.incidents[0]?.sinceMs ?? 0) }),
  );
  const channel = channelWith();
  const left = (mailboxes: readonly Mailbox[]) => ({ mailboxes, rows: ends, watch: NO_WATCH });
  const [outgoing] = outgoingOf(left(state?.mailboxes ?? []), [channel], NOON, "c");
  expect(outgoing?.notice?.rows.map(({ host }) => host)).toEqual(["lab1"]);
  expect(outgoing?.mailbox.channel).toBe("ops");
  // An Alertmanager is posted what stands, and knows of no rows.
  const [posted] = outgoingOf(left(state?.mailboxes ?? []), [{ ...channel, type: "alertmanager" }], NOON, "c");
  expect(posted?.mailbox.open).toEqual([]);
  // Once it has a mailbox of its own, that is it.
  const own = outgoing === undefined ? [] : [{ ...outgoing.mailbox, notice: null }];
  const [next] = outgoingOf(left([...(state?.mailboxes ?? []), ...own]), [channel], NOON, "c");
  expect(next?.notice).toBeNull();
});
