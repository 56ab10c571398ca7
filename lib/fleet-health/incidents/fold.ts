// Many hosts that fall ill of one cause are one incident, and nobody is told of each. Pure.

import { explainedBy, firingOf } from "./explain.ts";
import { type Change, type Detail, type Event, type Incident, MANY } from "./incident.ts";
import { detailOf, type OfMany, partsOfCause, partsOfMany, sharedParts, sharesWith, untoldOf } from "./parts.ts";
import { fleetSymptom, INCIDENT_POLICY } from "./policy.ts";
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
  const standing = incidents.filter(({ host }) => host === MANY);
  const before = partsOfMany(standing);
  const many = standing.flatMap((one) => {
    const own = new Set(one.hosts);
    // Those that belong to it do so whatever is found to be the cause of each by now.
    const members = single.filter(({ host, symptom }) => own.has(host) && fleetSymptom(symptom) === one.symptom);
    const others = (groups.get(groupOf(one)) ?? []).filter((other) => before(other) === null);
    return goOn(one, { members, news: members.filter(isNews), others }, folding, events) ?? [];
  });
  const known = new Set(standing.map(groupOf));
  const now = partsOfMany(many);
  for (const [group, all] of groups) {
    if (known.has(group)) continue;
    // Of whom all is told with others already nobody is told anew.
    const members = all.filter((one) => now(one) === null || untoldOf(one, now(one)).length > 0);
    many.push(...begin(members, { news: single.filter(isNews), ofMany: now }, folding, events));
  }
  const over = standing.filter((one) => !many.some((left) => groupOf(left) === groupOf(one)));
  return { incidents: [...single.map((one) => forgetting(one, over)), ...many], events };
}

/** What many were told with is told anew of a host that has it again after that was over. */
function forgetting(one: Incident, over: readonly Incident[]): Incident {
  const { toldParts, parts = [] } = one;
  const own = over.filter(({ symptom, hosts }) => symptom === fleetSymptom(one.symptom) && hosts.includes(one.host));
  if (toldParts === undefined || own.length === 0) return one;
  const ended = new Set(own.flatMap((many) => many.toldParts ?? []));
  return { ...one, toldParts: toldParts.filter((part) => parts.includes(part) || !ended.has(part)) };
}

/** Those of many are kept by the symptom of their hosts. */
function groupOf({ host, symptom, cause }: Incident): string {
  return `${host === MANY ? symptom : fleetSymptom(symptom)}|${cause}`;
}

/** Those whom nobody was told of, and who fell ill within the last runs; none where they, and those beside them, are too few. */
function wave(members: readonly Incident[], folding: Folding, beside = 0): readonly Incident[] {
  const fromMs = windowMs(folding.runsMs, folding.nowMs);
  const fresh = members.filter(({ isTold, sinceMs, phase }) => !isTold && sinceMs >= fromMs && isIll(phase));
  return fresh.length + beside < leastOf(folding) ? [] : fresh;
}

/** So many hosts are told as one. */
function leastOf({ hosts }: Folding): number {
  return Math.max(INCIDENT_POLICY.foldHosts, Math.ceil(hosts * INCIDENT_POLICY.foldShare));
}

/** When the first of the runs was that are looked at together. Those that have yet to come were before this clock was set back. */
function windowMs(runsMs: readonly number[], nowMs: number): number {
  const past = runsMs.filter((ms) => ms <= nowMs);
  return past[INCIDENT_POLICY.foldRuns - 2] ?? past.at(-1) ?? nowMs;
}

interface Beside {
  news: readonly Incident[];
  ofMany: OfMany;
}

/** @param members all of one symptom and cause who may belong to it */
function begin(members: readonly Incident[], { news, ofMany }: Beside, folding: Folding, events: Event[]): Incident[] {
  const [any] = members;
  if (any === undefined) return [];
  const { symptom, cause } = any;
  // Who was told of something else before, and has this, too, since this run.
  const isLater = (one: Incident): boolean =>
    one.symptom === symptom && one.isTold && one.phase === "firing" && untoldOf(one, ofMany(one)).includes(cause);
  const later = news.filter(isLater);
  const fresh = wave(members, folding, later.length);
  const [first] = fresh;
  if (first === undefined) return [];
  const all = [...fresh, ...later];
  const shared = sharedParts(all, leastOf(folding));
  const ofCause = partsOfCause(shared, cause);
  const parts = ofCause.length > 0 ? ofCause : shared;
  const incident: Incident = {
    ...{ ...first, ...saidOf(first, all, { parts, cause }) },
    ...{ host: MANY, symptom: fleetSymptom(symptom), phase: "firing" },
    ...{ sinceMs: Math.min(...fresh.map(({ sinceMs }) => sinceMs)), firedMs: folding.nowMs, isTold: false },
    beganMs: earliest(fresh.flatMap(({ beganMs }) => beganMs ?? [])),
    ...{ heldBy: null, hasNoData: false, flappingMs: null, parts, toldParts: [], newParts: undefined },
    hosts: all.map(({ host }) => host),
  };
  events.push({ atMs: folding.nowMs, change: "firing", incident, isTold: false });
  return [incident];
}

