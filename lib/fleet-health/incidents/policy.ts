// When a symptom is an incident, and when that is over. Pure.

export const INCIDENT_POLICY = {
  /** Seen in so many runs before, it fires. */
  pendingRuns: 2,
  /** Firing for the so-manieth time within that time, it flaps; and it flaps no more when nothing has changed for that long. */
  flapFires: 3,
  flapWindowMs: 6 * 3_600_000,
  steadyMs: 2 * 3_600_000,
  /** So many hosts, and this share of all, that fall ill of one cause within so many runs are one incident. */
  foldHosts: 5,
  foldShare: 0.2,
  foldRuns: 3,
  /** It is over when fewer than this share of its hosts are ill. */
  foldEndShare: 0.5,
} as const;

/** Symptoms that are facts and no want of news: they fire in the run that sees them. */
const COLLECTOR = ["collector-down", "collector-full", "collector-failing"];
const AT_ONCE: ReadonlySet<string> = new Set(["paused", "duplicate-host", "detector-blind", ...COLLECTOR]);
/** What is over in the first run that does not see it: one look at the collector is certain, and two machines are waited for by themselves. */
const OVER_AT_ONCE: ReadonlySet<string> = new Set(["duplicate-host", ...COLLECTOR]);

export function firesAtOnce(symptom: string): boolean {
  return AT_ONCE.has(symptom);
}

export function isOverAtOnce(symptom: string): boolean {
  return OVER_AT_ONCE.has(symptom);
}

/** A symptom that says why, and those of the same host that it makes no news. */
export const EXPLAINS: ReadonlyMap<string, readonly string[]> = new Map([
  // What comes may be of either machine.
  ["duplicate-host", ["silent", "host-down", "heartbeat-late", "clock-skew", "check-failing"]],
  ["paused", ["silent", "fatal-only", "unstamped", "backlog-growing"]],
  ["host-down", ["silent", "heartbeat-late"]],
  // What does not ship at all has more to ship every hour.
  ["silent", ["backlog-growing"]],
  // Both are its commit.
  ["unstamped", ["fatal-only"]],
  // Whose uploads are all refused ships nothing.
  ["fatal-only", ["silent"]],
]);

/** The worst first. Nothing arrives, or will not before long: somebody has to act. */
const CRITICAL: readonly string[] = [
  ...["collector-down", "collector-full", "collector-failing", "detector-blind"],
  ...["host-down", "silent", "paused", "fatal-only", "unstamped", "duplicate-host", "disk-low", "check-failing"],
];
/** What can wait for the morning. */
const WARNING: readonly string[] = [
  ...["quarantine-expiring", "backlog-growing", "waits-alone", "quarantine-growing", "clock-skew", "heartbeat-late"],
  ...["collector-gap", "returned"],
];

/** What an incident of many is called. */
export function fleetSymptom(symptom: string): string {
  return `fleet-${symptom}`;
}

/** What each of them has. */
export function ofOne(symptom: string): string {
  return symptom.replace(/^fleet-/, "");
}

export type Severity = "critical" | "warning";

export function severityOf(symptom: string): Severity {
  return WARNING.includes(ofOne(symptom)) ? "warning" : "critical";
}

/** 0 is the worst. */
export function rankOf(symptom: string): number {
  const rank = [...CRITICAL, ...WARNING].indexOf(ofOne(symptom));
  return rank < 0 ? CRITICAL.length : rank;
}
