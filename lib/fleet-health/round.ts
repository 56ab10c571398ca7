// What one run makes of what it has read: who is ill, how the incidents stand, what is to be told. Pure: now is an argument.

import type { IncidentRow } from "../contract/incident-row.ts";
import { isName } from "../contract/names.ts";
import type { Tick } from "../contract/tick.ts";
import { isoWall } from "../core/clock.ts";
import type { Finding } from "../core/finding.ts";
import { isAhead } from "../fleet/judge.ts";
import type { NotReady } from "./coverage/read.ts";
import { beforeNow, CLOCK_MS, type SetBack } from "./coverage/set-back.ts";
import { NO_TIMES, type TimesBefore, timesOf } from "./coverage/times.ts";
import { type Hosts, NO_HOSTS } from "./hosts/hosts.ts";
import { COLLECTOR, type Incident } from "./incidents/incident.ts";
import { fleetSymptom } from "./incidents/policy.ts";
import { type Row, rowOfEvent } from "./incidents/row.ts";
import { NO_WATCH, watch } from "./incidents/watch.ts";
import type { LastSeen } from "./index/last-seen.ts";
import { COLLECTOR_SYMPTOMS, collectorIll, gapText, OF_TICKS } from "./judge/collector.ts";
import { type Facts, factsOf, lastSign } from "./judge/facts.ts";
import type { Judgement } from "./judge/held.ts";
import { limitsOf } from "./judge/limits.ts";
import { agedPast, NO_PAST, type Past, unheardPast, withoutFuture } from "./judge/past.ts";
import { CODE_USED_TWICE, FATAL_ONLY, illOf, type Source, unknownWithout } from "./judge/symptoms.ts";
import {
  endedByShipping,
  lostOf,
  standingNow,
  stillPaused,
  stillQuiet,
  unsaidSince,
  unsureOf,
} from "./judge/unsure.ts";
import type { Doubt } from "./not-read.ts";
import type { Orders } from "./orders/read.ts";
import type { Refusals } from "./refusals/read.ts";
import type { FleetHealthConfig } from "./settings.ts";
import type { IndexState, State } from "./state/state.ts";

export interface Read {
  nowMs: number;
  /** `whole`: what was seen without a last line that has no end; left out: there is none. */
  index: IndexState & { whole?: LastSeen };
  refusals: Refusals;
  /** Null: they could not be read. */
  hosts: Hosts | null;
  /** What the history has come to, for a state that was lost. */
  lastSequence: number;
  /** When the receiver ran. */
  ticks: readonly Tick[];
  /** Left out: they were read. */
  areTicksUnread?: boolean;
  /** Why it cannot store now; left out, or null: it can, or nobody knows. */
  notReady?: NotReady | null;
  orders: Orders;
  /** How long this machine has been up; left out: nobody knows. */
  upMs?: number;
  /** Of the files of the attempts, where the clock was set back since the run before; left out: it was not, or they are not known. */
  attemptSizes?: SetBack["attempts"];
  /** Why not all of it is known. */
  doubts: readonly Doubt[];
}

/** What is known of each host, and who of them is watched; `before` is what the last run left. */
export function judgeHosts(config: FleetHealthConfig, before: State | null, read: Read): Judgement {
  const { nowMs, index, refusals, orders } = read;
  const times = timesOf(timesBefore(before), read);
  const { coverage, elapsedMs, isDoubtful } = times;
  const facts = factsOf({
    ...{
      nowMs,
      elapsedMs,
      isDoubtful,
      lastRunMs: lastRunOf(before),
      seen: index.seen,
      past: pastBefore(before, index.seen, nowMs),
    },
    attempts: refusals.kind === "attempts" ? refusals.rows : [],
    sinceMs: nowMs - config.recentWindowMin * 60_000,
    hosts: read.hosts ?? NO_HOSTS,
  });
  const gone = goneOf(facts.values(), config, orders, nowMs);
  for (const { host, sinceMs } of before?.watch.incidents ?? [])
    if (isName(host) && !facts.has(host) && !gone.has(host) && nowMs - sinceMs > config.expireAfterMs)
      gone.set(host, "expired");
  const known = { incidents: before?.watch.incidents ?? [], lastRunMs: lastRunOf(before) };
  const lost = lostOf(known, facts, gone, nowMs);
  return { facts, gone, lost, coverage, times, limits: limitsOf(config, nowMs, coverage) };
}

/**
 * What was remembered, but for what has yet to come: that was before this clock was set back. Of hosts whose rows are gone from the index
 * it is remembered when they shipped last, for nobody could tell else when they fall silent.
 */
