// What the running shipper says of itself, from what it holds in memory; and the one line of it for systemd. Pure.

import type { QueueGroup, QueuePause } from "../../contract/queue.ts";
import { readFix, readSaid } from "../../contract/said.ts";
import type { SettledCounts, ShipperStatus, UnderWay, Waiter } from "../../contract/shipper-status.ts";
import { underWayText } from "../../contract/shipper-words.ts";
import { type Finding, findingText, fixOrNull } from "../../core/finding.ts";
import { remedyLast } from "../../core/remedy-last.ts";
import { printable } from "../../core/text/printable.ts";
import { formatSeconds } from "../../core/text/quantity.ts";
import type { Entry } from "../queue/entry.ts";
import { pauseText } from "../words/lines.ts";
import { wallTime } from "../words/wall-time.ts";
import type { Engine } from "../work/engine.ts";

const LISTED = 20;

/** What the report needs to know beside the engine. */
export interface Now {
  /** The engine's clock, milliseconds. */
  nowMs: number;
  /** How far the wall clock is ahead of it (wall-time.ts). */
  offsetMs: number;
  /** CLOCK_BOOTTIME, seconds. */
  uptimeS: number;
  /** When it started, on the engine's clock. */
  startedMs: number;
  pid: number;
  receiverId: string | null;
  settled: SettledCounts | null;
}

/** The daemon's own view of itself. */
export function liveStatus(engine: Engine, now: Now): ShipperStatus {
  const { queue, room, deps } = engine;
  const counts = queue.counts();
  // One that is tried again right now waits all the same.
  const stages = (["packed", "waiting", "sending", "packing"] as const).flatMap((stage) => [...queue.inStage(stage)]);
  const waiting = stages.filter(({ trouble }) => trouble !== null);
  const waiterOf = (entry: Entry): Waiter[] => waiters(entry, now);
  const held = [...problemWaiters(engine, now), ...[...queue.inStage("held")].flatMap(waiterOf)];
  return {
    pid: now.pid,
    at: wallTime(now.nowMs, now.offsetMs),
    uptime_s: now.uptimeS,
    interval_s: deps.settings.current().scanIntervalS,
    started_at: wallTime(now.startedMs, now.offsetMs),
    receiver_id: now.receiverId,
    pending: counts.pending,
    packed: counts.packed,
    sending: counts.sending,
    recording: engine.intake.recording,
    oldest_pending_s: ageS(counts.oldestFinishedMs, now),
    under_way: [...queue.inStage("sending"), ...queue.inStage("packing")]
      .slice(0, LISTED)
      .flatMap((entry) => underWay(entry, now)),
    paused: pausedOf(engine, now),
    waiting: waitingGroup(waiting, now),
    waiting_list: oldestFirst(waiting.flatMap(waiterOf)).slice(0, LISTED),
    held: groupOf(held),
    held_list: held.slice(0, LISTED),
    settled: now.settled,
    disk_low: room.diskLow,
    delivered_since_start: engine.delivered,
    quarantined_since_start: engine.quarantined,
  };
}

function pausedOf({ sending }: Engine, now: Now): QueuePause | null {
  const { finding } = sending;
  const { pause, witnessCount } = sending.pausing;
  if (pause === null || finding === null) return null;
  const isProbing = pause.nextProbeMs <= now.nowMs;
  return {
    kind: pause.kind,
    reason: pause.fault.reason,
    detail: pauseText(pause.kind, finding, witnessCount),
    fix: fixOrNull(finding.fix),
    since: wallTime(pause.sinceMs, now.offsetMs),
    next_try_at: isProbing || !Number.isFinite(pause.nextProbeMs) ? null : wallTime(pause.nextProbeMs, now.offsetMs),
  };
}

/** @param finishedMs by the wall clock: a marker's time */
function ageS(finishedMs: number | null, { nowMs, offsetMs }: Now): number | null {
  return finishedMs === null ? null : Math.max(0, Math.round((nowMs + offsetMs - finishedMs) / 1000));
}

function underWay({ id, work }: Entry, { offsetMs }: Now): UnderWay[] {
  if (work === null) return [];
  const { what, sinceMs, doneBytes, bytes } = work;
  return [{ episode: id, what, since: wallTime(sinceMs, offsetMs), done_bytes: doneBytes, bytes }];
}