function earliest(all: readonly number[]): number | undefined {
  return all.length === 0 ? undefined : Math.min(...all);
}

interface Hosts {
  /** Who belongs to it, and whose illness is news. */
  members: readonly Incident[];
  news: readonly Incident[];
  /** Who has the same, and belongs to none. */
  others: readonly Incident[];
}

/** Null: it is over. */
function goOn(one: Incident, { members, news, others }: Hosts, folding: Folding, events: Event[]): Incident | null {
  const { nowMs, gone } = folding;
  const { more, joined } = joining(one, others, folding);
  const hosts = [...one.hosts, ...more.map(({ host }) => host)];
  const parts = partsOf(one, [...news, ...more], leastOf(folding));
  const many = { parts: parts.parts, cause: one.cause };
  const standing = [...members, ...more].filter((member) => isStanding(member) && sharesWith(member, many));
  const ill = new Set(standing.map(({ host }) => host));
  const left = hosts.filter((host) => !ill.has(host));
  const isOver = ill.size === 0 || hosts.length - left.length < hosts.length * INCIDENT_POLICY.foldEndShare;
  const hasNoData = members.some((member) => member.hasNoData);
  const phase = isOver ? "recovering" : "firing";
  const next: Incident = {
    ...one,
    hosts,
    joined,
    hasNoData,
    ...saidOf(one, standing, many),
    phase,
    ...parts,
  };
  const note = (change: Change, isTold: boolean): number =>
    events.push({ atMs: nowMs, change, incident: next, isTold: isTold && one.isTold });
  // Of hosts that are watched no more nobody waits to see whether they are well.
  const isCertain = isOver && left.every((host) => gone.has(host));
  if (next.phase !== one.phase && !isCertain) note(next.phase === "firing" ? "firing" : "recovering", false);
  else if (isOver) {
    note(endOf(left, gone), true);
    return null;
  }
  return next;
}

/** What was found first may be long ago: what one of them has by now. */
function saidOf(
  one: Incident,
  standing: readonly Incident[],
  { parts = [], cause }: Pick<Incident, "parts" | "cause">,
): Detail {
  const ofCause = partsOfCause(parts, cause);
  const ill = standing.filter(({ phase }) => isIll(phase));
  const [said] = ill.flatMap((member) => detailOf(member, ofCause.length > 0 ? ofCause : parts) ?? []);
  // Where each thing is told by itself, what else one of them has is not theirs.
  const { what, fix } = said ?? (parts.length > 0 && one.host === MANY ? one : (ill[0] ?? one));
  return { what, fix };
}

function isStanding({ phase }: Incident): boolean {
  return isIll(phase) || phase === "recovering";
}

/** What is wrong with as many as are told as one, beside what was told: of what only a few have each is told by itself (tell.ts). */
function partsOf(one: Incident, news: readonly Incident[], least: number): Pick<Incident, "parts" | "toldParts"> {
  const { parts, toldParts = [] } = one;
  const ill = news.filter(({ phase }) => phase !== "steady");
  if (parts === undefined) return assumed(one, ill);
  if (!one.isTold) return { parts, toldParts };
  const told = { parts: new Set(toldParts), causes: new Set([one.cause]) };
  const shared = sharedParts(ill, least, (member) => untoldOf(member, told));
  return { parts: [...new Set([...toldParts, ...shared])], toldParts };
}

/** Of one that was taken from the history nobody knows what was told: what most have by now. */
function assumed(
  { isTold, toldParts = [] }: Incident,
  ill: readonly Incident[],
): Pick<Incident, "parts" | "toldParts"> {
  const known = ill.filter(({ parts = [] }) => parts.length > 0);
  if (known.length === 0) return { parts: undefined, toldParts };
  const parts = sharedParts(known, Math.floor(known.length / 2) + 1);
  return { parts, toldParts: isTold ? parts : toldParts };
}

/** How it ended: most of those that are not ill any more are well, or are watched no more. */
function endOf(left: readonly string[], gone: Folding["gone"]): Change {
  const lost = left.flatMap((host) => gone.get(host) ?? []);
  return lost.length * 2 > left.length ? (lost[0] ?? "recovered") : "recovered";
}

/**
 * Who joins it: whoever falls ill in the runs after it began, without a word, and later only as many as would be an incident of their own,
 * which is told.
 */
function joining(
  one: Incident,
  others: readonly Incident[],
  folding: Folding,
): { more: readonly Incident[]; joined: string[] } {
  const { joined = [] } = one;
  if ((one.firedMs ?? one.sinceMs) >= windowMs(folding.runsMs, folding.nowMs))
    return { more: others.filter(({ isTold, phase }) => !isTold && isIll(phase)), joined: [...joined] };
  const more = wave(others, folding);
  return { more, joined: [...joined, ...more.map(({ host }) => host)] };
}

function isIll(phase: Incident["phase"]): boolean {
  return phase === "pending" || phase === "firing";
}
