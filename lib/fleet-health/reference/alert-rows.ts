// Rows of alerts.jsonl, written as Python's json.dumps writes them, and which of them stand there already. Pure.

import { hasFields, isText, parseShaped } from "../../core/text/shape.ts";
import type { Alert, HeldAlert } from "./alerts.ts";

/** The UTC hour of an instant, as it begins every time in it: `2026-05-01T06`. */
export function hourOf(isoUtc: string): string {
  return isoUtc.slice(0, 13);
}

/** What an alert of one host and symptom has in one hour; the hash is the caller's. */
export function dedupText({ host, symptom }: Pick<Alert, "host" | "symptom">, hour: string): string {
  return `${host}|${symptom}|${hour}`;
}

/** A row, without its newline. What holds it back stands behind the Python fleet's own keys. */
export function rowText(
  { host, symptom, detail, suggestedFix, detectedAt, heldBy }: HeldAlert,
  dedupKey: string,
): string {
  return dumps({
    host,
    symptom,
    detail,
    suggested_fix: suggestedFix,
    detected_at_wall: detectedAt,
    dedup_key: dedupKey,
    ...(heldBy !== null && { held_by: heldBy }),
  });
}

interface Keyed {
  detected_at_wall: string;
  dedup_key: string;
}

const hasKey = hasFields({ detected_at_wall: isText, dedup_key: isText });
const isKeyed = (value: unknown): value is Keyed => hasKey(value);

/** The keys of the rows that were detected in this hour, which keep an alert from being written twice. */
export function keysOfHour(lines: Iterable<string>, hour: string): Set<string> {
  const keys = new Set<string>();
  for (const line of lines) {
    const row = parseShaped(line, isKeyed);
    if (row?.detected_at_wall.startsWith(hour)) keys.add(row.dedup_key);
  }
  return keys;
}

/** A flat object as json.dumps writes it: spaces after `:` and `,`, and nothing but ASCII. */
function dumps(row: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(row).map(([key, value]) => `${quoted(key)}: ${quoted(value)}`);
  return `{${pairs.join(", ")}}`;
}

function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
