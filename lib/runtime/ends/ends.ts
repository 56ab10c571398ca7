// The ledger of ends: what a run writes down about itself while it lives, and, at the next start, why it ended. To be used
// under the daemon's lock. What cannot be written is said once and changes nothing else: nothing here throws.

import { closeSync, fsyncSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isoWall } from "../../core/clock.ts";
import type { Finding } from "../../core/finding.ts";
import { sameBoot } from "../../core/linux/boot.ts";
import { isUnreadable } from "../../core/reading.ts";
import { overwrite, overwriteDurable, replaceDurable } from "../../os/files/sync-files.ts";
import { readText, startTicks } from "../../os/process/proc.ts";
import { oomKills } from "../diagnostic/snapshot.ts";
import { asRunId, type EndReport, type RunRecord, runRecordBytes, shortText } from "./end-records.ts";
import { cannotWrite, LAST_END, makeDir, OWN_END, setAside } from "./ends-dir.ts";
import { explainPast, FILES, isKnown, type Past, readPast } from "./past-ends.ts";

export type { EndReport } from "./end-records.ts";

export interface LedgerOptions {
  /** Made, mode 0750, if it is not there; its parent must be. */
  dir: string;
  tool: string;
  version: string;
  /** Where proc/ and sys/ lie: "/", or a fixture host. */
  root?: string;
  env: Readonly<Record<string, string | undefined>>;
  nowMs: number;
  /** The wall clock of all that follows the start. */
  clock?: () => number;
}

export interface Ledger {
  /** Why the last run ended; null on the very first start. */
  readonly lastEnd: EndReport | null;
  readonly runId: string;
  readonly dir: string;
  /** Why the ledger cannot be kept, or null. */
  readonly failure: Finding | null;
  ready(): void;
  /** The stop begins. */
  stopping(cause: string, sentBy: string | null): void;
  /** A phase begins. @param atS seconds since the stop began; null: there is none */
  phase(name: string, atS: number | null): void;
  /** The end, after which nothing is left to do. @param totalS how long the stop took, seconds */
  ended(exitCode: number, totalS: number): void;
}

const HISTORY_ROWS = 100;

/**
 * Explains how the last run ended and opens the record of this one. The end goes into the history before its record goes:
 * a crash between the two leaves both, and the run's id tells that they are one.
 */
export function openLedger(options: LedgerOptions): Ledger {
  const { dir, root = "/", clock = Date.now } = options;
  const past = readPast(dir, root);
  const lastEnd = explainPast(past);
  const run = newRun(options, root, past);
  const refused = makeDir(dir);
  const unwritten = refused ?? (lastEnd === null ? null : addToHistory(dir, past, lastEnd));
  const opened = refused === null ? openRecord(join(dir, FILES.running), run) : refused;
  let fd = typeof opened === "number" ? opened : null;
  let failure = unwritten ?? (typeof opened === "number" ? null : opened);
  const update = (change: Partial<RunRecord>): void => {
    Object.assign(run, change);
    if (fd === null) return;
    try {
      // In place: it takes no room, makes no second file, and leaves whole whatever a power cut finds.
      overwrite(fd, runRecordBytes(run));
      if (run.ended === null) return;
      fsyncSync(fd);
      closeSync(fd);
      fd = null;
    } catch (error) {
      failure ??= cannotWrite(join(dir, FILES.running), error, OWN_END);
    }
  };
  return {
    lastEnd,
    runId: run.run_id,
    dir,
    get failure() {
      return failure;
    },
    ready: () => update({ ready_at: isoWall(clock()), phase: run.phase_at_s === null ? "running" : run.phase }),
    stopping: (cause, sentBy) =>
      update({ phase: "stopping", phase_at_s: 0, cause: shortText(cause), sent_by: sentBy && shortText(sentBy) }),
    phase: (name, atS) => update({ phase: shortText(name), phase_at_s: atS }),
    ended(exitCode, totalS) {
      const end = { at: isoWall(clock()), exit_code: exitCode, total_s: totalS, ran_s: performance.now() / 1000 };
      update({ ended: { ...end, cause: run.cause } });
    },
  };
}

