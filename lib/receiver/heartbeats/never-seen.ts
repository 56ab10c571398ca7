// The list of hosts with those that have a token and were never heard of: for the wire and the command line alike.

import { OPERATOR } from "../../contract/names.ts";
import { errorCode } from "../../core/failure.ts";
import type { RefusedBeat } from "../../fleet/never.ts";
import { neverSummary, type RefusedOfLate, silentSummary } from "../../fleet/never.ts";
import type { HostSummary } from "../../fleet/view.ts";
import type { RefusedHosts } from "../refusals/refused-hosts.ts";

/** By host: those whose heartbeats this receiver itself refused of late. */
type Beats = ReadonlyMap<string, RefusedBeat>;
const NONE: Beats = new Map();

/**
 * Adds the hosts of whom no heartbeat ever came, by name, and says of those that are silent whether they are refused.
 * @param withToken hosts that have a token, or may have one
 */
export async function withNeverSeen(
  hosts: readonly HostSummary[],
  withToken: readonly string[],
  refused: RefusedHosts,
  nowMs: number,
  beats: Beats = NONE,
): Promise<HostSummary[]> {
  const seen = new Set(hosts.map(({ host }) => host));
  const missing = withToken.filter((host) => host !== OPERATOR && !seen.has(host));
  if (missing.length === 0 && !hosts.some(({ stale }) => stale)) return [...hosts];
  const lookUp = await refusedLookup(refused, nowMs);
  const never = missing.map((host) => neverSummary(host, lookUp(host), beats.get(host) ?? null));
  const heard = hosts.map((summary) =>
    silentSummary(summary, lookUp(summary.host), nowMs, beats.get(summary.host) ?? null),
  );
  return [...heard, ...never].sort((a, b) => (a.host < b.host ? -1 : 1));
}

/** The same of one host that was heard of. */
export async function withRefusal<T extends HostSummary>(
  view: T,
  refused: RefusedHosts,
  nowMs: number,
  beats: Beats = NONE,
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
