// What a plugin has returned, made safe to send: bounded, of the right types, each with a name. A plugin may return
// anything at all; what is no observation is left out and said. Pure.

import { type CheckNotes, type PerfItem, type PerfRange, STATUSES } from "../core/heartbeat.ts";
import { type Observation, Tidied } from "./plugin.ts";

export const LIMITS = {
  /** Observations of one plugin in one collection. */
  observations: 500,
  /** Characters. */
  name: 128,
  message: 2000,
  longText: 16_000,
  label: 256,
  uom: 32,
  perfItems: 500,
};

/** @param value what `collect` returned; one that is tidy already keeps what is known of it */
export function tidy(value: unknown): { observations: Observation[]; problem: string | null } {
  if (!(value instanceof Tidied)) return tidyList(value);
  // Brought into form once more: in its thread the plugin's own code can put anything in its place.
  const { observations, problem } = tidyList(value.observations);
  return { observations, problem: value.problem ?? problem };
}

function tidyList(value: unknown): { observations: Observation[]; problem: string | null } {
  if (!Array.isArray(value)) return { observations: [], problem: `it returned ${kindOf(value)}, not a list` };
  if (value.length === 0) return { observations: [], problem: "it returned no observation" };
  const observations: Observation[] = [];
  const faults: string[] = [];
  for (const [index, entry] of value.slice(0, LIMITS.observations).entries()) {
    const found = observation(entry);
    if (typeof found === "string") faults.push(`${index + 1}: ${found}`);
    else observations.push(found);
  }
  const problems: string[] = [];
  const { length } = value;
  if (length > LIMITS.observations)
    problems.push(`it returned ${length} observations, and only the first ${LIMITS.observations} count`);
  if (faults.length > 0)
    problems.push(`${faults.length} of its observations cannot be used (${faults.slice(0, 3).join("; ")})`);
  return { observations, problem: problems.length === 0 ? null : problems.join("; ") };
}

function observation(value: unknown): Observation | string {
  if (!isRecord(value)) return `it is ${kindOf(value)}`;
  const status = STATUSES.find((name) => name === value.status);
  if (status === undefined) return `status must be one of ${STATUSES.join(", ")}, found ${kindOf(value.status)}`;
  if (typeof value.message !== "string") return `message must be a text, found ${kindOf(value.message)}`;
  const found: Observation = { status, message: cut(value.message, LIMITS.message) };
  if (typeof value.name === "string" && value.name !== "") found.name = cut(value.name, LIMITS.name);
  if (typeof value.long_text === "string") found.long_text = cut(value.long_text, LIMITS.longText);
  if (Array.isArray(value.perfdata)) {
    const items = value.perfdata.slice(0, LIMITS.perfItems).map(perfItem);
    found.perfdata = items.filter((item) => item !== null);
  }
  if (Array.isArray(value.perf_errors)) {
    const errors = value.perf_errors.slice(0, 20).filter((text) => typeof text === "string");
    found.perf_errors = errors.map((text) => cut(text, LIMITS.label));
  }
  return { ...found, ...timing(value), ...(isRecord(value.notes) ? { notes: notesOf(value.notes) } : {}) };
}

const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
/** A year. */
const LONGEST_S = 31_536_000;

function timing(value: Record<string, unknown>): Partial<Observation> {
  const found: Partial<Observation> = {};
  const { started_at, duration_ms, ttl_s, run } = value;
  // Exactly what the receiver takes: one odd value must not have the whole heartbeat refused.
  if (typeof started_at === "string" && ISO_TIME.test(started_at) && !Number.isNaN(Date.parse(started_at))) {
    found.started_at = started_at;
  }
  if (isCount(duration_ms)) found.duration_ms = Math.min(duration_ms, LONGEST_S * 1000);
  if (isCount(ttl_s) && ttl_s > 0) found.ttl_s = Math.min(ttl_s, LONGEST_S);
  if (isCount(run) && Number.isSafeInteger(run)) found.run = run;
  return found;
}

function perfItem(value: unknown): PerfItem | null {
  if (!isRecord(value) || typeof value.label !== "string") return null;
  return {
    label: cut(value.label, LIMITS.label),
    value: finite(value.value),
    uom: typeof value.uom === "string" ? cut(value.uom, LIMITS.uom) : "",
    warning: range(value.warning),
    critical: range(value.critical),
    min: finite(value.min),
    max: finite(value.max),
  };
}

function range(value: unknown): PerfRange | null {
  if (!isRecord(value)) return null;
  return { inside: value.inside === true, low: finite(value.low), high: finite(value.high) };
}

/** Those that are flags can only be true. */
const FLAGS = ["timed_out", "lossy", "unkillable", "pending"] as const;
const NUMBERS = ["exit_code", "signal", "truncated_bytes", "survivors_killed", "survivors_left", "overlaps"] as const;

function notesOf(value: Record<string, unknown>): CheckNotes {
  const notes: CheckNotes = {};
  for (const name of FLAGS) if (value[name] === true) notes[name] = true;
  for (const name of NUMBERS) {
    const number = finite(value[name]);
    if (number !== null) notes[name] = number;
  }
  if (typeof value.refresh_failed === "string") notes.refresh_failed = cut(value.refresh_failed, LIMITS.message);
  return notes;
}

/** At most so many characters, and well-formed: half a character pair could not be sent. */
function cut(text: string, most: number): string {
  return (text.length > most ? `${text.slice(0, most - 1)}…` : text).toWellFormed();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

function finite(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** What a value is, shown shortly. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return JSON.stringify(cut(value, 40));
  return typeof value === "object" ? "an object" : typeof value === "function" ? "a function" : String(value);
}
