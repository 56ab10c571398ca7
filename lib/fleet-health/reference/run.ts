// The Python fleet's health check as a whole: reads what it reads, appends the rows that it would append, and logs what it would log. No
// incident of ours adds, delays or holds back a row.

import { dirname, join } from "node:path";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText, UserError } from "../../core/failure.ts";
import { type Finding, inWords } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { counted } from "../../core/text/quantity.ts";
import { exists } from "../../os/files/files.ts";
import { refusedFix } from "../../os/process/as-typed.ts";
import type { Log } from "../../runtime/log/log.ts";
import { recentAttempts } from "../attempts/recent.ts";
import type { IndexReading } from "../index/last-seen.ts";
import { readJournal } from "../journal/journal.ts";
import { whyNotWritten } from "../not-written.ts";
import { isoText } from "../python/python-time.ts";
import { addJournal } from "./access-lines.ts";
import { appendAlerts } from "./alert-file.ts";
import { type Alert, addRow, type Facts, referenceAlerts, type Thresholds } from "./alerts.ts";
import { addAttempt } from "./attempts.ts";

export interface ReferenceParts {
  alertsPath: string;
  attemptsDir: string;
  /** Its journal is read, and no attempts; null: the attempts are. */
  journalUnit: string | null;
  thresholds: Thresholds;
  recentWindowMin: number;
  nowMicros: number;
  /** Us, by name. */
  user: string;
}

export interface ReferenceResult {
  hosts: number;
  fresh: readonly Alert[];
  /** Why refusals are not known, or not all; null: they are. */
  blind: Finding | null;
}

/** Judges what was read of the index. @throws UserError (exit 3) when an alert cannot be written */
export async function runReference(parts: ReferenceParts, index: IndexReading, log: Log): Promise<ReferenceResult> {
  const { alertsPath, journalUnit, thresholds, nowMicros } = parts;
  const facts: Facts = new Map();
  for (const [host, { any }] of index.seen) addRow(facts, host, any.text, any.micros);
  const blind = await addRefusals(parts, facts);
  if (blind !== null) log.warn(blind);
  const alerts = referenceAlerts(facts, thresholds, nowMicros, journalUnit === null ? "labfleet" : "python");
  const fresh = await appendAlerts(alertsPath, alerts, isoText(nowMicros)).catch((error: unknown) => {
    // Whoever reads the log at least is told.
    tell(alerts, log);
    throw notAppended(alertsPath, error);
  });
  tell(fresh, log);
  if (fresh.length === 0) log.info(`fleet healthy — ${counted(facts.size, "host")} checked, no new alerts`);
  else log.info(`emitted ${counted(fresh.length, "new alert")}; see ${alertsPath}`);
  return { hosts: facts.size, fresh, blind };
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

/** Takes the refusals of the last minutes. @returns why they are not known, or not all */
async function addRefusals(parts: ReferenceParts, facts: Facts): Promise<Finding | null> {
  const { attemptsDir, journalUnit, recentWindowMin, nowMicros, user } = parts;
  const sinceMicros = nowMicros - recentWindowMin * 60e6;
  if (journalUnit === null) {
    try {
      const { rows } = await recentAttempts(attemptsDir, sinceMicros, nowMicros);
      for (const row of rows) addAttempt(facts, row);
      return rows.length === 0 && facts.size > 0 ? await noAttempts(attemptsDir) : null;
    } catch (error) {
      if (errorCode(error) === null) throw error;
      const what = `the attempts in ${join(attemptsDir, "/")} cannot be read: ${quoted(errorText(error))}`;
      return { what, fix: refusedFix(errorCode(error)) };
    }
  }
  const journal = await readJournal(journalUnit, sinceMicros / 1e6, user);
  if (journal.kind === "unreadable") return journal.why;
  addJournal(facts, journal.text);
  return journal.doubt;
}

/** Our receiver writes an attempt with each row of the index: where there is not even a directory, another one is at work. */
async function noAttempts(dir: string): Promise<Finding | null> {
  if (await exists(dir)) return null;
  return {
    what: `there is no ${join(dir, "/")}, so that nobody knows who is refused`,
    fix: inWords("of a Python receiver, name its unit: [fleet_health] journal_unit, or --journal-unit"),
  };
}
