// fleet-health/last-run.json: how the last run of the health check went. Written by it, read by whoever has to see that it has stopped.
// Pure.

import { type ChecksOf, hasFields, isNumber, isText, orNull, parseShaped } from "../core/text/shape.ts";

export interface HealthRun {
  began_at: string;
  ended_at: string;
  exit: number;
  /** Why the run failed, or did not do all of it; null: it did. */
  problem: string | null;
  /** What mends that; null where nothing is known to. */
  fix: string | null;
  hosts: number;
  /** Lines of the index that this run read, and those of them that are no rows. */
  rows: number;
  bad_rows: number;
  new_alerts: number;
}

const hasShape = hasFields({
  began_at: isText,
  ended_at: isText,
  exit: isNumber,
  problem: orNull(isText),
  fix: orNull(isText),
  hosts: isNumber,
  rows: isNumber,
  bad_rows: isNumber,
  new_alerts: isNumber,
} satisfies ChecksOf<HealthRun>);

/** Its text. */
export function formatHealthRun(run: HealthRun): string {
  return `${JSON.stringify(run)}\n`;
}

/** Reads it; null when it is none, such as one of another release. */
export function parseHealthRun(text: string): HealthRun | null {
  return parseShaped(text, (value): value is HealthRun => hasShape(value));
}
