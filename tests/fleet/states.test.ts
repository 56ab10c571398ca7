// Soft and hard, flapping: runs as letters in, states out.

import { describe, expect, test } from "bun:test";
import type { ResultState } from "../../lib/contract/host-document.ts";
import type { CheckResult, CheckStatus } from "../../lib/contract/observation.ts";
import { flapPercent, nextStates as nextStatesWhen, STATE_POLICY } from "../../lib/fleet/states.ts";
import { result } from "../receiver/heartbeats/support.ts";

const STATUS: Record<string, CheckStatus> = { o: "ok", w: "warning", c: "critical", u: "unknown" };
const T0 = Date.parse("2026-05-01T12:00:00Z");

/** The states after results that came at `asOfMs`, sent at that very time unless told otherwise. */
const nextStates = (before: readonly ResultState[], results: readonly CheckResult[], asOfMs: number, sentMs = asOfMs) =>
  nextStatesWhen(before, results, { asOfMs, sentMs });

/**
 * The state after runs given as letters, one a minute; `=` sends the result of the last run again, `.` says that no run has
 * ended yet, with the number of the run that will be the next.
 */
function after(letters: string): ResultState {
  let states: ResultState[] = [];
  let run = 0;
  let last = "o";
  for (const [minute, letter] of [...letters].entries()) {
    if (letter !== "=" && letter !== ".") [run, last] = [run + 1, letter];
    const status = STATUS[last] ?? "ok";
    const waiting = result({ run: run + 1, status: "unknown", notes: { pending: true } });
    states = nextStates(states, [letter === "." ? waiting : result({ run, status })], T0 + minute * 60_000);
  }
  const [state] = states;
  if (state === undefined) throw new Error("no state");
  return state;
}

describe("runs", () => {
  test.each([
    ["o", 0, "ok"],
    // Nobody has ever seen it ok.
    ["c", 1, "unknown"],
    ["uu", 2, "unknown"],
    ["cc", 2, "unknown"],
    ["ccc", 3, "critical"],
    ["occ", 2, "ok"],
    ["occc", 3, "critical"],
    ["c==", 1, "unknown"],
    ["oc=c==", 2, "ok"],
    ["oc=c==c", 3, "critical"],
    ["wcu", 3, "unknown"],
    ["cccw", 4, "warning"],
    ["cccco", 0, "ok"],
    ["ccccoc", 1, "ok"],
  ])("%s: %i not ok in a row, %s holds", (letters, attempts, hard) => {
    expect(after(letters)).toMatchObject({ attempts, hard });
  });
  test("since: when the status came up", () => {
    expect(after("occ=c").since_wall).toBe("2026-05-01T12:01:00.000000+00:00");
  });
  test("as of: when its run came, however often it is sent again", () => {
    expect(after("oo===").as_of_wall).toBe("2026-05-01T12:01:00.000000+00:00");
  });
  test("of an agent that was installed anew count, though the number is the same", () => {
    const before = nextStates([], [result({ run: 1 })], T0);
    const anew = result({ run: 1, status: "critical", started_at: "2026-05-01T13:00:00Z" });
    expect(nextStates(before, [anew], T0 + 1)[0]).toMatchObject({ status: "critical", attempts: 1 });
  });
});

describe("a run had ended before it was first sent", () => {
  const run = result({ started_at: "2026-05-01T12:00:00Z", duration_ms: 2000, ttl_s: 600 });
  const lag = (over: Partial<CheckResult>, sent: string) =>
    nextStates([], [{ ...run, ...over }], T0, Date.parse(`2026-05-01T${sent}Z`))[0]?.lag_s;
  test.each([
    [{}, "12:00:02", 0],
    [{}, "12:00:27", 25],
    [{}, "12:00:27.500", 26],
    [{ duration_ms: 27_000 }, "12:00:27", 0],
    // Its clock was set in between.
    [{}, "11:00:00", 0],
    [{}, "14:00:00", 600],
    [{ ttl_s: 10.9 }, "14:00:00", 10],
    [{ started_at: "0000-01-01T00:00:00Z" }, "12:00:00", 600],
    // It waits for its first run: that is told now.
    [{ notes: { pending: true } }, "12:00:27", 0],
  ] as const)("%j, sent at %s: %d s", (over, sent, seconds) => {
    expect(lag(over, sent)).toBe(seconds);
  });
  test("and no more when it is sent again, or waits for its next run; the next run has its own", () => {
    const S = 1000;
    const first = nextStates([], [run], T0, T0 + 27 * S);
    const again = nextStates(first, [run], T0 + 60 * S, T0 + 87 * S);
    expect(again).toEqual(first);
    expect(nextStates(again, [{ ...run, run: 2, notes: { pending: true } }], T0 + 90 * S)).toEqual(first);
    const next = { ...run, run: 2, started_at: "2026-05-01T12:02:00Z" };
    expect(nextStates(again, [next], T0 + 123 * S)).toMatchObject([{ run: 2, lag_s: 1 }]);
  });
});

