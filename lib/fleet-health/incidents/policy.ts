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
const AT_ONCE: ReadonlySet<string> = new Set([
  "paused",
  "duplicate-host",
  "code-used-twice",
  "detector-blind",
  ...COLLECTOR,
]);
/** What is over in the first run that does not see it: one look at the collector is certain, and two machines are waited for by themselves. */
const OVER_AT_ONCE: ReadonlySet<string> = new Set(["duplicate-host", "code-used-twice", ...COLLECTOR]);

export function firesAtOnce(symptom: string): boolean {
  return AT_ONCE.has(symptom);
}

export function isOverAtOnce(symptom: string): boolean {
  return OVER_AT_ONCE.has(symptom);
}

/** What a host may have several of at a time, such as checks that fail: each, by its cause, is an incident of its own. */
const SEVERAL: ReadonlySet<string> = new Set(["check-failing", "disk-low", "detector-blind"]);
/** What is another thing to mend when its cause is another one. */
const NEWS_BY_CAUSE: ReadonlySet<string> = new Set(["paused", "fatal-only"]);

/** Also of what many have. */
export function isByCause(symptom: string): boolean {
  return SEVERAL.has(ofOne(symptom));
}

export function isNewsByCause(symptom: string): boolean {
  return NEWS_BY_CAUSE.has(symptom);
}

/** Symptoms of a check; how grave it is stands behind its name when that is more than a warning. */
const OF_CHECKS: ReadonlySet<string> = new Set(["check-failing", "disk-low"]);
/** From the lesser on: who is critical is unknown, too, so that one that is now this and now that has one of them all the time. */
const GRADES = ["unknown", "critical"] as const;
type Grade = (typeof GRADES)[number];

/** A check by its name, and for each grade that it has as another cause beside it: that it eases is told, and that it is worse again. */
export function causesOfCheck(name: string, grade: Grade | null): string[] {
  // A name that holds the sign itself is none with a grade.
  const plain = name.replaceAll(": ", ":");
  return [plain, ...GRADES.slice(0, grade === null ? 0 : GRADES.indexOf(grade) + 1).map((one) => `${plain}: ${one}`)];
}

/** Whether its cause is the name of a check. */
export function isOfCheck(symptom: string): boolean {
  return OF_CHECKS.has(ofOne(symptom));
}

/** The check by its name, without how grave it is. */
export function checkOfCause(cause: string): string {
  const grade = gradeOf(cause);
  return grade === null ? cause : cause.slice(0, -`: ${grade}`.length);
}

/** The causes that are the same check, and graver. */
export function graverCauses({ symptom, cause }: { symptom: string; cause: string }): string[] {
  if (!isOfCheck(symptom)) return [];
  const grade = gradeOf(cause);
  const graver = GRADES.slice(grade === null ? 0 : GRADES.indexOf(grade) + 1);
  return graver.map((one) => `${checkOfCause(cause)}: ${one}`);
}

function gradeOf(cause: string): Grade | null {
  return GRADES.find((grade) => cause.endsWith(`: ${grade}`)) ?? null;
}

/** Whether it is a check that is graver than a warning. */
export function isGraver({ symptom, cause }: { symptom: string; cause: string }): boolean {
  return isOfCheck(symptom) && gradeOf(cause) !== null;
}

/** By which hosts are told together: of disks, that are others on each host, by how bad it is alone. */
export function sharedCause({ symptom, cause }: { symptom: string; cause: string }): string {
  if (symptom !== "disk-low") return cause;
  const grade = gradeOf(cause);
  return grade === null ? "disk" : `disk: ${grade}`;
}

/** A symptom that says why, and those of the same host that it makes no news. */
export const EXPLAINS: ReadonlyMap<string, readonly string[]> = new Map([
  // What comes may be of either machine.
  ["duplicate-host", ["silent", "host-down", "heartbeat-late", "clock-skew", "check-failing"]],
  ["paused", ["silent", "fatal-only", "unstamped", "backlog-growing"]],
  ["host-down", ["silent", "heartbeat-late"]],
  // What does not ship at all has more to ship every hour.
  ["silent", ["backlog-growing"]],
  // Both are its commit, and whose uploads are all refused ships nothing.
  ["unstamped", ["fatal-only", "silent"]],
  ["fatal-only", ["silent"]],
]);

/** Refusals that are about no episode: a shipper that meets them waits with all it has. */
export const UNABLE: ReadonlySet<string> = new Set(["storage-failed", "internal", "not-ready", "gate-unreadable"]);

/** These say nothing of the upload: the collector's own fault, or a moment's. Of a host that comes no more they say nothing, either. */
export const OF_THE_MOMENT: ReadonlySet<string> = new Set([
  ...UNABLE,
  ...["disk-full", "tokens-unreadable", "damaged", "being-read", "stopping", "too-slow"],
  ...["too-many-uploads", "too-many-downloads", "too-many-connections"],
]);

/** Those for which it waits to be told while they are pending: that is over in two runs. */
export const WAITS_FOR: ReadonlyMap<string, readonly string[]> = new Map([["silent", ["unstamped", "fatal-only"]]]);

/** The worst first. Nothing arrives, or will not before long: somebody has to act. */
const CRITICAL: readonly string[] = [
  ...["collector-down", "collector-full", "collector-failing", "detector-blind"],
  ...[
    "code-used-twice",
    "host-down",
    "silent",
    "paused",
    "fatal-only",
    "unstamped",
    "duplicate-host",
    "disk-low",
    "check-failing",
  ],
];
/** What can wait for the morning; of checks a mere warning. */
const WARNING: readonly string[] = [
  ...[
    ...OF_CHECKS,
    "quarantine-expiring",
    "backlog-growing",
    "waits-alone",
    "quarantine-growing",
    "clock-skew",
    "heartbeat-late",
  ],
  ...["collector-gap", "returned"],
];

/** What an incident of many is called. */
export function fleetSymptom(symptom: string): string {
  return `fleet-${symptom}`;
}

export function isFleetSymptom(symptom: string): boolean {
  return symptom.startsWith("fleet-");
}

/** What each of them has. */
export function ofOne(symptom: string): string {
  return symptom.replace(/^fleet-/, "");
}

export type Severity = "critical" | "warning";

export function severityOf({ symptom, cause }: { symptom: string; cause: string }): Severity {
  if (isOfCheck(symptom)) return isGraver({ symptom, cause }) ? "critical" : "warning";
  return WARNING.includes(ofOne(symptom)) ? "warning" : "critical";
}

/** 0 is the worst. */
export function rankOf(one: { symptom: string; cause: string }): number {
  const isCritical = severityOf(one) === "critical";
  const rank = (isCritical ? CRITICAL : WARNING).indexOf(ofOne(one.symptom));
  if (rank < 0) return CRITICAL.length;
  return isCritical ? rank : CRITICAL.length + 1 + rank;
}
