// The Python fleet's health check as a whole: from what it reads it appends the rows that it would append, and logs what it would log.
// No incident of ours adds, delays or holds back a row.

import { dirname } from "node:path";
import { EXIT } from "../../core/exit.ts";
import { errorCode, UserError } from "../../core/failure.ts";
import { counted } from "../../core/text/quantity.ts";
import type { Log } from "../../runtime/log/log.ts";
import type { IndexReading } from "../index/last-seen.ts";
import { whyNotWritten } from "../not-written.ts";
import { isoText, parseIso } from "../python/python-time.ts";
import type { Refusals } from "../refusals/read.ts";
import { addJournal } from "./access-lines.ts";
import { appendAlerts } from "./alert-file.ts";
import { type Alert, addRow, type Facts, referenceAlerts, type Thresholds } from "./alerts.ts";
import { addAttempt } from "./attempts.ts";

export interface ReferenceParts {
  alertsPath: string;
  thresholds: Thresholds;
  recentWindowMin: number;
  nowMicros: number;
}

export interface ReferenceResult {
  hosts: number;
  fresh: readonly Alert[];
}

/** Judges what was read. @throws UserError (exit 3) when an alert cannot be written */
export async function runReference(
  parts: ReferenceParts,
  index: Pick<IndexReading, "seen">,
  refusals: Refusals,
  log: Log,
): Promise<ReferenceResult> {
  const { alertsPath, thresholds, nowMicros } = parts;
  const facts: Facts = new Map();
  for (const [host, { any }] of index.seen) addRow(facts, host, any.text, any.micros);
  addRefusals(facts, refusals, nowMicros - parts.recentWindowMin * 60e6);
  const fleet = refusals.kind === "journal" ? "python" : "labfleet";
  const alerts = referenceAlerts(facts, thresholds, nowMicros, fleet);
  const fresh = await appendAlerts(alertsPath, alerts, isoText(nowMicros)).catch((error: unknown) => {
    // Whoever reads the log at least is told.
    tell(alerts, log);
    throw notAppended(alertsPath, error);
  });
  tell(fresh, log);
  if (fresh.length === 0) log.info(`fleet healthy — ${counted(facts.size, "host")} checked, no new alerts`);
  else log.info(`emitted ${counted(fresh.length, "new alert")}; see ${alertsPath}`);
  return { hosts: facts.size, fresh };
}

/** Those of the recent window: more may have been read. A journal was read from its beginning on. */
function addRefusals(facts: Facts, refusals: Refusals, sinceMicros: number): void {
  if (refusals.kind === "journal") addJournal(facts, refusals.text);
  if (refusals.kind !== "attempts") return;
  for (const row of refusals.rows) if ((parseIso(row.at) ?? 0) >= sinceMicros) addAttempt(facts, row);
}

function tell(alerts: readonly Alert[], log: Log): void {
  for (const { host, symptom, detail, suggestedFix } of alerts)
    log.warn(`ALERT host=${host} symptom=${symptom} — ${detail}. Suggested: ${suggestedFix}`);
}

function notAppended(path: string, error: unknown): UserError {
  const code = errorCode(error);
  if (code === null) throw error;
  const { what, fix } = whyNotWritten(`alerts cannot be appended to ${path}`, dirname(path), code);
  return new UserError(what, fix, EXIT.undelivered);
}
