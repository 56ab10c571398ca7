// Many hosts that fall ill of one cause are one incident, and nobody is told of each. Pure.

import { explainedBy, reasonsOf } from "./explain.ts";
import { type Change, type Event, type Incident, keyOf, MANY } from "./incident.ts";
import { fleetSymptom, INCIDENT_POLICY, isFleetSymptom, isNewsByCause, ofOne, sharedCause } from "./policy.ts";
import { isSilenced, isSilencedAlone, type Silence } from "./silence.ts";

export interface Folding {
  nowMs: number;
  /** How many hosts are watched. */
  hosts: number;
  /** When the runs before this one were, the newest first. */
  runsMs: readonly number[];
  silences: readonly Silence[];
  /** Hosts that are watched no more, and why. */
  gone: ReadonlyMap<string, "retired" | "expired">;
  /** Symptoms that this run could not look for. */
  unknown: ReadonlySet<string>;
}

/**
 * Adds an incident of many where enough hosts fell ill, and goes on with those that stand.
 * @param incidents of this run, those of many as the run before left them
 */
export function fold(incidents: readonly Incident[], folding: Folding): { incidents: Incident[]; events: Event[] } {
  const single = incidents.filter(({ host }) => host !== MANY);
  const standing = incidents.filter(({ host }) => host === MANY);
  const reasons = reasonsOf(incidents);
  // What another symptom of its host explains, or a person has silenced, is no news, of many no more than of one.
  const isNews = (one: Incident): boolean =>
    explainedBy(one, reasons) === null && !isSilencedAlone(folding.silences, one.host, one.symptom, folding.nowMs);
  const groups = Map.groupBy(single.filter(isNews), groupOf);
  const events: Event[] = [];
  const many = standing.flatMap((one) => {
    const members = single.filter((other) => belongsTo(other, one));
    const others = (groups.get(groupOf(one)) ?? []).filter((other) => !standing.some((all) => belongsTo(other, all)));
    return goOn(one, { members, others }, folding, events) ?? [];
  });
  const known = new Set(standing.map(groupOf));
  for (const [group, all] of groups) {
    const free = all.filter((one) => !many.some((other) => belongsTo(one, other)));
    if (!known.has(group)) many.push(...begin(free, folding, events));
  }
  return { incidents: [...single, ...many], events };
}

/** Those of many are kept by the symptom of their hosts. */
function groupOf({ host, symptom, cause }: Incident): string {
  return host === MANY ? `${symptom}|${cause}` : `${fleetSymptom(symptom)}|${sharedCause({ symptom, cause })}`;
}

/** Whether this one of a host is told with that of many. */
export function belongsTo(one: Incident, many: Incident): boolean {
  if (fleetSymptom(one.symptom) !== many.symptom) return false;
  const isSame = groupOf(one) === groupOf(many);
  const sinceMs = many.members?.[keyOf(one)];
  // Of one that was taken from the history it is not known what of its hosts belonged to it.
  const isMember = sinceMs !== undefined || (isSame && many.restoredMs !== undefined);
  // Whoever was well when the others were told of is none of them.
  if (!isMember || !many.hosts.includes(one.host)) return false;
  // Who falls ill of it anew does. Whose cause is found to be another one still does, where that is no news.
  return isSame || (sinceMs === one.sinceMs && !isNewsByCause(one.symptom));
}

function membersOf(all: readonly Incident[]): Record<string, number> {
  return Object.fromEntries(all.map((one) => [keyOf(one), one.sinceMs]));
}

function hostsOf(all: readonly Incident[]): string[] {
  return [...new Set(all.map(({ host }) => host))];
}

