// A state that was lost, from the history: what was told is ended, and nothing else.

import { describe, expect, test } from "bun:test";
import type { IncidentRow } from "../../../lib/contract/incident-row.ts";
import { isoWall } from "../../../lib/core/clock.ts";
import type { Ill } from "../../../lib/fleet-health/incidents/incident.ts";
import { NO_WATCH, type Watch, watch } from "../../../lib/fleet-health/incidents/watch.ts";
import { outgoingOf } from "../../../lib/fleet-health/notify/delivery/deliver.ts";
import type { Mailbox } from "../../../lib/fleet-health/notify/mailbox.ts";
import { restoredState } from "../../../lib/fleet-health/state/restore.ts";
import { channelWith, HUB } from "../support.ts";

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
    ["*", true, null, NOON],
    ["*", true, null, NOON],
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
  const [outgoing] = outgoingOf(left(state?.mailboxes ?? []), [channel], NOON, HUB);
  expect(outgoing?.notice?.rows.map(({ host }) => host)).toEqual(["lab1"]);
  expect(outgoing?.mailbox.channel).toBe("ops");
  // An Alertmanager is posted what stands, and knows of no rows.
  const [posted] = outgoingOf(left(state?.mailboxes ?? []), [{ ...channel, type: "alertmanager" }], NOON, HUB);
  expect(posted?.mailbox.open).toEqual([]);
  // Once it has a mailbox of its own, that is it.
  const own = outgoing === undefined ? [] : [{ ...outgoing.mailbox, notice: null }];
  const [next] = outgoingOf(left([...(state?.mailboxes ?? []), ...own]), [channel], NOON, HUB);
  expect(next?.notice).toBeNull();
});

describe("many that were told before the state was lost", () => {
  const names = Array.from({ length: 10 }, (_, i) => `lab${i}`);
  const ill = (host: string, symptom: string, cause: string): Ill => ({ host, symptom, cause, what: "w", fix: null });
  const told = (symptom: string, cause: string): IncidentRow =>
    row("*", "firing", true, { symptom: `fleet-${symptom}`, cause, hosts: names });
  /** Runs after it, every five minutes. @returns what is told in each */
  const runs = (
    rows: readonly IncidentRow[],
    ...all: { ill: readonly Ill[]; unknown?: string[]; unsure?: string[] }[]
  ): string[][] => {
    let state: Watch = restoredState(rows, NOON)?.watch ?? NO_WATCH;
    return all.map(({ ill: seen, unknown = [], unsure = [] }, i) => {
      const { next, events } = watch(state, {
        ...{ nowMs: NOON + (i + 1) * 5 * MIN, ill: seen, hosts: 20, silences: [], gone: new Map(), lost: new Set() },
        ...{ unknown: new Set(unknown), unsure: new Set(unsure) },
      });
      state = next;
      return events
        .filter(({ isTold }) => isTold)
        .map(({ change, incident: { host, cause } }) => `${change} ${host} ${cause}`);
    });
  };

  test("stand while no run can look, however long, and are told of nobody anew", () => {
    const silent = names.map((host) => ill(host, "silent", "queue"));
    const blind = { ill: [], unknown: ["silent"] };
    expect(runs([told("silent", "queue")], blind, blind, { ill: silent }, { ill: silent })).toEqual([[], [], [], []]);
    expect(runs([told("silent", "queue")], blind, { ill: silent }, { ill: [] }, { ill: [] }, { ill: [] })).toEqual([
      ...[[], [], [], ["recovered * queue"], []],
    ]);
  });

  test("have their members by their disks, whoever was well, or is dark", () => {
    const disk = (host: string, change: string): IncidentRow =>
      row(host, change, false, { symptom: "disk-low", cause: "disk:/data" });
    const rows = [told("disk-low", "disk"), ...names.map((host) => disk(host, "firing")), disk("lab9", "recovered")];
    const members = restoredState(rows, NOON)?.watch.incidents.filter(({ host }) => host !== "*") ?? [];
    expect(members.map(({ host, cause }) => `${host} ${cause}`)).toEqual(
      names.slice(0, 9).map((host) => `${host} disk:/data`),
    );
    const low = (...hosts: string[]) => hosts.map((host) => ill(host, "disk-low", "disk:/data"));
    const dark = { ill: low(...names.slice(1, 9)), unsure: ["lab0|disk-low|disk:/data"] };
    const all = { ill: low(...names) };
    // lab9, who falls ill anew, belongs to them, too.
    expect(runs(rows, dark, dark, all, all, all)).toEqual([[], [], [], [], []]);
  });

  test("without a row of a host that is left it is known by the others' cause", () => {
    const rows = [told("check-failing", "load")];
    const members = restoredState(rows, NOON)?.watch.incidents.filter(({ host }) => host !== "*") ?? [];
    expect(members.map(({ host, symptom, cause }) => `${host} ${symptom} ${cause}`)).toEqual(
      names.map((host) => `${host} check-failing load`),
    );
  });
});

test("all causes that were told of one that is paused are known", () => {
  const paused = (change: string, cause: string): IncidentRow =>
    row("lab1", change, true, { symptom: "paused", cause });
  const state = restoredState([paused("firing", "connect"), paused("growing", "tls")], NOON);
  expect(state?.watch.incidents[0]?.toldCauses).toEqual(["connect", "tls"]);
});
