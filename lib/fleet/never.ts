// A host that has a token and of whom no heartbeat came, ever or for long: what its row in the list says. It may be switched off,
// or be refused; only the second leaves a trace here. Pure.

import { OPERATOR } from "../contract/names.ts";
import type { RefusedTally } from "../contract/refused-tally.ts";
import { isoWall } from "../core/clock.ts";
import { byCommands, type Finding, type Fix, here, inWords, onHost } from "../core/finding.ts";
import { giveToken } from "../core/linux/token-fix.ts";
import { ownValue } from "../core/text/own.ts";
import { formatSeconds } from "../core/text/quantity.ts";
import { type HostSummary, unknownSummary } from "./view.ts";

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

/** By host: those whose heartbeats the receiver itself refused of late. */
export type RefusedBeats = ReadonlyMap<string, RefusedBeat>;
export const NO_BEATS: RefusedBeats = new Map();

/** Hosts of whom a heartbeat may be missing. */
export interface Named {
  /** Those that have a token, or may have one. */
  withToken: readonly string[];
  /** Those that are known all the same, such as by what they shipped: none is missed of them, unless they were refused of late. */
  others: readonly string[];
}

/** Whether the list says nothing that refusals could add to. */
export function isComplete(hosts: readonly HostSummary[], { withToken, others }: Named): boolean {
  return missingOf(hosts, [...withToken, ...others]).length === 0 && !hosts.some(({ stale }) => stale);
}

function missingOf(hosts: readonly HostSummary[], withToken: readonly string[]): string[] {
  const seen = new Set(hosts.map(({ host }) => host));
  return withToken.filter((host) => host !== OPERATOR && !seen.has(host));
}

/** The list with the hosts of whom no heartbeat ever came, by name; it says of those that are silent whether they are refused. */
export function withNever(
  hosts: readonly HostSummary[],
  { withToken, others }: Named,
  refusedOf: (host: string) => RefusedOfLate,
  nowMs: number,
  beats: RefusedBeats = NO_BEATS,
): HostSummary[] {
  const refused = others.filter((host) => isTally(refusedOf(host)));
  const never = [...new Set(missingOf(hosts, [...withToken, ...refused]))].map((host) =>
    neverSummary(host, refusedOf(host), beats.get(host) ?? null),
  );
  const heard = hosts.map((summary) =>
    silentSummary(summary, refusedOf(summary.host), nowMs, beats.get(summary.host) ?? null),
  );
  return [...heard, ...never].sort((a, b) => (a.host < b.host ? -1 : 1));
}

function isTally(refused: RefusedOfLate): refused is RefusedTally {
  return refused !== null && !("dir" in refused);
}

/** What to do about a refusal, by its reason. */
const FIXES: Readonly<Record<string, (host: string) => Fix>> = {
  // Its configuration names the file: where it lies elsewhere, `shipper status` there has the same line with its own path.
  unauthorized: (host) =>
    giveToken(`make ${host} a token, paste it into the second command and end it with Ctrl-D`, host),
  "wrong-host": (host) => inWords(`give ${host} its own token and certificate: it sends another host's`),
  "tokens-unreadable": () => ({
    text: "make its token file readable for the receiver; this says more",
    commands: [here("sudo", "receiver", "token", "list")],
  }),
};

/** The row of a host that was never heard of. */
export function neverSummary(host: string, refused: RefusedOfLate, beat: RefusedBeat | null = null): HostSummary {
  const tally = isTally(refused) ? refused : null;
  return {
    ...unknownSummary(host),
    never: true,
    refused: isNewer(beat, tally) ? shown(beat) : tally && shown(tally),
    problem: isNewer(beat, tally) ? after("no heartbeat has ever come", ofBeat(beat)) : ofNever(host, refused),
  };
}

/** Whether what this receiver itself refused says more: it is newer, and nobody else can have sent it. */
function isNewer(beat: RefusedBeat | null, tally: RefusedTally | null): beat is RefusedBeat {
  return beat !== null && (tally === null || beat.atMs >= tally.atMs);
}

const HEARTBEAT_STATUS = [onHost("sudo", "heartbeat", "status")];

/** What mends what a heartbeat was refused for; of what is not named here nothing but time. */
const BEAT_FIXES: Readonly<Record<string, Fix>> = {
  "disk-full": { text: "make room on this collector's disk", commands: [here("sudo", "receiver", "status")] },
  "storage-failed": { text: "see what this collector's disk has", commands: [here("sudo", "receiver", "status")] },
  internal: {
    text: "see this receiver's log",
    commands: [here("sudo", "journalctl", "-u", "labfleet-receiver", "-n", "50")],
  },
  malformed: { text: "see what the host says: its release may not fit this one's", commands: HEARTBEAT_STATUS },
};

/** A finding behind what else is the case. */
function after(first: string, { what, fix }: Finding): Finding {
  return { what: `${first}; ${what}`, fix };
}

function ofBeat({ count, status, reason, detail }: RefusedBeat): Finding {
  const which = count === 1 ? "it" : `${count}, the newest`;
  const what = `this collector refused ${which} with ${status} (${reason}): ${detail}`;
  return { what, fix: ownValue(BEAT_FIXES, reason) ?? null };
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
  const tally = isTally(refused) && isSince(refused.atMs) ? refused : null;
  const silence = `no heartbeat for ${formatSeconds(age_s)}`;
  if (isNewer(beat, tally) && isSince(beat.atMs))
    return { ...summary, refused: shown(beat), problem: after(silence, ofBeat(beat)) };
  // Of other reasons, such as an episode's, none keeps a heartbeat away.
  if (tally === null || ownValue(FIXES, tally.reason) === undefined) return summary;
  return { ...summary, refused: shown(tally), problem: after(silence, ofTally(host, tally)) };
}

function ofTally(host: string, { count, reason, remote }: RefusedTally): Finding {
  const times = count === 1 ? "once" : `${count} times`;
  const what = `refused ${times} since yesterday, the newest ${reason}${remote === null ? "" : ` from ${remote}`}`;
  return { what, fix: ownValue(FIXES, reason)?.(host) ?? null };
}

/** Why nothing is known of a host. */
function ofNever(host: string, refused: RefusedOfLate): Finding {
  const never = "no heartbeat has ever come";
  if (refused === null)
    return {
      what: `${never}, and none was refused since yesterday`,
      fix: { text: "see what the host says", commands: HEARTBEAT_STATUS },
    };
  if (isTally(refused)) return after(never, ofTally(host, refused));
  const what = `whether any was refused is not known, since ${refused.dir} cannot be read: ${refused.code}`;
  return after(never, { what, fix: unreadableFix(refused) });
}

/** To root all can be told; else it is no matter of rights, and this says what the matter is. */
function unreadableFix({ dir, code }: { dir: string; code: string }): Fix {
  const isOfRights = code === "EACCES" || code === "EPERM";
  return byCommands(isOfRights ? here("sudo", "receiver", "hosts") : here("sudo", "ls", "-la", dir));
}
