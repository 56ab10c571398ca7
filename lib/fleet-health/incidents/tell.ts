// Who is told that an incident fires, and why some are held back: told together with others, silenced by a person, or explained by
// another symptom of the same host. Pure.

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

/** A symptom that says why, and those of the same host that it makes no news. */
const EXPLAINS: ReadonlyMap<string, readonly string[]> = new Map([
  // What comes may be of either machine.
  ["duplicate-host", ["silent", "host-down", "heartbeat-late", "clock-skew", "check-failing"]],
  ["paused", ["silent", "fatal-only", "unstamped"]],
  ["host-down", ["silent", "heartbeat-late"]],
]);

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
  { host, symptom }: Incident,
  firing: ReadonlySet<string>,
  folded: ReadonlySet<string>,
  silences: readonly Silence[],
  nowMs: number,
): string | null {
  if (isSilenced(silences, host, symptom, nowMs)) return "silenced";
  if (host === MANY) return null;
  if (folded.has(keyOf({ host, symptom: fleetSymptom(symptom) }))) return fleetSymptom(symptom);
  return explanation(firing, host, symptom);
}

function firingOf(incidents: readonly Incident[]): Set<string> {
  return new Set(incidents.filter(({ phase }) => phase === "firing" || phase === "recovering").map(keyOf));
}

function explanation(firing: ReadonlySet<string>, host: string, symptom: string): string | null {
  for (const [why, explained] of EXPLAINS)
    if (explained.includes(symptom) && firing.has(keyOf({ host, symptom: why }))) return why;
  return null;
}

/** The symptom of a host that says why it has this one, too; null: none does. @param incidents of that host */
export function explainedBy(incidents: readonly Incident[], symptom: string): string | null {
  return explanation(firingOf(incidents), incidents[0]?.host ?? "", symptom);
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