describe("flapping", () => {
  test.each([
    ["", 0],
    ["o", 0],
    ["oooooooooooooooooooooo", 0],
    ["oc", 6.3],
    // Every neighbour differs: the weights 0.75…1.25 come to 20.
    ["ocococococococococococ", 100],
    // The oldest change of 20 weighs 0.75, one that is older nothing.
    [`c${"o".repeat(20)}`, 3.8],
    [`c${"o".repeat(21)}`, 0],
  ])("%s is %d per cent", (history, percent) => {
    expect(flapPercent(history)).toBe(percent);
  });
  test("begins at 30 and ends at 25 per cent", () => {
    const young = after("ococo");
    expect([young.flap_percent < STATE_POLICY.flapHigh, young.flapping]).toEqual([true, false]);
    const high = after("ococoo".replace("oo", "oco"));
    expect([high.flap_percent >= STATE_POLICY.flapHigh, high.flapping]).toEqual([true, true]);
    const between = [..."oooooooooooooooooooo"].map((_, n) => after(`ocococo${"o".repeat(n)}`));
    const inBand = between.filter(({ flap_percent: p }) => p > STATE_POLICY.flapLow && p < STATE_POLICY.flapHigh);
    expect(inBand.length).toBeGreaterThan(0);
    expect(inBand.every(({ flapping }) => flapping)).toBe(true);
    expect(between.at(-1)).toMatchObject({ flapping: false });
  });
  test.each([
    // It never was as high as 30 before.
    ["oooooooooocococ", 29.9, false],
    ["ocococcccccccco", 30.3, true],
    ["ococoooooooooccco", 30, true],
    // It was 35.5 before, and falls.
    ["ocococooooooooo", 29.2, true],
    ["ocococoooooooooooooo", 25.3, true],
    ["oocoococoooooooooooooo", 25, false],
  ])("%s: %d per cent, flapping %p", (letters, flap_percent, flapping) => {
    expect(after(letters)).toMatchObject({ flap_percent, flapping });
  });
  test("a result that is sent again changes nothing", () => {
    expect(after("oco=c=")).toEqual({ ...after("oco=c") });
  });
});

describe("while no run has ended yet", () => {
  test("of a check that never ran nothing is known, as of the newest word, since the first", () => {
    expect(after("..")).toEqual({
      name: "load",
      run: 1,
      started_at: "2026-05-01T12:00:00Z",
      as_of_wall: "2026-05-01T12:01:00.000000+00:00",
      lag_s: 0,
      status: "unknown",
      since_wall: "2026-05-01T12:00:00.000000+00:00",
      attempts: 0,
      hard: "unknown",
      flapping: false,
      flap_percent: 0,
      history: "",
    });
  });
  test.each(["o", "occ", "ccc", "ococo"])("after %s everything stays as it was, the age too", (letters) => {
    expect(after(`${letters}..`)).toEqual(after(letters));
  });
  test.each([
    ["..o", { attempts: 0, hard: "ok", history: "o" }],
    ["..c", { attempts: 1, hard: "unknown", history: "c" }],
    ["..u", { attempts: 1, hard: "unknown", history: "u", since_wall: "2026-05-01T12:02:00.000000+00:00" }],
    ["..ccc", { attempts: 3, hard: "critical", history: "ccc" }],
    ["occ.c", { attempts: 3, hard: "critical", history: "occc" }],
    ["o.=", { attempts: 0, hard: "ok", history: "o" }],
    ["ccc.o", { attempts: 0, hard: "ok", history: "ccco" }],
  ])("%s: the next run counts as if nothing had been said in between", (letters, state) => {
    expect(after(letters)).toMatchObject(state);
  });
});

describe("a result that is missing", () => {
  const S = 1000;
  const both = nextStates([], [result({ name: "a", status: "critical" }), result({ name: "b" })], T0);
  const b = (run: number) => result({ name: "b", run });
  test("for a while keeps its state", () => {
    const without = nextStates(both, [b(2)], T0 + 60 * S);
    expect(without.map(({ name }) => name)).toEqual(["b", "a"]);
    const back = nextStates(without, [result({ name: "a", status: "critical", run: 2 })], T0 + 120 * S);
    expect(back.find(({ name }) => name === "a")).toMatchObject({ attempts: 2 });
    expect(back.find(({ name }) => name === "a")).not.toHaveProperty("absent_since_wall");
  });
  test("for longer does not", () => {
    const without = nextStates(both, [b(2)], T0 + 60 * S);
    const gone = T0 + (60 + STATE_POLICY.keepAbsentS) * S;
    expect(nextStates(without, [b(3)], gone)).toHaveLength(2);
    expect(nextStates(without, [b(3)], gone + 1).map(({ name }) => name)).toEqual(["b"]);
  });
  test("once does not get younger by it, though its run is hours old", () => {
    const daily = result({ name: "daily", status: "warning" });
    const ran = nextStates([], [daily, b(1)], T0);
    const hours = T0 + 5 * 3600 * S;
    const missed = nextStates(nextStates(ran, [daily, b(2)], hours), [b(3)], hours + 60 * S);
    const back = nextStates(missed, [daily, b(4)], hours + 120 * S);
    expect(back.find(({ name }) => name === "daily")).toEqual(ran[0]);
  });
});

test("names that others would stumble over are names", () => {
  const states = nextStates([], [result({ name: "__proto__", status: "critical" })], T0);
  expect(nextStates(states, [result({ name: "__proto__", status: "critical", run: 2 })], T0)[0]).toMatchObject({
    name: "__proto__",
    attempts: 2,
  });
});
