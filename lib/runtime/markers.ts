// Notes in the run directory that tell a daemon, and whoever reads its log, that its stop was meant: `planned-stop.json`
// by whoever stops it, `takeover.json` by the one that replaces it. A note names its target by pid and start time.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { isUnreadable, type Reading } from "../core/reading.ts";
import { cutBytes } from "../core/text/utf8.ts";
import { replaceRunFile } from "../os/files/run-file.ts";
import { readSmallFile } from "../os/files/sync-files.ts";
import { startTicks } from "../os/process/proc.ts";

export type MarkerKind = "planned-stop" | "takeover";
export const MARKER_KINDS: readonly MarkerKind[] = ["planned-stop", "takeover"];

/** What stands in a marker. Only `target_pid` must be there. */
export interface Marker {
  target_pid: number;
  /** Start of that process, clock ticks since boot: a pid is used again, the pair is not. */
  target_start_ticks?: number;
  /** ISO 8601. */
  at?: string;
  /** planned-stop: who stops it, and why. */
  by?: string;
  reason?: string;
  /** takeover: the process that takes its place. */
  replacer_pid?: number;
}

/** The keys that are read, with their types; anyone may write the file, so nothing else of it is shown. */
const TYPES: Readonly<Record<string, string>> = {
  target_pid: "number",
  target_start_ticks: "number",
  at: "string",
  by: "string",
  reason: "string",
  replacer_pid: "number",
};

/** Whom a marker names: us, another process that lives, or one that is gone. */
export type MarkerTarget = "self" | "other" | "stale";

export interface FoundMarker {
  marker: Marker;
  names: MarkerTarget;
}

const MARKER_BYTES = 4096;

/**
 * Writes a marker for a process that lives; another process reads the old note or the new one, whole.
 * @throws Error of the system
 */
export function writeMarker(runDir: string, kind: MarkerKind, marker: Marker, root = "/"): void {
  const ticks = startTicks(root, marker.target_pid);
  const full = isUnreadable(ticks) ? marker : { ...marker, target_start_ticks: ticks };
  replaceRunFile(pathOf(runDir, kind), `${JSON.stringify(full)}\n`);
}

/** The marker of a kind, or null when there is none. Never throws. */
export function readMarker(runDir: string, kind: MarkerKind, pid: number, root = "/"): Reading<FoundMarker> | null {
  // Anyone of the service's user may put anything there: a pipe must not hold up a stop.
  const file = readSmallFile(pathOf(runDir, kind), MARKER_BYTES);
  if (file === null || isUnreadable(file)) return file;
  const marker = parseMarker(file.text);
  if (marker === null) return { unreadable: "no JSON with a target_pid" };
  const ticks = startTicks(root, marker.target_pid);
  return { marker, names: targetOf(marker, pid, isUnreadable(ticks) ? null : ticks) };
}

/**
 * Whom a marker names. Pure.
 * @param ticks when the process of that pid started, or null when there is none
 */
export function targetOf(marker: Marker, pid: number, ticks: number | null): MarkerTarget {
  if (ticks === null) return "stale";
  if (marker.target_start_ticks !== undefined && marker.target_start_ticks !== ticks) return "stale";
  return marker.target_pid === pid ? "self" : "other";
}

/** Reads a marker's text; null when it is none. Numbers are numbers: `1` never matches `12`. Pure. */
export function parseMarker(text: string): Marker | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const known: Record<string, unknown> = Object.fromEntries(
    Object.entries(value).filter(([key, field]) => TYPES[key] === typeof field),
  );
  if (!Number.isSafeInteger(known.target_pid)) return null;
  for (const [key, field] of Object.entries(known)) if (typeof field === "string") known[key] = cutBytes(field, 200);
  return known as unknown as Marker;
}

/** Removes the markers that name us or a process that is gone, and those that nobody can read. Never throws. */
export function removeMarkers(runDir: string, pid: number, root = "/"): void {
  for (const kind of MARKER_KINDS) {
    const found = readMarker(runDir, kind, pid, root);
    if (found === null || (!isUnreadable(found) && found.names === "other")) continue;
    try {
      rmSync(pathOf(runDir, kind), { force: true });
    } catch {
      // A directory of its name, or a run directory that is read-only now: it is ignored either way.
    }
  }
}

function pathOf(runDir: string, kind: MarkerKind): string {
  return join(runDir, `${kind}.json`);
}
