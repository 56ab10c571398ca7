// What is told from what earlier runs remembered (past.ts), where that was lost with the state: an incident that the history has restored
// stays until its symptom can be judged again. Pure; times in milliseconds since 1970 by the collector's clock.

import { isName } from "../../contract/names.ts";
import { isAhead, type Judged } from "../../fleet/judge.ts";
import { beforeNow, isSetBack } from "../coverage/set-back.ts";
import { type Incident, keyOf, signOf } from "../incidents/incident.ts";
import { causesOfCheck, checkOfCause, isOfCheck } from "../incidents/policy.ts";
import { type Facts, heardOf, isFresh } from "./facts.ts";
import { FEW, FEW_MS, haveEnded, whySilent } from "./of-shipping.ts";
import { BACKLOG_HOURS, GREW_MS, type Past } from "./past.ts";
import { FATAL_ONLY, FROM_HEARTBEATS, SYMPTOMS } from "./symptoms.ts";
import type { Limits } from "./told.ts";

/** A host that ships once a day has failed often enough to be judged by then. */
const REFUSED_MS = 4 * 24 * 3_600_000;

interface Remembered {
  /** After so long nothing is left to wait for. */
  longestMs: number;
  /** Whether what is known by now tells how it is. @param before what the run before remembers; null: it knew nothing of it */
  isKnown: (facts: Facts, before: Past | null) => boolean;
}

/** By symptom. */
const REMEMBERED: ReadonlyMap<string, Remembered> = new Map([
  // What grew is told for a day, and it may have grown at any time of that.
  ["quarantine-growing", { longestMs: GREW_MS, isKnown: quarantineKnown }],
  ["backlog-growing", { longestMs: GREW_MS, isKnown: backlogKnown }],
  [FATAL_ONLY, { longestMs: REFUSED_MS, isKnown: refusalsKnown }],
]);

/** The symptoms of a host that are told from what earlier runs remembered. */
export const REMEMBERED_SYMPTOMS: readonly string[] = [...REMEMBERED.keys()];

/** The keys of those that cannot be judged yet. */
export function unsureOf(
  incidents: readonly Incident[],
  facts: ReadonlyMap<string, Facts>,
  before: ReadonlyMap<string, Past>,
  nowMs: number,
): Set<string> {
  const isUnsure = ({ host, symptom, restoredMs }: Incident): boolean => {
    const rule = REMEMBERED.get(symptom);
    const found = facts.get(host);
    if (rule === undefined || restoredMs === undefined || found === undefined) return false;
    return nowMs - restoredMs < rule.longestMs && !rule.isKnown(found, before.get(host) ?? null);
  };
  return new Set(incidents.filter(isUnsure).map(keyOf));
}

const OF_HEARTBEAT: ReadonlySet<string> = new Set(
  SYMPTOMS.flatMap(({ name, isOfHeartbeat }) => (isOfHeartbeat ? [name] : [])),
);

const ENDED_BY_SHIPPING: readonly string[] = ["silent", "host-down", "paused"];

/** Symptoms of hosts that a first run may not see though they are so. */
export const STAYING_SYMPTOMS: readonly string[] = [...new Set([...REMEMBERED_SYMPTOMS, ...OF_HEARTBEAT])];

/**
 * Those that a heartbeat has said, of hosts whose heartbeats have ended since, or cannot be read, and checks that have expired: nobody has
 * said that they are over.
 */
export function unsaidSince(
  incidents: readonly Incident[],
  facts: ReadonlyMap<string, Facts>,
  unread: ReadonlySet<string>,
  limits: Limits,
): Set<string> {
  const isUnsaid = (incident: Incident): boolean => {
    const { host, symptom, cause, phase } = incident;
    const found = facts.get(host);
    if (phase === "pending" || found === undefined) return false;
    // What ships is silent, down or paused no more, whether it says so or not.
    const ships = ENDED_BY_SHIPPING.includes(symptom) && isLater(found.shippedMs, incident, limits);
    if (unread.has(host)) return FROM_HEARTBEATS.has(symptom) && !ships;
    if (!OF_HEARTBEAT.has(symptom)) return false;
    const isExpired = ({ name, holds }: Judged): boolean =>
      holds === "stale" && causesOfCheck(name, null)[0] === checkOfCause(cause);
    if (isOfCheck(symptom) && found.checks.some(isExpired)) return true;
    return haveEnded(found.heartbeat) && !ships;
  };
  return new Set(incidents.filter(isUnsaid).map(keyOf));
}

/**
 * Those of hosts of whom nothing has come since, or been taken. How much of that time counts may be less by now than it was: the receiver could not
 * store, or its ticks are others. Of who has not come back that tells nothing, and that it is well nobody may be told.
 */
export function stillQuiet(
  incidents: readonly Incident[],
  facts: ReadonlyMap<string, Facts>,
  limits: Limits,
): Set<string> {
  const isStill = (incident: Incident): boolean => {
    const found = facts.get(incident.host);
    const rule = QUIET.get(incident.symptom);
    return rule !== undefined && found !== undefined && incident.phase !== "pending" && rule(found, incident, limits);
  };
  return new Set(incidents.filter(isStill).map(keyOf));
}

/**
 * Those of hosts that have shipped since: whoever ships is silent, down or paused no more, though its heartbeats cannot be read. With a
 * single one that cannot (unsaidSince) it is the same.
 */
export function endedByShipping(
  incidents: readonly Incident[],
  facts: ReadonlyMap<string, Facts>,
  limits: Limits,
): Set<string> {
  const ships = (incident: Incident): boolean =>
    ENDED_BY_SHIPPING.includes(incident.symptom) &&
    isLater(facts.get(incident.host)?.shippedMs ?? null, incident, limits);
  return new Set(incidents.filter(ships).map(keyOf));
}

