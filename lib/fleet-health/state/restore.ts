// A state that was lost, as far as the history tells it: what was told and has not ended, so that its end is told, too. Pure.

import type { IncidentRow } from "../../contract/incident-row.ts";
import { isAhead } from "../../fleet/judge.ts";
import { type Incident, MANY, keyOf as ofHost } from "../incidents/incident.ts";
import { fleetSymptom, INCIDENT_POLICY, isByCause, isNewsByCause, sharedCause } from "../incidents/policy.ts";
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

/** Takes the rows of the history, the oldest first, and keeps what has not ended. */
export class Restoring {
  private readonly standing = new Map<string, IncidentRow>();
  private readonly causes = new Map<string, string[]>();
  /** Of each host's incidents the last row. */
  private readonly newest = new Map<string, IncidentRow>();
  private last: IncidentRow | null = null;

  take(row: IncidentRow): void {
    const { standing, causes } = this;
    const key = keyOf(row);
    const isTold = row.told && (row.change === "firing" || (row.change === "growing" && standing.has(key)));
    if (isTold) {
      standing.set(key, row);
      causes.set(key, [...(causes.get(key) ?? []), row.cause]);
    } else if (isEnd(row)) {
      standing.delete(key);
      causes.delete(key);
    }
    this.newest.set(ofHost(row), row);
    this.last = row;
  }

  /** The number that the history has come to; null: it has no row. */
  get sequence(): number | null {
    return this.last?.sequence ?? null;
  }

  /**
   * @param nowMs from when on what takes several runs to judge is watched anew
   * @returns null: the history has no row
   */
  state(nowMs: number): State | null {
    if (this.last === null) return null;
    // A run has written it: where that is yet to come, this clock was set back since.
    const lastMs = msOf(this.last.at);
    const told = [...this.standing].map(([key, row]) => incidentOf(row, nowMs, this.causes.get(key)));
    const newest = [...this.newest.values()];
    const members = told.flatMap((one) => membersOf(one, newest, nowMs));
    // One that was told by itself is that.
    const incidents = new Map([...members, ...told].map((one) => [one.host === MANY ? one : ofHost(one), one]));
    return {
      index: NO_INDEX,
      past: new Map(),
      watch: { ...NO_WATCH, incidents: [...incidents.values()], runsMs: isAhead(lastMs, nowMs) ? [lastMs] : [] },
      mailboxes: [{ ...emptyMailbox(ANY_CHANNEL), open: [...this.standing.keys()] }],
      ...{ setBacks: [], tick: null, retired: [], sequence: this.last.sequence, rows: [] },
    };
  }
}

/** The same of rows that are at hand. */
export function restoredState(rows: readonly IncidentRow[], nowMs: number): State | null {
  const restoring = new Restoring();
  for (const row of rows) restoring.take(row);
  return restoring.state(nowMs);
}

/**
 * Those who belong to an incident of many that no first run may find ill again: without them it would be over.
 * @param newest of each host's incidents the last row
 */
function membersOf(many: Incident, newest: readonly IncidentRow[], nowMs: number): Incident[] {
  const symptom = STAYING_SYMPTOMS.find((one) => fleetSymptom(one) === many.symptom);
  if (many.host !== MANY || symptom === undefined) return [];
  return many.hosts.flatMap((host) => {
    const own = newest.filter((row) => row.host === host && row.symptom === symptom);
    const same = isByCause(symptom) ? own.filter((row) => sharedCause(row) === many.cause) : own;
    // Of one that has no row any more the others' is all that is known.
    const known = same.length === 0 ? [{ ...many, symptom, host }] : same.filter((row) => !isEnd(row));
    const part = { symptom, host, isTold: false, heldBy: many.symptom, hosts: [], restoredMs: nowMs };
    return known.map(({ cause }) => ({ ...many, ...part, cause }));
  });
}

function incidentOf(row: IncidentRow, nowMs: number, causes: readonly string[] = []): Incident {
  const { host, hosts, symptom, cause, began, since, fired_at, at, what, fix } = row;
  const restored = host === MANY || REMEMBERED_SYMPTOMS.includes(symptom) ? { restoredMs: nowMs } : {};
  return {
    ...{ ...restored, ...(began !== undefined && { beganMs: msOf(began) }) },
    ...{ host, symptom, cause, what, fix, phase: "firing", pendingRuns: INCIDENT_POLICY.pendingRuns },
    ...{ sinceMs: msOf(since), firedMs: msOf(fired_at ?? at), isTold: true, heldBy: null, hasNoData: true },
    ...{ flappingMs: null, hosts: host === MANY ? [...hosts] : [] },
    ...(isNewsByCause(symptom) && { toldCauses: [...new Set(causes)] }),
  };
}

function msOf(iso: string): number {
  return (parseIso(iso) ?? 0) / 1000;
}
