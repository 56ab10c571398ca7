// Many hosts that fall ill of one cause are one incident, and nobody is told of each. Pure.

import { type Event, type Incident, MANY } from "./incident.ts";
import { INCIDENT_POLICY } from "./policy.ts";

export interface Folding {
  nowMs: number;
  /** How many hosts are watched. */
  hosts: number;
  /** When the runs before this one were, the newest first. */
  runsMs: readonly number[];
}

/** What an incident of many is called. */
export function fleetSymptom(symptom: string): string {
  return `fleet-${symptom}`;
}

/**
 * Adds an incident of many where enough hosts fell ill, and goes on with those that stand.
 * @param incidents of this run, those of many as the run before left them
 */
export function fold(incidents: readonly Incident[], folding: Folding): { incidents: Incident[]; events: Event[] } {
  const single = incidents.filter(({ host }) => host !== MANY);
  const groups = Map.groupBy(single, groupOf);
  const events: Event[] = [];
  const many: Incident[] = [];
  const standing = new Map(incidents.filter(({ host }) => host === MANY).map((one) => [groupOf(one), one]));
  for (const [group, one] of standing) {
    const next = goOn(one, groups.get(group) ?? [], folding, events);
    if (next !== null) many.push(next);
  }
  for (const [group, members] of groups) {
    const next = standing.has(group) ? null : begin(members, folding, events);
    if (next !== null) many.push(next);
  }
  return { incidents: [...single, ...many], events };
}

/** Those of many are kept by the symptom of their hosts. */
function groupOf({ host, symptom, cause }: Incident): string {
  return `${host === MANY ? symptom : fleetSymptom(symptom)}|${cause}`;
}

function begin(members: readonly Incident[], { nowMs, hosts, runsMs }: Folding, events: Event[]): Incident | null {
  const { foldHosts, foldShare, foldRuns } = INCIDENT_POLICY;
  const fromMs = runsMs[foldRuns - 2] ?? runsMs.at(-1) ?? nowMs;
  const fresh = members.filter(({ isTold, sinceMs, phase }) => !isTold && sinceMs >= fromMs && isIll(phase));
  const [first] = fresh;
  if (first === undefined || fresh.length < Math.max(foldHosts, Math.ceil(hosts * foldShare))) return null;
  const incident: Incident = {
    ...first,
    ...{ host: MANY, symptom: fleetSymptom(first.symptom), phase: "firing" },
    ...{ sinceMs: Math.min(...fresh.map(({ sinceMs }) => sinceMs)), firedMs: nowMs, isTold: false, heldBy: null },
    ...{ hasNoData: false, flappingMs: null },
    hosts: members.filter(({ isTold }) => !isTold).map(({ host }) => host),
  };
  events.push({ atMs: nowMs, change: "firing", incident, isTold: false });
  return incident;
}

/** Null: it is over. */
function goOn(one: Incident, members: readonly Incident[], { nowMs }: Folding, events: Event[]): Incident | null {
  const joined = members.filter(({ isTold, phase }) => !isTold && isIll(phase)).map(({ host }) => host);
  const hosts = [...new Set([...one.hosts, ...joined])];
  const ill = members.filter(({ phase }) => isIll(phase) || phase === "recovering").map(({ host }) => host);
  const isOver = ill.filter((host) => hosts.includes(host)).length < hosts.length * INCIDENT_POLICY.foldEndShare;
  const hasNoData = members.some((member) => member.hasNoData);
  const change = !isOver ? "firing" : one.phase === "recovering" ? "recovered" : "recovering";
  const next: Incident = {
    ...one,
    hosts,
    hasNoData,
    phase: isOver ? "recovering" : "firing",
  };
  if (change !== one.phase)
    events.push({ atMs: nowMs, change, incident: next, isTold: change === "recovered" && one.isTold });
  return change === "recovered" ? null : next;
}

function isIll(phase: Incident["phase"]): boolean {
  return phase === "pending" || phase === "firing";
}
