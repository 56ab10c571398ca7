// Rows of the daily files of heartbeats: what a page of history reads back from them.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Heartbeat } from "../../lib/contract/heartbeat.ts";
import { changeRow, type HeartbeatRow, readRow, sampleRow } from "../../lib/contract/heartbeat-row.ts";
import type { CheckResult } from "../../lib/contract/observation.ts";
import { heartbeat, result } from "../receiver/heartbeats/support.ts";

const AT = "2026-05-01T12:00:00.000000+00:00";
const ROW = { old: false, figures: false };
const change = (before: Partial<Heartbeat>, after: Partial<Heartbeat> & Record<string, unknown>) =>
  changeRow(heartbeat(before), heartbeat({ sequence: 2, ...after }), AT, ROW);
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
  expect(changeRow(heartbeat(), heartbeat(), AT, { ...ROW, old: true }).old).toBe(true);
  expect(sampleRow(heartbeat(), AT, true).old).toBe(true);
  expect(sampleRow(heartbeat(), AT, false)).toEqual({ ...heartbeat(), kind: "sample", received_at_wall: AT });
});

const item = (value: number | null, more: object = {}): CheckResult["perfdata"][number] => {
  return { label: "load1", value, uom: "", warning: null, critical: null, min: null, max: null, ...more };
};
const range = (high: number) => ({ inside: false, low: 0, high });

describe("of a result is told what moves, and nothing that stays", () => {
  const CASES: [what: string, before: CheckResult, after: CheckResult, update: object][] = [
    [
      "another status",
      result({ perfdata: [item(1, { warning: range(5) })] }),
      result({ status: "critical", message: "full", perfdata: [item(9, { warning: range(5) })] }),
      { status: "critical", message: "full", values: [9] },
    ],
    [
      "another long text",
      result({ long_text: "one" }),
      result({ status: "warning", long_text: "two" }),
      { status: "warning", long_text: "two" },
    ],
    ["it waits for its run", result(), result({ notes: { pending: true } }), { notes: { pending: true } }],
    ["no time-out any more", result({ notes: { timed_out: true } }), result({ notes: {} }), { notes: {} }],
    [
      "a value that is not known",
      result({ perfdata: [item(1)] }),
      result({ status: "unknown", perfdata: [item(null)] }),
      { status: "unknown", values: [null] },
    ],
  ];
  const moving = {
    name: "load",
    status: "ok",
    message: "fine",
    started_at: "2026-05-01T12:00:00Z",
    duration_ms: 12,
    run: 1,
    values: [],
  };
  for (const [what, before, after, update] of CASES) {
    test(what, () => {
      const row = change({ results: [before] }, { results: [after] });
      expect([row.updates, row.changed] as unknown).toEqual([[{ ...moving, ...update }], undefined]);
      expect(readRow(heartbeat({ results: [before] }), row)?.results).toEqual([after]);
    });
  }
  test("a long text, errors and notes that it has no more are gone", () => {
    const before = result({ status: "critical", long_text: "much", perf_errors: ["x"], notes: { signal: 9 } });
    const row = change({ results: [before] }, { results: [result()] });
    expect(readRow(heartbeat({ results: [before] }), row)?.results).toEqual([result()]);
  });
});

