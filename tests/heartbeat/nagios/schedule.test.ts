// When a check runs, in which order those go that wait, and what is said between runs, in literals.

import { describe, expect, test } from "bun:test";
import type { Check } from "../../../lib/heartbeat/nagios/check.ts";
import type { Judged } from "../../../lib/heartbeat/nagios/judge.ts";
import { checksAtOnce, Limiter } from "../../../lib/heartbeat/nagios/limiter.ts";
import {
  afterTurn,
  type CheckState,
  decideTurn,
  newState,
  nextToRun,
  type Place,
  report,
  afterRun as stateAfterRun,
} from "../../../lib/heartbeat/nagios/schedule.ts";
import { readChecks } from "../../../lib/heartbeat/nagios/validate.ts";

const every: Check = {
  ...{ name: "it", command: { words: ["x"], shell: false }, timeoutS: 10, graceS: 5 },
  ...{ intervalS: null, ttlS: 130 },
};
const slow: Check = { ...every, intervalS: 300, ttlS: 610 };
const at = (state: Partial<CheckState>): CheckState => ({ ...newState(), ...state });
/** A run that ended at `nowMs`. */
const afterRun = (check: Check, before: CheckState, judged: Judged, nowMs: number): CheckState =>
  stateAfterRun(check, before, judged, nowMs, "2026-05-01T00:00:09Z");
const say = (check: Check, state: CheckState, nowMs: number) => report(check, state, nowMs, 8);

const ok: Judged = {
  observation: { name: "it", status: "ok", message: "fine", started_at: "2026-05-01T00:00:00Z", run: 7 },
  ...{ failed: false, hung: false },
};
const timedOut: Judged = {
  observation: { status: "unknown", message: "timed out after 10 s" },
  ...{ failed: true, hung: true },
};

test("a check's turn: at every collection, or when its interval is over; never beside itself, nor twice in the queue", () => {
  const turn = (check: Check, state: Partial<CheckState>, nowS: number) =>
    decideTurn(check, at(state), nowS * 1000, 60);
  expect(turn(every, {}, 0)).toBe("start");
  expect(turn(every, { turnMs: 0 }, 60)).toBe("start");
  expect(turn(every, { turnMs: 0, phase: "running" }, 60)).toBe("overlap");
  expect(turn(every, { turnMs: 0, phase: "waiting" }, 60)).toBe("wait");
  expect(turn(slow, {}, 0)).toBe("start");
  expect(turn(slow, { turnMs: 0 }, 60)).toBe("wait");
  expect(turn(slow, { turnMs: 0, phase: "running" }, 60)).toBe("wait");
  expect(turn(slow, { turnMs: 0 }, 290)).toBe("wait");
  // A collection that comes a little early.
  expect(turn(slow, { turnMs: 0 }, 299.9)).toBe("start");
  expect(turn(slow, { turnMs: 0, phase: "running" }, 300)).toBe("overlap");
  expect(turn(slow, { turnMs: 0, phase: "waiting" }, 300)).toBe("wait");
});

describe("who is next", () => {
  const fine = (round: number): Place => ({ round, hung: false });
  const hung = (round: number): Place => ({ round, hung: true });
  const none = { all: 0, hung: 0 };
  const rows: [string, Place[], { all: number; hung: number }, number, number | null][] = [
    ["nobody", [], none, 8, null],
    ["as in the configuration", [fine(1), fine(1)], none, 8, 0],
    ["whoever waits longer", [fine(2), fine(1)], none, 8, 1],
    ["no place", [fine(1)], { all: 8, hung: 0 }, 8, null],
    ["one that hung comes last", [hung(1), hung(1), fine(1)], none, 8, 2],
    ["also after those of the next round", [hung(1), fine(2)], none, 8, 1],
    ["and then it is its turn", [fine(3), hung(1)], none, 8, 1],
    ["the one that hung first before the one that hung later", [hung(2), hung(1)], none, 8, 1],
    ["places are free, and only one that hung waits", [hung(1)], { all: 6, hung: 6 }, 8, 0],
    ["the last place is not for those that hung", [hung(1)], { all: 7, hung: 7 }, 8, null],
    ["but for the others, whose turn would be later", [hung(1), fine(9)], { all: 7, hung: 7 }, 8, 1],
    ["it is theirs where others run", [hung(1)], { all: 7, hung: 6 }, 8, 0],
    ["two of sixteen", [hung(1)], { all: 14, hung: 14 }, 16, null],
    ["where there is one place, all share it", [hung(1)], none, 1, 0],
  ];
  for (const [what, waiting, running, atOnce, next] of rows)
    test(what, () => expect(nextToRun(waiting, running, atOnce)).toBe(next));
});

