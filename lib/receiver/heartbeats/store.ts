// heartbeats/: the latest document of each host, and one file of rows a day. Nothing is flushed to the disk: a heartbeat is
// worth one interval, and a flush for each would be taken from the episodes and from a Pi's card. What a power cut may cost
// is the last seconds of rows, and on a file system that does not write a file out before it renames it (ext4 and btrfs do),
// a host's latest document: the host is then listed as unreadable until its next heartbeat. A kill costs nothing.

import type { Heartbeat } from "../../contract/heartbeat.ts";
import type { StoredHeartbeat } from "../../contract/host-document.ts";
import { isoWall, utcDay } from "../../core/clock.ts";
import { nextStates } from "../../fleet/states.ts";
import { briefOf, type HostBrief } from "../../fleet/view.ts";
import { type FoundHost, readLatest } from "../../os/files/latest-heartbeat.ts";
import type { Log } from "../../runtime/log/log.ts";
import { createKeyedLock } from "../disk/keyed-lock.ts";
import { HERE, type NeedHere } from "../disk/presence.ts";
import { DEFAULT_HISTORY_BYTES } from "../settings.ts";
import { decidePlace, judgeClock, noteSeen, type Place } from "./decide.ts";
import { type History, openHistory } from "./history.ts";
import { hostNames, readBrief, replaceLatest } from "./latest-file.ts";
import { isSampleDue, lastLive, rowOf, SpooledRows } from "./sampling.ts";

/** Files that a listing reads at a time. */
const READ_AT_ONCE = 32;

export interface Kept {
  status: Place;
  received_at_wall: string;
}

export interface HeartbeatStore {
  /**
   * Stores a checked heartbeat; it is written when this resolves.
   * @param dateMs the host's clock when it sent the request; null: not known
   * @throws the disk's error
   */
  put(heartbeat: Heartbeat, dateMs: number | null, nowMs: number): Promise<Kept>;
  /** @throws the disk's error */
  find(host: string): Promise<FoundHost>;
  /**
   * All hosts by name.
   * @throws the disk's error when the directory cannot be read; a file that cannot be is a host without a heartbeat
   */
  list(): Promise<HostBrief[]>;
  /**
   * The names of all hosts, sorted; nothing of them is read.
   * @throws the disk's error when the directory cannot be read
   */
  names(): Promise<string[]>;
  /** Reads ahead what the first listing needs, beside the requests. Never rejects. */
  warm(): Promise<void>;
  /** Removes old days. Never rejects. */
  prune(nowMs: number): Promise<void>;
  /** What the daily files hold, in one line. Never rejects. */
  describe(nowMs: number): Promise<string>;
}

/**
 * Opens the directory of heartbeats; it is made when the first one comes. Only the receiver may `put`.
 * @param historyBytes what the daily files may have
 * @param needHere asked before anything is made
 */
export function openHeartbeats(
  dir: string,
  log: Log,
  historyBytes: () => number = () => DEFAULT_HISTORY_BYTES,
  needHere: NeedHere = HERE,
): HeartbeatStore {
  /** What the listing needs of each host: filled by the first listing, kept up to date by each `put`. */
  const briefs = new Map<string, HostBrief>();
  const alone = createKeyedLock();
  const history = openHistory(dir, log, historyBytes, needHere);
  const spooled = new SpooledRows();
  const list = async (): Promise<HostBrief[]> => {
    const hosts = await hostNames(dir, (host) => briefs.has(host));
    const there = new Set(hosts);
    // An operator may remove the file of a host that is gone.
    for (const host of briefs.keys()) if (!there.has(host)) briefs.delete(host);
    /** Those of whom nothing can be kept: they are looked at again next time. */
    const unreadable = new Map<string, HostBrief>();
    // One at a time: what one listing reads the next one need not.
    await alone("", () =>
      inTurns(
        hosts.filter((host) => !briefs.has(host)),
        async (host) => {
          const brief = await readBrief(dir, host);
          if (brief === null) return;
          if (brief.heartbeat === null) unreadable.set(host, brief);
          // A heartbeat that came meanwhile knows better.
          else if (!briefs.has(host)) briefs.set(host, brief);
        },
      ),
    );
    return hosts.flatMap((host) => briefs.get(host) ?? unreadable.get(host) ?? []);
  };
  return {
    put: (heartbeat, dateMs, nowMs) =>
      alone(heartbeat.host_id, async () => {
        const { document, ...kept } = await keep({ dir, log, history, spooled, needHere }, heartbeat, {
          dateMs,
          nowMs,
        });
        if (document !== null) briefs.set(heartbeat.host_id, briefOf(heartbeat.host_id, document));
        return kept;
      }),
    find: (host) => readLatest(dir, host),
    list,
    names: () => hostNames(dir),
    warm: () =>
      list().then(
        () => undefined,
        () => undefined, // the first listing says what is wrong
      ),
    prune: history.prune,
    describe: history.describe,
  };
}

