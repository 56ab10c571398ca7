// What may be removed, when, and what has to be proved first? (docs/protocol.md, “What is removed”.) Pure. Ages of what a
// person should see before it goes count receiver days, so that no clock of this host has to be right.

import { parseReprDigest } from "../../contract/digest.ts";
import { ASK_HEADER, REASON_HEADER } from "../../contract/judgement.ts";
import type { Receipted, Rejection } from "../episode/notes.ts";
import type { AnswerHeaders } from "../trust/trust.ts";
import { receiverIdOf } from "../trust/trust.ts";

const DAY_MS = 86_400_000;
/** Two hosts' clocks may differ by so much without either being wrong, milliseconds. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;
/** So many receiver days before it is removed a refused episode is announced in a heartbeat that arrived. */
const ANNOUNCED_DAYS = 7;

export type ClockCheck = { trusted: true } | { trusted: false; why: string };

/**
 * Whether ages may be reckoned by this host's clock: only within a day after the newest receipt, which carries the
 * receiver's. It matters only for notes that carry no receiver day.
 */
export function checkClock(nowMs: number, newestReceiptMs: number | null): ClockCheck {
  if (newestReceiptMs === null) return { trusted: false, why: "there is no receipt yet to check this host's clock by" };
  const newest = new Date(newestReceiptMs).toISOString();
  const now = new Date(nowMs).toISOString();
  if (nowMs < newestReceiptMs - CLOCK_TOLERANCE_MS) {
    return { trusted: false, why: `this host's clock (${now}) is behind the newest receipt (${newest})` };
  }
  if (nowMs > newestReceiptMs + DAY_MS) {
    const why = `this host's clock (${now}) is more than a day after the newest receipt (${newest})`;
    return { trusted: false, why };
  }
  return { trusted: true };
}

export interface KeepRules {
  /** `[retention] keep_local_for_days`, or `quarantine_keep_days`; 0 keeps everything. */
  keepDays: number;
  /** `[retention] prune_unverified`: what a Python receiver took or refused goes by age, too. */
  pruneUnverified: boolean;
}

export interface Today {
  /** The receiver day. */
  day: number;
  /** This host's clock, milliseconds since 1970. */
  nowMs: number;
  clock: ClockCheck;
}

/** Whether a shipped episode is old enough to go. It goes only when the receiver confirms it; a Python receiver cannot. */
export function isShippedOld(kept: Receipted, { keepDays, pruneUnverified }: KeepRules, today: Today): boolean {
  if (keepDays === 0 || (!kept.isVerified && !pruneUnverified)) return false;
  if (kept.day !== null && kept.isVerified) return today.day - kept.day > keepDays;
  return today.clock.trusted && today.nowMs - kept.atMs > keepDays * DAY_MS;
}

/** Acknowledged episodes in the order in which they go when the disk is low: oldest first. */
export function lowDiskOrder(shipped: readonly Receipted[]): Receipted[] {
  return shipped.filter(({ isVerified }) => isVerified).sort((a, b) => a.atMs - b.atMs);
}

/**
 * `confirmed`: the pinned receiver has the very archive; `missing`: it says that it has none; `damaged`: it does not vouch for its copy;
 * `being-read`: it reads its copy before it says so; `unknown`: anything else. But for the first two the episode stays.
 */
export type HeadSays = "confirmed" | "missing" | "damaged" | "being-read" | "unknown";

/** What a HEAD, asked with the word `ask`, says of a shipped episode. */
export function classifyHead(
  { status, headers }: { status: number; headers: AnswerHeaders },
  kept: Pick<Receipted, "sha256" | "bytes">,
  pinned: string | null,
  ask: string,
): HeadSays {
  if (pinned === null || receiverIdOf(headers) !== pinned) return "unknown";
  if (status === 404) return "missing";
  if (status === 503) return unconfirmed(headers[REASON_HEADER.toLowerCase()] ?? "damaged");
  if (status !== 200 || kept.sha256 === null) return "unknown";
  // A cache tells what was true once.
  if (headers[ASK_HEADER.toLowerCase()] !== ask) return "unknown";
  const isSame = parseReprDigest(headers["repr-digest"] ?? "") === kept.sha256;
  const isWhole = kept.bytes === null || headers["content-length"] === String(kept.bytes);
  return isSame && isWhole ? "confirmed" : "unknown";
}

