// Is a heartbeat the host's latest, an older one, or one that came before? And what do its host's clock and name say?
// Pure: times are arguments, in milliseconds.

import type { Heartbeat } from "../../contract/heartbeat.ts";
import type { SeenBoot, StoredHeartbeat } from "../../contract/host-document.ts";
import { isName } from "../../contract/names.ts";
import { type Refusal, refuse } from "../decide.ts";

/** What holds for heartbeats, in one place. */
export const POLICY = {
  /** Largest body, bytes. */
  maxBytes: 1024 * 1024,
  /** Bodies that are held in memory at a time: in bytes, in number, and of one host. */
  heldBytes: 16 * 1024 * 1024,
  atOnce: 256,
  atOncePerHost: 2,
  /** No heartbeat is taken to be older than this, seconds, ten times the longest `ttl_s`: times are anything a host may write. */
  oldestS: 315_360_000,
  /** Without a Date header: after so many intervals of silence what comes is the latest, unless its boot is over. */
  silentIntervals: 3,
  /** Sequence numbers that are remembered, so that one that comes again is known: boots, and ranges in each. */
  seenBoots: 8,
  seenRanges: 32,
  /** Hosts of whom it is remembered what they last brought from their spools; of others the next row is a sample. */
  spooledHosts: 256,
} as const;

/** The host in a raw path below `prefix`, percent-decoded exactly once; null: there is none that may be. */
export function hostOfPath(rawPath: string, prefix: string): string | null {
  if (!rawPath.startsWith(prefix)) return null;
  try {
    const host = decodeURIComponent(rawPath.slice(prefix.length));
    return isName(host) ? host : null;
  } catch {
    return null;
  }
}

/** Whether there is room to hold one more body; null: yes. */
export function decideHeld(heldBytes: number, bytes: number): Refusal | null {
  if (heldBytes + bytes <= POLICY.heldBytes) return null;
  return refuse("too-many-uploads", "many heartbeats are coming in at once", { retryAfterS: 5 });
}

/** What the host's clock tells of a heartbeat and of itself. */
export interface ClockFacts {
  /** True: taken just before it was sent, so that there can be no newer one; null: not known. */
  live: boolean | null;
  /** How old it was when it came, seconds; 0 where that is not known. */
  lateS: number;
  /** The host's clock minus ours, both cut off to whole seconds as the header's is; null: not known. */
  skewS: number | null;
}

/**
 * Judges a heartbeat's own time by the request's Date header (RFC 9110 §6.6.1): both are the host's clock, so that a clock
 * that is wrong tells a spooled heartbeat from a live one all the same.
 * @param dateMs what time it was at the host when the request was sent; null: no such header
 */
export function judgeClock(sentMs: number, dateMs: number | null, nowMs: number, intervalS: number): ClockFacts {
  if (dateMs === null) return { live: null, lateS: 0, skewS: null };
  const lainMs = dateMs - sentMs;
  // A Date header has whole seconds, cut off. Until half an interval has passed, the next one is not due.
  const live = lainMs >= -2000 && lainMs <= Math.max(intervalS * 500, 2000);
  const lateS = Math.min(Math.max(0, Math.round(lainMs / 1000)), POLICY.oldestS);
  return { live, lateS, skewS: Math.floor(dateMs / 1000) - Math.floor(nowMs / 1000) };
}

/** When a heartbeat came and how old it then was, for `decidePlace`. */
export interface Arrival {
  heartbeat: Pick<Heartbeat, "boot_id" | "sequence" | "uptime_s" | "sent_at" | "interval_s">;
  live: boolean | null;
  /** When its request began. */
  nowMs: number;
}

export type Place = "stored" | "old" | "duplicate";

type Known = Pick<StoredHeartbeat, "seen" | "received_at_wall"> & { heartbeat: Arrival["heartbeat"] };

/**
 * `stored`: it becomes the latest. Every witness is believed only where it can be: the sequence until an agent is installed
 * anew, the uptime within a boot, a clock until it is set. A live heartbeat wins, so that none is ignored for ever, unless
 * a newer one overtook it on its way.
 */