function waiters({ id, trouble }: Entry, { offsetMs }: Now): Waiter[] {
  if (trouble === null) return [];
  const { reason, detail, fix, sinceMs } = trouble;
  const since = wallTime(sinceMs, offsetMs);
  return [{ episode: id, reason, since, detail, fix: fixOrNull(fix) }];
}

/** What stands in episodes/ and is no episode that could be shipped. */
function problemWaiters({ intake }: Engine, { offsetMs }: Now): Waiter[] {
  return intake.problems.map((one) => {
    const { name, problem, fix } = one;
    return {
      episode: name,
      reason: "no-episode",
      since: wallTime(intake.sinceMs(one), offsetMs),
      detail: problem,
      fix: fixOrNull(fix),
    };
  });
}

/** All of them as one: the newest reason, and since when the first waits. */
function groupOf(waiters: readonly Waiter[]): QueueGroup | null {
  const newest = waiters.at(-1);
  const oldest = oldestFirst(waiters)[0];
  if (newest === undefined || oldest === undefined) return null;
  return {
    count: waiters.length,
    reason: findingText({ what: newest.detail, fix: readFix(newest.fix) }),
    since: oldest.since,
  };
}

function waitingGroup(entries: readonly Entry[], now: Now): ShipperStatus["waiting"] {
  const newestFirst = entries.toSorted((a, b) => (b.trouble?.sinceMs ?? 0) - (a.trouble?.sinceMs ?? 0));
  const group = groupOf(newestFirst.toReversed().flatMap((entry) => waiters(entry, now)));
  if (group === null) return null;
  const next = Math.min(...entries.map(({ notBeforeMs }) => notBeforeMs));
  return { ...group, next_try_at: Number.isFinite(next) ? wallTime(Math.max(next, now.nowMs), now.offsetMs) : null };
}

function oldestFirst(waiters: readonly Waiter[]): Waiter[] {
  return waiters.toSorted((a, b) => (a.since < b.since ? -1 : 1));
}

/** One line for `systemctl status`. Pure. */
export function statusLine(live: ShipperStatus): string {
  const parts: Finding[] = loadParts(live).map(only);
  const [first, ...more] = live.under_way;
  if (first !== undefined)
    parts.push(only(underWayText(first, live.at) + (more.length === 0 ? "" : ` and ${more.length} more`)));
  if (live.disk_low) parts.push(only("disk low, packing waits"));
  if (live.paused !== null) parts.push(paused(live.paused));
  if (live.held !== null) parts.push(group(`${live.held.count} held`, live.held));
  if (live.waiting !== null && live.paused === null) parts.push(waiting(live.waiting, live.delivered_since_start));
  return printable(findingText(remedyLast(parts, ", ")));
}

/** Nothing is to be mended. */
function only(what: string): Finding {
  return { what, fix: null };
}

function group(who: string, { reason }: QueueGroup): Finding {
  const { what, fix } = readSaid(reason);
  return { what: `${who}: ${what}`, fix };
}

/** What is no episode, or was never tried, is in no count: as long as it is held there is something to ship. */
function loadParts({ pending, oldest_pending_s, waiting, held }: ShipperStatus): string[] {
  if (pending === 0) return waiting === null && held === null ? ["nothing to ship"] : [];
  return [`${pending} to ship`, ...(oldest_pending_s === null ? [] : [`oldest ${formatSeconds(oldest_pending_s)}`])];
}

/** `PAUSED: 3 of 3 episodes got 413 from nginx, not the receiver`. */
export function paused({ detail, fix, next_try_at }: QueuePause): Finding {
  const next = next_try_at === null ? "" : `, next try ${clock(next_try_at)}`;
  return { what: `PAUSED${next}: ${detail}`, fix: readFix(fix) };
}

/** `1 waits alone since 12:03, 214 others went: …`. */
export function waiting(those: NonNullable<ShipperStatus["waiting"]>, went: number): Finding {
  const { count, since, next_try_at } = those;
  const next = next_try_at === null ? "" : `, next try ${clock(next_try_at)}`;
  const who = count === 1 ? "1 waits alone" : `${count} wait`;
  return group(`${who} since ${clock(since)}${next}, ${went} others went`, those);
}

/** The time of day of an ISO time, as it stands there: UTC. */
function clock(at: string): string {
  return at.slice(11, 16);
}