/** Those whom nobody was told of, and who fell ill within the last runs, or are news since this one; none where they are too few. */
function wave(members: readonly Incident[], folding: Folding): readonly Incident[] {
  const { silences, nowMs, hosts, runsMs } = folding;
  const fromMs = windowMs(runsMs, nowMs);
  const isNew = (one: Incident): boolean => {
    const { host, symptom, sinceMs, causeMs = sinceMs, heldBy } = one;
    // What else has kept it from being told does no more.
    const isFree = heldBy !== null && !isFleetSymptom(heldBy) && !isSilenced(silences, host, symptom, nowMs);
    return isFree || Math.max(sinceMs, causeMs) >= fromMs;
  };
  const fresh = members.filter((one) => !one.isTold && isIll(one) && isNew(one));
  const least = Math.max(INCIDENT_POLICY.foldHosts, Math.ceil(hosts * INCIDENT_POLICY.foldShare));
  return hostsOf(fresh).length < least ? [] : fresh;
}

/** When the first of the runs was that are looked at together. Those that have yet to come were before this clock was set back. */
function windowMs(runsMs: readonly number[], nowMs: number): number {
  const past = runsMs.filter((ms) => ms <= nowMs);
  return past[INCIDENT_POLICY.foldRuns - 2] ?? past.at(-1) ?? nowMs;
}

/** @param members all of one symptom and cause who may belong to it */
function begin(members: readonly Incident[], folding: Folding, events: Event[]): Incident[] {
  const fresh = wave(members, folding);
  const [first] = fresh;
  if (first === undefined) return [];
  const { symptom, cause, what, fix } = first;
  const { nowMs } = folding;
  const began = fresh.flatMap(({ beganMs }) => beganMs ?? []);
  const incident: Incident = {
    ...{ host: MANY, symptom: fleetSymptom(symptom), cause: sharedCause({ symptom, cause }), what, fix },
    ...{ phase: "firing", pendingRuns: first.pendingRuns, isTold: false, heldBy: null, hasNoData: false },
    ...{ sinceMs: Math.min(...fresh.map(({ sinceMs }) => sinceMs)), firedMs: nowMs, flappingMs: null },
    ...(began.length > 0 && { beganMs: Math.min(...began) }),
    ...{ hosts: hostsOf(fresh), members: membersOf(fresh) },
  };
  events.push({ atMs: nowMs, change: "firing", incident, isTold: false });
  return [incident];
}

interface Hosts {
  /** What belongs to it. */
  members: readonly Incident[];
  /** Who has the same, and belongs to none. */
  others: readonly Incident[];
}

/** Null: it is over. */
function goOn(one: Incident, { members, others }: Hosts, folding: Folding, events: Event[]): Incident | null {
  const { nowMs, gone } = folding;
  // As the history has left it, and nobody could look yet.
  if (one.members === undefined && folding.unknown.has(ofOne(one.symptom))) return { ...one, hasNoData: true };
  const { more, joined } = joining(one, others, folding);
  const all = [...members, ...more];
  const hosts = [...new Set([...one.hosts, ...hostsOf(more)])];
  const standing = new Set(hostsOf(all.filter((member) => isIll(member) || member.phase === "recovering")));
  const left = hosts.filter((host) => !standing.has(host));
  const isOver = standing.size === 0 || standing.size < hosts.length * INCIDENT_POLICY.foldEndShare;
  // What was found first may be long ago: what one of them has by now.
  const { what, fix } = all.find(isIll) ?? one;
  const next: Incident = {
    ...{ ...one, hosts, joined, what, fix, phase: isOver ? "recovering" : "firing" },
    members: { ...one.members, ...membersOf(all) },
    hasNoData: members.some((member) => member.hasNoData),
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
  const firedMs = one.firedMs ?? one.sinceMs;
  // What has yet to come was before this clock was set back.
  if (firedMs <= folding.nowMs && firedMs >= windowMs(folding.runsMs, folding.nowMs))
    return { more: others.filter((other) => !other.isTold && isIll(other)), joined: [...joined] };
  const more = wave(others, folding);
  return { more, joined: [...joined, ...hostsOf(more)] };
}

function isIll({ phase }: Incident): boolean {
  return phase === "pending" || phase === "firing";
}
