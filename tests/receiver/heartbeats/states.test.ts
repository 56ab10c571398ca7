// Soft and hard, flapping: runs as letters in, states out.

import { describe, expect, test } from "bun:test";
import type { CheckStatus } from "../../../lib/core/heartbeat.ts";
import type { ResultState } from "../../../lib/receiver/heartbeats/document.ts";
import { flapPercent, nextStates, STATE_POLICY } from "../../../lib/receiver/heartbeats/states.ts";
import { result } from "./support.ts";

const STATUS: Record<string, CheckStatus> = { o: "ok", w: "warning", c: "critical", u: "unknown" };
const T0 = Date.parse("2026-05-01T12:00:00Z");

/** The state after runs given as letters, one a minute; `=` sends the result of the last run again. */
function after(letters: string): ResultState {
  let states: ResultState[] = [];
  let run = 0;
  let last = "o";
  for (const [minute, letter] of [...letters].entries()) {
    if (letter !== "=") [run, last] = [run + 1, letter];
    const status = STATUS[last] ?? "ok";
    states = nextStates(states, [result({ run, status })], T0 + minute * 60_000);
  }
  const [state] = states;
  if (state === undefined) throw new Error("no state");
  return state;
}

describe("runs", () => {
  test.each([
    ["o", 0, "ok"],
    ["c", 1, "ok"],
    ["occ", 2, "ok"],
    ["occc", 3, "critical"],
    ["c==", 1, "ok"],
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
  test("a result that is sent again changes nothing", () => {
    expect(after("oco=c=")).toEqual({ ...after("oco=c") });
  });
});

test("a result that is missing for a while keeps its state, one that is gone does not", () => {
  const down = nextStates([], [result({ name: "a", status: "critical" }), result({ name: "b" })], T0);
  const without = nextStates(down, [result({ name: "b" })], T0 + 60_000);
  expect(without.map(({ name }) => name)).toEqual(["b", "a"]);
  const back = nextStates(without, [result({ name: "a", status: "critical", run: 2 })], T0 + 120_000);
  expect(back.find(({ name }) => name === "a")?.attempts).toBe(2);
  const later = T0 + STATE_POLICY.keepAbsentS * 1000 + 1;
  expect(nextStates(without, [result({ name: "b", run: 2 })], later).map(({ name }) => name)).toEqual(["b"]);
});

test("names that others would stumble over are names", () => {
  const states = nextStates([], [result({ name: "__proto__", status: "critical" })], T0);
  expect(nextStates(states, [result({ name: "__proto__", status: "critical", run: 2 })], T0)[0]).toMatchObject({
    name: "__proto__",
    attempts: 2,
  });
});
