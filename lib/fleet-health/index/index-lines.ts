// What a line of index.jsonl tells of a host: when something of it was stored. Whatever is no such row is passed over, as the Python
// fleet's health check does, and counted. Pure.

import { parseIso } from "../python/python-time.ts";

export interface Received {
  host: string;
  /** `received_at_wall` as it is written there. */
  text: string;
  /** The same in microseconds since 1970. */
  micros: number;
  /** Put there again from the archive: when it was received is not known. */
  isRecovered: boolean;
}

/** Null: it is no row, or not a whole one. */
export function readLine(line: string): Received | null {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof row !== "object" || row === null) return null;
  const { host_id: host, received_at_wall: text, recovered } = row as Record<string, unknown>;
  if (typeof host !== "string" || host === "" || typeof text !== "string" || text === "") return null;
  const micros = parseIso(text);
  return micros === null ? null : { host, text, micros, isRecovered: recovered === true };
}
