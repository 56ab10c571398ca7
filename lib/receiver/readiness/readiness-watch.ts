// Keeps an eye on whether episodes can be stored, so that a full, read-only or missing disk is seen before anyone sends:
// said once in the log, and written to the run directory for `receiver status` and `receiver hosts`.

import {
  parseReadiness,
  READINESS_STALE_MS,
  type Readiness,
  readinessPath,
  type Storing,
} from "../../contract/readiness.ts";
import { isoWall } from "../../core/clock.ts";
import { type Fix, fixOrNull, fixText, here } from "../../core/finding.ts";
import { isUnreadable } from "../../core/reading.ts";
import { unitName } from "../../core/tools.ts";
import { fullRunDir } from "../../os/files/run-file.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import type { Log } from "../../runtime/log/log.ts";
import { openRunReports } from "../../runtime/run-reports.ts";
import type { NotReady } from "../episode-store.ts";
import { NO_NOTES, parseNotes, type RunNotes } from "./run-notes.ts";

/** Looked at so often, without writing. */
const GLANCE_MS = 15_000;
/** Looked at again after a doubt, at most so often. */
const DOUBT_MS = 1000;
/** Tried by a write so often: a card is not worn for it. */
const WRITE_MS = 300_000;
const FILE_BYTES = 2 * 1024 ** 2;

const SEE_LOG: Fix = { text: "see its log", commands: [here("sudo", "journalctl", "-u", unitName("receiver"))] };

export interface WatchParts {
  runDir: string;
  log: Log;
  /** By a look alone, and by a write. */
  glance: () => NotReady | null;
  probe: () => Promise<NotReady | null>;
  nowMs: () => number;
  /** What else is told in the same file (run-notes.ts). */
  notes?: () => Record<string, unknown>;
  /** A clock in milliseconds that never jumps. */
  monoMs?: () => number;
}

export interface ReadinessWatch {
  /** What was found last; null: nothing against storing. */
  readonly found: NotReady | null;
  /** Looks now. Never rejects. */
  look(): Promise<void>;
  /** The disk has refused something: it is tried by a write, once a second at most. */
  doubt(): void;
  stop(): void;
}

/** Begins to watch; the first look is the caller's. */
export function watchReadiness(parts: WatchParts): ReadinessWatch {
  const { runDir, log, glance, probe, nowMs, notes = () => ({}), monoMs = () => performance.now() } = parts;
  let found: NotReady | null = null;
  let writtenMs = Number.NEGATIVE_INFINITY;
  const write = openRunReports(log);
  const tell = (before: NotReady | null, now: NotReady | null): void => {
    if (now !== null && now.kind !== before?.kind)
      log.warn({ what: `no episode can be stored: ${now.why}`, fix: now.fix });
    if (now === null && before !== null) log.info("episodes can be stored again");
  };
  const note = (): void => {
    const { kind = null, why = null, fix = null } = found ?? {};
    const readiness = { at: isoWall(nowMs()), ready: found === null, kind, why, fix: fixOrNull(fix, "collector") };
    write(readinessPath(runDir), JSON.stringify({ ...readiness, ...notes() }));
  };
  let lookedMs = Number.NEGATIVE_INFINITY;
  const look = async (): Promise<void> => {
    lookedMs = monoMs();
    let now = glance();
    if (now === null && (found !== null || monoMs() - writtenMs >= WRITE_MS)) {
      now = await probe();
      writtenMs = monoMs();
    }
    tell(found, now);
    found = now;
    note();
  };
  const timer = setInterval(() => void look(), GLANCE_MS);
  return {
    get found() {
      return found;
    },
    look,
    doubt() {
      writtenMs = Number.NEGATIVE_INFINITY;
      // What comes sooner is seen by the look that is under way, or by the next one.
      if (monoMs() - lookedMs >= DOUBT_MS) void look();
    },
    stop: () => clearInterval(timer),
  };
}

/** What a receiver that runs says of itself. */
export function readStoring(runDir: string, nowMs: number): Storing {
  const said = readReport(runDir);
  const isOld = said !== null && Math.abs(nowMs - said.atMs) > READINESS_STALE_MS;
  const full = said === null || isOld ? fullRunDir(runDir) : null;
  if (full !== null)
    return { ready: null, why: `the receiver cannot say it: ${full.what}`, fix: fixOrNull(full.fix, "collector") };
  if (said === null) return { ready: null, why: "the receiver has not said yet whether it can store", fix: null };
  if (isOld)
    return {
      ready: null,
      why: "the receiver does not say any more whether it can store",
      fix: fixText(SEE_LOG, "collector"),
    };
  return said.storing;
}

/** What a receiver that runs knows beside that; nothing where it has not said it of late. */
export function readRunNotes(runDir: string, nowMs: number): RunNotes {
  const said = readReport(runDir);
  return said === null || Math.abs(nowMs - said.atMs) > READINESS_STALE_MS ? NO_NOTES : said.notes;
}

interface Said extends Omit<Readiness, "rest"> {
  notes: RunNotes;
}

function readReport(runDir: string): Said | null {
  const file = readSmallFile(readinessPath(runDir), FILE_BYTES);
  const read = file === null || isUnreadable(file) ? null : parseReadiness(file.text);
  return read && { ...read, notes: parseNotes(read.rest) };
}