describe("every ten minutes all that moves is told", () => {
  const told = (before: Partial<Heartbeat>, after: Partial<Heartbeat>) =>
    changeRow(heartbeat(before), heartbeat({ sequence: 2, ...after }), AT, { old: false, figures: true });
  test("of each result, and of the heartbeat what has figures", () => {
    const queue = { pending: 5, paused: null } as never;
    const row = told({ queue }, { queue, uptime_s: 1600, results: [result({ message: "load 0.7" })] });
    expect(row.fields).toEqual({ queue, uptime_s: 1600 });
    expect(told({ results: [result()] }, { results: [result({ message: "load 0.7" })] }).updates).toMatchObject([
      { message: "load 0.7" },
    ]);
    expect(told({}, {}).fields).toEqual({ uptime_s: 1000 });
  });
  test("though nothing moved just now: it may have moved, and was not told", () => {
    expect(told({ results: [result()] }, { results: [result()] }).updates).toHaveLength(1);
  });
  test("and so an hour is much smaller than with whole rows every ten minutes, though a tenth of the checks flap", () => {
    const checks = (n: number, flapping: number): CheckResult[] =>
      Array.from({ length: 20 }, (_, i) =>
        result({
          name: `check_${i}`,
          status: i < flapping && n % 2 === 1 ? "critical" : "ok",
          message: `DISK OK - free space: /data${i} ${n % 97} % of 238.4 GB`,
          perfdata: [n % 97, n % 31].map((value) =>
            item(value, { uom: "%", warning: range(80), critical: range(90), min: 0, max: 100 }),
          ),
          run: n,
          notes: { exit_code: 0 },
        }),
      );
    const bytes = (flapping: number): number => {
      let sum = 0;
      for (let n = 1; n <= 60; n++) {
        const [before, now] = [n - 1, n].map((at) => heartbeat({ sequence: at, results: checks(at, flapping) }));
        const row =
          n === 1
            ? sampleRow(now as Heartbeat, AT, false)
            : changeRow(before as Heartbeat, now as Heartbeat, AT, { old: false, figures: n % 10 === 1 });
        sum += JSON.stringify(row).length + 1;
      }
      return sum;
    };
    const whole = JSON.stringify(sampleRow(heartbeat({ results: checks(1, 0) }), AT, false)).length + 1;
    // As it was: six whole rows an hour, and every flapping result whole.
    expect(bytes(0) / (6 * whole)).toBeLessThan(0.6);
    expect(bytes(2) / (6 * whole + 54 * 2 * (whole / 20))).toBeLessThan(0.6);
  });
});

describe("a result is told whole", () => {
  const CASES: [what: string, before: CheckResult[], after: CheckResult[]][] = [
    ["that is new", [], [result()]],
    ["of another plugin", [result()], [result({ plugin: "disks" })]],
    [
      "with another threshold",
      [result({ perfdata: [item(1)] })],
      [result({ perfdata: [item(1, { warning: range(5) })] })],
    ],
    ["with one figure more", [result({ perfdata: [item(1)] })], [result({ perfdata: [item(1), item(2)] })]],
    ["that counts for longer", [result()], [result({ ttl_s: 600 })]],
    ["with a field that this release does not know", [result()], [result({ severity: 1 })]],
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
    values: fc.array(fc.option(fc.integer()), { maxLength: 3 }),
    high: fc.integer({ min: 0, max: 1 }),
  });
  const beats = fc.array(
    fc.record({
      results: fc.uniqueArray(someResult, { selector: ({ name }) => name }),
      sample: fc.boolean(),
      figures: fc.boolean(),
    }),
    {
      minLength: 1,
    },
  );
  fc.assert(
    fc.property(beats, (all) => {
      let before: Heartbeat | null = null;
      let read: Heartbeat | null = null;
      for (const [i, { results, sample, figures }] of all.entries()) {
        const now = heartbeat({
          sequence: i,
          results: results.map(({ name, status, message, pending, values, high }) =>
            result({
              name,
              status: status as CheckResult["status"],
              message,
              perfdata: values.map((value) => item(value, { warning: range(high) })),
              ...(pending && { notes: { pending: true as const } }),
            }),
          ),
        });
        const row: HeartbeatRow =
          before === null || sample ? sampleRow(now, AT, false) : changeRow(before, now, AT, { old: false, figures });
        read = readRow(read, JSON.parse(JSON.stringify(row)) as HeartbeatRow);
        const told = (beat: Heartbeat | null) =>
          beat?.results.map(({ name, status, notes }) => `${name} ${status} ${notes?.pending}`).sort();
        expect([read?.sequence, told(read)]).toEqual([i, told(now)]);
        if (row.kind === "sample") expect(read).toEqual(now);
        // All figures then: in another order where results came and went.
        const sorted = (beat: Heartbeat | null) => beat?.results.toSorted((a, b) => (a.name < b.name ? -1 : 1));
        if (figures) expect(sorted(read)).toEqual(sorted(now));
        before = now;
      }
    }),
  );
});

test("without a sample nothing is made up", () => {
  expect(readRow(null, changeRow(heartbeat(), heartbeat(), AT, ROW))).toBeNull();
});

test("rows of older releases, which are whole heartbeats, are samples", () => {
  const row = { ...heartbeat(), received_at_wall: AT } as unknown as HeartbeatRow;
  expect(readRow(null, row)).toEqual(heartbeat());
});
