// What waits for each channel. A beginning that was told to a channel gets one end there, and an end without one is not told. A notice
// that may have been taken is sent again as it was, under its id; one that was refused is put together anew. Pure: now is an argument.

import type { IncidentRow } from "../../contract/incident-row.ts";
import type { Finding } from "../../core/finding.ts";
import { MANY } from "../incidents/incident.ts";
import { type Channel, isQuiet, wants } from "./channel.ts";

export interface Mailbox {
  channel: string;
  /** Not in a notice yet. */
  waiting: readonly IncidentRow[];
  /** Being sent, or nobody knows whether it was taken; null: nothing is. */
  notice: Notice | null;
  /** Failures in a row, and when the next try may be, milliseconds since 1970. */
  failures: number;
  nextTryMs: number;
  /** Incidents whose beginning is among the above, or was told; of an Alertmanager what it may have been given (alerts.ts). */
  open: readonly string[];
}

export interface Notice {
  /** The same for each try. */
  id: string;
  /** It was tried before, and may have been taken then: a kill may have come before that was marked. */
  isRetried: boolean;
  rows: readonly IncidentRow[];
}

const BEGINS = "firing";
const ENDS: ReadonlySet<string> = new Set(["recovered", "retired", "expired"]);
/** Waits after the 1st, 2nd, … failure, milliseconds; the last one stays. A run is every five minutes. */
const BACKOFF_MS = [0, 5, 10, 20, 40, 60].map((minutes) => minutes * 60_000);
/** More than this waits for nobody: the oldest go. */
const WAITING_MAX = 1000;

/** Whether it says that an incident is over. */
export function isEnd({ change }: Pick<IncidentRow, "change">): boolean {
  return ENDS.has(change);
}

export function emptyMailbox(channel: string): Mailbox {
  return { channel, waiting: [], notice: null, failures: 0, nextTryMs: 0, open: [] };
}

/** A mailbox of no channel: of one that has none of its own, as where the state was lost, this is what it was told. */
export const ANY_CHANNEL = "*";

/** Puts in what a channel wants to hear. */
export function put(mailbox: Mailbox, channel: Channel, rows: readonly IncidentRow[]): Mailbox {
  const open = new Set(mailbox.open);
  const fresh = rows.filter((row) => {
    if (!row.told || !wants(channel, row)) return false;
    if (row.change === BEGINS) open.add(keyOf(row));
    if (row.change === "growing") return open.has(keyOf(row));
    return isEnd(row) ? open.delete(keyOf(row)) : true;
  });
  const all = [...mailbox.waiting, ...fresh];
  // A beginning that nobody will hear of any more has no end, either.
  for (const row of all.slice(0, -WAITING_MAX)) if (row.change === BEGINS) open.delete(keyOf(row));
  return { ...mailbox, waiting: all.slice(-WAITING_MAX), open: [...open] };
}

/** One incident of a host and symptom is told from the next by when it was first seen; of two of many the cause differs, and stays. */
export function keyOf({ host, symptom, cause, since }: IncidentRow): string {
  return `${host}|${symptom}|${since}${host === MANY ? `|${cause}` : ""}`;
}

/**
 * What is to be sent now, and the mailbox that is to be kept before it is: after a kill the same notice goes out again.
 * @returns `notice` null: nothing is, or not yet; `isDue`: something should be, and has to wait for its next try
 */
export function take(
  mailbox: Mailbox,
  { quiet }: Pick<Channel, "quiet">,
  nowMs: number,
): { mailbox: Mailbox; notice: Notice | null; isDue: boolean } {
  if (isQuiet(quiet, nowMs)) return { mailbox: withoutPairs(mailbox), notice: null, isDue: false };
  const { waiting, notice } = mailbox;
  if (notice === null && waiting.length === 0) return { mailbox, notice: null, isDue: false };
  if (nowMs < mailbox.nextTryMs) return { mailbox, notice: null, isDue: true };
  const fresh = { id: idOf(mailbox.channel, waiting), isRetried: false, rows: waiting };
  const next = notice === null ? fresh : { ...notice, isRetried: true };
  return { mailbox: { ...mailbox, notice: next, waiting: notice === null ? [] : waiting }, notice: next, isDue: true };
}

function idOf(channel: string, rows: readonly IncidentRow[]): string {
  return `${channel}-${rows[0]?.sequence ?? 0}-${rows.at(-1)?.sequence ?? 0}`;
}

/** What began and ended while it was quiet nobody has to hear. */
function withoutPairs(mailbox: Mailbox): Mailbox {
  const ended = new Set(mailbox.waiting.filter(isEnd).map(keyOf));
  const both = new Set(mailbox.waiting.filter((row) => row.change === BEGINS && ended.has(keyOf(row))).map(keyOf));
  return { ...mailbox, waiting: mailbox.waiting.filter((row) => !both.has(keyOf(row))) };
}

/** How a try has ended. `unsure`: it may have been taken all the same. */
export type Sent = "taken" | "refused" | "unsure";

/** The same, and what was in the way; null: nothing. Of what was taken: what is to be said all the same. */
export interface Outcome {
  sent: Sent;
  why: Finding | null;
}

export function settle(mailbox: Mailbox, sent: Sent, nowMs: number): Mailbox {
  if (sent === "taken") return { ...mailbox, notice: null, failures: 0, nextTryMs: 0 };
  const failures = mailbox.failures + 1;
  const tried = {
    ...mailbox,
    failures,
    nextTryMs: nowMs + (BACKOFF_MS[Math.min(failures, BACKOFF_MS.length) - 1] ?? 0),
  };
  if (sent === "unsure" || mailbox.notice?.isRetried === true) return tried;
  return { ...tried, notice: null, waiting: [...(mailbox.notice?.rows ?? []), ...mailbox.waiting] };
}
