// The shipper's report of itself, `status.json` in its run directory: written by the shipper each second in which something changed,
// at least every `interval_s`; read by `shipper status` and by the heartbeat. Times are ISO 8601 in UTC by the host's clock. Pure.

import {
  type ChecksOf,
  hasFields,
  isFlag,
  isNumber,
  isText,
  leftOutOr,
  listOf,
  orNull,
  parseShaped,
} from "../core/text/shape.ts";
import { isReceiverId } from "./judgement.ts";
import { isQueueGroup, isQueuePause, type QueueGroup, type QueuePause } from "./queue.ts";

/** An episode that is worked on. */
export interface UnderWay {
  episode: string;
  /** `asking`: the receiver is asked whether it would take it. */
  what: "packing" | "sending" | "asking";
  since: string;
  /** Bytes that are through, and of how many; null when it cannot be told. */
  done_bytes: number | null;
  bytes: number | null;
}

/** One that a person has to do something for, or that is tried again by itself. */
export interface Waiter {
  episode: string;
  reason: string;
  since: string;
  /** One sentence. */
  detail: string;
  /** What mends it, in one line; null when nothing is known that does. */
  fix: string | null;
}

/** Refused episodes of one reason. */
export interface RefusedGroup {
  reason: string;
  count: number;
  /** What giving them up would free: `shipper discard --reason …`. */
  bytes: number;
  /** When the newest of them was refused, and in which words; null where its note does not say. */
  newest_at: string | null;
  newest_detail: string | null;
}

/** What lies in shipped/ and quarantine/. */
export interface SettledCounts {
  shipped: number;
  /** Shipped to a receiver that could not prove it: never removed by itself. */
  unverified: number;
  /** What giving those up would free: `shipper discard --shipped-unverified`. Shippers of older releases do not say it. */
  unverified_bytes?: number;
  quarantined: number;
  quarantined_bytes: number;
  /** By reason, the largest first; at most 10 of them. */
  refused: RefusedGroup[];
  /** In quarantine, and removed before long unless somebody acts. */
  expiring: number;
  /** The number under which they are announced (contract/announcement.ts). */
  announcement: number;
}

export interface ShipperStatus {
  pid: number;
  at: string;
  /** CLOCK_BOOTTIME at `at`, seconds: its age is right whatever the clock does. */
  uptime_s: number;
  /** It is written again within so many seconds, while the shipper works. */
  interval_s: number;
  started_at: string;
  /** Whom this host trusts; null before the first receipt. */
  receiver_id: string | null;
  pending: number;
  packed: number;
  sending: number;
  recording: number;
  oldest_pending_s: number | null;
  under_way: UnderWay[];
  paused: QueuePause | null;
  /** What is tried again by itself, the newest reason, and when the next of them is due. */
  waiting: (QueueGroup & { next_try_at: string | null }) | null;
  /** At most 20 of them, the longest waiting first. */
  waiting_list: Waiter[];
  held: QueueGroup | null;
  /** At most 20 of them. */
  held_list: Waiter[];
  /** What lies settled, as of the last round; null before the first. */
  settled: SettledCounts | null;
  disk_low: boolean;
  delivered_since_start: number;
  quarantined_since_start: number;
}

/** Reports that may be missed before a shipper counts as not answering. */
const MISSED_MAX = 3;
/** A report is never due sooner than this, seconds: a pass over 100,000 episodes takes some. */
const INTERVAL_MIN_S = 10;

/**
 * Whether its writer still answers.
 * @param uptimeS CLOCK_BOOTTIME of now, seconds
 */
export function isAnswering({ uptime_s, interval_s }: ShipperStatus, uptimeS: number): boolean {
  return uptimeS - uptime_s <= Math.max(interval_s, INTERVAL_MIN_S) * MISSED_MAX;
}

/** Reads a report; null for what is none, or of a release that reports other things. */
export function parseShipperStatus(text: string): ShipperStatus | null {
  return parseShaped(text, (value): value is ShipperStatus => isStatus(value));
}

const isWaiter = hasFields({
  episode: isText,
  reason: isText,
  since: isText,
  detail: isText,
  fix: orNull(isText),
} satisfies ChecksOf<Waiter>);
const isUnderWay = hasFields({
  episode: isText,
  what: isText,
  since: isText,
  done_bytes: orNull(isNumber),
  bytes: orNull(isNumber),
} satisfies ChecksOf<UnderWay>);
const isRefusedGroup = hasFields({
  reason: isText,
  count: isNumber,
  bytes: isNumber,
  newest_at: orNull(isText),
  newest_detail: orNull(isText),
} satisfies ChecksOf<RefusedGroup>);
const CHECKS: ChecksOf<ShipperStatus> = {
  pid: isNumber,
  at: isText,
  uptime_s: isNumber,
  interval_s: isNumber,
  started_at: isText,
  receiver_id: orNull(isReceiverId),
  pending: isNumber,
  packed: isNumber,
  sending: isNumber,
  recording: isNumber,
  oldest_pending_s: orNull(isNumber),
  under_way: listOf(isUnderWay),
  paused: orNull(isQueuePause),
  waiting: orNull((value) => isQueueGroup(value) && hasFields({ next_try_at: orNull(isText) })(value)),
  waiting_list: listOf(isWaiter),
  held: orNull(isQueueGroup),
  held_list: listOf(isWaiter),
  settled: orNull(
    hasFields({
      shipped: isNumber,
      unverified: isNumber,
      unverified_bytes: leftOutOr(isNumber),
      quarantined: isNumber,
      quarantined_bytes: isNumber,
      refused: listOf(isRefusedGroup),
      expiring: isNumber,
      announcement: isNumber,
    } satisfies ChecksOf<SettledCounts>),
  ),
  disk_low: isFlag,
  delivered_since_start: isNumber,
  quarantined_since_start: isNumber,
};

const isStatus = hasFields(CHECKS);
