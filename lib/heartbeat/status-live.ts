// The agent's own report on itself, as it lies in its run directory: what is in it, the line that systemd shows of it, and
// reading it back.

import { withNotes } from "../contract/check-notes.ts";
import type { CheckNotes, CheckStatus } from "../contract/observation.ts";
import { readSaid } from "../contract/said.ts";
import { findingText } from "../core/finding.ts";
import { clipFinding } from "../core/remedy-last.ts";
import { printable } from "../core/text/printable.ts";
import { counted } from "../core/text/quantity.ts";
import { type Check, hasFields, isFlag, isNumber, isText, listOf, orNull, parseShaped } from "../core/text/shape.ts";
import type { Agent } from "./agent.ts";
import { type Summary, summarise, summaryText } from "./decide.ts";

const SHOWN = 20;
const MESSAGE_CHARACTERS = 200;

/** A collection as a report shows it. */
export interface Collected extends Summary {
  at: string;
  uptime_s: number;
  sequence: number;
  /** The gravest that are not ok, at most 20, their messages cut short: the whole is in `latest.json`. */
  problems: { name: string; status: CheckStatus; message: string }[];
}

/**
 * Times in UTC by the host's clock; `uptime_s` beside them in seconds since boot, which no set clock moves: what ages are
 * counted from. Counts are since the start.
 */
export interface LiveStatus {
  pid: number;
  at: string;
  started_uptime_s: number;
  interval_s: number;
  collected: Collected | null;
  /** When the newest heartbeat arrived last. */
  arrived: { at: string; uptime_s: number } | null;
  waiting: number;
  /** Those of them that a power cut would cost. */
  waiting_in_memory: number;
  /** Why the disk takes none, and why some cannot be read. */
  disk_failure: string | null;
  unreadable: string | null;
  failing: { why: string; tries: number } | null;
  /** Until when the receiver has asked to be left alone, in seconds since boot. */
  told_uptime_s: number | null;
  refused: { count: number; why: string; lasts: boolean } | null;
  dropped: number;
  damaged: number;
  plugins_loaded: number;
  /** At most 20; `plugins_out_count` says how many there are. */
  plugins_out: { name: string; state: string; reason: string | null }[];
  plugins_out_count: number;
  /** What of the configuration was read by a reload and waits for a restart, as the file calls it. */
  restart_for: string[];
}

/**
 * The agent's view of itself at `wallMs`.
 * @param startedUptimeS when it started
 * @param restartFor what of the configuration waits for a restart
 */
export function liveStatus(
  agent: Agent,
  startedUptimeS: number,
  wallMs: number,
  restartFor: readonly string[] = [],
): LiveStatus {
  const { spool, settings, states } = agent.deps;
  const out = states().filter(({ state }) => state !== "loaded");
  const { sentAt, sentUptimeS } = agent;
  return {
    pid: process.pid,
    at: new Date(wallMs).toISOString(),
    started_uptime_s: startedUptimeS,
    interval_s: settings.current().intervalS,
    collected: collectedOf(agent),
    arrived: sentAt === null ? null : { at: sentAt.toISOString(), uptime_s: sentUptimeS ?? startedUptimeS },
    waiting: spool.size + agent.atHand,
    waiting_in_memory: spool.inMemory + agent.atHand,
    disk_failure: spool.failure && findingText(spool.failure),
    unreadable: spool.unreadable && findingText(spool.unreadable),
    failing: agent.failing && { ...agent.failing, why: findingText(agent.failing.why) },
    told_uptime_s: agent.toldUptimeS,
    refused: agent.refused && { ...agent.refused, why: findingText(agent.refused.why) },
    dropped: spool.dropped,
    damaged: spool.damaged,
    plugins_loaded: states().length - out.length,
    plugins_out: out.slice(0, SHOWN),
    plugins_out_count: out.length,
    restart_for: [...restartFor],
  };
}

const GRAVEST_FIRST: readonly CheckStatus[] = ["critical", "unknown", "warning"];

/** What a report says of the newest collection; null before the first. */
export function collectedOf({ latest }: Pick<Agent, "latest">): Collected | null {
  if (latest === null) return null;
  const { sent_at: at, uptime_s, sequence, results } = latest;
  const answered = results.filter(({ notes }) => notes?.pending !== true);
  const bad = GRAVEST_FIRST.flatMap((gravity) => answered.filter(({ status }) => status === gravity));
  // An ok that its check did not renew is the last thing that anybody would look at.
  const old = answered.filter(({ status, notes }) => status === "ok" && isNotRenewed(notes));
  return {
    at,
    uptime_s,
    sequence,
    ...summarise(results),
    problems: [...bad, ...old].slice(0, SHOWN).map(({ name, status, message, notes }) => {
      return {
        name,
        status,
        message: findingText(clipFinding(readSaid(withNotes(message, notes)), MESSAGE_CHARACTERS)),
      };
    }),
  };
}

function isNotRenewed(notes: CheckNotes | undefined): boolean {
  return notes?.refresh_failed !== undefined || (notes?.overlaps ?? 0) > 0;
}

/** One line for `systemctl status`. Pure. */
export function statusLine({ collected, waiting, waiting_in_memory, failing, refused }: LiveStatus): string {
  const parts = [collected === null ? "collecting for the first time" : summaryText(collected)];
  if (waiting > 0) parts.push(`${heartbeats(waiting)} to send${waiting_in_memory > 0 ? ", IN MEMORY ONLY" : ""}`);
  if (failing !== null) parts.push(`NOT SENT: ${failing.why}`);
  if (refused?.lasts === true) parts.push(`REFUSED: ${refused.why}`);
  return printable(parts.join(", "));
}

export function heartbeats(count: number): string {
  return counted(count, "heartbeat");
}

/** Reads a report; null for what is none, or of a version that reports other things. Pure. */
export function parseLive(text: string): LiveStatus | null {
  return parseShaped(text, isLive);
}

const COLLECTED_CHECKS: Readonly<Record<keyof Collected, Check>> = {
  at: isText,
  uptime_s: isNumber,
  sequence: isNumber,
  worst: isText,
  results: isNumber,
  not_ok: isNumber,
  pending: isNumber,
  problems: listOf(hasFields({ name: isText, status: isText, message: isText })),
};

const LIVE_CHECKS: Readonly<Record<keyof LiveStatus, Check>> = {
  pid: isNumber,
  at: isText,
  started_uptime_s: isNumber,
  interval_s: isNumber,
  collected: orNull(hasFields(COLLECTED_CHECKS)),
  arrived: orNull(hasFields({ at: isText, uptime_s: isNumber })),
  waiting: isNumber,
  waiting_in_memory: isNumber,
  disk_failure: orNull(isText),
  unreadable: orNull(isText),
  failing: orNull(hasFields({ why: isText, tries: isNumber })),
  told_uptime_s: orNull(isNumber),
  refused: orNull(hasFields({ count: isNumber, why: isText, lasts: isFlag })),
  dropped: isNumber,
  damaged: isNumber,
  plugins_loaded: isNumber,
  plugins_out: listOf(hasFields({ name: isText, state: isText, reason: orNull(isText) })),
  plugins_out_count: isNumber,
  restart_for: listOf(isText),
};

function isLive(value: unknown): value is LiveStatus {
  return hasFields(LIVE_CHECKS)(value);
}
