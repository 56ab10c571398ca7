// Rows of fleet-health/incidents.jsonl: how each incident of the fleet came and went. Written by the health check, read by whoever shows
// what was. Pure.

import {
  type Check,
  type ChecksOf,
  hasFields,
  isFlag,
  isNumber,
  isText,
  leftOutOr,
  orNull,
  parseShaped,
} from "../core/text/shape.ts";

export interface IncidentRow {
  /** Counts the rows; none is left out, and none comes twice. */
  sequence: number;
  at: string;
  /** `*`: of many hosts, which `hosts` names. */
  host: string;
  hosts: readonly string[];
  symptom: string;
  cause: string;
  /** `pending`, `firing`, `growing` (more hosts, another cause), `recovering`, `recovered`, `forgotten` (it was only pending), `retired`, `expired`, `returned`. */
  change: string;
  /** Whether this was told to anybody. */
  told: boolean;
  /** When it was first seen. */
  since: string;
  /** When it began to fire; null: it has not. */
  fired_at: string | null;
  what: string;
  fix: string | null;
  /** Since when it is so, which was seen later; left out: not known. */
  began?: string;
  /** It comes and goes, and is over when nothing has changed for two hours; left out: it does not. */
  flapping?: boolean;
  /** Of many that grow: those of `hosts` of whom that is told; left out: all of them. */
  of?: readonly string[];
}

const isHosts: Check = (value) => Array.isArray(value) && value.every(isText);
const hasShape = hasFields({
  sequence: isNumber,
  at: isText,
  host: isText,
  hosts: isHosts,
  symptom: isText,
  cause: isText,
  change: isText,
  told: isFlag,
  since: isText,
  fired_at: orNull(isText),
  what: isText,
  fix: orNull(isText),
  began: leftOutOr(isText),
  flapping: leftOutOr(isFlag),
  of: leftOutOr(isHosts),
} satisfies ChecksOf<IncidentRow>);

export const isIncidentRow = (value: unknown): value is IncidentRow => hasShape(value);

/** A row as its line, without the line break. */
export function formatIncident(row: IncidentRow): string {
  return JSON.stringify(row);
}

/** Null: it is none, or torn. */
export function parseIncident(line: string): IncidentRow | null {
  return parseShaped(line, isIncidentRow);
}
