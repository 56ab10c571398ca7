// What the Python fleet's own health check would say of the same inputs: who is silent, refused throughout, or ships without a commit.
// Its rows, and nothing of ours, stand in alerts.jsonl, so that whoever reads that file may change from one to the other. Pure.

import { shellLine } from "../../core/text/shell-quote.ts";
import { isoText, wholeText } from "../python/python-time.ts";

/** What is known of a host. Counts are of the recent window. */
export interface HostFacts {
  /** Its newest row's `received_at_wall`, as it is written there; of equal instants the earlier row's. Null: it has no row. */
  lastText: string | null;
  /** The same in microseconds since 1970. */
  lastMicros: number;
  taken: number;
  refused: number;
  failed: number;
  unstamped: number;
}

/** By host, in the order in which the hosts were met: rows of the index first. */
export type Facts = Map<string, HostFacts>;

export interface Thresholds {
  /** Who shipped within so many hours may be silent. */
  lookbackHours: number;
  /** Silent for more than so many minutes. */
  silentThresholdMin: number;
  /** Share of the answers that are refusals or failures, 0 to 1. */
  fatalRatioThreshold: number;
  /** So many answers, or missing commits, at least. */
  fatalMinCount: number;
}

export type Symptom = "silent" | "unstamped" | "fatal-only";

export interface Alert {
  host: string;
  symptom: Symptom;
  detail: string;
  suggestedFix: string;
  /** When it was detected, as the row says it. */
  detectedAt: string;
}

/** An alert, and why ours does not tell it now; null: it does, or has nothing to say of it. */
export interface HeldAlert extends Alert {
  heldBy: string | null;
}

/** What is known of a host, which is none of them yet if need be. */
export function factsOf(facts: Facts, host: string): HostFacts {
  let known = facts.get(host);
  if (known === undefined) {
    known = { lastText: null, lastMicros: 0, taken: 0, refused: 0, failed: 0, unstamped: 0 };
    facts.set(host, known);
  }
  return known;
}

/** Takes when a row of the index was received. @param text the same as it is written there */
export function addRow(facts: Facts, host: string, text: string, micros: number): void {
  const known = factsOf(facts, host);
  if (known.lastText !== null && !(micros / 1e6 > known.lastMicros / 1e6)) return;
  known.lastText = text;
  known.lastMicros = micros;
}

/** Takes the status of one answered PUT. */
export function addStatus(facts: Facts, host: string, status: number): void {
  const known = factsOf(facts, host);
  if (status >= 200 && status < 300) known.taken += 1;
  else if (status >= 400 && status < 500) known.refused += 1;
  else if (status >= 500 && status < 600) known.failed += 1;
}

/** Whose programs a fix names: those of the Python fleet, whose receiver's journal is named, whether it can be read or not, or ours. */
export type Fleet = "python" | "labfleet";

/** The alerts of all hosts, in the hosts' order; of one host silent, unstamped, fatal-only. */
export function referenceAlerts(facts: Facts, thresholds: Thresholds, nowMicros: number, fleet: Fleet): Alert[] {
  const detectedAt = isoText(nowMicros);
  return [...facts].flatMap(([host, known]) =>
    RULES.flatMap(({ symptom, detail, fix }) => {
      const found = detail(known, thresholds, nowMicros / 1e6);
      const suggestedFix = fleet === "python" ? fix(host) : `On ${host}: ${shellLine(["sudo", "shipper", "status"])}`;
      return found === null ? [] : [{ host, symptom, detail: found, suggestedFix, detectedAt }];
    }),
  );
}

interface Rule {
  symptom: Symptom;
  /** Null: it has not got it. */
  detail: (known: HostFacts, thresholds: Thresholds, nowS: number) => string | null;
  fix: (host: string) => string;
}

const RULES: readonly Rule[] = [
  {
    symptom: "silent",
    detail({ lastText, lastMicros }, { lookbackHours, silentThresholdMin }, nowS) {
      const minutes = (nowS - lastMicros / 1e6) / 60;
      // The newest row is within the lookback if any is.
      const isActive = lastMicros / 1e6 >= nowS - lookbackHours * 3600;
      if (!isActive || lastText === null || !(minutes > silentThresholdMin)) return null;
      return `last successful ship ${wholeText(minutes)} min ago (${lastText})`;
    },
    fix: (host) =>
      `On ${host}: check \`systemctl status cis490-shipper cis490-orchestrator\`. If services are inactive, ` +
      "`sudo systemctl start cis490-shipper cis490-orchestrator`. If actively failing, see FIXYOURSELF.md.",
  },
  {
    symptom: "unstamped",
    detail: ({ unstamped }, { fatalMinCount }) =>
      unstamped >= fatalMinCount
        ? `${unstamped} ship(s) without X-Cis490-Code-Commit header in recent window — orchestrator is running pre-stamp code`
        : null,
    fix: (host) =>
      `On ${host}: \`sudo /opt/cis490/scripts/install-lab-host.sh\` to re-stamp VERSION + restart orchestrator. ` +
      "If cis490-autoupdate.timer is enabled this should heal on its own within 30 min.",
  },
  {
    symptom: "fatal-only",
    detail({ taken, refused, failed }, { fatalMinCount, fatalRatioThreshold }) {
      const total = taken + refused + failed;
      if (total < fatalMinCount || taken > 0 || !((refused + failed) / total >= fatalRatioThreshold)) return null;
      return (
        `${total} ship(s) in recent window, ${refused} × 4xx + ${failed} × 5xx, 0 × 2xx — ` +
        "host is shipping but everything is being rejected"
      );
    },
    fix: (host) =>
      `On ${host}: check \`journalctl -u cis490-shipper --since '5 minutes ago'\`. ` +
      "If 412 commit-rejected: see FIXYOURSELF.md §B (likely diverged HEAD).",
  },
];