interface Files {
  dir: string;
  log: Log;
  history: History;
  spooled: SpooledRows;
  needHere: NeedHere;
}

/** Writes a heartbeat; one of a host at a time. The document is what is known of the host then, null: as before. */
async function keep(
  { dir, log, history, spooled, needHere }: Files,
  heartbeat: Heartbeat,
  { dateMs, nowMs }: { dateMs: number | null; nowMs: number },
): Promise<Kept & { document: StoredHeartbeat | null }> {
  const host = heartbeat.host_id;
  const found = await readLatest(dir, host);
  if (found.kind === "unreadable") log.warn(`the latest heartbeat of ${host} cannot be read: it is written anew`);
  const known = found.kind === "found" ? found.stored : null;
  const facts = judgeClock(Date.parse(heartbeat.sent_at), dateMs, nowMs, heartbeat.interval_s);
  const status = decidePlace(known, { heartbeat, live: facts.live, nowMs });
  const received_at_wall = isoWall(nowMs);
  if (status === "duplicate") return { status, received_at_wall, document: null };
  // First the row: killed in between, the host sends it again and a row stands there twice. The other way round it would
  // be a duplicate then, and its row missing for ever.
  if (known !== null && status === "old") {
    await appendOld(history, spooled, heartbeat, nowMs);
    const document = { ...known, seen: noteSeen(known.seen, heartbeat, false) };
    await replaceLatest(dir, host, document, needHere);
    return { status, received_at_wall, document };
  }
  const before = lastLive(known);
  const due = isSampleDue(before, heartbeat, nowMs, utcDay(nowMs));
  await history.append(
    utcDay(nowMs),
    JSON.stringify(rowOf(due ? null : before, heartbeat, { nowMs, atMs: nowMs, old: false })),
  );
  const sampled_at_wall = due || before === null ? received_at_wall : isoWall(before.sampledMs);
  const document = { ...latestOf(known, heartbeat, { received_at_wall, nowMs, ...facts }), sampled_at_wall };
  await replaceLatest(dir, host, document, needHere);
  return { status, received_at_wall, document };
}

async function appendOld(history: History, spooled: SpooledRows, heartbeat: Heartbeat, nowMs: number): Promise<void> {
  try {
    await history.append(utcDay(nowMs), JSON.stringify(spooled.row(heartbeat, nowMs)));
  } catch (error) {
    spooled.forget(heartbeat.host_id);
    throw error;
  }
}

interface Receipt {
  received_at_wall: string;
  nowMs: number;
  lateS: number;
  skewS: number | null;
}

function latestOf(known: StoredHeartbeat | null, heartbeat: Heartbeat, receipt: Receipt): StoredHeartbeat {
  const { received_at_wall, nowMs, lateS, skewS } = receipt;
  return {
    received_at_wall,
    late_s: lateS,
    skew_s: skewS,
    seen: noteSeen(known?.seen ?? [], heartbeat, true),
    // What lay in the spool is as old as it is, though it came just now.
    states: nextStates(known?.states ?? [], heartbeat.results, {
      asOfMs: nowMs - lateS * 1000,
      sentMs: Date.parse(heartbeat.sent_at),
    }),
    heartbeat,
  };
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: READ_AT_ONCE }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
