// An event as a row of the history, and of a notice. Pure.

import type { IncidentRow } from "../../contract/incident-row.ts";
import { isoWall } from "../../core/clock.ts";
import type { Event } from "./incident.ts";

/** Its number comes last. */
export type Row = Omit<IncidentRow, "sequence">;

export function rowOfEvent({ atMs, change, incident, isTold, about }: Event): Row {
  const { host, hosts, symptom, cause, beganMs, sinceMs, firedMs, flappingMs } = incident;
  const { what, fix } = about ?? incident;
  return {
    ...{ at: isoWall(atMs), host, hosts, symptom, cause, change, told: isTold },
    ...{ since: isoWall(sinceMs), fired_at: firedMs === null ? null : isoWall(firedMs), what, fix },
    ...(beganMs !== undefined && { began: isoWall(beganMs) }),
    ...(flappingMs !== null && { flapping: true }),
    ...(about !== undefined && about.hosts.length > 0 && { of: about.hosts }),
  };
}
