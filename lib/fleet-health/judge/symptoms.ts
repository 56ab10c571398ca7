// What is wrong with a host, as a table: each symptom with what it takes, and the cause by which hosts are told together. Pure: now is
// an argument, by the collector's clock.

import { readFix } from "../../contract/said.ts";
import { shortTime } from "../../core/clock.ts";
import { type Finding, type Fix, fixText } from "../../core/finding.ts";
import { counted, formatSeconds } from "../../core/text/quantity.ts";
import type { HostSummary } from "../../fleet/view.ts";
import type { Ill } from "../incidents/incident.ts";
import { type Facts, refusedOf } from "./facts.ts";
import { downFix, HEARTBEAT_STATUS, refusedFix, SHIPPER_STATUS, silentFix } from "./remedies.ts";

export interface Limits {
  nowMs: number;
  /** How much of the time from then until now something could have come, milliseconds. */
  coveredMs: (fromMs: number) => number;
  /** A host is silent that shipped nothing for longer than this. */
  silentAfterMs: (host: string) => number;
  /** A host is down of whom no heartbeat came for longer than this. */
  downAfterMs: number;
  /** A queue that fails is no news before that. */
  failingAfterMs: number;
  fatalMinCount: number;
}

/** What a symptom is told from: it is not looked for where that is not to be had. */
export type Source = "refusals" | "heartbeats";

interface Told {
  cause: string;
  what: string;
  fix: Fix | null;
}

interface Symptom {
  name: string;
  needs: Source;
  of: (facts: Facts, limits: Limits) => Told | null;
}

export const SYMPTOMS: readonly Symptom[] = [
  { name: "paused", needs: "heartbeats", of: paused },
  { name: "host-down", needs: "heartbeats", of: hostDown },
  // Without them nobody could tell who has nothing to ship.
  { name: "silent", needs: "heartbeats", of: silent },
  { name: "fatal-only", needs: "refusals", of: fatalOnly },
  { name: "unstamped", needs: "refusals", of: unstamped },
  { name: "heartbeat-late", needs: "heartbeats", of: heartbeatLate },
  { name: "clock-skew", needs: "heartbeats", of: clockSkew },
  { name: "check-failing", needs: "heartbeats", of: checkFailing },
  { name: "waits-alone", needs: "heartbeats", of: waitsAlone },
  { name: "quarantine-expiring", needs: "heartbeats", of: quarantineExpiring },
];

/** All that is wrong with these hosts, but for what could not be looked for. */
export function illOf(hosts: Iterable<Facts>, limits: Limits, missing: ReadonlySet<Source>): Ill[] {
  const asked = SYMPTOMS.filter(({ needs }) => !missing.has(needs));
  return [...hosts].flatMap((facts) =>
    asked.flatMap(({ name, of }) => {
      const told = of(facts, limits);
      if (told === null) return [];
      const { cause, what, fix } = told;
      const line = fix === null ? null : fixText(fix, "collector");
      return [{ host: facts.host, symptom: name, cause, what, fix: line }];
    }),
  );
}

/** The symptoms that cannot be looked for without these. */
export function unknownWithout(missing: ReadonlySet<Source>): Set<string> {
  return new Set(SYMPTOMS.filter(({ needs }) => missing.has(needs)).map(({ name }) => name));
}

/** Whether a heartbeat says how the host is now. */
function isFresh(beat: HostSummary | null): beat is HostSummary & { age_s: number } {
  return beat !== null && !beat.stale && beat.age_s !== null;
}

function long(ms: number): string {
  return formatSeconds(Math.max(0, Math.round(ms / 1000)));
}

/** A queue that waits for a person, at once; one that fails, when it does not mend itself. Durations by the host's own clock. */
function paused({ heartbeat }: Facts, { nowMs, coveredMs, failingAfterMs }: Limits): Told | null {
  if (!isFresh(heartbeat)) return null;
  const pause = heartbeat.queue?.paused ?? null;
  if (pause === null) return null;
  const sentMs = Date.parse(heartbeat.sent_at ?? "");
  const pausedMs = sentMs - Date.parse(pause.since ?? "") + (heartbeat.age_s + (heartbeat.late_s ?? 0)) * 1000;
  // A queue that failed while nothing could come here goes on by itself, within minutes of when something can.
  const failedMs = Number.isFinite(pausedMs) ? Math.min(pausedMs, coveredMs(nowMs - pausedMs)) : 0;
  if (pause.kind === "failing" && failedMs < failingAfterMs) return null;
  const since = Number.isFinite(pausedMs) ? ` for ${long(pausedMs)}` : "";
  return {
    cause: pause.reason ?? "not said",
    what: `its queue is paused${since}: ${pause.detail}`,
    fix: readFix(pause.fix) ?? SHIPPER_STATUS,
  };
}

/** Its heartbeats have ended, and nothing else comes from it. */
function hostDown({ host, shippedMs, heartbeat }: Facts, { nowMs, coveredMs, downAfterMs }: Limits): Told | null {
  const heardMs = heardOf(heartbeat, nowMs);
  if (heardMs === null || coveredMs(Math.max(heardMs, shippedMs ?? heardMs)) <= downAfterMs) return null;
  return {
    cause: "no sign of life",
    what: `nothing has come from it for ${long(nowMs - heardMs)}`,
    fix: downFix(host),
  };
}

