// What one run makes of what it has read: who is ill, how the incidents stand, what is to be told. Pure: now is an argument.

import type { IncidentRow } from "../contract/incident-row.ts";
import { isName } from "../contract/names.ts";
import type { Tick } from "../contract/tick.ts";
import { isoWall } from "../core/clock.ts";
import type { Finding } from "../core/finding.ts";
import type { HostSummary } from "../fleet/view.ts";
import { type Coverage, coverageOf } from "./coverage/coverage.ts";
import { COLLECTOR, type Event } from "./incidents/incident.ts";
import { NO_WATCH, watch } from "./incidents/watch.ts";
import { COLLECTOR_SYMPTOMS, collectorIll, gapText } from "./judge/collector.ts";
import { type Facts, factsOf } from "./judge/facts.ts";
import { illOf, type Limits, type Source, unknownWithout } from "./judge/symptoms.ts";
import type { Orders } from "./orders/read.ts";
import type { Refusals } from "./refusals/read.ts";
import type { FleetHealthConfig } from "./settings.ts";
import type { IndexState, State } from "./state/state.ts";

export interface Read {
  nowMs: number;
  index: IndexState;
  refusals: Refusals;
  /** Null: they could not be read. */
  heartbeats: readonly HostSummary[] | null;
  /** What the history has come to, for a state that was lost. */
  lastSequence: number;
  /** When the receiver ran. */
  ticks: readonly Tick[];
  orders: Orders;
  /** Why not all of it is known. */
  doubts: readonly Finding[];
}

/** A queue that fails is no news before that, and neither is a host that is off for less than this, milliseconds. */
const FAILING_AFTER_MS = 15 * 60_000;

/** One run, after the one that left `before`; null: it is the first. */
export function round(config: FleetHealthConfig, before: State | null, read: Read): State {
  const { nowMs, index, refusals, heartbeats, orders } = read;
  // What is of a time that has yet to come was before this clock was set back: what came since has no later one.
  const takenMs = new Map([...(before?.takenMs ?? [])].filter(([, ms]) => ms <= nowMs + CLOCK_MS));
  const facts = factsOf({
    seen: index.seen,
    takenMs,
    attempts: refusals.kind === "attempts" ? refusals.rows : [],
    sinceMs: nowMs - config.recentWindowMin * 60_000,
    heartbeats: heartbeats ?? [],
  });
  const gone = goneOf(facts.values(), config, orders, nowMs);
  for (const { host, sinceMs } of before?.watch.incidents ?? [])
    if (isName(host) && !facts.has(host) && !gone.has(host) && nowMs - sinceMs > config.expireAfterMs)
      gone.set(host, "expired");
  const missing = missingOf(read);
  const coverage = coverageOf(read.ticks, nowMs);
  const lost = lostOf(before, facts, gone, { nowMs, coverage });
  const about = { nowMs, coverage, lastRunMs: before?.watch.runsMs[0] ?? null, doubts: read.doubts };
  const ill = illOf(facts.values(), limitsOf(config, nowMs, coverage), missing);
  const hosts = facts.size - [...facts.keys()].filter((host) => gone.has(host)).length;
  const seen = {
    nowMs,
    ill: [...ill, ...collectorIll(about)],
    unknown: unknownWithout(missing),
    gone,
    lost,
    hosts,
    silences: orders.silences,
  };
  const { next, events } = watch(before?.watch ?? NO_WATCH, seen);
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
    index,
    takenMs: takenOf(facts.values(), takenMs, nowMs - config.expireAfterMs),
    watch: next,
    mailboxes: before?.mailboxes ?? [],
    retired: [...gone].filter(([, why]) => why === "retired").map(([host]) => host),
    sequence: last + rows.length,
    rows,
  };
}

function limitsOf(config: FleetHealthConfig, nowMs: number, { since }: Coverage): Limits {
  const { silentThresholdMin, fatalMinCount } = config.thresholds;
  const silentAfterMs = silentThresholdMin * 60_000;
  return {
    ...{ nowMs, coveredMs: since, failingAfterMs: FAILING_AFTER_MS, downAfterMs: silentAfterMs, fatalMinCount },
    silentAfterMs: (host) => own(config.silentAfterMs, host) ?? silentAfterMs,
  };
}

/** A host may be called `constructor`. */
function own(table: Readonly<Record<string, number>>, host: string): number | undefined {
  return Object.hasOwn(table, host) ? table[host] : undefined;
}

