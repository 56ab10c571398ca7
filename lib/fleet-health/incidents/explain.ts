// One symptom of a host may say why there is another, which is then no news. Pure.

import { type Incident, keyOf } from "./incident.ts";
import { EXPLAINS, graverCauses, isGraver } from "./policy.ts";

/** The keys of what says why: what fires, or did a moment ago, and of a check that it gets worse from the first. */
export function reasonsOf(incidents: readonly Incident[]): Set<string> {
  const says = ({ phase, symptom, cause }: Incident): boolean =>
    phase === "firing" || phase === "recovering" || (phase === "pending" && isGraver({ symptom, cause }));
  return new Set(incidents.filter(says).map(keyOf));
}

/** The symptom of the same host that explains this one, the same one of a check that is worse than this; null: none does. */
export function explainedBy(
  { host, symptom, cause }: Pick<Incident, "host" | "symptom" | "cause">,
  reasons: ReadonlySet<string>,
): string | null {
  for (const graver of graverCauses({ symptom, cause }))
    if (reasons.has(keyOf({ host, symptom, cause: graver }))) return symptom;
  for (const [why, explained] of EXPLAINS)
    if (explained.includes(symptom) && reasons.has(keyOf({ host, symptom: why, cause: "" }))) return why;
  return null;
}
