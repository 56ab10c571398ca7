// What systemd is asked for during a drain: only while work moves, and never past the budget.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { stopBudget } from "../../lib/core/stop-budget.ts";
import { drain, extension, offset } from "../../lib/runtime/drain.ts";
import { createLog } from "../../lib/runtime/log/log.ts";

const BUDGET = stopBudget(30); // 40 s in all

describe("an extension", () => {
  for (const [elapsedS, moved, asked] of [
    [1, true, 15],
    [1, false, null],
    [25, true, 15],
    [26, true, 14],
    [39.5, true, 0.5],
    [40, true, null],
    [41, true, null],
  ] as const) {
    test(`${elapsedS} s in, ${moved ? "moving" : "standing still"}: ${asked ?? "none"}`, () => {
      expect(extension(elapsedS, BUDGET, moved)).toBe(asked);
    });
  }

  test("never reaches past the budget, whatever the drain", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 3600, noNaN: true }),
        fc.double({ min: 0, max: 4000, noNaN: true }),
        (d, t) => {
          const budget = stopBudget(d);
          const seconds = extension(t, budget, true);
          return seconds === null || (seconds > 0 && t + seconds <= budget.totalS + 1e-9);
        },
      ),
    );
  });
});

test("each phase is said when it begins and when it ends, with its counts, and handed to the ledger", async () => {
  const lines: string[] = [];
  let clock = 0;
  let uploads = 3;
  const entered: [string, number][] = [];
  const write = (text: string): void => void lines.push(text.trimEnd());
  const log = createLog({ tool: "d", level: "info", sink: "journal", colour: false, write, now: () => new Date(0) });
  await drain(
    {
      log,
      budget: BUDGET,
      elapsed: () => clock / 1000,
      entered: (phase, at) => entered.push([phase, at]),
    },
    [
      {
        name: "finish uploads",
        inFlight: () => uploads,
        run: async () => {
          clock += 1250;
          uploads = 1;
          return 1;
        },
      },
      {
        name: "close",
        run: async () => {
          clock += 10;
          return undefined;
        },
      },
    ],
    "SIGTERM",
  );
  expect(lines).toEqual([
    "<6>stopping: SIGTERM, at most 40s",
    "<6>stopping: finish uploads begins at=+0.00s in_flight=3",
    "<6>stopping: finish uploads done at=+1.25s took=1.25s in_flight_at_start=3 in_flight=1 timed_out=1",
    "<6>stopping: close begins at=+1.25s",
    "<6>stopping: close done at=+1.26s took=0.01s",
  ]);
  expect(entered).toEqual([
    ["finish uploads", 0],
    ["close", 1.25],
  ]);
  expect(offset(1.256)).toBe("+1.26s");
});