export interface Ends {
  /** The newest end, also one that no start has explained yet; null when there was none. */
  last: EndReport | null;
  /** Explained ends, oldest first, at most 100. */
  history: EndReport[];
}

/** Reads a directory of ends without the lock, beside a daemon that may run; writes nothing and never throws. */
export function readEnds(dir: string, root = "/"): Ends {
  const past = readPast(dir, root);
  const history = past.history.rows;
  const newest = history.at(-1) ?? null;
  const last = past.run !== null && isAlive(past.run, past.bootId, root) ? newest : (explainPast(past) ?? newest);
  return { last, history };
}

function isAlive({ tool, pid, start_ticks, boot_id }: RunRecord, bootNow: string | null, root: string): boolean {
  if (start_ticks === null || startTicks(root, pid) !== start_ticks) return false;
  if (boot_id !== null && bootNow !== null && sameBoot(boot_id, bootNow)) return true;
  // In a container a service may see another boot id than a shell: then its name has to do.
  return readText(root, `proc/${pid}/comm`) === `${tool}\n`;
}

/** The name of the note in the run directory that says where the ledger is. */
export const POINTER = "ends-dir";

/** Leaves that note, for `post-stop` reads no configuration. Never throws. */
export function writeEndsPointer(runDir: string, dir: string): void {
  const path = join(runDir, POINTER);
  try {
    rmSync(path, { force: true });
    writeFileSync(path, `${resolve(dir)}\n`, { mode: 0o644, flag: "wx" });
  } catch {
    // It looks in the state directory then.
  }
}

function newRun({ tool, version, env, nowMs }: LedgerOptions, root: string, past: Past): RunRecord {
  const ticks = startTicks(root, process.pid);
  const kills = oomKills(root, process.pid);
  const invocation = asRunId(env.INVOCATION_ID);
  // Runs by hand inherit the invocation of their session, one after the other: only the first of them may be called so.
  const isFree = invocation !== null && invocation !== past.run?.run_id && !isKnown(past, invocation);
  const startTicksOrNull = isUnreadable(ticks) ? null : ticks;
  return {
    run_id: isFree ? invocation : `${past.bootId?.slice(0, 8) ?? "boot"}-${process.pid}-${startTicksOrNull ?? nowMs}`,
    tool,
    version,
    pid: process.pid,
    start_ticks: startTicksOrNull,
    boot_id: past.bootId,
    invocation_id: invocation,
    started_at: isoWall(nowMs),
    ready_at: null,
    phase: "starting",
    phase_at_s: null,
    cause: null,
    sent_by: null,
    oom_kills: isUnreadable(kills) ? null : kills,
    last_stop: past.stops.rows.at(-1)?.run_id ?? null,
    ended: null,
  };
}

/** @returns why it cannot be written, or null */
function addToHistory(dir: string, past: Past, end: EndReport): Finding | null {
  const path = join(dir, FILES.history);
  if (isKnown(past, end.run_id)) return null;
  const rows = [...past.history.rows, end].slice(-HISTORY_ROWS);
  try {
    if (past.history.unreadable !== null) setAside(path);
    const fd = replaceDurable(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    closeSync(fd);
    return null;
  } catch (error) {
    return cannotWrite(path, error, LAST_END);
  }
}

/** @returns the open file, or why there is none */
function openRecord(path: string, run: RunRecord): number | Finding {
  const bytes = runRecordBytes(run);
  try {
    const fd = replaceDurable(path, bytes);
    return fd;
  } catch (error) {
    try {
      // On a full disk there is still the room of the run before.
      return overwriteDurable(path, bytes);
    } catch {
      return cannotWrite(path, error, OWN_END);
    }
  }
}
