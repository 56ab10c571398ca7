// The directory of the health check: one run at a time works in it, and each file in it is replaced whole.

import { closeSync, constants } from "node:fs";
import { basename, dirname, join } from "node:path";
import { formatHealthRun, type HealthRun } from "../../contract/health-run.ts";
import type { IncidentRow } from "../../contract/incident-row.ts";
import { HEALTH_RUN } from "../../contract/places.ts";
import { errorCode } from "../../core/failure.ts";
import type { Finding } from "../../core/finding.ts";
import { tryLock } from "../../os/file-calls.ts";
import { putAside } from "../../os/files/aside.ts";
import { makeDir, readIfExists } from "../../os/files/files.ts";
import { openOrMake } from "../../os/files/owner.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";
import { isOfRights, whyNotRead } from "../not-read.ts";
import { whyNotWritten } from "../not-written.ts";
import { appendHistory, lastSequence, readHistory } from "./history.ts";
import { Restoring } from "./restore.ts";
import { openSpare } from "./spare.ts";
import { formatState, parseState, type State } from "./state.ts";

const HISTORY = "incidents.jsonl";
/** Some ten thousand hosts are a few megabytes. */
const STATE_BYTES = 256 * 1024 ** 2;

export interface StateDir {
  /** What the run before left; null: nothing that can be used. */
  readonly state: State | null;
  /** It could not be used: nobody knows what it left. */
  readonly isUnread?: true;
  /** What was wrong with that. */
  readonly doubts: readonly Finding[];
  /** Keeps it: after a power cut it is the old state or this one. @returns why it is not kept, or null */
  save(state: State): Finding | null;
  /** Appends rows to the history, but for those that stand there. @returns why they are not written, or null */
  tell(rows: readonly IncidentRow[]): Promise<Finding | null>;
  /** The number that the history has come to: where the state is lost, the next ones follow it. */
  readonly lastSequence: number;
  /** Writes down how the run went. @returns why it is not written, or null */
  note(run: HealthRun): Finding | null;
  /** Lets the next run begin: from here on nothing is kept. */
  release(): void;
}

/** Where nothing is kept, and nothing was meant to be. */
export const NOWHERE: StateDir = {
  state: null,
  doubts: [],
  save: () => null,
  tell: async () => null,
  lastSequence: 0,
  note: () => null,
  release: () => undefined,
};

/**
 * Opens it for this run, and makes it if there is none; the lock is held until it is released, or this process
 * ends. Never rejects: what cannot be used keeps nothing.
 * @param nowMs since when what is taken from the history waits to be judged again
 * @returns `busy`: another run is at work
 */
export async function openStateDir(dir: string, nowMs: number): Promise<StateDir | "busy"> {
  const lock = join(dir, "lock");
  try {
    await makeDir(dir, 0o750);
    // O_CLOEXEC is Bun's default: a child never keeps the lock alive. And nobody waits for a pipe.
    const fd = openOrMake(lock, constants.O_RDWR | constants.O_NONBLOCK, 0o640);
    if (!tryLock(fd)) return "busy";
    const release = (): void => closeSync(fd);
    const found = await readState(dir, nowMs);
    if ("closed" in found)
      return { ...NOWHERE, isUnread: true, save: () => found.closed, note: writers(dir).note, release };
    return { ...found, ...writers(dir), release };
  } catch (error) {
    const trouble = unkept(dir, error, lock);
    return { ...NOWHERE, isUnread: true, save: () => trouble };
  }
}

const CLOSED = "which names what was told, cannot be read, so that this run tells nobody and keeps nothing";

type Left = Pick<StateDir, "state" | "doubts" | "lastSequence">;

/**
 * A state that is none, that stands where none can be read, or that is older than the history, is put aside, and what was told is taken from
 * the history: no run is kept from looking. One that is closed to us is whole, and nobody knows it better: it stays, and what would take its
 * place is neither kept nor told.
 */
