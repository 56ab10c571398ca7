// Rows of the daily files of heartbeats: what a page of history reads back from them.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Heartbeat } from "../../lib/contract/heartbeat.ts";
import { changeRow, type HeartbeatRow, readRow, sampleRow } from "../../lib/contract/heartbeat-row.ts";
import type { CheckResult } from "../../lib/core/heartbeat.ts";
import { heartbeat, result } from "../receiver/heartbeats/support.ts";

const AT = "2026-05-01T12:00:00.000000+00:00";
const change = (before: Partial<Heartbeat>, after: Partial<Heartbeat> & Record<string, unknown>) =>
  changeRow(heartbeat(before), heartbeat({ sequence: 2, ...after }), AT, false);
const BARE = { kind: "change", host_id: "lab1", received_at_wall: AT, sent_at: "2026-05-01T12:00:00Z", sequence: 2 };

test("a heartbeat that says the same in other figures and words leaves its time and its number", () => {
  const perfdata = (value: number): CheckResult["perfdata"] => [
    { label: "load1", value, uom: "", warning: null, critical: null, min: null, max: null },
  ];
  const before = { results: [result({ message: "load 0.5", perfdata: perfdata(0.5), run: 1 })] };
  const after = {
    uptime_s: 1060,
    results: [result({ message: "load 0.7", perfdata: perfdata(0.7), run: 2, duration_ms: 15 })],
  };
  expect(change(before, after) as unknown).toEqual(BARE);
});

test("what came from a spool says so", () => {
  expect(changeRow(heartbeat(), heartbeat(), AT, true).old).toBe(true);
  expect(sampleRow(heartbeat(), AT, true).old).toBe(true);
  expect(sampleRow(heartbeat(), AT, false)).toEqual({ ...heartbeat(), kind: "sample", received_at_wall: AT });
});

describe("a result is told whole", () => {
  const CASES: [what: string, before: CheckResult[], after: CheckResult[]][] = [
    ["of another status", [result()], [result({ status: "critical", message: "disk full" })]],
    ["that is new", [], [result()]],
    ["that waits for its run", [result()], [result({ notes: { pending: true } })]],
    ["that no longer times out", [result({ notes: { timed_out: true } })], [result({ notes: {} })]],
    ["of another plugin", [result()], [result({ plugin: "disks" })]],
  ];
  for (const [what, before, after] of CASES) {
    test(what, () => expect(change({ results: before }, { results: after }).changed).toEqual(after));
  }
  test("and one that is gone by its name", () => {
    const row = change({ results: [result(), result({ name: "disk" })] }, { results: [result()] });
    expect([row.changed, row.gone]).toEqual([undefined, ["disk"]]);
  });
});

describe("a field that changed is told whole", () => {
  const queue = { pending: 5, outbox: 1, quarantined: 0, oldest_pending_s: 60, paused_reason: null };
  const fieldsOf = (before: object, after: object) => change(before, after as Record<string, unknown>).fields;
  test("a release, an interval, one that this release does not know", () => {
    expect(fieldsOf({}, { versions: { heartbeat: "0.2.0" } })).toEqual({ versions: { heartbeat: "0.2.0" } });
    expect(fieldsOf({}, { interval_s: 30 })).toEqual({ interval_s: 30 });
    expect(fieldsOf({}, { machine: { id: "x" } })).toEqual({ machine: { id: "x" } });
    expect(fieldsOf({ machine: { id: "x" } } as object, {})).toEqual({ machine: null });
  });
  test("the queue: a pause, the first in quarantine, an empty one; not its figures, nor when it tries again", () => {
    expect(fieldsOf({ queue }, { queue: { ...queue, pending: 6, oldest_pending_s: 120 } })).toBeUndefined();
    for (const other of [
      { ...queue, paused_reason: "401" },
      { ...queue, quarantined: 1 },
      { ...queue, pending: 0, oldest_pending_s: null },
      null,
    ])
      expect(fieldsOf({ queue }, { queue: other })).toEqual({ queue: other });
    const paused = (next_try_at: string | null) => ({
      ...queue,
      paused: { kind: "failing", reason: "x", next_try_at },
    });
    expect(fieldsOf({ queue: paused("12:00") } as object, { queue: paused("12:05") })).toBeUndefined();
    expect(fieldsOf({ queue: paused("12:00") } as object, { queue: paused(null) })).toEqual({ queue: paused(null) });
  });
});

test("rows read back give every status of every heartbeat, at every time", () => {
  const someResult = fc.record({
    name: fc.constantFrom("load", "disk", "ping", "raid"),
    status: fc.constantFrom("ok", "warning", "critical", "unknown"),
    message: fc.string(),
    pending: fc.boolean(),
  });
  const beats = fc.array(
    fc.record({ results: fc.uniqueArray(someResult, { selector: ({ name }) => name }), sample: fc.boolean() }),
    {
      minLength: 1,
    },
  );
  fc.assert(
    fc.property(beats, (all) => {
      let before: Heartbeat | null = null;
      let read: Heartbeat | null = null;
      for (const [i, { results, sample }] of all.entries()) {
        const now = heartbeat({
          sequence: i,
          results: results.map(({ name, status, message, pending }) =>
            result({
              name,
              status: status as CheckResult["status"],
              message,
              ...(pending && { notes: { pending: true as const } }),
            }),
          ),
        });
        const row: HeartbeatRow =
          before === null || sample ? sampleRow(now, AT, false) : changeRow(before, now, AT, false);
        read = readRow(read, JSON.parse(JSON.stringify(row)) as HeartbeatRow);
        const told = (beat: Heartbeat | null) =>
          beat?.results.map(({ name, status, notes }) => `${name} ${status} ${notes?.pending}`).sort();
        expect([read?.sequence, told(read)]).toEqual([i, told(now)]);
        if (row.kind === "sample") expect(read).toEqual(now);
        before = now;
      }
    }),
  );
});

test("without a sample nothing is made up", () => {
  expect(readRow(null, changeRow(heartbeat(), heartbeat(), AT, false))).toBeNull();
});

test("rows of older releases, which are whole heartbeats, are samples", () => {
  const row = { ...heartbeat(), received_at_wall: AT } as unknown as HeartbeatRow;
  expect(readRow(null, row)).toEqual(heartbeat());
});
