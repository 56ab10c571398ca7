// What a channel is told that is new, or was away: what stands, and was told while it was not there. Without it nobody there would hear of it, nor of its
// end. Pure: now is an argument.

import type { IncidentRow } from "../../contract/incident-row.ts";
import { rowOfEvent } from "../incidents/row.ts";
import type { Left } from "./alerts.ts";
import { keyOf } from "./mailbox.ts";

/**
 * @param open what it was told before it went
 * @returns what others hear in this run, behind the beginnings of all else that stands and was told in one before
 */
export function rowsForNewcomer({ rows, watch }: Left, nowMs: number, open: readonly string[] = []): IncidentRow[] {
  const begun = new Set([...open, ...rows.filter(({ change, told }) => told && change === "firing").map(keyOf)]);
  const told = watch.incidents.filter(({ isTold }) => isTold).toSorted((a, b) => a.sinceMs - b.sinceMs);
  const older = told
    .map((incident) => rowOfEvent({ atMs: nowMs, change: "firing", incident, isTold: true }))
    .filter((row) => !begun.has(keyOf(row)));
  return [
    // They stand in no history: their numbers are before all of it.
    ...older.map((row, i) => ({ ...row, sequence: i - older.length })),
    // Of many that have grown the beginning names all.
    ...rows.filter((row) => row.change !== "growing" || open.includes(keyOf(row))),
  ];
}
