// Many hosts that are refused for one reason, and of which none has got anything through since: a bad release, a list of commits that
// was not brought up to date. Nobody waits until each of them has been refused ten times. Pure.

import { INCIDENT_POLICY } from "../incidents/policy.ts";
import type { Facts } from "./facts.ts";
import { refusedFix } from "./remedies.ts";
import type { Limits, Told } from "./told.ts";

/** A host that was refused longer ago is no part of what happens now. */
const LATELY_MS = 2 * 3_600_000;

/** What each of them has, by host; none where they are too few. @param standing hosts that had it together in the run before */
export function refusedTogether(
  hosts: readonly Facts[],
  { coveredMs }: Limits,
  standing: ReadonlySet<string>,
): Map<string, Told> {
  const refused = hosts.flatMap(({ host, past: { failing } }) =>
    failing !== null && coveredMs(failing.lastMs) <= LATELY_MS ? [{ host, failing }] : [],
  );
  const groups = Map.groupBy(refused, ({ failing }) => failing.reason);
  const least = Math.max(INCIDENT_POLICY.foldHosts, Math.ceil(hosts.length * INCIDENT_POLICY.foldShare));
  return new Map(
    [...groups].flatMap(([reason, members]) => {
      // Once it has begun it is over for each of them when something gets through.
      const told = members.length >= least ? members : members.filter(({ host }) => standing.has(host));
      const what = `each of its uploads of late was refused as ${reason}`;
      const fix = refusedFix(reason);
      return told.map(({ host, failing }) => [host, { cause: reason, what, fix, signMs: failing.lastMs }] as const);
    }),
  );
}
