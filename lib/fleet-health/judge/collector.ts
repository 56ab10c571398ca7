// What is wrong with the collector itself, as the health check sees it. Pure.

import { TICK_MS } from "../../contract/tick.ts";
import { byCommands, type Finding, type Fix, fixOrNull, here } from "../../core/finding.ts";
import { unitCommand } from "../../core/linux/unit-fix.ts";
import { formatSeconds } from "../../core/text/quantity.ts";
import { isAhead } from "../../fleet/judge.ts";
import { type Coverage, DOWN_MS } from "../coverage/coverage.ts";
import { COLLECTOR, type Ill } from "../incidents/incident.ts";
import type { Doubt } from "../not-read.ts";

/** What each run has to say of what it could not read. */
const OUR_LOG: Fix = byCommands(here("sudo", "journalctl", "-u", "labfleet-fleet-health", "-n", "50"));

const START: Fix = byCommands(unitCommand("receiver", "start"));
const AHEAD =
  "all that its receiver has written of when it ran is of a time that has yet to come: nobody knows whether it runs";

/** After so long without a run of ours the machine may have been off, milliseconds: then the receiver is only late with its start. */
const ABSENT_MS = 11 * 60_000;

/** What only the receiver's ticks tell. */
export const OF_TICKS: readonly string[] = ["collector-down", "collector-full", "collector-failing"];

export const COLLECTOR_SYMPTOMS: readonly string[] = ["detector-blind", ...OF_TICKS];

export interface AboutCollector {
  nowMs: number;
  coverage: Coverage;
  /** When the run before was; null: there was none. */
  lastRunMs: number | null;
  /** Why not all is known. */
  doubts: readonly Doubt[];
  /** Uploads were refused of late for want of room. */
  isFull: boolean;
  /** Why its receiver cannot store, as that says; null: it does not. */
  notReady: Finding | null;
  /** How long this machine has been up; left out: nobody knows. */
  upMs?: number | undefined;
}

/** Its symptoms. */
export function collectorIll(about: AboutCollector): Ill[] {
  const { nowMs, coverage, lastRunMs, doubts, isFull, notReady, upMs = Number.POSITIVE_INFINITY } = about;
  const ill: Ill[] = [];
  for (const doubt of doubts) ill.push(of("detector-blind", doubt.about, doubt.what, doubt.fix ?? OUR_LOG));
  const { newest } = coverage;
  // When this clock was set back since the run before, the receiver may not have had the time to write its next tick.
  const wasHere = lastRunMs !== null && nowMs - lastRunMs <= ABSENT_MS && !isAhead(lastRunMs, nowMs);
  if (coverage.areAhead && wasHere) ill.push(of("detector-blind", "the receiver's ticks", AHEAD, START));
  if (newest === null) return ill;
  const quietMs = nowMs - newest.wallMs;
  // What was started a moment ago has its own start before it.
  if (quietMs > DOWN_MS && upMs <= DOWN_MS) return ill;
  if (quietMs > DOWN_MS && wasHere) {
    // It may have run until just before its next tick.
    const downMs = quietMs - TICK_MS;
    const what = `its receiver has not run for at least ${formatSeconds(Math.round(downMs / 1000))}: nothing can come from any host`;
    const down = of("collector-down", "no receiver", what, START);
    ill.push({ ...down, beganMs: newest.wallMs });
  } else if (quietMs <= DOWN_MS && !newest.isReady) {
    const symptom = isFull ? "collector-full" : "collector-failing";
    const cause = isFull ? "disk-full" : "not ready";
    const is = isFull ? "its disk is full" : "its receiver runs and cannot store";
    const why = notReady === null ? "" : `: ${notReady.what}`;
    const what = `${is}, so that hosts keep what they have${why}`;
    ill.push(of(symptom, cause, what, notReady?.fix ?? byCommands(here("sudo", "receiver", "status"))));
  }
  return ill;
}

function of(symptom: string, cause: string, what: string, fix: Fix | null): Ill {
  return { host: COLLECTOR, symptom, cause, what, fix: fixOrNull(fix, "collector") };
}

/**
 * What is told once of a time that does not count, when it is over: nobody is called silent for it. Null: there was none, or it was told
 * while it lasted.
 */
export function gapText({ coverage, lastRunMs }: AboutCollector, wasToldDown: boolean): string | null {
  const gap = lastRunMs === null || wasToldDown ? null : coverage.gapAfter(lastRunMs);
  if (gap === null) return null;
  const long = formatSeconds(Math.round((gap.toMs - gap.fromMs) / 1000));
  return `nothing could come to this collector for ${long}: that time counts against no host`;
}
