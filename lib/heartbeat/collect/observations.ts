// What a plugin has returned, made safe to send: bounded, of the right types, each with a name. A plugin may return
// anything at all; what is no observation is left out and said. Pure.

import { type CheckNotes, type PerfItem, type PerfRange, STATUSES } from "../../contract/observation.ts";
import { formatPerfdata } from "../../contract/perfdata.ts";
import { findingText } from "../../core/finding.ts";
import { type Observation, type Seen, Tidied } from "../plugin.ts";

export const LIMITS = {
  /** Observations of one plugin in one collection. */
  observations: 500,
  /** The same of a `ConfiguredList`: of the smallest results hardly more go into a heartbeat of 1 MiB. */
  configured: 4000,
  /** Characters. */
  name: 128,
  message: 2000,
  /** As much as is kept of what a check prints. */
  longText: 65_536,
  label: 256,
  uom: 32,
  perfItems: 2000,
  perfErrors: 20,
  /** Items that are looked at to count what is left out: a list may be as long as memory allows. */
  counted: 20_000,
  /**
   * Long texts of one answer, and its performance data, characters of each: twice what a heartbeat carries, so that what
   * does not go in here could not be sent anyway. What is small always goes in.
   */
  answer: 2 * 1024 * 1024,
  small: 512,
};

/**
 * An answer that is as long as the configuration says. Only for built-in plugins: what comes out of a thread is an ordinary
 * list, whatever it was there.
 */
export class ConfiguredList extends Array<Observation> {}

/**
 * @param value what `collect` returned; one that is tidy already keeps what is known of it
 * @param isOurs a built-in plugin gave it: what mends a thing is beside its message (`Seen`)
 */
export function tidy(value: unknown, isOurs = false): { observations: Observation[]; problem: string | null } {
  if (!(value instanceof Tidied)) return tidyList(value, isOurs);
  // Brought into form once more: in its thread the plugin's own code can put anything in its place.
  const { observations, problem } = tidyList(value.observations, false);
  return { observations, problem: value.problem ?? problem };
}

/** A message as it is sent: with what mends it at its end. */
export function saidBy({ message, fix = null }: Pick<Seen, "message" | "fix">): string {
  return findingText({ what: message, fix });
}

function tidyList(value: unknown, isOurs: boolean): { observations: Observation[]; problem: string | null } {
  if (!Array.isArray(value)) return { observations: [], problem: `it returned ${kindOf(value)}, not a list` };
  if (value.length === 0) return { observations: [], problem: "it returned no observation" };
  const most = value instanceof ConfiguredList ? LIMITS.configured : LIMITS.observations;
  const room: Room = { longText: LIMITS.answer, perfdata: LIMITS.answer };
  const observations: Observation[] = [];
  const faults: string[] = [];
  for (const [index, entry] of value.slice(0, most).entries()) {
    const found = observation(entry, room, isOurs);
    if (typeof found === "string") faults.push(`${index + 1}: ${found}`);
    else observations.push(found);
  }
  const problems: string[] = [];
  const { length } = value;
  if (length > most) problems.push(`it returned ${length} observations, and only the first ${most} count`);
  if (faults.length > 0)
    problems.push(`${faults.length} of its observations cannot be used (${faults.slice(0, 3).join("; ")})`);
  return { observations, problem: problems.length === 0 ? null : problems.join("; ") };
}

/** What an answer may still hold, characters. */
interface Room {
  longText: number;
  perfdata: number;
}

/** What was left out of an observation, bytes of UTF-8. */
interface Lost {
  bytes: number;
}