export function decidePlace(known: Known | null, { heartbeat, live, nowMs }: Arrival): Place {
  if (known === null) return "stored";
  const latest = known.heartbeat;
  const sentMs = Date.parse(heartbeat.sent_at);
  const sameBoot = heartbeat.boot_id === latest.boot_id;
  const laterInBoot = sameBoot && heartbeat.uptime_s > latest.uptime_s;
  const surelyNew = laterInBoot || (live === true && sentMs > Date.parse(latest.sent_at));
  if (!surelyNew && hasSeen(known.seen, heartbeat)) return "duplicate";
  const receivedMs = Date.parse(known.received_at_wall);
  const silentMs = POLICY.silentIntervals * latest.interval_s * 1000;
  if (laterInBoot || (live === true && !wasOvertaken(heartbeat, latest))) return "stored";
  // A container that starts again counts its uptime anew in the boot of its machine; the clock may have gone back besides.
  if (live === true) return nowMs - receivedMs > silentMs ? "stored" : "old";
  // Either way: the collector's own clock may have been set back.
  const silent = live === null && Math.abs(nowMs - receivedMs) > silentMs;
  if (sameBoot)
    return silent || (isAfter(heartbeat, latest) && heartbeat.uptime_s === latest.uptime_s) ? "stored" : "old";
  if (known.seen.some(({ boot_id }) => boot_id === heartbeat.boot_id)) return "old"; // a boot that is over
  // It was sent before it came: a clock that had been in the future holds nothing back.
  const latestSentMs = Math.min(Date.parse(latest.sent_at), receivedMs);
  return isAfter(heartbeat, latest) || sentMs > latestSentMs || silent ? "stored" : "old";
}

/**
 * Whether a live heartbeat was taken before the latest, and its body took longer to come: in the same boot, at no later
 * uptime, and by no later clock. One alone tells nothing: the uptime of a container begins anew, and a clock is set back.
 */
function wasOvertaken(heartbeat: Arrival["heartbeat"], latest: Arrival["heartbeat"]): boolean {
  if (heartbeat.boot_id !== latest.boot_id || Date.parse(heartbeat.sent_at) > Date.parse(latest.sent_at)) return false;
  if (heartbeat.uptime_s !== latest.uptime_s) return heartbeat.uptime_s < latest.uptime_s;
  return isAfter(latest, heartbeat);
}

function isAfter(a: { sequence: number }, b: { sequence: number }): boolean {
  return a.sequence > b.sequence;
}

function hasSeen(seen: readonly SeenBoot[], { boot_id, sequence }: { boot_id: string; sequence: number }): boolean {
  const ranges = seen.find((boot) => boot.boot_id === boot_id)?.ranges ?? [];
  return ranges.some(([from, to]) => sequence >= from && sequence <= to);
}

/**
 * Notes that a heartbeat came. A number that comes a second time and is no duplicate is that of an agent that was installed
 * anew in the same boot: what was seen of that boot before is forgotten.
 * @param asLatest its boot is the newest one
 */
export function noteSeen(
  seen: readonly SeenBoot[],
  heartbeat: { boot_id: string; sequence: number },
  asLatest: boolean,
): SeenBoot[] {
  const { boot_id, sequence } = heartbeat;
  const own = hasSeen(seen, heartbeat) ? undefined : seen.find((boot) => boot.boot_id === boot_id);
  const entry: SeenBoot = { boot_id, ranges: withNumber(own?.ranges ?? [], sequence) };
  const at = seen.findIndex((boot) => boot.boot_id === boot_id);
  const others = seen.filter((boot) => boot.boot_id !== boot_id);
  const place = asLatest ? 0 : at >= 0 ? at : others.length;
  // An old boot that is new to us goes to the end, where it may be the first to be forgotten: but not at once.
  const kept = others.slice(0, POLICY.seenBoots - 1);
  return [...kept.slice(0, place), entry, ...kept.slice(place)];
}

/** Ranges with one more number, which none of them holds; the lowest go when there are too many. */
function withNumber(ranges: readonly [number, number][], number: number): [number, number][] {
  const all = [...ranges, [number, number] as [number, number]].sort(([a], [b]) => a - b);
  const joined: [number, number][] = [];
  for (const [from, to] of all) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else joined.push([from, to]);
  }
  return joined.slice(-POLICY.seenRanges);
}
