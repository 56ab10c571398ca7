// What waits for each channel. A beginning that was told to a channel gets one end there, and an end without one is not told. A notice
// that may have been taken is sent again as it was, under its id; one that was refused is put together anew. Pure: now is an argument.

import type { IncidentRow } from "../../contract/incident-row.ts";
import type { Finding } from "../../core/finding.ts";
import { MANY } from "../incidents/incident.ts";
import { isByCause } from "../incidents/policy.ts";
import { type Channel, type ChannelType, isQuiet, wants } from "./channel.ts";

export interface Mailbox {
  channel: string;
  /** Of what kind that is: another one under its name is another channel. Left out: an older release did not write it down. */
  type?: ChannelType | undefined;
  /** The configuration does not name it now: it is kept for the ends of what it was told. */
  isAway?: true | undefined;
  /** Not in a notice yet. */
  waiting: readonly IncidentRow[];
  /** Being sent, or nobody knows whether it was taken; null: nothing is. */
  notice: Notice | null;
  /** Failures in a row, and when the next try may be, milliseconds since 1970. */
  failures: number;
  nextTryMs: number;
  /** Incidents whose beginning is among the above, or was told; of an Alertmanager what it may have been given (alerts.ts). */
  open: readonly string[];
  /** How many incidents have begun and ended while too much waited: of them the next notice says that they were. Left out: none. */
  dropped?: number | undefined;
  /** Why the last try has failed; left out: none has, or an older release did not write it down. */
  lastFailure?: Failure | undefined;
}

/** A finding as it is kept: its remedy in words. */
export interface Failure {
  what: string;
  fix: string;
}

export interface Notice {
  /** The same for each try. */
  id: string;
  /** It was tried before, and may have been taken then: a kill may have come before that was marked. */
  isRetried: boolean;
  rows: readonly IncidentRow[];
  /** How many incidents are not among them, since they were over before this could be told; left out: none. */
  dropped?: number | undefined;
  /** The name of the machine that tells: whoever hears of several collectors tells them apart; left out: an older release did not say. */
  collector?: string | undefined;
}

const BEGINS = "firing";
const ENDS: ReadonlySet<string> = new Set(["recovered", "retired", "expired"]);
/** Waits after the 1st, 2nd, … failure, milliseconds; the last one stays. A run is every five minutes. */
const BACKOFF_MS = [0, 5, 10, 20, 40, 60].map((minutes) => minutes * 60_000);
/** Where more rows wait, incidents go that have begun and ended meanwhile: the others are bounded by what stands, and by what was told. */
const WAITING_MAX = 1000;
/** More rows are in no notice, some 400 bytes each: the others are in the next. */
const NOTICE_ROWS = 1000;

/** Whether it says that an incident is over. */
export function isEnd({ change }: Pick<IncidentRow, "change">): boolean {
  return ENDS.has(change);
}

export function emptyMailbox(channel: string): Mailbox {
  return { channel, waiting: [], notice: null, failures: 0, nextTryMs: 0, open: [] };
}

/** A mailbox of no channel: of one that has none of its own, as where the state was lost, this is what it was told. */
export const ANY_CHANNEL = "*";

/**
 * Puts in what a channel wants to hear, and the end of all that it was told, whether it wants that now or not. A beginning that waits still
 * and is wanted no more goes, and with it what else waits of that. @param channel null: it is not there now, and wants nothing
 */
export function put(mailbox: Mailbox, channel: Channel | null, rows: readonly IncidentRow[]): Mailbox {
  const isWanted = (row: IncidentRow): boolean => channel !== null && wants(channel, row);
  const kept = withoutUnwanted(mailbox, isWanted);
  const open = new Set(kept.open);
  const fresh = rows.filter((row) => {
    if (!row.told) return false;
    if (isEnd(row)) return open.delete(keyOf(row));
    if (!isWanted(row)) return false;
    if (row.change === BEGINS) open.add(keyOf(row));
    return row.change !== "growing" || open.has(keyOf(row));
  });
  return shortened({ ...kept, waiting: [...kept.waiting, ...fresh], open: [...open] });
}

function withoutUnwanted(mailbox: Mailbox, isWanted: (row: IncidentRow) => boolean): Mailbox {
  const { waiting, open } = mailbox;
  const untold = new Set(waiting.filter((row) => row.change === BEGINS && !isWanted(row)).map(keyOf));
  return {
    ...mailbox,
    waiting: waiting.filter((row) => (isEnd(row) ? !untold.has(keyOf(row)) : isWanted(row))),
    open: open.filter((key) => !untold.has(key)),
  };
}

/** Whose it is, by its name and kind. */
export function isOf({ channel, type }: Mailbox, { name, type: kind }: Pick<Channel, "name" | "type">): boolean {
  return channel === name && (type ?? kind) === kind;
}

/** What is kept of a channel that is not there now, for when it comes back; null: it has nothing to hear then. */
export function putAway(mailbox: Mailbox, rows: readonly IncidentRow[]): Mailbox | null {
  const { channel, type, notice, waiting, open } = put(mailbox, null, rows);
  if (notice === null && waiting.length === 0 && open.length === 0) return null;
  return { ...emptyMailbox(channel), ...(type !== undefined && { type }), isAway: true, notice, waiting, open };
}

/** Where too much waits: without the oldest of those that began and ended meanwhile. */
function shortened(mailbox: Mailbox): Mailbox {
  let excess = mailbox.waiting.length - WAITING_MAX;
  if (excess <= 0) return mailbox;
  const gone = new Set<string>();
  for (const [key, rows] of pairsOf(mailbox.waiting)) {
    if (excess <= 0) break;
    gone.add(key);
    excess -= rows.length;
  }
  const waiting = mailbox.waiting.filter((row) => !gone.has(keyOf(row)));
  return { ...mailbox, waiting, dropped: (mailbox.dropped ?? 0) + gone.size };
}

