// Where diagnostics are kept: one file a run, readable by its owner alone, the newest three. A report is there whole or
// not at all.

import { closeSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { errorText } from "../../core/failure.ts";
import { replaceDurable } from "../../os/files/sync-files.ts";

const KEEP = 3;

/** A temporary file this old was left behind by a writer that was killed: they live for seconds. */
const ABANDONED_MS = 60_000;

const REPORT = /^diagnostic-[A-Za-z0-9-]{1,64}\.txt$/;
const TEMPORARY = /^\.diagnostic-[A-Za-z0-9-]{1,64}\.txt\.\d+\.tmp$/;

/** True when `text` may name a report: nothing that could lead out of the directory. */
export function isRunId(text: string): boolean {
  return /^[A-Za-z0-9-]{1,64}$/.test(text);
}

/** The rule in words, for messages. */
export const RUN_ID_RULE = "1 to 64 of A-Z a-z 0-9 -";

/**
 * Writes a report, mode 0600, durably, in place of one of the same run; then removes all but the three newest.
 * @param dir made if it is not there, mode 0700
 * @throws Error with one sentence when it cannot be written
 */
export function saveDiagnostic(dir: string, runId: string, text: string): void {
  if (!isRunId(runId)) throw new Error(`a report cannot be named ${JSON.stringify(runId)}: expected ${RUN_ID_RULE}`);
  const name = `diagnostic-${runId}.txt`;
  const temporary = join(dir, `.${name}.${process.pid}.tmp`);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    // Takes the place of a link and never follows one.
    closeSync(replaceDurable(join(dir, name), text, { mode: 0o600, temp: temporary }));
  } catch (error) {
    throw new Error(`cannot save the diagnostic in ${dir}: ${errorText(error)}`, { cause: error });
  }
  attempt(() => prune(dir, name));
}

/** Whether the report of a run is there, and so is complete. */
export function hasDiagnostic(dir: string, runId: string): boolean {
  try {
    return isRunId(runId) && lstatSync(join(dir, `diagnostic-${runId}.txt`)).isFile();
  } catch {
    return false;
  }
}

/** Removes reports beyond the newest, of which `own` is always one, and what killed writers have left. */
function prune(dir: string, own: string): void {
  const files = readdirSync(dir).flatMap((name) => {
    const isReport = REPORT.test(name) && name !== own;
    return isReport || TEMPORARY.test(name) ? [{ name, isReport, mtimeMs: lstatSync(join(dir, name)).mtimeMs }] : [];
  });
  const older = files.filter(({ isReport }) => isReport).sort((a, b) => b.mtimeMs - a.mtimeMs);
  const abandoned = files.filter(({ isReport, mtimeMs }) => !isReport && Date.now() - mtimeMs > ABANDONED_MS);
  for (const { name } of [...older.slice(KEEP - 1), ...abandoned]) attempt(() => rmSync(join(dir, name)));
}

/** For what must not make a saved report a failure: another process may have done it, or undone it. */
function attempt(act: () => void): void {
  try {
    act();
  } catch {}
}
