// Many hosts that fall ill of one cause are one incident, and nobody is told of each. Pure.

import { explainedBy, firingOf } from "./explain.ts";
import { type Change, type Event, type Incident, MANY } from "./incident.ts";
import { INCIDENT_POLICY } from "./policy.ts";
import { isSilencedAlone, type Silence } from "./silence.ts";

export interface Folding {
  nowMs: number;
  /** How many hosts are watched. */
  hosts: number;
  /** When the runs before this one were, the newest first. */
  runsMs: readonly number[];
  silences: readonly Silence[];
  /** Hosts that are watched no more, and why. */
  gone: ReadonlyMap<string, "retired" | "expired">;
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
  const firing = firingOf(single);
  // What another symptom of its host explains, or a person has silenced, is no news, of many no more than of one.
  const isNews = (one: Incident): boolean =>
    explainedBy(one, firing) === null && !isSilencedAlone(folding.silences, one.host, one.symptom, folding.nowMs);
  const groups = Map.groupBy(single.filter(isNews), groupOf);
  const events: Event[] = [];
  const many: Incident[] = [];
  const standing = new Map(incidents.filter(({ host }) => host === MANY).map((one) => [groupOf(one), one]));
  for (const [group, one] of standing) {
    const own = new Set(one.hosts);
    // Those that belong to it do so whatever is found to be the cause of each by now.
    const members = single.filter(({ host, symptom }) => own.has(host) && fleetSymptom(symptom) === one.symptom);
    const others = (groups.get(group) ?? []).filter(({ host }) => !own.has(host));
    const next = goOn(one, members, others, folding, events);
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

/** Those whom nobody was told of, and who fell ill within the last runs; none where they are too few to be one incident. */
function wave(members: readonly Incident[], folding: Folding): readonly Incident[] {
  const fromMs = windowMs(folding.runsMs, folding.nowMs);
  const fresh = members.filter(({ isTold, sinceMs, phase }) => !isTold && sinceMs >= fromMs && isIll(phase));
  return fresh.length < leastOf(folding) ? [] : fresh;
}

/** So many hosts are told as one. */
function leastOf({ hosts }: Folding): number {
  return Math.max(INCIDENT_POLICY.foldHosts, Math.ceil(hosts * INCIDENT_POLICY.foldShare));
}

/** What is wrong with as many of them as are told as one: of what only a few have each is told by itself (tell.ts). */
function sharedParts(members: readonly Incident[], least: number): string[] {
  const groups = Map.groupBy(
    members.flatMap(({ parts = [] }) => parts),
    (part) => part,
  );
  return [...groups].filter(([, some]) => some.length >= least).map(([part]) => part);
}

/** When the first of the runs was that are looked at together. */
function windowMs(runsMs: readonly number[], nowMs: number): number {
  return runsMs[INCIDENT_POLICY.foldRuns - 2] ?? runsMs.at(-1) ?? nowMs;
}

function begin(members: readonly Incident[], folding: Folding, events: Event[]): Incident | null {
  const fresh = wave(members, folding);
  const [first] = fresh;
  if (first === undefined) return null;
  const incident: Incident = {
    ...first,
    ...{ host: MANY, symptom: fleetSymptom(first.symptom), phase: "firing" },
    ...{ sinceMs: Math.min(...fresh.map(({ sinceMs }) => sinceMs)), firedMs: folding.nowMs, isTold: false },
    beganMs: earliest(fresh.flatMap(({ beganMs }) => beganMs ?? [])),
    ...{ heldBy: null, hasNoData: false, flappingMs: null, parts: sharedParts(fresh, leastOf(folding)) },
    hosts: fresh.map(({ host }) => host),
  };
  events.push({ atMs: folding.nowMs, change: "firing", incident, isTold: false });
  return incident;
}

/** What was shared once stays. Of one that was taken from the history nobody knows what was: whatever is wrong by now. */
function partsOf({ parts }: Incident, members: readonly Incident[], folding: Folding): string[] {
  const shared = sharedParts(members, parts === undefined ? 1 : leastOf(folding));
  return [...new Set([...(parts ?? []), ...shared])];
}

function earliest(all: readonly number[]): number | undefined {
  return all.length === 0 ? undefined : Math.min(...all);
}

/** Null: it is over. */
function goOn(
  one: Incident,
  members: readonly Incident[],
  others: readonly Incident[],
  folding: Folding,
  events: Event[],
): Incident | null {
  const { nowMs, gone } = folding;
  const { more, grew } = joining(one, members, others, folding);
  const hosts = [...one.hosts, ...more.map(({ host }) => host)];
  const standing = [...members, ...more].filter(({ phase }) => isIll(phase) || phase === "recovering");
  const ill = new Set(standing.map(({ host }) => host));
  const left = hosts.filter((host) => !ill.has(host));
  const isOver = hosts.length - left.length < hosts.length * INCIDENT_POLICY.foldEndShare;
  const hasNoData = members.some((member) => member.hasNoData);
  // What was found first may be long ago.
  const { what, fix } = standing.find(({ phase }) => isIll(phase)) ?? one;
  const phase = isOver ? "recovering" : "firing";
  const next: Incident = { ...one, hosts, hasNoData, what, fix, phase, parts: partsOf(one, standing, folding) };
  const note = (change: Change, isTold: boolean): number =>
    events.push({ atMs: nowMs, change, incident: next, isTold: isTold && one.isTold });
  if (grew) note("growing", true);
  // Of hosts that are watched no more nobody waits to see whether they are well.
  const isCertain = isOver && left.every((host) => gone.has(host));
  if (next.phase !== one.phase && !isCertain) note(next.phase === "firing" ? "firing" : "recovering", false);
  else if (isOver) {
    note(endOf(left, gone), true);
    return null;
  }
  return next;
}

/** How it ended: most of those that are not ill any more are well, or are watched no more. */
function endOf(left: readonly string[], gone: Folding["gone"]): Change {
  const lost = left.flatMap((host) => gone.get(host) ?? []);
  return lost.length * 2 > left.length ? (lost[0] ?? "recovered") : "recovered";
}

/**
 * Who joins it: whoever falls ill while it still grows, without a word, and later only as many as would be an incident of their own,
 * which is told.
 */
function joining(
  one: Incident,
  members: readonly Incident[],
  others: readonly Incident[],
  folding: Folding,
): { more: readonly Incident[]; grew: boolean } {
  const newestMs = Math.max(one.sinceMs, ...members.map(({ sinceMs }) => sinceMs));
  const isGrowing = newestMs >= windowMs(folding.runsMs, folding.nowMs);
  const more = isGrowing ? others.filter(({ isTold, phase }) => !isTold && isIll(phase)) : wave(others, folding);
  return { more, grew: !isGrowing && more.length > 0 };
}

function isIll(phase: Incident["phase"]): boolean {
  return phase === "pending" || phase === "firing";
}