/** A 503 of the pinned receiver. One of an older release, or one that lost its headers, has no reason: it was sent for damage alone. */
function unconfirmed(reason: string): HeadSays {
  return reason === "damaged" || reason === "being-read" ? reason : "unknown";
}

/** Refusals that may pass: the receiver is asked daily whether they still hold. */
const MAY_PASS: readonly string[] = ["commit-not-accepted", "too-large"];

/** Whether the receiver is asked again about a refused episode. */
export function isAskedDaily({ reason, sent }: Rejection): boolean {
  return MAY_PASS.includes(reason) && sent !== null;
}

/** What came in after it was shipped would only be refused as a conflict. */
const LATE = "changed-after-shipping";

/**
 * Whether a rejection of an older release has to be made anew by today's rules: then the episode goes back to the queue. Older
 * releases took any box's 4xx for a receiver's word, and read markers in another way; a Python receiver's refusals stay.
 */
export function isOursNow({ rules, reason }: Rejection, kind: "labfleet" | "python"): boolean {
  return rules === 1 && kind === "labfleet" && ![...MAY_PASS, LATE].includes(reason);
}

/** Whether a note of shipped/ proves nothing: an older release took any box's 409 for "the receiver has it". */
export function isUnproved({ isVerified, day }: Receipted, kind: "labfleet" | "python"): boolean {
  return kind === "labfleet" && !isVerified && day === null;
}

/** What a Python receiver refuses for good. */
const PYTHONS: readonly string[] = ["status-400", "status-412"];

/** Whether what a Python receiver refused goes by its age, as it did before there was any other receiver. */
export function isRefusedOld(refused: Rejection, { keepDays, pruneUnverified }: KeepRules, today: Today): boolean {
  const { reason, judgedBy, atMs } = refused;
  if (keepDays === 0 || !pruneUnverified || judgedBy !== null || !PYTHONS.includes(reason)) return false;
  return today.clock.trusted && atMs !== null && today.nowMs - atMs > keepDays * DAY_MS;
}

/** What is known of a refused episode on the day on which it might go. */
export interface LastCall {
  /** `[retention] quarantine_keep_days`; 0: never. */
  keepDays: number;
  day: number;
  /** The receiver day of the heartbeat that announced it and arrived; null: none did. */
  announcedDay: number | null;
  /** The pinned receiver refused it again, today. */
  refusedToday: boolean;
  /** The stamp that was refused today. */
  stamp: string | null;
  /** This host's own commit. */
  hostCommit: string | null;
}

/** Whether a refused episode is so old that it is announced: it goes before long. */
export function isExpiring(rejection: Rejection, keepDays: number, day: number): boolean {
  if (keepDays === 0 || rejection.reason !== "commit-not-accepted") return false;
  if (rejection.judgedBy === null || rejection.refusedDay === null) return false;
  return day - rejection.refusedDay >= Math.max(0, keepDays - ANNOUNCED_DAYS);
}

/** Why a refused episode stays; null: it may go. */
export function whyKept(rejection: Rejection, call: LastCall): string | null {
  if (!isExpiring(rejection, call.keepDays, call.day)) return "it is not to be removed";
  if (call.day - (rejection.refusedDay ?? call.day) <= call.keepDays) return "it is not old enough";
  if (call.announcedDay === null) return "no heartbeat that arrived has announced it";
  if (call.day - call.announcedDay < ANNOUNCED_DAYS) return "it was announced less than a week ago";
  if (!call.refusedToday) return "the receiver did not refuse it again today";
  // What runs here now would be refused all the same: the window is wrong, and not the episode.
  if (call.stamp === null || call.stamp === call.hostCommit) return "the refused commit is this host's own";
  return null;
}
