// What is known of a host now: the age of every value, what has expired, what is wrong in one line. An ok that has expired
// is never shown as ok. Pure: now is an argument, by the collector's clock, the only one that decides.

import type { Heartbeat } from "../contract/heartbeat.ts";
import type { ResultState, StoredHeartbeat } from "../contract/host-document.ts";
import { isReceiverId } from "../contract/judgement.ts";
import { isoWall } from "../core/clock.ts";
import type { Finding } from "../core/finding.ts";
import { ageS, gravest, isAhead, judge, noCounts, type ResultBrief, resultBrief, type ShownStatus } from "./judge.ts";
import { HOST_POLICY } from "./policy.ts";
import { type AboutShipper, problemOf } from "./problem.ts";
import {
  briefQueue,
  type OwnStore,
  queueProblem,
  type ShownQueue,
  trustOfAnother,
  trustsAnother,
} from "./queue-view.ts";

/** What is kept in memory of a host, so that a list of all reads no file. */
export type HostBrief = ReadBrief | UnreadableBrief;

interface ReadBrief {
  host: string;
  heartbeat: Pick<Heartbeat, "sent_at" | "sequence" | "interval_s">;
  receivedMs: number;
  lateS: number;
  skewS: number | null;
  queue: ShownQueue | null;
  /** Whom its shipper trusts to judge its episodes; null: nobody, or not known. */
  receiverId: string | null;
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

/** What a row of `GET /v1/hosts` is made of. Ages in seconds. */
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
  /** As its heartbeat had it, long texts cut short; null: not known. */
  queue: ShownQueue | null;
  /** Whom its shipper trusts to judge its episodes; null: nobody yet, or not known. */
  receiver_id: string | null;
  trusts_another: boolean;
  /** What is wrong, the gravest first; null: nothing. A row has it as text (senders.ts). */
  problem: Finding | null;
  /** True: no heartbeat ever came, though it has a token, or was refused of late. */
  never: boolean;
  /** Of one that was never heard of, or is late and was refused since: how often since yesterday, and why the newest time. */
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
    queue: briefQueue(stored.heartbeat.queue),
    // A file may be of a release that did not check it.
    receiverId: isReceiverId(stored.heartbeat.receiver_id) ? stored.heartbeat.receiver_id : null,
    results: results.map((result) => resultBrief(result, states.get(result.name), receivedMs)),
  };
}

/** What the receiver counts for each result, by its name. */
export function statesOf({ states }: StoredHeartbeat): Map<string, ResultState> {
  return new Map(states.map((state) => [state.name, state]));
}

/** A host whose file cannot be read: it must not vanish from a list. */
export function unreadableBrief(host: string, changedMs: number, why: Unreadable): HostBrief {
  return { host, heartbeat: null, receivedMs: changedMs, why };
}

/** The row of a host at `nowMs`. @param own the store that asks; null: not known */
export function summarise(brief: HostBrief, nowMs: number, own: OwnStore | null = null): HostSummary {
  if (brief.heartbeat === null) return summariseUnreadable(brief, nowMs);
  const { host, heartbeat, receivedMs, lateS, skewS, queue, receiverId } = brief;
  const { sent_at, sequence, interval_s } = heartbeat;
  const age = ageS(receivedMs, nowMs);
  const lateAfterS = interval_s * HOST_POLICY.lateIntervals + HOST_POLICY.lateGraceS;
  const results = brief.results.map((result) => judge(result, nowMs));
  const counts = noCounts();
  for (const { shown } of results) counts[shown]++;
  const ahead = isAhead(receivedMs, nowMs);
  const stale = age > lateAfterS || ahead;
  const clockOff = skewS !== null && Math.abs(skewS) > HOST_POLICY.clockOffS;
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
    queue,
    receiver_id: receiverId,
    trusts_another: trustsAnother(receiverId, own),
    problem: problemOf(
      { ageS: age, lateS, lateAfterS, stale, aheadS, skewS, clockOff },
      results,
      aboutShipper(brief, age, own),
    ),
  };
}

function summariseUnreadable({ host, receivedMs, why }: UnreadableBrief, nowMs: number): HostSummary {
  return {
    ...unknownSummary(host),
    age_s: ageS(receivedMs, nowMs),
    problem: {
      what: `its file cannot be read${why === "torn" ? "; its next heartbeat writes it anew" : `: ${why}`}`,
      fix: null,
    },
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
    queue: null,
    receiver_id: null,
    trusts_another: false,
    problem: null,
    never: false,
    refused: null,
  };
}

function aboutShipper(
  { heartbeat, lateS, queue, receiverId }: ReadBrief,
  age: number,
  own: OwnStore | null,
): AboutShipper {
  const taken = { sentMs: Date.parse(heartbeat.sent_at), ageS: age + lateS };
  const isOther = receiverId !== null && own !== null && trustsAnother(receiverId, own);
  return {
    trust: isOther ? trustOfAnother(receiverId, own) : null,
    queue: queue === null ? null : queueProblem(queue, taken),
  };
}
