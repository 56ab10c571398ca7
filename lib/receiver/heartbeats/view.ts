// What is known of a host now: the age of every value, what has expired, what is wrong in one line. An ok that has expired
// is never shown as ok. Pure: now is an argument, by the collector's clock, the only one that decides.

import type { CheckStatus, Heartbeat } from "../../core/heartbeat.ts";
import { formatSeconds } from "../../core/units.ts";
import { POLICY } from "./decide.ts";
import type { ResultState, StoredHeartbeat } from "./document.ts";

/** A status as it is shown: `stale` is one whose time to live is over. */
export type ShownStatus = CheckStatus | "stale";

/** From harmless to grave. An expired result is worse than a warning: nobody knows what it would be now. */
const GRAVITY: readonly ShownStatus[] = ["ok", "warning", "stale", "unknown", "critical"];

/** What is kept in memory of a host, so that a list of all reads no file. */
export interface HostBrief {
  host: string;
  /** Null: its file cannot be read. */
  heartbeat: Pick<Heartbeat, "sent_at" | "sequence" | "interval_s"> | null;
  receivedMs: number;
  skewS: number | null;
  results: ResultBrief[];
}

interface ResultBrief {
  name: string;
  status: CheckStatus;
  /** "" for an ok. */
  message: string;
  asOfMs: number;
  ttlS: number;
  state: Pick<ResultState, "attempts" | "hard" | "flapping">;
}

/** A row of `GET /v1/hosts`. Ages in seconds. */
export interface HostSummary {
  host: string;
  received_at_wall: string | null;
  age_s: number;
  /** Its next heartbeat is overdue by this age. */
  late_after_s: number | null;
  /** True: its heartbeat is late. */
  stale: boolean;
  sent_at: string | null;
  sequence: number | null;
  interval_s: number | null;
  skew_s: number | null;
  clock_off: boolean;
  worst: ShownStatus;
  /** The worst that holds: three runs in a row. Expired results count as stale. */
  worst_hard: ShownStatus;
  counts: Record<ShownStatus, number>;
  flapping: number;
  /** What is wrong, the gravest first; null: nothing. */
  problem: string | null;
}

const MESSAGE_CHARACTERS = 160;

/** What the list needs of a stored document. */
export function briefOf(host: string, stored: StoredHeartbeat): HostBrief {
  const { sent_at, sequence, interval_s, results } = stored.heartbeat;
  const receivedMs = Date.parse(stored.received_at_wall);
  const states = new Map(stored.states.map((state) => [state.name, state]));
  return {
    host,
    heartbeat: { sent_at, sequence, interval_s },
    receivedMs,
    skewS: stored.skew_s,
    results: results.map(({ name, status, message, ttl_s }) => {
      const state = states.get(name);
      return {
        name,
        status,
        message: status === "ok" ? "" : message.slice(0, MESSAGE_CHARACTERS),
        asOfMs: state === undefined ? receivedMs : Date.parse(state.as_of_wall),
        ttlS: ttl_s,
        state: {
          attempts: state?.attempts ?? 0,
          hard: state?.hard ?? status,
          flapping: state?.flapping ?? false,
        },
      };
    }),
  };
}

/** A host whose file cannot be read: it must not vanish from a list. */
export function unreadableBrief(host: string, changedMs: number): HostBrief {
  return { host, heartbeat: null, receivedMs: changedMs, skewS: null, results: [] };
}

/** The row of a host at `nowMs`. */
export function summarise(brief: HostBrief, nowMs: number): HostSummary {
  const { heartbeat, skewS, results } = brief;
  const age = ageS(brief.receivedMs, nowMs);
  const lateAfter = heartbeat === null ? null : heartbeat.interval_s * POLICY.lateIntervals + POLICY.lateGraceS;
  const shown = results.map((result) => ({ ...result, shown: shownStatus(result, nowMs) }));
  const counts: Record<ShownStatus, number> = { ok: 0, warning: 0, critical: 0, unknown: 0, stale: 0 };
  for (const result of shown) counts[result.shown]++;
  const stale = lateAfter === null || age > lateAfter;
  const clockOff = skewS !== null && Math.abs(skewS) > POLICY.clockOffS;
  return {
    host: brief.host,
    received_at_wall: heartbeat === null ? null : new Date(brief.receivedMs).toISOString(),
    age_s: age,
    late_after_s: lateAfter,
    stale,
    sent_at: heartbeat?.sent_at ?? null,
    sequence: heartbeat?.sequence ?? null,
    interval_s: heartbeat?.interval_s ?? null,
    skew_s: skewS,
    clock_off: clockOff,
    worst: heartbeat === null ? "unknown" : gravest(shown.map((result) => result.shown)),
    worst_hard:
      heartbeat === null ? "unknown" : gravest(shown.map((r) => (r.shown === "stale" ? "stale" : r.state.hard))),
    counts,
    flapping: results.filter(({ state }) => state.flapping).length,
    problem: problemOf(brief, shown, { age, stale, clockOff }),
  };
}

