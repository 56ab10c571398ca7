// When a check runs and what is said of it between its runs, in literals.

import { describe, expect, test } from "bun:test";
import type { Check } from "../../../lib/heartbeat/nagios/check.ts";
import type { Judged } from "../../../lib/heartbeat/nagios/judge.ts";
import { Limiter } from "../../../lib/heartbeat/nagios/limiter.ts";
import { afterRun, type CheckState, decideTurn, newState, report } from "../../../lib/heartbeat/nagios/schedule.ts";

const every: Check = {
  ...{ name: "it", command: { words: ["x"], shell: false }, timeoutS: 10, graceS: 5 },
  ...{ intervalS: null, ttlS: 130 },
};
const slow: Check = { ...every, intervalS: 300, ttlS: 610 };
const at = (state: Partial<CheckState>): CheckState => ({ ...newState(), ...state });

const ok: Judged = {
  observation: { name: "it", status: "ok", message: "fine", started_at: "2026-05-01T00:00:00Z", run: 7 },
  failed: false,
};
const timedOut: Judged = { observation: { status: "unknown", message: "timed out after 10 s" }, failed: true };

test("a check's turn: at every collection, or when its interval is over; never beside itself", () => {
  const turn = (check: Check, state: Partial<CheckState>, nowS: number) =>
    decideTurn(check, at(state), nowS * 1000, 60);
  expect(turn(every, {}, 0)).toBe("start");
  expect(turn(every, { begunMs: 0 }, 60)).toBe("start");
  expect(turn(every, { begunMs: 0, underWay: true }, 60)).toBe("overlap");
  expect(turn(slow, {}, 0)).toBe("start");
  expect(turn(slow, { begunMs: 0 }, 60)).toBe("wait");
  expect(turn(slow, { begunMs: 0, underWay: true }, 60)).toBe("wait");
  expect(turn(slow, { begunMs: 0 }, 290)).toBe("wait");
  // A collection that comes a little early.
  expect(turn(slow, { begunMs: 0 }, 299.9)).toBe("start");
  expect(turn(slow, { begunMs: 0, underWay: true }, 300)).toBe("overlap");
});

describe("what is said", () => {
  test("nothing during the first run, and that it does not end once its turn has come again", () => {
    expect(report(every, newState(), 0)).toBeNull();
    expect(report(every, at({ overlaps: 2 }), 0)).toEqual({
      ...{ name: "it", status: "unknown", message: "its first run has not ended yet", notes: { overlaps: 2 } },
    });
  });

  test("a result again with its own time, number and time to live: the receiver counts from when it had it first", () => {
    const state = afterRun(slow, newState(), ok, 1000);
    expect(report(slow, state, 1000)).toEqual({ ...ok.observation, ttl_s: 610 });
    expect(report(slow, state, 61_000)).toEqual({ ...ok.observation, ttl_s: 610 });
    expect(report(slow, { ...state, overlaps: 1 }, 61_000)).toMatchObject({ run: 7, notes: { overlaps: 1 } });
  });

  test("not any more once its time is over: an old OK is no OK", () => {
    const state = afterRun(slow, newState(), ok, 0);
    expect(report(slow, state, 609_999)).toMatchObject({ status: "ok", ttl_s: 610 });
    expect(report(slow, { ...state, overlaps: 2 }, 610_000)).toEqual({
      ...{ name: "it", status: "unknown", notes: { overlaps: 2 }, run: 8, started_at: "2026-05-01T00:00:00Z" },
      message: "no result since 2026-05-01T00:00:00Z: its next run has not ended yet",
    });
  });

  test("a failed refresh keeps the result before it, and is shown", () => {
    const state = afterRun(slow, afterRun(slow, newState(), ok, 0), timedOut, 300_000);
    expect(report(slow, state, 310_000)).toEqual({
      ...ok.observation,
      ...{ ttl_s: 610, notes: { refresh_failed: "timed out after 10 s" } },
    });
    // It worked again.
    expect(report(slow, afterRun(slow, state, ok, 600_000), 600_000)).toEqual({ ...ok.observation, ttl_s: 610 });
    // The second failure in a row comes when the result has become too old.
    expect(report(slow, afterRun(slow, state, timedOut, 610_000), 610_000)).toMatchObject(timedOut.observation);
  });

  test("a failure is the result where there is none before it, and for a check without an interval", () => {
    expect(report(slow, afterRun(slow, newState(), timedOut, 0), 0)).toMatchObject({ status: "unknown", ttl_s: 610 });
    const state = afterRun(every, afterRun(every, newState(), ok, 0), timedOut, 60_000);
    expect(report(every, state, 60_000)).toEqual({ ...timedOut.observation, ttl_s: 130 });
  });
});

test("the limiter runs so many at once and the others in their order, also past one that fails", async () => {
  const limiter = new Limiter(2);
  const log: string[] = [];
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const runs = gates.map((gate, i) =>
    limiter.run(async () => {
      log.push(`start ${i}`);
      await gate.promise;
    }),
  );
  await Bun.sleep(0);
  expect(log).toEqual(["start 0", "start 1"]);
  gates[1]?.reject(new Error("broken"));
  expect(await runs[1]?.catch(String)).toBe("Error: broken");
  await Bun.sleep(0);
  expect(log).toEqual(["start 0", "start 1", "start 2"]);
  for (const gate of gates) gate.resolve();
  await Promise.all([runs[0], runs[2], runs[3]]);
  expect(log.at(-1)).toBe("start 3");
});