function observation(value: unknown, room: Room, isOurs: boolean): Observation | string {
  if (!isRecord(value)) return `it is ${kindOf(value)}`;
  const status = STATUSES.find((name) => name === value.status);
  if (status === undefined) return `status must be one of ${STATUSES.join(", ")}, found ${kindOf(value.status)}`;
  if (typeof value.message !== "string") return `message must be a text, found ${kindOf(value.message)}`;
  const lost: Lost = { bytes: 0 };
  const message = isOurs ? saidBy(value as unknown as Seen) : value.message;
  const found: Observation = { status, message: cut(message, LIMITS.message, lost) };
  if (typeof value.name === "string" && value.name !== "") found.name = cut(value.name, LIMITS.name, lost);
  if (typeof value.long_text === "string") {
    const text = cut(value.long_text, LIMITS.longText, lost);
    if (takes(room, "longText", text.length)) found.long_text = text;
    else lost.bytes += Buffer.byteLength(text);
  }
  if (Array.isArray(value.perfdata)) found.perfdata = perfItems(value.perfdata, room, lost);
  if (Array.isArray(value.perf_errors)) found.perf_errors = perfErrors(value.perf_errors, lost);
  const notes = isRecord(value.notes) ? notesOf(value.notes) : {};
  if (lost.bytes > 0) notes.truncated_bytes = (notes.truncated_bytes ?? 0) + lost.bytes;
  return { ...found, ...timing(value), ...(isRecord(value.notes) || lost.bytes > 0 ? { notes } : {}) };
}

function takes(room: Room, kind: keyof Room, size: number): boolean {
  if (size > LIMITS.small && size > room[kind]) return false;
  room[kind] -= size;
  return true;
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

/** The least that an item takes in a heartbeat beside its texts, and in a check's output: `a=1 `. */
const ITEM_SIZE = 80;
const ITEM_BYTES = 4;

function perfItems(list: readonly unknown[], room: Room, lost: Lost): PerfItem[] {
  const read = (from: number, to: number): PerfItem[] =>
    list
      .slice(from, to)
      .map((item) => perfItem(item, lost))
      .filter((item) => item !== null);
  const items = read(0, LIMITS.perfItems);
  const rest = read(LIMITS.perfItems, LIMITS.counted);
  lost.bytes += printedBytes(rest) + ITEM_BYTES * Math.max(0, list.length - LIMITS.counted);
  const size = items.reduce((sum, { label, uom }) => sum + ITEM_SIZE + label.length + uom.length, 0);
  if (takes(room, "perfdata", size)) return items;
  lost.bytes += printedBytes(items);
  return [];
}

/** As a check prints them, each with the blank that sets it off. */
function printedBytes(items: readonly PerfItem[]): number {
  return items.length === 0 ? 0 : Buffer.byteLength(formatPerfdata(items)) + 1;
}

/** The last one says how many are left out. */
function perfErrors(list: readonly unknown[], lost: Lost): string[] {
  const texts = list.slice(0, LIMITS.counted).filter((text) => typeof text === "string");
  const beyond = Math.max(0, list.length - LIMITS.counted);
  const all = texts.length + beyond;
  const shown = all > LIMITS.perfErrors ? texts.slice(0, LIMITS.perfErrors - 1) : texts;
  for (const text of texts.slice(shown.length)) lost.bytes += Buffer.byteLength(text) + 1;
  lost.bytes += beyond;
  const said = shown.map((text) => cut(text, LIMITS.label, lost));
  return all > shown.length ? [...said, `... and ${all - shown.length} more`] : said;
}

function perfItem(value: unknown, lost: Lost): PerfItem | null {
  if (!isRecord(value) || typeof value.label !== "string") return null;
  return {
    label: cut(value.label, LIMITS.label, lost),
    value: finite(value.value),
    uom: typeof value.uom === "string" ? cut(value.uom, LIMITS.uom, lost) : "",
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

/** At most so many characters, and well-formed: half a character pair could not be sent. What goes is added to `lost`. */
function cut(text: string, most: number, lost?: Lost): string {
  if (text.length <= most) return text.toWellFormed();
  if (lost !== undefined) lost.bytes += Buffer.byteLength(text.slice(most - 1));
  return `${text.slice(0, most - 1)}…`.toWellFormed();
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