function pastBefore(before: State | null, seen: LastSeen, nowMs: number): Map<string, Past> {
  const past = new Map(before?.past);
  for (const [host, { own }] of before?.index.seen ?? [])
    if (own !== null && !seen.has(host)) {
      const known = past.get(host) ?? NO_PAST;
      past.set(host, { ...known, takenMs: Math.max(known.takenMs ?? 0, own.micros / 1000) });
    }
  return new Map([...past].map(([host, one]) => [host, withoutFuture(one, nowMs + CLOCK_MS)]));
}

/** Those who are refused together with others, as the last run left it: whoever got something through since belongs to them no more. */
function refusedIn(before: State | null): Set<string> {
  const standing = before?.watch.incidents ?? [];
  const refused = new Set(standing.filter(({ symptom }) => symptom === FATAL_ONLY).map(({ host }) => host));
  const many = standing.filter(({ symptom }) => symptom === fleetSymptom(FATAL_ONLY));
  // Of one that was taken from the history nobody knows who still is.
  return new Set(
    many.flatMap(({ hosts, members }) => (members === undefined ? hosts : hosts.filter((host) => refused.has(host)))),
  );
}

/** What a run goes by that was left by the one before. */
export function timesBefore(before: State | null): TimesBefore {
  return before === null ? NO_TIMES : { lastRunMs: lastRunOf(before), setBacks: before.setBacks, tick: before.tick };
}

function lastRunOf(before: State | null): number | null {
  return before?.watch.runsMs[0] ?? null;
}

/** One run, after the one that left `before`; null: it is the first. */
export function round(
  config: FleetHealthConfig,
  before: State | null,
  read: Read,
  judgement: Judgement = judgeHosts(config, before, read),
): State {
  const { nowMs, index, orders } = read;
  const { facts, gone, lost, limits, coverage, times } = judgement;
  const missing = missingOf(read);
  const isFirst = lastRunOf(before) === null;
  const standing = standingNow(before?.watch.incidents ?? [], nowMs, isFirst ? facts : null);
  const { unread } = read.hosts ?? NO_HOSTS;
  const isFull = isFullOf(read, standing);
  const { doubts, notReady = null } = read;
  const ticksUnread = read.areTicksUnread ? OF_TICKS : [];
  const codesUnread = read.hosts?.usedTwice === null ? [CODE_USED_TWICE] : [];
  const about = { nowMs, coverage, lastRunMs: lastRunOf(before), doubts, isFull, notReady, upMs: read.upMs };
  const ill = illOf(facts.values(), limits, { missing, refused: refusedIn(before), unread });
  const seen = {
    nowMs,
    ill: [...ill.map((one) => beforeNow(one, one.signMs, nowMs)), ...collectorIll(about)],
    unknown: unknownWithout(missing).union(new Set([...ticksUnread, ...codesUnread])),
    over: endedByShipping(standing, facts, limits),
    ofOthers: new Set([CODE_USED_TWICE]),
    unsure: unsureOf(standing, facts, before?.past ?? new Map(), nowMs)
      .union(stillQuiet(standing, facts, limits))
      .union(stillPaused(standing, facts, limits))
      .union(unsaidSince(standing, facts, unread, limits)),
    ...{ gone, lost, silences: orders.silences },
    hosts: [...facts.values()].filter((one) => !gone.has(one.host) && lastSign(one, nowMs) !== null).length,
  };
  const { next, events } = watch({ ...(before?.watch ?? NO_WATCH), incidents: standing }, seen);
  const back = (before?.retired ?? []).filter(
    (host) => facts.has(host) && !gone.has(host) && orders.retiredMs.has(host),
  );
  const gap = gapText(about, before?.watch.incidents.some(({ symptom }) => symptom === "collector-down") === true);
  const told = [
    ...(gap === null ? [] : [once(COLLECTOR, "collector-gap", "noted", gap, nowMs)]),
    ...events.map(rowOfEvent),
    ...back.map((host) => once(host, "returned", "returned", "it was retired, and ships again", nowMs)),
  ];
  const last = before?.sequence ?? read.lastSequence;
  const rows = rowsOf(told, last);
  return {
    index: { checkpoint: index.checkpoint, seen: index.whole ?? index.seen, sinceMicros: index.sinceMicros },
    past: pastOfAll(facts, before, config, { nowMs, elapsedMs: times.elapsedMs }),
    watch: next,
    ...{ setBacks: times.setBacks, tick: times.tick },
    mailboxes: before?.mailboxes ?? [],
    retired: [...gone].filter(([, why]) => why === "retired").map(([host]) => host),
    sequence: last + rows.length,
    rows,
  };
}

/** A disk that was full of late, and takes nothing yet. */
const FULL_MS = 15 * 60_000;

