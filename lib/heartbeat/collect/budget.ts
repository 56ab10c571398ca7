// How much one plugin may say in one collection: limits on each part multiply, and a plugin that uses them all up would
// fill memory, the report and the receiver. Pure.

import type { CheckNotes } from "../../contract/observation.ts";
import type { Observation } from "../plugin.ts";

/** Of one plugin in one collection, as JSON. Bytes. */
export const BUDGET_BYTES = 256 * 1024;

/** As much of an observation, or of a result, as takes up room. */
type Sized = Pick<Observation, "message" | "long_text" | "perfdata" | "perf_errors" | "notes">;

const MESSAGE_CHARACTERS = 200;
/** What is smaller than this is not worth losing. Bytes. */
const SMALL_BYTES = 512;

/** What is given up of one, in this order; its status, its name and the beginning of its message stay. */
const STEPS: readonly (<T extends Sized>(item: T) => T)[] = [
  // The cast: what is taken away is optional.
  <T extends Sized>({ long_text: _, ...rest }: T) => rest as T,
  <T extends Sized>({ perf_errors: _, ...rest }: T) => rest as T,
  (item) => (item.perfdata === undefined ? item : { ...item, perfdata: [] }),
  (item) => ({ ...item, message: shortened(item.message), ...(item.notes && { notes: shortNotes(item.notes) }) }),
];

/**
 * What one plugin says in one collection, as JSON of at most `maxBytes`. The largest observations lose their parts first
 * (`truncated_bytes` in their notes counts them); only if that is not enough, observations are left out from the end on.
 * @returns `problem`: how many were left out, in words; null when none was
 */
export function withinBudget(
  observations: readonly Observation[],
  maxBytes = BUDGET_BYTES,
): { observations: Observation[]; problem: string | null } {
  // Nearly always: what cannot be too much is not even written out.
  if (isSurelyWithin(observations, maxBytes)) return { observations: [...observations], problem: null };
  const kept = shrunkTo(observations, maxBytes);
  const lost = observations.length - kept.length;
  if (lost === 0) return { observations: kept, problem: null };
  const most = `more than ${Math.floor(maxBytes / 1024)} KiB`;
  return {
    observations: kept,
    problem: `it said ${most} at once: ${lost} of its ${observations.length} observations were left out`,
  };
}

interface Entry<T> {
  item: T;
  bytes: number;
  /** How many of the steps it has gone through. */
  steps: number;
}

/** The same for anything that has these parts: as many of `items`, from the first on, as fit; the largest ones made smaller. */
export function shrunkTo<T extends Sized>(items: readonly T[], maxBytes: number): T[] {
  const entries = items.map((item): Entry<T> => ({ item, bytes: jsonBytes(item), steps: 0 }));
  // Two brackets, and a comma after each but the last.
  let total = entries.reduce((sum, { bytes }) => sum + bytes + 1, 1);
  const bySize = [...entries].sort((a, b) => b.bytes - a.bytes);
  for (let level = maxBytes / 2; total > maxBytes; level = Math.max(level / 2, SMALL_BYTES)) {
    for (const entry of bySize) {
      const before = entry.bytes;
      while (entry.bytes > level && entry.steps < STEPS.length && total - before + entry.bytes > maxBytes)
        shrink(entry);
      total += entry.bytes - before;
    }
    if (level <= SMALL_BYTES) break;
  }
  return firstThatFit(entries, maxBytes).map(({ item }) => item);
}

function shrink<T extends Sized>(entry: Entry<T>): void {
  const smaller = STEPS[entry.steps++]?.(entry.item) ?? entry.item;
  const lost = entry.bytes - jsonBytes(smaller);
  if (lost <= 0) return;
  const counted = {
    ...smaller,
    notes: { ...smaller.notes, truncated_bytes: (smaller.notes?.truncated_bytes ?? 0) + lost },
  };
  const bytes = jsonBytes(counted);
  // To say that something is missing must not cost more than it saves.
  if (bytes >= entry.bytes) return;
  entry.item = counted;
  entry.bytes = bytes;
}

function firstThatFit<T>(entries: readonly Entry<T>[], maxBytes: number): Entry<T>[] {
  let left = maxBytes - 1;
  const end = entries.findIndex(({ bytes }) => {
    left -= bytes + 1;
    return left < 0;
  });
  return entries.slice(0, end < 0 ? entries.length : end);
}

function shortNotes(notes: CheckNotes): CheckNotes {
  const { refresh_failed } = notes;
  return refresh_failed === undefined ? notes : { ...notes, refresh_failed: shortened(refresh_failed) };
}

function shortened(text: string): string {
  return text.slice(0, MESSAGE_CHARACTERS).toWellFormed();
}

/** A character may take 6 bytes: `\u0000`. */
const CHARACTER_BYTES = 6;
/** Names of members, numbers and brackets at their longest: of one item of performance data, and of all the rest. */
const ITEM_BYTES = 400;
const REST_BYTES = 800;

/** From lengths alone, and rather too much than too little. */
function isSurelyWithin(observations: readonly Observation[], maxBytes: number): boolean {
  let bytes = 2;
  for (const { name = "", message, long_text = "", perfdata = [], perf_errors = [], notes } of observations) {
    const texts = [name, message, long_text, notes?.refresh_failed ?? "", ...perf_errors];
    for (const { label, uom } of perfdata) texts.push(label, uom);
    const characters = texts.reduce((sum, text) => sum + text.length, 0);
    bytes += REST_BYTES + CHARACTER_BYTES * characters + ITEM_BYTES * perfdata.length + 3 * perf_errors.length;
    if (bytes > maxBytes) return false;
  }
  return true;
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
