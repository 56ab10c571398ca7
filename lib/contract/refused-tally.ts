// How often each host was refused, and why the newest time, as the rows of attempts/ tell it. Pure; times are arguments.

import type { AttemptLine } from "./attempt-row.ts";

/** How often a host was refused of late. Of refusals before it showed who it is anyone may be the sender. */
export interface RefusedTally {
  count: number;
  /** Of the newest. */
  reason: string;
  atMs: number;
  /** The address that the newest came from; null: not known. */
  remote: string | null;
}

/** Hosts that are told apart; a fleet has fewer. */
const MOST_HOSTS = 20_000;

/** Counts a line of attempts/: those before anybody showed who it is, too, where they name a host. */
export function tallyRefusal(tallies: Map<string, RefusedTally>, line: AttemptLine): void {
  if (line.kind === "sum") {
    const { host_id, count, reason, to, remote } = line.sum;
    if (host_id !== null) addTally(tallies, host_id, { count, reason, atMs: timeOf(to), remote });
  } else if (line.row.status >= 400) {
    const { host_id, reason, at, remote } = line.row;
    addTally(tallies, host_id, { count: 1, reason, atMs: timeOf(at), remote: remote.replace(/:\d+$/, "") });
  }
}

/** Adds to what is known of a host: the newest reason stands for all. */
export function addTally(tallies: Map<string, RefusedTally>, host: string, { count, ...newest }: RefusedTally): void {
  const before = tallies.get(host);
  if (before === undefined && tallies.size >= MOST_HOSTS) return;
  const isNewer = before === undefined || newest.atMs >= before.atMs;
  tallies.set(host, { ...(isNewer ? newest : before), count: count + (before?.count ?? 0) });
}

function timeOf(text: string): number {
  const ms = Date.parse(text);
  return Number.isFinite(ms) ? ms : 0;
}
