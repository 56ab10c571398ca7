// Reads what a directory of ends tells of the past, and joins it: the last run's own record, what systemd told of its stop,
// the ends explained before. Writes nothing and never throws; what is damaged becomes a part of the sentence.

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { isUnreadable } from "../../core/reading.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import { bootId } from "../../os/process/proc.ts";
import {
  type EndReport,
  parseEndReport,
  parseLines,
  parseRunRecord,
  parseStopRecord,
  type RunRecord,
  type StopRecord,
} from "./end-records.ts";
import { isCalledOff } from "./end-words.ts";
import { explainEnd } from "./explain-end.ts";

export const FILES = { running: "running.json", stops: "stops.jsonl", history: "history.jsonl" } as const;

/** A file of rows: the good ones, oldest first, and how many lines are none. */
interface Rows<T> {
  rows: T[];
  damaged: number;
  /** Why the file cannot be read at all, or null. */
  unreadable: string | null;
}

export interface Past {
  run: RunRecord | null;
  /** For a record that is there and cannot be read: an id that stays the same, and what is wrong. */
  damage: { runId: string; note: string } | null;
  stops: Rows<StopRecord>;
  history: Rows<EndReport>;
  bootId: string | null;
}

/** More than any of the files ever has. */
const MOST_BYTES = 1024 * 1024;

/** Reads the directory. @param root where proc/ lies */
export function readPast(dir: string, root: string): Past {
  const boot = bootId(root);
  return {
    ...readRun(join(dir, FILES.running)),
    stops: readRows(join(dir, FILES.stops), parseStopRecord),
    history: readRows(join(dir, FILES.history), parseEndReport),
    bootId: isUnreadable(boot) ? null : boot,
  };
}

/** The record of a run, with `damage` for one that is there and cannot be read. */
export function readRun(path: string): Pick<Past, "run" | "damage"> {
  let why = "";
  // A reader beside a daemon may meet a write.
  for (let tries = 0; tries < 3; tries++) {
    const file = readSmallFile(path, MOST_BYTES);
    if (file === null) return { run: null, damage: null };
    const run = isUnreadable(file) ? null : parseRunRecord(file.text);
    if (run !== null) return { run, damage: null };
    why = isUnreadable(file) ? file.unreadable : "damaged";
  }
  return {
    run: null,
    damage: { runId: `unreadable-${mtimeOf(path)}`, note: `${FILES.running} cannot be read: ${why}` },
  };
}

function mtimeOf(path: string): number {
  try {
    return Math.round(lstatSync(path).mtimeMs);
  } catch {
    return 0;
  }
}

function readRows<T>(path: string, parse: (line: string) => T | null): Rows<T> {
  const file = readSmallFile(path, MOST_BYTES);
  if (file === null) return { rows: [], damaged: 0, unreadable: null };
  return isUnreadable(file)
    ? { rows: [], damaged: 0, unreadable: file.unreadable }
    : { ...parseLines(file.text, parse), unreadable: null };
}

/** Whether the history tells of a run. */
export function isKnown({ history }: Past, runId: string): boolean {
  return history.rows.some(({ run_id }) => run_id === runId);
}

/**
 * Why the newest run ended, whether or not the history tells of it already.
 * @returns null when no run has left anything
 */
export function explainPast(past: Past): EndReport | null {
  const { run, damage } = past;
  const { stop, later } = run === null ? stopsWithoutRecord(past) : stopsOf(run, past);
  if (run === null && damage === null && stop === null) return null;
  const report = explainEnd(run, stop, past, later);
  const notes = notesOn(past, stop);
  return {
    ...report,
    run_id: run === null && stop === null && damage !== null ? damage.runId : report.run_id,
    sentence: [report.sentence, ...notes].join("; "),
  };
}

interface Stops {
  stop: StopRecord | null;
  /** Of starts since then, none of which has come so far as to open the ledger. */
  later: StopRecord[];
}

function stopsOf(run: RunRecord, past: Past): Stops {
  const { rows } = past.stops;
  const own = rows.findLastIndex(({ run_id }) => run_id === run.invocation_id);
  const seen = rows.findLastIndex(({ run_id }) => run_id === run.last_stop);
  // The stop of a run that was replaced may come after the start of the one that replaced it.
  const later = rows.slice(Math.max(own, seen) + 1).filter(({ run_id }) => !isKnown(past, run_id));
  return { stop: rows[own] ?? null, later };
}

/** The stop of the run whose record is lost is the last that was more than a start that failed or was called off; without one, the first of these. */
function stopsWithoutRecord(past: Past): Stops {
  const { rows } = past.stops;
  const fresh = rows.slice(rows.findLastIndex(({ run_id }) => isKnown(past, run_id)) + 1);
  const ran = fresh.findLastIndex((stop) => !isFailedStart(stop) && !isCalledOff(stop));
  const own = Math.max(ran, 0);
  return { stop: fresh[own] ?? null, later: fresh.slice(own + 1) };
}

/** Exit code 2: it could not even read its configuration. */
export function isFailedStart({ exit_code, exit_status }: Pick<StopRecord, "exit_code" | "exit_status">): boolean {
  return exit_code === "exited" && exit_status === "2";
}

function notesOn({ run, damage, stops, history }: Past, stop: StopRecord | null): string[] {
  const notes = damage === null ? [] : [damage.note];
  const needsStop = stop === null && run?.ended == null;
  if (needsStop && stops.unreadable !== null) notes.push(`${FILES.stops} cannot be read: ${stops.unreadable}`);
  if (needsStop && stops.damaged > 0) notes.push(`${FILES.stops} has ${lines(stops.damaged)} that cannot be read`);
  if (history.unreadable !== null) notes.push(`${FILES.history} cannot be read: ${history.unreadable}`);
  if (history.damaged > 0) notes.push(`${FILES.history} had ${lines(history.damaged)} that cannot be read`);
  return notes;
}

function lines(count: number): string {
  return count === 1 ? "a line" : `${count} lines`;
}
