// A state that was lost, as far as the history tells it: what was told and has not ended, so that its end is told, too. Pure.

import type { IncidentRow } from "../../contract/incident-row.ts";
import { type Incident, MANY, keyOf as ofHost } from "../incidents/incident.ts";
import { fleetSymptom, INCIDENT_POLICY, isNewsByCause } from "../incidents/policy.ts";
import { NO_WATCH } from "../incidents/watch.ts";
import { REMEMBERED_SYMPTOMS, STAYING_SYMPTOMS } from "../judge/unsure.ts";
import { ANY_CHANNEL, emptyMailbox, isEnd, keyOf } from "../notify/mailbox.ts";
import { parseIso } from "../python/python-time.ts";
import type { State } from "./state.ts";

/** Of no file: the index is read anew. */
const NO_INDEX = {
  checkpoint: { device: -1, inode: -1, offset: 0, head: "", before: "" },
  seen: new Map(),
  sinceMicros: null,
};

/**
 * @param rows the end of the history, the oldest first
 * @param nowMs from when on what takes several runs to judge is watched anew
 * @returns null: it has none
 */
export function restoredState(rows: readonly IncidentRow[], nowMs: number): State | null {
  const last = rows.at(-1);
  if (last === undefined) return null;
  const standing = new Map<string, IncidentRow>();
  for (const row of rows) {
    if (row.told && row.change === "firing") standing.set(keyOf(row), row);
    else if (row.told && row.change === "growing" && standing.has(keyOf(row))) standing.set(keyOf(row), row);
    else if (isEnd(row)) standing.delete(keyOf(row));
  }
  const told = [...standing.values()].map((row) => incidentOf(row, nowMs));
  const over = new Set(
    [...new Map(rows.map((row) => [ofHost(row), row]))].flatMap(([key, row]) => (isEnd(row) ? key : [])),
  );
  const members = told.flatMap((one) => membersOf(one, nowMs)).filter((one) => !over.has(ofHost(one)));
  // One that was told by itself is that.
  const incidents = new Map([...members, ...told].map((one) => [one.host === MANY ? one : ofHost(one), one]));
  return {
    index: NO_INDEX,
    past: new Map(),
    watch: { ...NO_WATCH, incidents: [...incidents.values()] },
    mailboxes: [{ ...emptyMailbox(ANY_CHANNEL), open: [...standing.keys()] }],
    ...{ retired: [], sequence: last.sequence, rows: [] },
  };
}

/** Those who belong to an incident of many that no first run finds ill again: without them it would be over. */
function membersOf(many: Incident, nowMs: number): Incident[] {
  const symptom = STAYING_SYMPTOMS.find((one) => fleetSymptom(one) === many.symptom);
  if (many.host !== MANY || symptom === undefined) return [];
  const parts = { symptom, isTold: false, heldBy: many.symptom, hosts: [], restoredMs: nowMs };
  return many.hosts.map((host) => ({ ...many, ...parts, host }));
}

function incidentOf(row: IncidentRow, nowMs: number): Incident {
  const { host, hosts, symptom, cause, began, since, fired_at, at, what, fix } = row;
  const restored = REMEMBERED_SYMPTOMS.includes(symptom) ? { restoredMs: nowMs } : {};
  return {
    ...{ ...restored, ...(began !== undefined && { beganMs: msOf(began) }) },
    ...{ host, symptom, cause, what, fix, phase: "firing", pendingRuns: INCIDENT_POLICY.pendingRuns },
    ...{ sinceMs: msOf(since), firedMs: msOf(fired_at ?? at), isTold: true, heldBy: null, hasNoData: true },
    ...{ flappingMs: null, hosts: host === MANY ? [...hosts] : [] },
    ...(isNewsByCause(symptom) && { toldCauses: [cause] }),
  };
}

function msOf(iso: string): number {
  return (parseIso(iso) ?? 0) / 1000;
}