/** Whether the disk is full on which the receiver stores: it says so, or has to whoever sent something, and is not ready since. */
function isFullOf({ refusals, notReady, nowMs }: Read, standing: readonly Incident[]): boolean {
  // What it was told as it stays: one outage is one incident.
  const told = standing.find(({ symptom }) => symptom === "collector-full" || symptom === "collector-failing");
  if (told !== undefined) return told.symptom === "collector-full";
  const rows = refusals.kind === "attempts" ? refusals.rows : [];
  if (notReady?.isFull === true) return true;
  return rows.some(({ reason, at }) => reason === "disk-full" && nowMs - Date.parse(at) < FULL_MS);
}

/** A run that could not look at all, after the one that left `before`: what stands stays, and that is told. */
export function blindRound(
  before: State,
  why: Finding,
  { nowMs, orders: { silences }, attemptSizes }: Pick<Read, "nowMs" | "orders" | "attemptSizes">,
): State {
  const { coverage, setBacks, elapsedMs } = timesOf(timesBefore(before), { nowMs, ticks: [], attemptSizes });
  const ill = collectorIll({
    nowMs,
    coverage,
    lastRunMs: null,
    doubts: [{ ...why, about: "the index" }],
    isFull: false,
    notReady: null,
  });
  const unknown = new Set([...unknownWithout(new Set(["refusals", "heartbeats"])), ...COLLECTOR_SYMPTOMS]);
  const seen = {
    nowMs,
    ill,
    unknown,
    gone: new Map(),
    ...{ lost: new Set<string>(), unsure: new Set<string>() },
    hosts: before.past.size,
    silences,
  };
  const { next, events } = watch(
    { ...before.watch, incidents: standingNow(before.watch.incidents, nowMs, null) },
    seen,
  );
  const rows = rowsOf(events.map(rowOfEvent), before.sequence);
  const tick = before.tick === null ? null : { ...before.tick, ageMs: before.tick.ageMs + elapsedMs };
  const past = new Map([...before.past].map(([host, one]) => [host, agedPast(one, elapsedMs)]));
  return { ...before, watch: next, past, setBacks, tick, sequence: before.sequence + rows.length, rows };
}

/** The journal of a Python receiver is judged by the Python fleet's rule alone: it names no reason. */
function missingOf({ refusals, hosts }: Read): Set<Source> {
  const missing = new Set<Source>();
  if (refusals.kind !== "attempts") missing.add("refusals");
  if (hosts === null) missing.add("heartbeats");
  return missing;
}

/** Retired until they give a sign of life again; expired without one for so long. */
export function goneOf(
  all: Iterable<Facts>,
  { expireAfterMs }: Pick<FleetHealthConfig, "expireAfterMs">,
  { retiredMs }: Pick<Orders, "retiredMs">,
  nowMs: number,
): Map<string, "retired" | "expired"> {
  const gone = new Map<string, "retired" | "expired">();
  const known = new Set<string>();
  for (const facts of all) {
    known.add(facts.host);
    const retired = retiredMs.get(facts.host);
    const shippedMs = facts.shippedMs ?? 0;
    // What came before this clock was set back is no sign of life that came since.
    if (retired !== undefined && (shippedMs <= retired || isAhead(shippedMs, nowMs))) gone.set(facts.host, "retired");
    else if (facts.past.unheardMs > expireAfterMs) gone.set(facts.host, "expired");
  }
  for (const host of retiredMs.keys()) if (!known.has(host)) gone.set(host, "retired");
  return gone;
}

/** What later runs need of each host, whether this one knows of it or not, until nothing has come from it for very long. */
function pastOfAll(
  facts: ReadonlyMap<string, Facts>,
  before: State | null,
  { expireAfterMs }: Pick<FleetHealthConfig, "expireAfterMs">,
  now: { nowMs: number; elapsedMs: number },
): Map<string, Past> {
  const unknown = [...(before?.past ?? [])].filter(([host]) => !facts.has(host));
  const past = [
    ...[...facts].map(([host, one]) => [host, one.past] as const),
    ...unknown.map(([host, one]) => [host, unheardPast(one, { ...now, lastRunMs: lastRunOf(before) })] as const),
  ];
  return new Map(past.filter(([, { unheardMs }]) => unheardMs <= 2 * expireAfterMs));
}

function rowsOf(rows: readonly Row[], last: number): IncidentRow[] {
  return rows.map((row, i) => ({ sequence: last + i + 1, ...row }));
}

/** What is told once and has no end. */
function once(host: string, symptom: string, change: string, what: string, nowMs: number): Row {
  const at = isoWall(nowMs);
  return {
    ...{ at, host, hosts: [], symptom, cause: "", change, told: true },
    ...{ since: at, fired_at: null, what, fix: null },
  };
}
