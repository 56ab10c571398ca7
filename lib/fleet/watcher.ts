// Whether anybody looks at the fleet: what the health check says of its own last run. Pure: now is an argument.

import type { HealthRun } from "../contract/health-run.ts";
import { readFix } from "../contract/said.ts";
import { byCommands, type Finding, here } from "../core/finding.ts";
import { formatSeconds } from "../core/text/quantity.ts";

/** It is started every five minutes; after so long two runs are missing. Milliseconds. */
const LATE_MS = 11 * 60_000;

/** What is wrong with it; null: nothing. @param run how its last run went; null: it has never run here */
export function watcherProblem(run: HealthRun | null, nowMs: number): Finding | null {
  if (run === null) {
    // The timer alone would leave it so until the next five minutes.
    const fix = byCommands(
      here("sudo", "systemctl", "enable", "--now", "labfleet-fleet-health.timer"),
      here("sudo", "systemctl", "start", "labfleet-fleet-health"),
    );
    return { what: "nobody looks at the fleet: fleet-health has never run here", fix };
  }
  const agoMs = nowMs - Date.parse(run.ended_at);
  if (isLate(run, nowMs)) {
    const long = Number.isFinite(agoMs) ? formatSeconds(Math.round(agoMs / 1000)) : "some time";
    // One that cannot read its configuration, and could not write that down, is not mended by its timer.
    const fix = byCommands(
      here("sudo", "fleet-health", "config", "test"),
      here("sudo", "systemctl", "restart", "labfleet-fleet-health.timer"),
    );
    return { what: `nobody looks at the fleet: fleet-health has not run for ${long}`, fix };
  }
  if (run.exit === 0 || run.problem === null) return null;
  return { what: `fleet-health could not do its work: ${run.problem}`, fix: readFix(run.fix) };
}

function isLate({ ended_at }: HealthRun, nowMs: number): boolean {
  return !(nowMs - Date.parse(ended_at) <= LATE_MS);
}

/** The same for anybody who asks whether all is well: without paths, and nothing of one that has never run here. */
export function watcherWarning(run: HealthRun | null, nowMs: number): string | null {
  if (run === null || watcherProblem(run, nowMs) === null) return null;
  return isLate(run, nowMs) ? "fleet-health is late" : "fleet-health could not do its work";
}

/** How long ago it looked, for people. */
export function watcherText(run: HealthRun, nowMs: number): string {
  const ago = Math.max(0, Math.round((nowMs - Date.parse(run.ended_at)) / 1000));
  return `by fleet-health, ${formatSeconds(ago)} ago`;
}
