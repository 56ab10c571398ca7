// The drain: the phases of a clean stop, one after the other, each said when it begins and when it ends, so that a log
// that breaks off shows where. While work moves, systemd is asked for more time, never for more than the budget.

import type { StopBudget } from "../core/stop-budget.ts";
import { formatSeconds } from "../core/text/quantity.ts";
import type { Notifier } from "../os/notify.ts";
import type { Fields, Log } from "./log/log.ts";
import type { Progress } from "./progress.ts";

export interface Phase {
  name: string;
  /** How much is under way: uploads, checks. None for a phase that finishes no work. */
  inFlight?: () => number;
  /** Ends by itself within the stop budget; resolves with how many it had to cut short. */
  run: () => Promise<number | undefined>;
}

export interface DrainParts {
  log: Log;
  budget: StopBudget;
  /** Seconds since the stop began, which may have been long before the drain: a start is not broken off. */
  elapsed: () => number;
  /** Told of each phase as it begins, with the seconds since the stop began. */
  entered: (phase: string, seconds: number) => void;
}

/** Runs the phases. */
export async function drain(parts: DrainParts, phases: readonly Phase[], cause: string): Promise<void> {
  parts.log.info(`stopping: ${cause}, at most ${formatSeconds(parts.budget.totalS)}`);
  for (const phase of phases) await runPhase(parts, phase);
}

async function runPhase({ log, entered, elapsed }: DrainParts, phase: Phase): Promise<void> {
  const { name, inFlight } = phase;
  const atStart = inFlight?.();
  entered(name, elapsed());
  log.info(`stopping: ${name} begins`, { at: offset(elapsed()), in_flight: atStart });
  const began = elapsed();
  const cut = await phase.run();
  const counts: Fields =
    atStart === undefined ? {} : { in_flight_at_start: atStart, in_flight: inFlight?.(), timed_out: cut ?? 0 };
  log.info(`stopping: ${name} done`, { at: offset(elapsed()), took: `${(elapsed() - began).toFixed(2)}s`, ...counts });
}

/** Seconds since the stop began, as `+1.23s`. */
export function offset(seconds: number): string {
  return `+${seconds.toFixed(2)}s`;
}

/**
 * One message a second; each grants so much. A collector's disk that flushes, or a link that retries after 1, 2, 4 and 8 s, stands
 * still for that long and goes on.
 */
const EXTEND_EVERY_MS = 1000;
const EXTEND_BY_S = 15;

/**
 * What to ask systemd for. Pure.
 * @param movedSinceLast whether any work moved since the last time it was asked
 * @returns seconds from now, or null to ask for nothing
 */
export function extension(elapsedS: number, budget: StopBudget, movedSinceLast: boolean): number | null {
  const left = budget.totalS - elapsedS;
  return movedSinceLast && left > 0 ? Math.min(EXTEND_BY_S, left) : null;
}

/** What keepExtending needs: whom to ask, and whether anything moves. */
export interface ExtendParts {
  budget: StopBudget;
  notifier: Pick<Notifier, "extend">;
  progress: Pick<Progress, "movedAt">;
}

/** Asks systemd for time from now on, once a second. @returns what ends it */
export function keepExtending({ budget, notifier, progress }: ExtendParts, elapsed: () => number): () => void {
  // The first comes at once: a unit may grant less than a second.
  notifier.extend(Math.min(EXTEND_BY_S, budget.totalS));
  let seen = progress.movedAt;
  const timer = setInterval(() => {
    const seconds = extension(elapsed(), budget, progress.movedAt !== seen);
    seen = progress.movedAt;
    if (seconds !== null) notifier.extend(seconds);
  }, EXTEND_EVERY_MS);
  return () => clearInterval(timer);
}
