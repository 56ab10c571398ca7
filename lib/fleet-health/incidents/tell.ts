// Who is told that an incident fires, and why some are held back: told together with others, silenced by a person, or explained by
// another symptom of the same host. Pure.

import { explainedBy, firingOf } from "./explain.ts";
import { fleetSymptom } from "./fold.ts";
import { COLLECTOR, type Event, type Incident, keyOf, MANY } from "./incident.ts";

/** What a person does not want to hear of for some time. */
export interface Silence {
  host: string;
  /** Null: all of them. */
  symptom: string | null;
  fromMs: number;
  untilMs: number;
  reason: string;
}

/** What is told now: of those that fire and were not told yet all that nothing holds back. */
export function tell(
  incidents: readonly Incident[],
  silences: readonly Silence[],
  nowMs: number,
): { incidents: Incident[]; events: Event[] } {
  const firing = firingOf(incidents);
  const folded = new Set(
    incidents
      .filter(({ host }) => host === MANY)
      .flatMap(({ symptom, hosts }) => hosts.map((host) => keyOf({ host, symptom }))),
  );
  const events: Event[] = [];
  const told = incidents.map((incident): Incident => {
    if (incident.phase !== "firing" || incident.isTold) return incident;
    const heldBy = heldOf(incident, firing, folded, silences, nowMs);
    if (heldBy !== null) return { ...incident, heldBy };
    const now = { ...incident, isTold: true, heldBy };
    events.push({ atMs: nowMs, change: "firing", incident: now, isTold: true });
    return now;
  });
  return { incidents: told, events };
}

function heldOf(
  incident: Incident,
  firing: ReadonlySet<string>,
  folded: ReadonlySet<string>,
  silences: readonly Silence[],
  nowMs: number,
): string | null {
  const { host, symptom } = incident;
  if (isSilenced(silences, host, symptom, nowMs)) return "silenced";
  if (host === MANY) return null;
  if (folded.has(keyOf({ host, symptom: fleetSymptom(symptom) }))) return fleetSymptom(symptom);
  return explainedBy(incident, firing);
}

/** A silence of all is about each host, and about many, and not about the collector. */
function isAbout(silenced: string, host: string): boolean {
  return silenced === host || (silenced === MANY && host !== COLLECTOR);
}

export function isSilenced(silences: readonly Silence[], host: string, symptom: string, nowMs: number): boolean {
  return silences.some(
    (one) =>
      isAbout(one.host, host) &&
      (one.symptom === null || one.symptom === symptom) &&
      one.fromMs <= nowMs &&
      nowMs < one.untilMs,
  );
}
