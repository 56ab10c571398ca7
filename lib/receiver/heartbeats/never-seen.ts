// The list of hosts with those that have a token and were never heard of: for the wire and the command line alike.

import { errorCode } from "../../core/failure.ts";
import {
  isComplete,
  type Named,
  NO_BEATS,
  type RefusedBeats,
  type RefusedOfLate,
  silentSummary,
  withNever,
} from "../../fleet/never.ts";
import type { HostSummary } from "../../fleet/view.ts";
import type { RefusedHosts } from "../../os/files/refused-hosts.ts";

/** Adds the hosts of whom no heartbeat ever came, by name, and says of those that are silent whether they are refused. */
export async function withNeverSeen(
  hosts: readonly HostSummary[],
  named: Named,
  refused: RefusedHosts,
  nowMs: number,
  beats: RefusedBeats = NO_BEATS,
): Promise<HostSummary[]> {
  if (isComplete(hosts, named)) return [...hosts];
  return withNever(hosts, named, await refusedLookup(refused, nowMs), nowMs, beats);
}

/** The same of one host that was heard of. */
export async function withRefusal<T extends HostSummary>(
  view: T,
  refused: RefusedHosts,
  nowMs: number,
  beats: RefusedBeats = NO_BEATS,
): Promise<T> {
  if (!view.stale) return view;
  const lookUp = await refusedLookup(refused, nowMs);
  return silentSummary(view, lookUp(view.host), nowMs, beats.get(view.host) ?? null);
}

/** How often each host was refused of late; where nobody can tell, why: that is no reason to show no list. */
export async function refusedLookup(refused: RefusedHosts, nowMs: number): Promise<(host: string) => RefusedOfLate> {
  try {
    const tallies = await refused.look(nowMs);
    return (host) => tallies.get(host) ?? null;
  } catch (error) {
    const code = errorCode(error);
    if (code === null) throw error;
    const unreadable = { dir: refused.dir, code };
    return () => unreadable;
  }
}
