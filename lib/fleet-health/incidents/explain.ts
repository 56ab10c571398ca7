// One symptom of a host may say why there is another, which is then no news. Pure.

import { type Incident, keyOf, MANY } from "./incident.ts";
import {
  EXPLAINS,
  fleetSymptom,
  graverCauses,
  INCIDENT_POLICY,
  isGraver,
  OF_THE_MOMENT,
  sharedCause,
  WAITS_FOR,
} from "./policy.ts";

const WAITED_FOR: ReadonlySet<string> = new Set([...WAITS_FOR.values()].flat());

/** What says why, by its key. */
export type Reasons = ReadonlyMap<string, Incident>;

/** What fires, or did a moment ago and was told, alone or with others, and from the first a check that gets worse and what is waited for. @param incidents of many, too */
export function reasonsOf(incidents: readonly Incident[]): Reasons {
  const many = new Set(incidents.flatMap(({ host, symptom, cause }) => (host === MANY ? `${symptom}|${cause}` : [])));
  const says = ({ phase, symptom, cause, isTold }: Incident): boolean => {
    const isTogether = many.has(`${fleetSymptom(symptom)}|${sharedCause({ symptom, cause })}`);
    if (phase === "recovering") return isTold || isTogether;
    return phase === "firing" || (phase === "pending" && (isGraver({ symptom, cause }) || WAITED_FOR.has(symptom)));
  };
  return new Map(incidents.filter(says).map((one) => [keyOf(one), one]));
}

/** The symptom of the same host that explains this one, the same one of a check that is worse than this; null: none does. */
export function explainedBy(
  { host, symptom, cause, phase }: Pick<Incident, "host" | "symptom" | "cause"> & { phase?: Incident["phase"] },
  reasons: Reasons,
): string | null {
  // What fires waits for what is worse no longer than for one run.
  const counts = (graver: Incident): boolean =>
    graver.phase !== "pending" || phase !== "firing" || graver.pendingRuns >= INCIDENT_POLICY.pendingRuns;
  for (const graver of graverCauses({ symptom, cause })) {
    const found = reasons.get(keyOf({ host, symptom, cause: graver }));
    if (found !== undefined && counts(found)) return symptom;
  }
  for (const [why, explained] of EXPLAINS) {
    const found = explained.includes(symptom) ? reasons.get(keyOf({ host, symptom: why, cause: "" })) : undefined;
    // What the collector could not take a while ago does not say why nothing comes now.
    const isPast = symptom === "silent" && found?.hasNoData === true && OF_THE_MOMENT.has(found.cause);
    if (found === undefined || isPast) continue;
    if (found.phase !== "pending" || WAITS_FOR.get(symptom)?.includes(why)) return why;
  }
  return null;
}
