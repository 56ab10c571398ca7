// Why no receiver runs here: what its last run left, and what systemd knows of it.

import { join } from "node:path";
import type { Finding } from "../../core/finding.ts";
import { notRunning } from "../../core/linux/unit-fix.ts";
import { lastStart } from "../../os/process/start-failure.ts";
import { isStartRefused } from "../../runtime/ends/end-records.ts";
import { type EndReport, readEnds } from "../../runtime/ends/ends.ts";

export interface LastRun {
  last_end: EndReport | null;
  /** Why systemd could not start it (`217/USER`); null: nothing is known of that. */
  start_failure: string | null;
  /** With which of our exit codes its last run ended, as systemd knows it; null: not known. */
  exit_code: number | null;
}

/** @param isRunning then systemd is not asked */
export async function lastRun(dataRoot: string, isRunning: boolean): Promise<LastRun> {
  const { failure, exitCode } = isRunning ? { failure: null, exitCode: null } : await lastStart("receiver");
  return { last_end: readEnds(join(dataRoot, "ends")).last, start_failure: failure, exit_code: exitCode };
}

/** `not running`, why, and what mends it. Pure. */
export function whyNotRunning({ last_end, start_failure, exit_code }: LastRun): Finding {
  return notRunning("receiver", isStartRefused(last_end), start_failure, exit_code);
}