type IsQuiet = (facts: Facts, incident: Incident, limits: Limits) => boolean;

/** By symptom: whether what it is told from is as it was. */
const QUIET: ReadonlyMap<string, IsQuiet> = new Map<string, IsQuiet>([
  ["silent", isSilent],
  ["host-down", isDown],
  // Whoever is down by now has sent no heartbeat either.
  ["heartbeat-late", ({ heartbeat }) => haveEnded(heartbeat)],
  // Who has given up, or is off by now, has got nothing through.
  [FATAL_ONLY, isRefused],
  ["unstamped", isRefused],
  ["paused", (facts, incident, limits) => !isFresh(facts.heartbeat) && isRefused(facts, incident, limits)],
]);

function isSilent(facts: Facts, incident: Incident, limits: Limits): boolean {
  const { host, shippedMs, movedMs, heartbeat } = facts;
  if (movedMs !== null || isLater(shippedMs, incident, limits)) return false;
  // One that says that it has nothing to ship is well; whether one whose heartbeats have ended still has something nobody hears.
  if (isFresh(heartbeat) && whySilent(facts, "") === null) return false;
  return isLongAgo(incident, limits.silentAfterMs(host), limits);
}

function isRefused({ shippedMs }: Facts, incident: Incident, limits: Limits): boolean {
  return !isLater(shippedMs, incident, limits);
}

function isDown({ shippedMs, movedMs, heartbeat }: Facts, incident: Incident, limits: Limits): boolean {
  if (movedMs !== null || isFresh(heartbeat)) return false;
  if (isLater(shippedMs, incident, limits) || isLater(heardOf(heartbeat, limits.nowMs), incident, limits)) return false;
  return isLongAgo(incident, limits.downAfterMs, limits);
}

function isLater(ms: number | null, incident: Incident, { nowMs }: Limits): boolean {
  // What is of a time that has yet to come was before this clock was set back.
  return ms !== null && !isAhead(ms, nowMs) && ms > signOf(incident) + 1;
}

/** By the clock on the wall, whatever of it counts: else a person has set a longer time. Before this clock was set back it was that long ago. */
function isLongAgo(incident: Incident, longMs: number, { nowMs }: Limits): boolean {
  return nowMs - signOf(incident) > longMs || incident.sinceMs > nowMs;
}

/**
 * Those whose queue says that it is paused, for whatever reason, and for however short, or says nothing any more, as where the shipper was
 * stopped, and has shipped nothing since: that it is over nobody may be told.
 */
export function stillPaused(
  incidents: readonly Incident[],
  facts: ReadonlyMap<string, Facts>,
  limits: Limits,
): Set<string> {
  const isStill = (incident: Incident): boolean => {
    const { host, symptom, phase } = incident;
    const { heartbeat = null, shippedMs = null } = facts.get(host) ?? {};
    if (symptom !== "paused" || phase === "pending" || !isFresh(heartbeat)) return false;
    return heartbeat.queue === null ? !isLater(shippedMs, incident, limits) : heartbeat.queue.paused !== null;
  };
  return new Set(incidents.filter(isStill).map(keyOf));
}

/** It is empty, or somebody has begun to look after it. */
function quarantineKnown({ heartbeat, past }: Facts, before: Past | null): boolean {
  if (!isFresh(heartbeat) || heartbeat.queue === null) return false;
  const { count } = past.quarantine;
  return count === 0 || (count ?? 0) < (before?.quarantine.count ?? 0);
}

/** It is empty, or has not grown in one of the hours since. */
function backlogKnown({ heartbeat, past }: Facts): boolean {
  if (!isFresh(heartbeat) || heartbeat.queue === null) return false;
  const { lows } = past.backlog;
  const hasStood = lows.some((low, i) => i > 0 && low <= (lows[i - 1] ?? 0));
  return lows.length === 0 || lows.length > BACKLOG_HOURS || hasStood;
}

/** One was taken, or so many have failed over so long that they are judged by themselves. */
function refusalsKnown({ past: { takenMs, failing } }: Facts): boolean {
  return takenMs !== null || (failing !== null && failing.count >= FEW && failing.lastMs - failing.firstMs >= FEW_MS);
}

/**
 * What stands, as this run takes it.
 * @param restored what is known of the hosts, where all of it is taken from the history: of a time that nobody knows no sign ends anything
 */
export function standingNow(
  incidents: readonly Incident[],
  nowMs: number,
  restored: ReadonlyMap<string, Facts> | null,
): Incident[] {
  return incidents.map((one) => {
    const { shippedAgeMs = null, heardAgeMs = null } = restored?.get(one.host) ?? {};
    const isKnown = shippedAgeMs === null && heardAgeMs === null;
    return isKnown ? beforeNow(one, signOf(one), nowMs) : { ...one, signMs: nowMs };
  });
}

export interface Before {
  incidents: readonly Incident[];
  lastRunMs: number | null;
}

/**
 * Hosts of whom this run can tell nothing: nothing is known of them any more, as where the index was replaced; or it is the first one
 * since this clock was set back.
 */
export function lostOf(
  { incidents, lastRunMs }: Before,
  facts: ReadonlyMap<string, Facts>,
  gone: ReadonlyMap<string, unknown>,
  nowMs: number,
): Set<string> {
  const standing = incidents.map(({ host }) => host).filter((host) => isName(host));
  const all = new Set([...standing, ...facts.keys()]);
  const isBack = isSetBack(lastRunMs, nowMs);
  return new Set([...all].filter((host) => !gone.has(host) && (isBack || !facts.has(host))));
}
