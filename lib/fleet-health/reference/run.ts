// The Python fleet's health check as a whole: from what it reads it appends the rows that it would append, and logs what it would log.
// No incident of ours adds, delays or holds back a row.

import { dirname } from "node:path";
import { errorCode } from "../../core/failure.ts";
import { type Finding, here } from "../../core/finding.ts";
import { counted } from "../../core/text/quantity.ts";
import type { Log, LogMessage } from "../../runtime/log/log.ts";
import type { IndexReading } from "../index/last-seen.ts";
import { whyNotWritten } from "../not-written.ts";
import { isoText, parseIso } from "../python/python-time.ts";
import type { Refusals } from "../refusals/read.ts";
import { addJournal } from "./access-lines.ts";
import { appendAlerts } from "./alert-file.ts";
import {
  type Alert,
  addRow,
  type Facts,
  type Fleet,
  type HeldAlert,
  referenceAlerts,
  type Thresholds,
} from "./alerts.ts";
import { addAttempt } from "./attempts.ts";

export interface ReferenceParts {
  /** Null: they are only said. */
  alertsPath: string | null;
  thresholds: Thresholds;
  recentWindowMin: number;
  nowMicros: number;
  fleet: Fleet;
  /** Why our own judgement does not tell it now; null: it does, or has nothing to say of it. */
  heldBy: (alert: Alert) => string | null;
  /** How many incidents fire by our own judgement; null: what stood before could not be read. */
  firing: number | null;
}

export interface ReferenceResult {
  hosts: number;
  fresh: readonly HeldAlert[];
  /** Why they could not be written; null: they were. */
  trouble: Finding | null;
}

/** Judges what was read. */
export async function runReference(
  parts: ReferenceParts,
  index: Pick<IndexReading, "seen">,
  refusals: Refusals,
  log: Log,
): Promise<ReferenceResult> {
  const { alertsPath, thresholds, nowMicros, fleet } = parts;
  const facts: Facts = new Map();
  for (const [host, { any }] of index.seen) addRow(facts, host, any.text, any.micros);
  addRefusals(facts, refusals, nowMicros - parts.recentWindowMin * 60e6);
  const found = referenceAlerts(facts, thresholds, nowMicros, fleet);
  const alerts = found.map((alert): HeldAlert => ({ ...alert, heldBy: parts.heldBy(alert) }));
  let trouble: Finding | null = null;
  const fresh =
    alertsPath === null
      ? alerts
      : await appendAlerts(alertsPath, alerts, isoText(nowMicros)).catch((error: unknown) => {
          // Whoever reads the log at least is told, and the incidents go on.
          trouble = notAppended(alertsPath, error);
          return alerts;
        });
  tell(fresh, log);
  if (fresh.length === 0) log.info(noNewAlerts(facts.size, parts.firing));
  else log.info(emitted(counted(fresh.length, "new alert"), alertsPath, trouble !== null));
  return { hosts: facts.size, fresh, trouble };
}

/** In the reference's words where they stand in the file. */
function emitted(alerts: string, alertsPath: string | null, isRefused: boolean): string {
  if (alertsPath === null) return `${alerts}; with --now nothing is written but where --alerts-path says`;
  return isRefused ? `${alerts}, which could not be written` : `emitted ${alerts}; see ${alertsPath}`;
}

/** In the reference's words where all is well: that there is no new alert makes no fleet healthy. */
function noNewAlerts(hosts: number, firing: number | null): LogMessage {
  const checked = `${counted(hosts, "host")} checked, no new alerts`;
  if (firing === null) return `${checked}; which incidents stand is not known`;
  if (firing === 0) return `fleet healthy — ${checked}`;
  const what = `${checked}; ${counted(firing, "incident")} ${firing === 1 ? "stands" : "stand"}`;
  return { what, fix: { text: "see what mends each", commands: [here("sudo", "fleet-health", "status")] } };
}

/** Those of the recent window: more may have been read. A journal was read from its beginning on. */
function addRefusals(facts: Facts, refusals: Refusals, sinceMicros: number): void {
  if (refusals.kind === "journal") addJournal(facts, refusals.text);
  if (refusals.kind !== "attempts") return;
  for (const row of refusals.rows) if ((parseIso(row.at) ?? 0) >= sinceMicros) addAttempt(facts, row);
}

function tell(alerts: readonly HeldAlert[], log: Log): void {
  for (const { host, symptom, detail, suggestedFix, heldBy } of alerts) {
    const line = `ALERT host=${host} symptom=${symptom} — ${detail}. Suggested: ${suggestedFix}`;
    if (heldBy === null) log.warn(line);
    else log.info(`${line} (held: ${heldBy})`);
  }
}

function notAppended(path: string, error: unknown): Finding {
  const code = errorCode(error);
  if (code === null) throw error;
  const what = `alerts cannot be appended to ${path}`;
  return whyNotWritten(what, dirname(path), code, path);
}
