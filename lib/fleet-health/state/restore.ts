// A state that was lost, as far as the history tells it: what was told and has not ended, so that its end is told, too. Pure.

import type { IncidentRow } from "../../contract/incident-row.ts";
import { type Incident, MANY } from "../incidents/incident.ts";
import { INCIDENT_POLICY } from "../incidents/policy.ts";
import { NO_WATCH } from "../incidents/watch.ts";
import { ANY_CHANNEL, emptyMailbox, isEnd, keyOf } from "../notify/mailbox.ts";
import { parseIso } from "../python/python-time.ts";
import type { State } from "./state.ts";

/** Of no file: the index is read anew. */
const NO_INDEX = {
  checkpoint: { device: -1, inode: -1, offset: 0, head: "", before: "" },
  seen: new Map(),
  sinceMicros: null,
};

/** @param rows the end of the history, the oldest first @returns null: it has none */
export function restoredState(rows: readonly IncidentRow[]): State | null {
  const last = rows.at(-1);
  if (last === undefined) return null;
  const standing = new Map<string, IncidentRow>();
  for (const row of rows) {
    if (row.told && row.change === "firing") standing.set(keyOf(row), row);
    else if (row.told && row.change === "growing" && standing.has(keyOf(row))) standing.set(keyOf(row), row);
    else if (isEnd(row)) standing.delete(keyOf(row));
  }
  return {
    index: NO_INDEX,
    past: new Map(),
    watch: { ...NO_WATCH, incidents: [...standing.values()].map(incidentOf) },
    mailboxes: [{ ...emptyMailbox(ANY_CHANNEL), open: [...standing.keys()] }],
    ...{ retired: [], sequence: last.sequence, rows: [] },
  };
}

function incidentOf({ host, hosts, symptom, cause, since, fired_at, at, what, fix }: IncidentRow): Incident {
  return {
    ...{ host, symptom, cause, what, fix, phase: "firing", pendingRuns: INCIDENT_POLICY.pendingRuns },
    ...{ sinceMs: msOf(since), firedMs: msOf(fired_at ?? at), isTold: true, heldBy: null, hasNoData: true },
    ...{ flappingMs: null, hosts: host === MANY ? [...hosts] : [] },
  };
}

function msOf(iso: string): number {
  return (parseIso(iso) ?? 0) / 1000;
}
