// A host that has a token and of whom no heartbeat came, ever or for long: what its row in the list says. It may be switched off,
// or be refused; only the second leaves a trace here. Pure.

import { isoWall } from "../core/clock.ts";
import { formatSeconds } from "../core/text/quantity.ts";
import { shellLine } from "../core/text/shell-quote.ts";
import { type HostSummary, unknownSummary } from "./view.ts";

/** How often a host was refused of late. Of refusals before it showed who it is anyone may be the sender. */
export interface RefusedTally {
  count: number;
  /** Of the newest. */
  reason: string;
  atMs: number;
}

/** What a host's heartbeats were refused for since one was taken. */
export interface RefusedBeat {
  count: number;
  /** Of the newest. */
  atMs: number;
  status: number;
  reason: string;
  detail: string;
}

/** What is known of its refusals; null: none. Where the rows cannot be read, where they are and why. */
export type RefusedOfLate = RefusedTally | { dir: string; code: string } | null;

/** What to do about a refusal, by its reason. */
const FIXES: Readonly<Record<string, (host: string) => string>> = {
  unauthorized: (host) => `sudo receiver token add ${host}, and put it into [receiver] bearer_token_file of ${host}`,
  "wrong-host": (host) => `give ${host} its own token and certificate: it sends another host's`,
  "tokens-unreadable": () => "make its token file readable for the receiver; this says more: sudo receiver token list",
};

/** The row of a host that was never heard of. */
export function neverSummary(host: string, refused: RefusedOfLate, beat: RefusedBeat | null = null): HostSummary {
  const tally = refused === null || "dir" in refused ? null : refused;
  return {
    ...unknownSummary(host),
    never: true,
    refused: isNewer(beat, tally) ? shown(beat) : tally && shown(tally),
    problem: isNewer(beat, tally) ? `no heartbeat has ever come; ${beatText(beat)}` : neverText(host, refused),
  };
}

/** Whether what this receiver itself refused says more: it is newer, and nobody else can have sent it. */
function isNewer(beat: RefusedBeat | null, tally: RefusedTally | null): beat is RefusedBeat {
  return beat !== null && (tally === null || beat.atMs >= tally.atMs);
}

/** What mends what a heartbeat was refused for; of what is not named here nothing but time. */
const BEAT_FIXES: Readonly<Record<string, string>> = {
  "disk-full": "make room on this collector's disk: sudo receiver status",
  "storage-failed": "see what this collector's disk has: sudo receiver status",
  internal: "see this receiver's log: sudo journalctl -u labfleet-receiver -n 50",
  malformed: "see on the host, whose release may not fit this one's: sudo heartbeat status",
};

function beatText({ count, status, reason, detail }: RefusedBeat): string {
  const which = count === 1 ? "it" : `${count}, the newest`;
  const fix = BEAT_FIXES[reason];
  return `this collector refused ${which} with ${status} (${reason}): ${detail}${fix === undefined ? "" : `; fix: ${fix}`}`;
}

function shown({ count, reason, atMs }: Pick<RefusedTally, "count" | "reason" | "atMs">): HostSummary["refused"] {
  return { count, reason, at: isoWall(atMs) };
}

/**
 * The row of a host that is silent: where it was refused since its last heartbeat that is why, and no look at the host would mend
 * it. Any other row is as it was.
 */
export function silentSummary<T extends HostSummary>(
  summary: T,
  refused: RefusedOfLate,
  nowMs: number,
  beat: RefusedBeat | null = null,
): T {
  const { host, stale, age_s, received_at_wall } = summary;
  // Where its file cannot be read that is what is wrong, and when it was last heard of nobody knows.
  if (!stale || age_s === null || received_at_wall === null) return summary;
  const isSince = (atMs: number): boolean => atMs > nowMs - age_s * 1000;
  const tally = refused === null || "dir" in refused || !isSince(refused.atMs) ? null : refused;
  const silence = `no heartbeat for ${formatSeconds(age_s)}`;
  if (isNewer(beat, tally) && isSince(beat.atMs))
    return { ...summary, refused: shown(beat), problem: `${silence}; ${beatText(beat)}` };
  // Of other reasons, such as an episode's, none keeps a heartbeat away.
  if (tally === null || FIXES[tally.reason] === undefined) return summary;
  return { ...summary, refused: shown(tally), problem: `${silence}; ${refusedText(host, tally)}` };
}

function refusedText(host: string, { count, reason }: RefusedTally): string {
  const fix = FIXES[reason]?.(host);
  const times = count === 1 ? "once" : `${count} times`;
  return `refused ${times} since yesterday, the newest ${reason}${fix === undefined ? "" : `; fix: ${fix}`}`;
}

/** Why nothing is known of a host, in one line. */
function neverText(host: string, refused: RefusedOfLate): string {
  if (refused === null)
    return "no heartbeat has ever come, and none was refused since yesterday; fix: see on the host: sudo heartbeat status";
  if ("dir" in refused)
    return `no heartbeat has ever come; whether any was refused is not known, since ${refused.dir} cannot be read: ${refused.code}; fix: ${unreadableFix(refused)}`;
  return `no heartbeat has ever come; ${refusedText(host, refused)}`;
}

/** To root all can be told; else it is no matter of rights, and this says what the matter is. */
function unreadableFix({ dir, code }: { dir: string; code: string }): string {
  return code === "EACCES" || code === "EPERM" ? "sudo receiver hosts" : shellLine(["sudo", "ls", "-la", dir]);
}
