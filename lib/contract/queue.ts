// How a shipper's queue stands, as data: written by the shipper into its live status, carried by heartbeats (docs/protocol.md), read by
// whoever shows a host. Pure. Times are ISO 8601 in UTC by the host's clock.

import { type Check, type ChecksOf, hasFields, isNumber, isText, orNull } from "../core/text/shape.ts";

/** The whole queue waits. `misconfigured`: credentials, address or certificate; `failing`: different episodes met the same fault. */
export interface QueuePause {
  kind: "misconfigured" | "failing";
  /** For programs and for telling two pauses apart. */
  reason: string;
  /** One sentence for people. */
  detail: string;
  /** What mends it; null when nothing here can. */
  fix: string | null;
  since: string;
  /** Null while a probe is under way. */
  next_try_at: string | null;
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;
const isTime: Check = (value) => typeof value === "string" && TIME.test(value) && Number.isFinite(Date.parse(value));

export const isQueuePause = hasFields({
  kind: isText,
  reason: isText,
  detail: isText,
  fix: orNull(isText),
  since: isTime,
  next_try_at: orNull(isTime),
} satisfies ChecksOf<QueuePause>);
export const isQueueGroup = hasFields({
  count: isNumber,
  reason: isText,
  since: isTime,
} satisfies ChecksOf<QueueGroup>);

/** Episodes that are in the same position: the newest reason stands for all. */
export interface QueueGroup {
  count: number;
  reason: string;
  since: string;
}

/** The shipper's queue, as far as it can be seen. */
export interface QueueReport {
  /** Finished and not shipped. */
  pending: number;
  /** Packed archives. */
  outbox: number;
  quarantined: number;
  quarantined_bytes: number | null;
  /** In quarantine, and removed before long unless somebody acts. */
  expiring: number | null;
  /** The number under which they are announced (contract/announcement.ts). */
  announcement: number | null;
  /** Shipped to a receiver that could not prove it. */
  unverified: number | null;
  oldest_pending_s: number | null;
  paused: QueuePause | null;
  /** Tried, and tried again by themselves; others go on. */
  waiting: QueueGroup | null;
  /** A person has to mend something first. */
  held: QueueGroup | null;
}

type Oldest = "pending" | "outbox" | "quarantined" | "oldest_pending_s";

/** The queue as a heartbeat carries it: agents of older releases know its oldest fields, and say a pause in words alone. */
export type SentQueue = Pick<QueueReport, Oldest> & Partial<QueueReport> & { paused_reason?: string | null };

/** No text of a queue is longer on the wire, UTF-16 units: agents cut theirs, and a receiver refuses what is longer. */
export const QUEUE_TEXT_MAX = 2000;

/** A report as it is sent: its texts cut, and its pause also in the words that a receiver of an older release asks for. */
export function sentQueue(report: QueueReport): SentQueue {
  const { paused, waiting, held } = report;
  return {
    ...report,
    paused: paused === null ? null : cutPause(paused),
    waiting: cutGroup(waiting),
    held: cutGroup(held),
    paused_reason: paused === null ? null : cut(paused.detail),
  };
}

function cutPause(pause: QueuePause): QueuePause {
  const { reason, detail, fix } = pause;
  return { ...pause, reason: cut(reason), detail: cut(detail), fix: fix === null ? null : cut(fix) };
}

function cutGroup(group: QueueGroup | null): QueueGroup | null {
  return group === null ? null : { count: group.count, reason: cut(group.reason), since: group.since };
}

function cut(text: string): string {
  return text.length <= QUEUE_TEXT_MAX ? text : `${text.slice(0, QUEUE_TEXT_MAX - 1)}…`;
}
