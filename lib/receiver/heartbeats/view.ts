// What is known of a host now: the age of every value, what has expired, what is wrong in one line. An ok that has expired
// is never shown as ok. Pure: now is an argument, by the collector's clock, the only one that decides.

import { isoWall } from "../../core/clock.ts";
import type { CheckResult, Heartbeat } from "../../core/heartbeat.ts";
import { formatSeconds } from "../../core/units.ts";
import { POLICY } from "./decide.ts";
import type { ResultState, StoredHeartbeat } from "./document.ts";
import {
  ageS,
  gravest,
  gravity,
  isAhead,
  type Judged,
  judge,
  noCounts,
  type ResultBrief,
  resultBrief,
  type ShownStatus,
} from "./judge.ts";

/** What is kept in memory of a host, so that a list of all reads no file. */
export type HostBrief = ReadBrief | UnreadableBrief;

interface ReadBrief {
  host: string;
  heartbeat: Pick<Heartbeat, "sent_at" | "sequence" | "interval_s">;
  receivedMs: number;
  lateS: number;
  skewS: number | null;
  results: ResultBrief[];
}

interface UnreadableBrief {
  host: string;
  heartbeat: null;
  /** When its file was last written. */
  receivedMs: number;
  why: Unreadable;
}

/** Why a host's file cannot be read: it is none of ours, or the disk's error code. */
export type Unreadable = "torn" | (string & {});

/** A row of `GET /v1/hosts`. Ages in seconds. */
export interface HostSummary {
  host: string;
  received_at_wall: string | null;
  /** Null: no heartbeat ever came. */
  age_s: number | null;
  /** How old it was when it came; null: its file cannot be read. */
  late_s: number | null;
  /** Its next heartbeat is overdue by this age. */
  late_after_s: number | null;
  /** True: its heartbeat is late. */
  stale: boolean;
  sent_at: string | null;
  sequence: number | null;
  interval_s: number | null;
  skew_s: number | null;
  clock_off: boolean;
  /** Of a host that is late or has no result never ok. */
  worst: ShownStatus;
  /** The worst that holds: three runs in a row. Expired results count as stale. */
  worst_hard: ShownStatus;
  counts: Record<ShownStatus, number>;
  flapping: number;
  /** What is wrong, the gravest first; null: nothing. */
  problem: string | null;
  /** True: it has a token, and no heartbeat ever came. */
  never: boolean;
  /** Of one that was never heard of: how often it was refused since yesterday, and why the newest time. */
  refused: { count: number; reason: string; at: string } | null;
}

/** What the list needs of a stored document. */
export function briefOf(host: string, stored: StoredHeartbeat): HostBrief {
  const { sent_at, sequence, interval_s, results } = stored.heartbeat;
  const receivedMs = Date.parse(stored.received_at_wall);
  const states = statesOf(stored);
  return {
    host,
    heartbeat: { sent_at, sequence, interval_s },
    receivedMs,
    lateS: stored.late_s,
    skewS: stored.skew_s,
    results: results.map((result) => resultBrief(result, states.get(result.name), receivedMs)),
  };
}

function statesOf({ states }: StoredHeartbeat): Map<string, ResultState> {
  return new Map(states.map((state) => [state.name, state]));
}

/** A host whose file cannot be read: it must not vanish from a list. */
export function unreadableBrief(host: string, changedMs: number, why: Unreadable): HostBrief {
  return { host, heartbeat: null, receivedMs: changedMs, why };
}

/** The row of a host at `nowMs`. */
export function summarise(brief: HostBrief, nowMs: number): HostSummary {
  if (brief.heartbeat === null) return summariseUnreadable(brief, nowMs);
  const { host, heartbeat, receivedMs, lateS, skewS } = brief;
  const { sent_at, sequence, interval_s } = heartbeat;
  const age = ageS(receivedMs, nowMs);
  const lateAfterS = interval_s * POLICY.lateIntervals + POLICY.lateGraceS;
  const results = brief.results.map((result) => judge(result, nowMs));
  const counts = noCounts();
  for (const { shown } of results) counts[shown]++;
  const ahead = isAhead(receivedMs, nowMs);
  const stale = age > lateAfterS || ahead;
  const clockOff = skewS !== null && Math.abs(skewS) > POLICY.clockOffS;
  // Its answers may count for a day: a host that is silent is not known to be well all the same.
  const silence: ShownStatus[] = stale && results.length > 0 ? ["stale"] : [];
  const aheadS = ahead ? ageS(nowMs, receivedMs) : 0;
  return {
    host,
    received_at_wall: isoWall(receivedMs),
    age_s: age,
    late_s: lateS,
    late_after_s: lateAfterS,
    stale,
    sent_at,
    sequence,
    interval_s,
    skew_s: skewS,
    clock_off: clockOff,
    worst: gravest([...silence, ...results.map(({ shown }) => shown)]),
    worst_hard: gravest([...silence, ...results.map(({ holds }) => holds)]),
    counts,
    flapping: results.filter(({ flapping }) => flapping).length,
    never: false,
    refused: null,
    problem: problemOf({ ageS: age, lateS, lateAfterS, stale, aheadS, skewS, clockOff }, results),
  };
}

function summariseUnreadable({ host, receivedMs, why }: UnreadableBrief, nowMs: number): HostSummary {
  return {
    ...unknownSummary(host),
    age_s: ageS(receivedMs, nowMs),
    problem: `its file cannot be read${why === "torn" ? "; its next heartbeat writes it anew" : `: ${why}`}`,
  };
}

