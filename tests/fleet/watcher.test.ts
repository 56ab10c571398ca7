import { expect, test } from "bun:test";
import type { HealthRun } from "../../lib/contract/health-run.ts";
import { isoWall } from "../../lib/core/clock.ts";
import { findingText } from "../../lib/core/finding.ts";
import { watcherProblem, watcherText, watcherWarning } from "../../lib/fleet/watcher.ts";

const NOW = Date.UTC(2026, 4, 1, 12);
const run = (minutesAgo: number, more: Partial<HealthRun> = {}): HealthRun => ({
  ...{ began_at: "", ended_at: isoWall(NOW - minutesAgo * 60_000), exit: 0, problem: null, fix: null },
  ...{ hosts: 1, rows: 1, bad_rows: 0, new_alerts: 0 },
  ...more,
});
const problem = (of: HealthRun | null): string | null => {
  const found = watcherProblem(of, NOW);
  return found === null ? null : findingText(found, "collector");
};

test("one run may be late, two may not", () => {
  expect([problem(run(0)), problem(run(11))]).toEqual([null, null]);
  expect(problem(run(11.1))).toBe(
    "nobody looks at the fleet: fleet-health has not run for 11min 6s; fix: sudo fleet-health config test && sudo systemctl restart labfleet-fleet-health.timer",
  );
  expect(problem(run(0, { ended_at: "soon" }))).toContain("has not run for some time");
  expect(watcherText(run(3), NOW)).toBe("by fleet-health, 3min ago");
});

test("where it has never run, that is said with what starts it", () => {
  expect(problem(null)).toBe(
    "nobody looks at the fleet: fleet-health has never run here; fix: sudo systemctl enable --now labfleet-fleet-health.timer && sudo systemctl start labfleet-fleet-health",
  );
});

test("a run that failed is told with its remedy, and one that was only blind in part is none", () => {
  const failed = run(1, { exit: 2, problem: "the index is not there", fix: "start the receiver" });
  expect(problem(failed)).toBe("fleet-health could not do its work: the index is not there; fix: start the receiver");
  expect(problem(run(1, { exit: 0, problem: "the journal may not be read" }))).toBeNull();
});

test("a run that failed and does not say of what is none that anybody could mend", () => {
  expect(problem(run(1, { exit: 3, problem: null }))).toBeNull();
});

test("anybody is told that it is late or failed, and no more", () => {
  const failed = run(1, { exit: 2, problem: "the index /srv/x is not there" });
  expect([null, run(1), run(12), failed].map((one) => watcherWarning(one, NOW))).toEqual([
    null,
    null,
    "fleet-health is late",
    "fleet-health could not do its work",
  ]);
});