function heardOf(heartbeat: HostSummary | null, nowMs: number): number | null {
  return heartbeat === null || heartbeat.age_s === null ? null : nowMs - heartbeat.age_s * 1000;
}

/** It ships nothing: one whose heartbeat says that there is nothing to ship is idle, and well. */
function silent({ host, shippedMs, heartbeat }: Facts, { nowMs, coveredMs, silentAfterMs }: Limits): Told | null {
  if (shippedMs === null || coveredMs(shippedMs) <= silentAfterMs(host)) return null;
  const what = `it has shipped nothing for ${long(nowMs - shippedMs)}`;
  if (heartbeat === null) return { cause: "not known", what, fix: silentFix(host) };
  if (!isFresh(heartbeat))
    return { cause: "no heartbeat", what: `${what}, and its heartbeats have ended`, fix: downFix(host) };
  const { queue } = heartbeat;
  if (queue === null) return { cause: "shipper", what: `${what}, and its shipper does not run`, fix: SHIPPER_STATUS };
  if (queue.pending === 0 && queue.waiting === null && queue.held === null) return null;
  return { cause: "queue", what: `${what}, and has ${queue.pending} to ship`, fix: SHIPPER_STATUS };
}

function fatalOnly({ uploads }: Facts, { fatalMinCount }: Limits): Told | null {
  const { count, reason } = refusedOf(uploads);
  if (uploads.taken > 0 || count < fatalMinCount) return null;
  const what = `each of its ${count} uploads of late was refused, most of them as ${reason}`;
  return { cause: reason ?? "", what, fix: refusedFix(reason) };
}

function unstamped({ uploads }: Facts, { fatalMinCount }: Limits): Told | null {
  const count = uploads.refused.get("missing-commit") ?? 0;
  if (count < fatalMinCount) return null;
  const what = `${count} of its uploads of late did not say which code recorded them`;
  return { cause: "missing-commit", what, fix: refusedFix("missing-commit") };
}

function heartbeatLate({ shippedMs, heartbeat }: Facts, { nowMs, coveredMs, downAfterMs }: Limits): Told | null {
  if (heartbeat === null || !heartbeat.stale || heartbeat.age_s === null) return null;
  // It shipped when its next heartbeat was overdue, and there was time for that to come: else both have ended, or nothing could come.
  const heardMs = nowMs - heartbeat.age_s * 1000;
  const lateMs = (heartbeat.late_after_s ?? 0) * 1000;
  if ((shippedMs ?? heardMs) <= heardMs + lateMs || coveredMs(heardMs) <= lateMs) return null;
  // Of one that came before this clock was set back nobody knows how old it is.
  if (heartbeat.age_s * 1000 <= lateMs) return null;
  // Whom nothing comes from is down.
  if (shippedMs === null || coveredMs(shippedMs) > downAfterMs) return null;
  const what = `it ships, and no heartbeat has come for ${long(heartbeat.age_s * 1000)}`;
  return { cause: "no heartbeat", what, fix: HEARTBEAT_STATUS };
}

function clockSkew({ heartbeat }: Facts): Told | null {
  if (!isFresh(heartbeat) || !heartbeat.clock_off) return null;
  return { cause: "clock", ...problemOf(heartbeat) };
}

/** What holds of its checks: three runs in a row. */
function checkFailing({ heartbeat }: Facts): Told | null {
  if (!isFresh(heartbeat) || heartbeat.worst_hard === "ok" || heartbeat.worst_hard === "stale") return null;
  return { cause: heartbeat.worst_hard, ...problemOf(heartbeat) };
}

/** Episodes that are tried in vain, each by itself, for longer than a day. Durations by the host's own clock. */
function waitsAlone({ heartbeat }: Facts): Told | null {
  if (!isFresh(heartbeat)) return null;
  const group = heartbeat.queue?.waiting ?? null;
  if (group === null) return null;
  const waitedMs = Date.parse(heartbeat.sent_at ?? "") - Date.parse(group.since);
  if (!(waitedMs > DAY_MS)) return null;
  const what = `${counted(group.count, "episode")} ${group.count === 1 ? "waits" : "wait"} since ${shortTime(group.since)}: ${group.reason}`;
  return { cause: "waiting", what, fix: SHIPPER_STATUS };
}

const DAY_MS = 24 * 3_600_000;

/** Refused episodes that are removed before long unless somebody acts. */
function quarantineExpiring({ heartbeat }: Facts): Told | null {
  const count = isFresh(heartbeat) ? (heartbeat.queue?.expiring ?? 0) : 0;
  if (count === 0) return null;
  const what = `${counted(count, "refused episode")} ${count === 1 ? "is" : "are"} removed from its quarantine before long`;
  return { cause: "quarantine", what, fix: SHIPPER_STATUS };
}

/** In the words of the receiver's own list. */
function problemOf({ problem }: HostSummary): Finding {
  return problem ?? { what: "its heartbeat does not say what", fix: null };
}
