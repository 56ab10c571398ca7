// Who is told that an incident fires, and why some are held back: told together with others, silenced by a person, or explained by
// another symptom of the same host. Pure.

import { explainedBy, firingOf } from "./explain.ts";
import { fleetSymptom } from "./fold.ts";
import { type Event, type Incident, keyOf, MANY } from "./incident.ts";
import { isSilenced, type Silence } from "./silence.ts";

/** What is told now: of those that fire and were not told yet all that nothing holds back. */
export function tell(
  incidents: readonly Incident[],
  silences: readonly Silence[],
  nowMs: number,
): { incidents: Incident[]; events: Event[] } {
  const firing = firingOf(incidents);
  const folded = new Map(
    incidents
      .filter(({ host }) => host === MANY)
      .flatMap(({ symptom, hosts, parts = [] }) => hosts.map((host) => [keyOf({ host, symptom }), parts] as const)),
  );
  const events: Event[] = [];
  const told = incidents.map((incident): Incident => {
    const { phase, isTold, parts = [] } = incident;
    // Of one that was taken from the history what stands first was told.
    const toldParts = incident.toldParts ?? (isTold ? parts : []);
    // More is wrong by now than somebody was told: another check, another cause.
    const isMore = isTold && parts.some((part) => !toldParts.includes(part));
    if (isTold && !isMore) return parts.length === 0 ? incident : { ...incident, toldParts };
    if (phase !== "firing") return incident;
    const heldBy = heldOf(incident, firing, folded, silences, nowMs);
    if (heldBy !== null) return isTold ? incident : { ...incident, heldBy };
    const hosts = isTold ? incident.hosts : stillIll(incident, incidents);
    const now = { ...incident, hosts, isTold: true, heldBy, toldParts: [...new Set([...toldParts, ...parts])] };
    events.push({ atMs: nowMs, change: isMore ? "growing" : "firing", incident: now, isTold: true });
    return now;
  });
  return { incidents: told, events };
}

/** Who of many is ill when they are told of: some may have become well while that was held back. */
function stillIll({ host: of, symptom, hosts }: Incident, incidents: readonly Incident[]): string[] {
  if (of !== MANY) return hosts;
  const ill = incidents.filter(
    (one) => one.host !== MANY && fleetSymptom(one.symptom) === symptom && one.phase !== "steady",
  );
  const names = new Set(ill.map(({ host }) => host));
  return hosts.filter((host) => names.has(host));
}

function heldOf(
  incident: Incident,
  firing: ReadonlySet<string>,
  folded: ReadonlyMap<string, readonly string[]>,
  silences: readonly Silence[],
  nowMs: number,
): string | null {
  const { host, symptom, parts = [] } = incident;
  if (isSilenced(silences, host, symptom, nowMs)) return "silenced";
  if (host === MANY) return null;
  // What is wrong with this host alone is not told with the others.
  const ofMany = folded.get(keyOf({ host, symptom: fleetSymptom(symptom) }));
  if (ofMany !== undefined && parts.every((part) => ofMany.includes(part))) return fleetSymptom(symptom);
  return explainedBy(incident, firing);
}