/** What has both its beginning and its end among these rows, with all that they say of it, the oldest first. */
function pairsOf(rows: readonly IncidentRow[]): [key: string, rows: IncidentRow[]][] {
  const groups = [...Map.groupBy(rows, keyOf)];
  return groups.filter(([, some]) => some.some(({ change }) => change === BEGINS) && some.some(isEnd));
}

/**
 * One incident of a host and symptom is told from the next by when it was first seen; of two of many, or of what a host has several of, the
 * cause differs, and stays.
 */
export function keyOf({ host, symptom, cause, since }: Omit<IncidentRow, "sequence">): string {
  return `${host}|${symptom}|${since}${host === MANY || isByCause(symptom) ? `|${cause}` : ""}`;
}

/** Whose it is: no name holds the sign between them. */
export function ofKey(key: string): Pick<IncidentRow, "host" | "symptom"> {
  const [host = "", symptom = ""] = key.split("|");
  return { host, symptom };
}

/**
 * What is to be sent now, and the mailbox that is to be kept before it is: after a kill the same notice goes out again.
 * @returns `notice` null: nothing is, or not yet; `isDue`: something should be, and has to wait for its next try
 */
export function take(
  mailbox: Mailbox,
  { quiet }: Pick<Channel, "quiet">,
  nowMs: number,
  from?: Teller,
): { mailbox: Mailbox; notice: Notice | null; isDue: boolean } {
  if (isQuiet(quiet, nowMs)) return { mailbox: withoutPairs(mailbox), notice: null, isDue: false };
  const { waiting, notice } = mailbox;
  if (notice === null && waiting.length === 0) return { mailbox, notice: null, isDue: false };
  if (hasToWait(mailbox, nowMs)) return { mailbox, notice: null, isDue: true };
  if (notice !== null) {
    const again = { ...notice, isRetried: true };
    return { mailbox: { ...mailbox, notice: again }, notice: again, isDue: true };
  }
  const { dropped, ...rest } = mailbox;
  const rows = waiting.slice(0, NOTICE_ROWS);
  const more = { ...(dropped !== undefined && { dropped }), ...(from !== undefined && { collector: from.collector }) };
  const fresh = { id: idOf(mailbox.channel, rows, from), isRetried: false, rows, ...more };
  return { mailbox: { ...rest, notice: fresh, waiting: waiting.slice(NOTICE_ROWS) }, notice: fresh, isDue: true };
}

/** Whether its next try is not yet. Who would have to wait for longer than so many failures cost has had the clock set back meanwhile. */
function hasToWait({ failures, nextTryMs }: Mailbox, nowMs: number): boolean {
  const waitMs = nextTryMs - nowMs;
  return waitMs > 0 && waitMs <= backoffMs(failures);
}

function backoffMs(failures: number): number {
  return BACKOFF_MS[Math.min(failures, BACKOFF_MS.length) - 1] ?? 0;
}

/** Who tells. */
export interface Teller {
  /** The name of the machine. */
  collector: string;
  /** By which the collector's store is known, whatever its machine is called; null: it has none, or it could not be read. */
  store: string | null;
}

/** So much of a store's number tells it from any other. */
const STORE_CHARACTERS = 12;

/**
 * Two collectors may have a channel of one name, and count their rows each for itself; and a history that is begun anew counts from one
 * again: who tells, and the time of the first row, tell its notices from those.
 */
function idOf(channel: string, rows: readonly IncidentRow[], from: Teller | undefined): string {
  const [first, last] = [rows[0]?.sequence ?? 0, rows.at(-1)?.sequence ?? 0];
  const who = from === undefined ? [] : [from.store?.slice(0, STORE_CHARACTERS) ?? from.collector];
  const parts = [channel, ...who, Date.parse(rows[0]?.at ?? ""), Math.abs(first), Math.abs(last)];
  // It stands in a header field.
  return parts.join("-").replace(/[^A-Za-z0-9._-]/g, "_");
}

/** What began and ended while it was quiet nobody has to hear. */
function withoutPairs(mailbox: Mailbox): Mailbox {
  const both = new Set(pairsOf(mailbox.waiting).map(([key]) => key));
  return { ...mailbox, waiting: mailbox.waiting.filter((row) => !both.has(keyOf(row))) };
}

/** How a try has ended. `unsure`: it may have been taken all the same. */
export type Sent = "taken" | "refused" | "unsure";

/** The same, and what was in the way; null: nothing. Of what was taken: what is to be said all the same. */
export interface Outcome {
  sent: Sent;
  why: Finding | null;
}

/** @param why the try has failed, as it is kept */
export function settle(mailbox: Mailbox, sent: Sent, nowMs: number, why: Failure | null = null): Mailbox {
  const { notice, lastFailure: _, ...rest } = mailbox;
  if (sent === "taken") return { ...rest, notice: null, failures: 0, nextTryMs: 0 };
  const failures = mailbox.failures + 1;
  const nextTryMs = nowMs + backoffMs(failures);
  const tried = { ...rest, notice, failures, nextTryMs, ...(why !== null && { lastFailure: why }) };
  if (sent === "unsure" || notice === null || notice.isRetried) return tried;
  const dropped = (notice.dropped ?? 0) + (mailbox.dropped ?? 0);
  return {
    ...tried,
    ...{ notice: null, waiting: [...notice.rows, ...mailbox.waiting] },
    ...(dropped > 0 && { dropped }),
  };
}
