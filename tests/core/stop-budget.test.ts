// Every time limit of a stop lies below the next: the drain, the daemon's own end, systemd's patience in the unit.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parseTimespan } from "../../lib/core/linux/timespan.ts";
import { renderService } from "../../lib/core/linux/unit-file.ts";
import { stopBudget } from "../../lib/core/stop-budget.ts";
import { PROJECT } from "../support/compiled.ts";
import { DAEMONS } from "../support/tools.ts";

/** Any drain that a configuration may ask for, seconds: whole, with few decimals, or as odd as a number can be. */
const drain = fc.oneof(
  fc.integer({ min: 0, max: 3600 }),
  fc.integer({ min: 0, max: 3_600_000 }).map((ms) => ms / 1000),
  fc.double({ min: 0, max: 3600, noNaN: true }),
  fc.constantFrom(0, 5e-324, 1e-7, 0.1, 0.3, 3599.999999999999, 3600),
);

test("a drain ends before the daemon must, and the daemon 30 s before systemd's patience", () => {
  fc.assert(
    fc.property(drain, (seconds) => {
      const budget = stopBudget(seconds);
      expect(budget.drainS).toBe(seconds);
      expect(budget.drainS).toBeLessThan(budget.totalS);
      expect(budget.totalS + 30).toBeLessThanOrEqual(budget.timeoutStopS);
    }),
    { numRuns: 2000 },
  );
});

for (const tool of DAEMONS) {
  const template = readFileSync(join(PROJECT, `units/labfleet-${tool}.service`), "utf8");

  test(`labfleet-${tool}.service grants it, as systemd reads the unit, with every drain`, () => {
    fc.assert(
      fc.property(drain, (seconds) => {
        const text = renderService(template, tool, "/opt/labfleet/current", seconds);
        const [, setting = "", ...more] = /^TimeoutStopSec=(.*)$/m.exec(text) ?? [];
        expect(more).toEqual([]);
        const granted = parseTimespan(setting);
        if ("error" in granted) throw new Error(`systemd would refuse TimeoutStopSec=${setting}: ${granted.error}`);
        expect(Number(granted.usec)).toBeGreaterThanOrEqual((stopBudget(seconds).totalS + 30) * 1e6);
        // And hardly more: a hung daemon is to be killed in good time.
        expect(Number(granted.usec)).toBeLessThanOrEqual((stopBudget(seconds).totalS + 31) * 1e6);
      }),
      { numRuns: 1000 },
    );
  });
}