/** The row of a host of whom nothing is known. */
export function unknownSummary(host: string): HostSummary {
  return {
    host,
    received_at_wall: null,
    age_s: null,
    late_s: null,
    late_after_s: null,
    stale: true,
    sent_at: null,
    sequence: null,
    interval_s: null,
    skew_s: null,
    clock_off: false,
    worst: "unknown",
    worst_hard: "unknown",
    counts: noCounts(),
    flapping: 0,
    problem: null,
    never: false,
    refused: null,
  };
}

/** A host's whole document at `nowMs`, as `GET /v1/hosts/<host>` gives it. */
export function hostView(host: string, stored: StoredHeartbeat, nowMs: number) {
  const { results, ...rest } = stored.heartbeat;
  const states = statesOf(stored);
  const receivedMs = Date.parse(stored.received_at_wall);
  return {
    ...summarise(briefOf(host, stored), nowMs),
    received_at_wall: stored.received_at_wall,
    age_s: ageS(receivedMs, nowMs),
    late_s: stored.late_s,
    heartbeat: {
      ...rest,
      /** Of all in it that has no age of its own: uptime, versions, queue, plugins. It had lain at the host before it came. */
      age_s: ageS(receivedMs, nowMs) + stored.late_s,
      results: results.map((result) => resultView(result, states.get(result.name), { receivedMs, nowMs })),
    },
  };
}

export type HostView = ReturnType<typeof hostView>;

function resultView(
  result: CheckResult,
  state: ResultState | undefined,
  { receivedMs, nowMs }: { receivedMs: number; nowMs: number },
) {
  const judged = judge(resultBrief(result, state, receivedMs), nowMs);
  return {
    ...result,
    status: judged.shown,
    /** What it was before it expired; of a pending one what its last run said. */
    ...((judged.shown === "stale" || judged.before !== null) && { was: judged.was }),
    stale: judged.shown === "stale",
    // Of the value, from the end of its run: more than what its time to live is counted by.
    age_s: ageS(judged.asOfMs, nowMs) + (state?.lag_s ?? 0),
    // A run before that said something else tells nothing about since when it is waiting.
    since_wall: judged.before === null ? (state?.since_wall ?? isoWall(receivedMs)) : null,
    attempts: judged.attempts,
    hard: judged.holds,
    state: judged.state,
    flapping: judged.flapping,
    flap_percent: state?.flap_percent ?? 0,
  };
}

interface HostFacts {
  ageS: number;
  /** How old the heartbeat was when it came, seconds. */
  lateS: number;
  /** Its next heartbeat is overdue by this age. */
  lateAfterS: number;
  stale: boolean;
  /** So much later than now it came, by a clock of the collector that was set back since; 0: it was not. */
  aheadS: number;
  skewS: number | null;
  clockOff: boolean;
}

/**
 * One line: the heartbeat, the clock, the gravest result, then what is odd about those that are ok, then what flaps; of each
 * the first and how many more. Null: nothing is wrong.
 */
function problemOf(facts: HostFacts, results: readonly Judged[]): string | null {
  const { stale, skewS, clockOff } = facts;
  const parts: string[] = [];
  const said = aboutHeartbeat(facts);
  if (said !== null) parts.push(said);
  if (clockOff) parts.push(`its clock is ${formatSeconds(Math.abs(skewS ?? 0))} ${(skewS ?? 0) > 0 ? "fast" : "slow"}`);
  if (results.length === 0) parts.push("its heartbeat holds no result");
  // Of a host that is silent everything expires: that is one thing to say, not one for each result.
  const bad = results.filter(({ shown }) => shown !== "ok" && !(stale && shown === "stale"));
  const [first] = [...bad].sort((a, b) => gravity(b.shown) - gravity(a.shown));
  if (first !== undefined) parts.push(`${resultLine(first)}${andMore(bad)}`);
  const odd = results.filter((result) => result.shown === "ok" && result.odd !== "");
  if (odd[0] !== undefined) parts.push(`${odd[0].name}: ${odd[0].odd}${andMore(odd)}`);
  const flapping = results.filter((result) => result.flapping);
  if (flapping[0] !== undefined) parts.push(`${flapping[0].name} flapping${andMore(flapping)}`);
  return parts.length === 0 ? null : parts.join("; ");
}

function aboutHeartbeat({ ageS, lateS, lateAfterS, stale, aheadS }: HostFacts): string | null {
  if (aheadS > 0) return `its heartbeat came ${formatSeconds(aheadS)} from now: this collector's clock was set back`;
  if (stale) return `no heartbeat for ${formatSeconds(ageS)}`;
  return ageS + lateS > lateAfterS ? `its heartbeat was ${formatSeconds(lateS)} old when it came` : null;
}

function andMore(all: readonly unknown[]): string {
  return all.length > 1 ? ` (and ${all.length - 1} more)` : "";
}

function resultLine({ name, status, shown, was, state, attempts, message, before, odd }: Judged): string {
  const words = message === "" ? "" : `: ${message}`;
  const behind = odd === "" ? "" : ` [${odd}]`;
  // An old message would pass for what is so now; why it has to wait, or how its newest run failed, is news.
  if (shown === "stale") return `${name} stale, was ${was}${state === "pending" ? words : ""}${behind}`;
  // Waiting makes nothing better.
  const last = before === null || before === "ok" ? "" : ` (was ${before})`;
  return `${name} ${status}${state === "soft" ? ` (soft, run ${attempts})` : last}${words}${behind}`;
}
