// One symptom of a host may say why there is another, which is then no news. Pure.

import { type Incident, keyOf } from "./incident.ts";
import { EXPLAINS } from "./policy.ts";

/** The keys of what fires, or did a moment ago. */
export function firingOf(incidents: readonly Incident[]): Set<string> {
  return new Set(incidents.filter(({ phase }) => phase === "firing" || phase === "recovering").map(keyOf));
}

/** The symptom of the same host that explains this one; null: none does. */
export function explainedBy(
  { host, symptom }: Pick<Incident, "host" | "symptom">,
  firing: ReadonlySet<string>,
): string | null {
  for (const [why, explained] of EXPLAINS)
    if (explained.includes(symptom) && firing.has(keyOf({ host, symptom: why }))) return why;
  return null;
}