/** A run that could not look at all, after the one that left `before`: what stands stays, and that is told. */
export function blindRound(before: State, why: Finding, nowMs: number, { silences }: Orders): State {
  const coverage = coverageOf([], nowMs);
  const ill = collectorIll({ nowMs, coverage, lastRunMs: null, doubts: [why] });
  const unknown = new Set([...unknownWithout(new Set(["refusals", "heartbeats"])), ...COLLECTOR_SYMPTOMS]);
  unknown.delete("detector-blind");
  const seen = {
    nowMs,
    ill,
    unknown,
    gone: new Map(),
    lost: new Set<string>(),
    hosts: before.index.seen.size,
    silences,
  };
  const { next, events } = watch(before.watch, seen);
  const rows = rowsOf(events.map(rowOfEvent), before.sequence);
  return { ...before, watch: next, sequence: before.sequence + rows.length, rows };
}

/** How far a clock may be off between two runs, milliseconds. */
const CLOCK_MS = 2 * 60_000;

/**
 * Hosts of whom this run can tell nothing: nothing is known of them any more, as where the index was replaced; or what is known of them
 * is of a time that has yet to come, or has come twice, since this clock was set back.
 */
function lostOf(
  before: State | null,
  facts: ReadonlyMap<string, Facts>,
  gone: ReadonlyMap<string, unknown>,
  { nowMs, coverage }: { nowMs: number; coverage: Coverage },
): Set<string> {
  const standing = (before?.watch.incidents ?? []).map(({ host }) => host).filter((host) => isName(host));
  const [lastRunMs = 0] = before?.watch.runsMs ?? [];
  const isBack = nowMs < lastRunMs - CLOCK_MS;
  const isLost = (host: string): boolean => {
    const shippedMs = facts.get(host)?.shippedMs ?? null;
    if (!facts.has(host) || isBack) return true;
    return shippedMs !== null && (shippedMs > nowMs + CLOCK_MS || coverage.cameTwice(shippedMs));
  };
  return new Set(standing.filter((host) => !gone.has(host) && isLost(host)));
}

/** The journal of a Python receiver is judged by the Python fleet's rule alone: it names no reason. */
function missingOf({ refusals, heartbeats }: Read): Set<Source> {
  const missing = new Set<Source>();
  if (refusals.kind !== "attempts") missing.add("refusals");
  if (heartbeats === null) missing.add("heartbeats");
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
    const lastMs = lastSign(facts, nowMs);
    const retired = retiredMs.get(facts.host);
    if (retired !== undefined && (facts.shippedMs ?? 0) <= retired) gone.set(facts.host, "retired");
    else if (lastMs === null || nowMs - lastMs > expireAfterMs) gone.set(facts.host, "expired");
  }
  for (const host of retiredMs.keys()) if (!known.has(host)) gone.set(host, "retired");
  return gone;
}

/** When anything last came from it; null: nobody knows. */
export function lastSign({ shippedMs, heartbeat }: Facts, nowMs: number): number | null {
  const heardMs = heartbeat === null || heartbeat.age_s === null ? null : nowMs - heartbeat.age_s * 1000;
  const known = [shippedMs, heardMs].filter((sign) => sign !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** What later runs need of the attempts, which they do not read again. */
function takenOf(all: Iterable<Facts>, before: ReadonlyMap<string, number>, fromMs: number): Map<string, number> {
  const taken = new Map(before);
  for (const { host, uploads } of all)
    if (uploads.takenMs !== null) taken.set(host, Math.max(taken.get(host) ?? uploads.takenMs, uploads.takenMs));
  return new Map([...taken].filter(([, ms]) => ms >= fromMs));
}

type Row = Omit<IncidentRow, "sequence">;

function rowsOf(rows: readonly Row[], last: number): IncidentRow[] {
  return rows.map((row, i) => ({ sequence: last + i + 1, ...row }));
}

function rowOfEvent({ atMs, change, incident, isTold }: Event): Row {
  const { host, hosts, symptom, cause, sinceMs, firedMs, what, fix } = incident;
  return {
    ...{ at: isoWall(atMs), host, hosts, symptom, cause, change, told: isTold },
    ...{ since: isoWall(sinceMs), fired_at: firedMs === null ? null : isoWall(firedMs), what, fix },
  };
}

/** What is told once and has no end. */
function once(host: string, symptom: string, change: string, what: string, nowMs: number): Row {
  const at = isoWall(nowMs);
  return {
    ...{ at, host, hosts: [], symptom, cause: "", change, told: true },
    ...{ since: at, fired_at: null, what, fix: null },
  };
}
