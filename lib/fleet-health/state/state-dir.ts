// The directory of the health check: one run at a time works in it, and each file in it is replaced whole.

import { closeSync, constants } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { formatHealthRun, type HealthRun } from "../../contract/health-run.ts";
import type { IncidentRow } from "../../contract/incident-row.ts";
import { HEALTH_RUN } from "../../contract/places.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { byCommands, type Finding, here } from "../../core/finding.ts";
import { quoted } from "../../core/text/fields.ts";
import { tryLock } from "../../os/file-calls.ts";
import { makeDir, readIfExists } from "../../os/files/files.ts";
import { openOrMake } from "../../os/files/owner.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";
import { whyNotWritten } from "../not-written.ts";
import { appendHistory, lastRows } from "./history.ts";
import { restoredState } from "./restore.ts";
import { openSpare } from "./spare.ts";
import { formatState, parseState, type State } from "./state.ts";

/** Some ten thousand hosts are a few megabytes. */
const STATE_BYTES = 256 * 1024 ** 2;

export interface StateDir {
  /** What the run before left; null: nothing that can be used. */
  readonly state: State | null;
  /** What was wrong with that; null: nothing. */
  readonly doubt: Finding | null;
  /** Keeps it: after a power cut it is the old state or this one. @returns why it is not kept, or null */
  save(state: State): Finding | null;
  /** Appends rows to the history, but for those that stand there. @returns why they are not written, or null */
  tell(rows: readonly IncidentRow[]): Promise<Finding | null>;
  /** The number that the history has come to: where the state is lost, the next ones follow it. */
  readonly lastSequence: number;
  /** Writes down how the run went. @returns why it is not written, or null */
  note(run: HealthRun): Finding | null;
}

/** Where nothing is kept, and nothing was meant to be. */
export const NOWHERE: StateDir = {
  state: null,
  doubt: null,
  save: () => null,
  tell: async () => null,
  lastSequence: 0,
  note: () => null,
};

/**
 * Opens it for this run, and makes it if there is none; the lock is held for the life of this process. Never rejects: what cannot be
 * used keeps nothing.
 * @returns `busy`: another run is at work
 */
export async function openStateDir(dir: string): Promise<StateDir | "busy"> {
  try {
    await makeDir(dir, 0o750);
    // O_CLOEXEC is Bun's default: a child never keeps the lock alive.
    if (!tryLock(openOrMake(join(dir, "lock"), constants.O_RDWR, 0o640))) return "busy";
    const found = await readState(dir);
    return { ...found, ...writers(dir) };
  } catch (error) {
    const trouble = unkept(dir, error);
    return { ...NOWHERE, save: () => trouble };
  }
}

type Left = Pick<StateDir, "state" | "doubt" | "lastSequence">;

/** A state that is none is put aside: somebody may want to know what stood in it. What cannot be read keeps no run from looking. */
async function readState(dir: string): Promise<Left> {
  const path = join(dir, "state.json");
  try {
    const text = await readIfExists(path, STATE_BYTES);
    const state = text === null ? null : parseState(text);
    if (state !== null) return { state, doubt: null, lastSequence: state.sequence };
    const restored = restoredState(await lastRows(join(dir, "incidents.jsonl")));
    const left = { state: restored, lastSequence: restored?.sequence ?? 0 };
    if (text === null) return { ...left, doubt: null };
    await rename(path, `${path}.aside`);
    const what = `${path} is torn, or of another release: what was told, and has not ended, is taken from incidents.jsonl`;
    return { ...left, doubt: { what: `${what}; it is kept as state.json.aside`, fix: null } };
  } catch (error) {
    if (errorCode(error) === null) throw error;
    const fix = byCommands(here("sudo", "ls", "-la", dir));
    return {
      state: null,
      doubt: { what: `${path} cannot be read: ${quoted(errorText(error))}`, fix },
      lastSequence: 0,
    };
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
      return unkept(dir, error);
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
      appendHistory(join(dir, "incidents.jsonl"), rows).then(
        () => null,
        (error: unknown) => unkept(dir, error),
      ),
    // Whoever may see the hosts may see whether they are looked at.
    note: (run) => write(HEALTH_RUN, formatHealthRun(run), 0o644),
  };
}

function unkept(dir: string, error: unknown): Finding {
  const code = errorCode(error);
  if (code === null) throw error;
  return whyNotWritten(`what this run found cannot be kept in ${dir}`, dir, code);
}