/** A host's whole document at `nowMs`, as `GET /v1/hosts/<host>` gives it. */
export function hostView(host: string, stored: StoredHeartbeat, nowMs: number) {
  const { results, ...rest } = stored.heartbeat;
  const states = new Map(stored.states.map((state) => [state.name, state]));
  const receivedMs = Date.parse(stored.received_at_wall);
  return {
    ...summarise(briefOf(host, stored), nowMs),
    received_at_wall: stored.received_at_wall,
    late_s: stored.late_s,
    heartbeat: {
      ...rest,
      results: results.map((result) => {
        const state = states.get(result.name);
        const asOfMs = state === undefined ? receivedMs : Date.parse(state.as_of_wall);
        const shown = shownStatus({ status: result.status, asOfMs, ttlS: result.ttl_s }, nowMs);
        return {
          ...result,
          status: shown,
          ...(shown === "stale" && { was: result.status }),
          stale: shown === "stale",
          age_s: ageS(asOfMs, nowMs),
          since_wall: state?.since_wall ?? stored.received_at_wall,
          attempts: state?.attempts ?? 0,
          hard: state?.hard ?? result.status,
          state: (state?.hard ?? result.status) === result.status ? ("hard" as const) : ("soft" as const),
          flapping: state?.flapping ?? false,
          flap_percent: state?.flap_percent ?? 0,
        };
      }),
    },
  };
}

export type HostView = ReturnType<typeof hostView>;

function shownStatus(result: { status: CheckStatus; asOfMs: number; ttlS: number }, nowMs: number): ShownStatus {
  return nowMs - result.asOfMs > result.ttlS * 1000 ? "stale" : result.status;
}

/** Whole seconds; none is negative, should the collector's clock have been set back. */
function ageS(sinceMs: number, nowMs: number): number {
  return Math.max(0, Math.round((nowMs - sinceMs) / 1000));
}

function gravest(statuses: readonly ShownStatus[]): ShownStatus {
  return GRAVITY[Math.max(0, ...statuses.map((status) => GRAVITY.indexOf(status)))] ?? "ok";
}

interface Facts {
  age: number;
  stale: boolean;
  clockOff: boolean;
}

/** One line: the heartbeat, the clock, the gravest result, and how many more. */
function problemOf(
  { heartbeat, skewS, results }: HostBrief,
  shown: readonly (ResultBrief & { shown: ShownStatus })[],
  { age, stale, clockOff }: Facts,
): string | null {
  if (heartbeat === null) return "its file cannot be read; its next heartbeat writes it anew";
  const parts: string[] = [];
  if (stale) parts.push(`no heartbeat for ${formatSeconds(age)}`);
  if (clockOff) parts.push(`its clock is ${formatSeconds(Math.abs(skewS ?? 0))} ${(skewS ?? 0) > 0 ? "fast" : "slow"}`);
  const bad = shown.filter((result) => result.shown !== "ok");
  const [first] = [...bad].sort((a, b) => GRAVITY.indexOf(b.shown) - GRAVITY.indexOf(a.shown));
  // Of a host that is silent everything expires: that is one thing to say, not one for each result.
  if (first !== undefined && !(stale && first.shown === "stale")) {
    const more = bad.length > 1 ? ` (and ${bad.length - 1} more)` : "";
    parts.push(`${resultLine(first)}${more}`);
  }
  if (results.some(({ state }) => state.flapping)) parts.push("flapping");
  return parts.length === 0 ? null : parts.join("; ");
}

function resultLine({ name, status, shown, message, state }: ResultBrief & { shown: ShownStatus }): string {
  if (shown === "stale") return `${name} stale, was ${status}`;
  const soft = state.hard === status ? "" : ` (soft, run ${state.attempts})`;
  return `${name} ${status}${soft}${message === "" ? "" : `: ${message}`}`;
}