describe("what is said", () => {
  const first = afterTurn(newState(), 1000, "2026-05-01T00:00:00Z");
  const nothing = {
    ...{ name: "it", status: "unknown", duration_ms: 0, ttl_s: 130 },
    ...{ started_at: "2026-05-01T00:00:00Z", run: 0 },
  };

  test("while there is no result: what it waits for, as one and the same run that is none", () => {
    expect(say(every, newState(), 0)).toBeNull();
    const message = "waiting for its turn: 8 checks run at once";
    expect(say(every, first, 61_000)).toEqual({ ...nothing, message, notes: { pending: true } } as never);
    expect(report(every, first, 0, 1)?.message).toBe("waiting for its turn: one check runs at a time");
    const running = at({ ...first, phase: "running", begunMs: 50_000, overlaps: 2 });
    expect(say(every, running, 62_900)).toEqual({
      ...nothing,
      ...{ message: "its first run has not ended yet: begun 12 s ago", notes: { pending: true, overlaps: 2 } },
    } as never);
  });

  test("a result again with its own time, number and time to live: the receiver counts from when it had it first", () => {
    const state = afterRun(slow, newState(), ok, 1000);
    expect(say(slow, state, 1000)).toEqual({ ...ok.observation, ttl_s: 610 });
    expect(say(slow, state, 61_000)).toEqual({ ...ok.observation, ttl_s: 610 });
    expect(say(slow, { ...state, overlaps: 1 }, 61_000)).toMatchObject({ run: 7, notes: { overlaps: 1 } });
  });

  test("not any more once its time is over: an old OK is no OK, and why there is no newer one is said", () => {
    const old = afterRun(slow, afterTurn(newState(), 0, "2026-05-01T00:00:00Z"), ok, 0);
    expect(say(slow, old, 609_999)).toMatchObject({ status: "ok", ttl_s: 610 });
    const waiting = afterTurn(old, 300_000, "2026-05-01T00:05:00Z");
    expect(say(slow, waiting, 609_999)).toEqual({ ...ok.observation, ttl_s: 610 });
    const expired = {
      ...{ name: "it", status: "unknown", duration_ms: 0, ttl_s: 610 },
      ...{ run: 8, started_at: "2026-05-01T00:00:00Z" },
    };
    expect(say(slow, waiting, 610_000)).toEqual({
      ...{ ...expired, notes: { pending: true } },
      message: "no result since 2026-05-01T00:00:09Z; waiting for its turn: 8 checks run at once",
    } as never);
    expect(say(slow, { ...waiting, hung: true }, 610_000)?.message).toEndWith(
      ": 8 checks run at once, and those that did not end in time come last",
    );
    expect(say(slow, { ...waiting, phase: "running", begunMs: 600_000, overlaps: 1 }, 610_000)).toEqual({
      ...{ ...expired, notes: { pending: true, overlaps: 1 } },
      message: "no result since 2026-05-01T00:00:09Z; its next run has not ended yet: begun 10 s ago",
    } as never);
  });

  test("a run that failed is an answer, also where it came when the result before it was about to expire", () => {
    const state = afterRun(slow, afterRun(slow, newState(), ok, 0), timedOut, 609_000);
    expect(say(slow, state, 620_000)).toMatchObject({
      ...{ status: "unknown", run: 8, notes: { refresh_failed: "timed out after 10 s" } },
      message: "no result since 2026-05-01T00:00:09Z; its newest run failed: timed out after 10 s",
    });
    expect(say(slow, state, 620_000)?.notes).not.toHaveProperty("pending");
  });

  test("a failed refresh keeps the result before it, and is shown", () => {
    const state = afterRun(slow, afterRun(slow, newState(), ok, 0), timedOut, 300_000);
    expect(say(slow, state, 310_000)).toEqual({
      ...ok.observation,
      ...{ ttl_s: 610, notes: { refresh_failed: "timed out after 10 s" } },
    });
    // It worked again.
    expect(say(slow, afterRun(slow, state, ok, 600_000), 600_000)).toEqual({ ...ok.observation, ttl_s: 610 });
    // The second failure in a row comes when the result has become too old.
    expect(say(slow, afterRun(slow, state, timedOut, 610_000), 610_000)).toMatchObject(timedOut.observation);
  });

  test("a failure is the result where there is none before it, and for a check without an interval", () => {
    expect(say(slow, afterRun(slow, newState(), timedOut, 0), 0)).toMatchObject({ status: "unknown", ttl_s: 610 });
    const state = afterRun(every, afterRun(every, newState(), ok, 0), timedOut, 60_000);
    expect(say(every, state, 60_000)).toEqual({ ...timedOut.observation, ttl_s: 130 });
  });
});