async function readState(dir: string, nowMs: number): Promise<Left | { closed: Finding }> {
  const path = join(dir, "state.json");
  let why: Finding = { what: `${path} is torn, or of another release`, fix: null };
  let text: string | null = "";
  try {
    text = await readIfExists(path, STATE_BYTES);
    const state = text === null ? null : parseState(text);
    if (state !== null && !(await isBehind(state, join(dir, HISTORY))))
      return { state, doubts: [], lastSequence: state.sequence };
    if (state !== null) why = { what: `${path} is older than ${HISTORY}, as one from a backup is`, fix: null };
  } catch (error) {
    if (isOfRights(errorCode(error))) return { closed: whyNotRead(path, error, `${path}, ${CLOSED}`) };
    why = whyNotRead(path, error);
  }
  const { restoring, isRead, doubt } = await restoringFrom(join(dir, HISTORY));
  // Where neither can be read the numbers go on from one that no history has come to: below it no row would be taken, once it can be.
  const unread = isRead ? 0 : Math.floor(nowMs / 1000);
  const left = { state: restoring.state(nowMs), lastSequence: restoring.sequence ?? unread };
  const lost = text === null ? null : await asideOrWhy(path, why, isRead);
  return { ...left, doubts: [lost, doubt].filter((one) => one !== null) };
}

/** No row stands in the history that the state has not counted before. */
async function isBehind({ sequence }: State, history: string): Promise<boolean> {
  try {
    return (await lastSequence(history)) > sequence;
  } catch (error) {
    // Whoever appends to it says why.
    if (errorCode(error) === null) throw error;
    return false;
  }
}

async function restoringFrom(path: string): Promise<{ restoring: Restoring; isRead: boolean; doubt: Finding | null }> {
  const restoring = new Restoring();
  try {
    const { isCut } = await readHistory(path, (row) => restoring.take(row));
    const doubt = {
      what: `${path} is too large to be read whole: what began in its oldest rows has no end`,
      fix: null,
    };
    return { restoring, isRead: true, doubt: isCut ? doubt : null };
  } catch (error) {
    return { restoring: new Restoring(), isRead: false, doubt: whyNotRead(path, error) };
  }
}

/** The directory is ours: what we may not read we may rename. Where we may not, a person has to. */
async function asideOrWhy(path: string, { what, fix }: Finding, isRestored: boolean): Promise<Finding> {
  const restored = isRestored ? `: what was told, and has not ended, is taken from ${HISTORY}` : "";
  try {
    const aside = await putAside(path);
    return { what: `${what}${restored}; it is kept as ${basename(aside)}`, fix: null };
  } catch (error) {
    const refused = unkept(dirname(path), error, path, `${what}${restored}; it cannot be put aside`);
    return { ...refused, fix: fix ?? refused.fix };
  }
}

function writers(dir: string): Pick<StateDir, "save" | "tell" | "note"> {
  const spare = openSpare(join(dir, "spare"));
  const write = (name: string, text: string, mode: number): Finding | null => {
    const replace = (): void => closeSync(replaceDurable(join(dir, name), text, { mode }));
    try {
      spare.use(replace);
      return null;
    } catch (error) {
      return unkept(dir, error, join(dir, name));
    }
  };
  return {
    save: (state) => {
      const text = formatState(state);
      const unkept = write("state.json", text, 0o640);
      if (unkept === null) spare.keep(text.length);
      return unkept;
    },
    tell: (rows) =>
      appendHistory(join(dir, HISTORY), rows).then(
        () => null,
        (error: unknown) => unkept(dir, error, join(dir, HISTORY)),
      ),
    // Whoever may see the hosts may see whether they are looked at.
    note: (run) => write(HEALTH_RUN, formatHealthRun(run), 0o644),
  };
}

/** Writes down how a run went that has kept nothing else. @returns why it is not written, or null */
export function noteRun(dir: string, run: HealthRun): Finding | null {
  return writers(dir).note(run);
}

/** @param path which file of it */
function unkept(
  dir: string,
  error: unknown,
  path: string,
  what = `what this run found cannot be kept in ${dir}`,
): Finding {
  const code = errorCode(error);
  if (code === null) throw error;
  return whyNotWritten(what, dir, code, path);
}