/**
 * What is said that is no OK after the first OK of a check whose every run ends with one, in less than its time-out. Looked
 * at when a collection comes and just before a run ends.
 * @param runsS how long its runs take, one after the other and again, seconds
 */
function unknownsOf(
  settings: { everyS: number; interval?: number; timeout: number },
  runsS: readonly number[],
): string[] {
  const { everyS, ...own } = settings;
  const [check = every] = readChecks({ commands: [{ name: "it", command: "x", ...own }] }, everyS).checks;
  const wrong: string[] = [];
  let [state, endsMs, ended] = [newState(), Number.POSITIVE_INFINITY, 0];
  const look = (nowMs: number): void => {
    const said = say(check, state, nowMs);
    if (state.result !== null && said?.status !== "ok") wrong.push(`${nowMs} ms: ${said?.message}`);
  };
  for (let round = 0; ended < 8; round++) {
    // Every other collection is a little late.
    const nowMs = (round + (round % 2) * 0.03) * everyS * 1000;
    if (endsMs <= nowMs) {
      look(endsMs - 1);
      state = afterRun(check, state, ok, endsMs);
      [endsMs, ended] = [Number.POSITIVE_INFINITY, ended + 1];
    }
    const turn = decideTurn(check, state, nowMs, everyS);
    if (turn === "overlap") state = { ...state, overlaps: state.overlaps + 1 };
    if (turn === "start") {
      state = { ...afterTurn(state, nowMs, ""), phase: "running", begunMs: nowMs };
      endsMs = nowMs + (runsS[ended % runsS.length] ?? 0) * 1000;
    }
    look(nowMs);
  }
  return wrong;
}

describe("a check that ends within its time-out has a result at any time after its first", () => {
  test("13 s of 14, every 2 s", () => expect(unknownsOf({ everyS: 2, timeout: 14 }, [13])).toEqual([]));

  for (const everyS of [1, 2, 5, 60]) {
    for (const timeout of [0.5, 3, 10, 14, 200]) {
      test(`every ${everyS} s, time-out ${timeout} s`, () => {
        const most = timeout - 0.001;
        const runs = [[most], [0, most], [most, 0, 0], [timeout / 2], [0.1, timeout / 2, most]];
        for (const times of [everyS / 2, everyS, everyS * 1.11, everyS * 1.5, everyS * 2.5, everyS * 7, undefined]) {
          const settings = { everyS, timeout, ...(times !== undefined && { interval: times }) };
          for (const runsS of runs)
            expect([settings, runsS, unknownsOf(settings, runsS)]).toEqual([settings, runsS, []]);
        }
      });
    }
  }
});

test("a run that did not end by itself is remembered until one does, also where the result before it is kept", () => {
  const kept = afterRun(slow, afterRun(slow, newState(), ok, 0), timedOut, 300_000);
  expect([kept.result?.status, kept.hung, kept.phase]).toEqual(["ok", true, "over"]);
  expect(afterRun(slow, afterTurn(kept, 600_000, ""), ok, 600_000).hung).toBe(false);
});

test("four checks run at once for each core, and never more than sixteen", () => {
  expect([1, 2, 3, 4, 5, 64].map(checksAtOnce)).toEqual([4, 8, 12, 16, 16, 16]);
});

test("the limiter runs so many at once and the others in their order, also past one that fails", async () => {
  const limiter = new Limiter(2);
  const log: string[] = [];
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const runs = gates.map((gate, i) =>
    limiter.run({ round: 1, hung: i === 0 }, async () => {
      log.push(`start ${i}`);
      await gate.promise;
    }),
  );
  await Bun.sleep(0);
  // The first one hung at its last run: it comes last, though it came when both places were free.
  expect(log).toEqual(["start 1", "start 2"]);
  gates[1]?.reject(new Error("broken"));
  expect(await runs[1]?.catch(String)).toBe("Error: broken");
  await Bun.sleep(0);
  expect(log).toEqual(["start 1", "start 2", "start 3"]);
  for (const gate of gates) gate.resolve();
  await Promise.all([runs[0], runs[2], runs[3], runs[4]]);
  expect(log.slice(3)).toEqual(["start 4", "start 0"]);
});
