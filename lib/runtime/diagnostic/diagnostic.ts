// A report about the machine for the moment in which a daemon is told to stop or has died: taking it, and the command
// that a process of its own runs for that. What stands in it is decided in report.ts.

import { writeFileSync } from "node:fs";
import { EXIT } from "../../core/exit.ts";
import { errorText, UserError } from "../../core/failure.ts";
import { parseCgroup } from "../../core/linux/cgroup.ts";
import { isUnreadable } from "../../core/reading.ts";
import { print } from "../../os/answer.ts";
import { readParsed } from "../../os/process/proc.ts";
import { isRunId, RUN_ID_RULE, saveDiagnostic } from "./file.ts";
import { composeReport, type Subject } from "./report.ts";
import { LIFE_S } from "./start.ts";

export { hasDiagnostic, saveDiagnostic } from "./file.ts";
export { type DiagnosticRequest, type Handover, type Place, startDiagnostic } from "./start.ts";

/** A report is written after so long with what is known by then, milliseconds. */
const GATHER_MS = 4000;

/** Takes the report: at most 1 MB of text, its last line `=== end ===`. Never throws. */
export function gatherDiagnostic(
  request: Subject,
  root = "/",
  now = new Date(),
  isLate: () => boolean = lateAfter(GATHER_MS),
): string {
  return composeReport(request, { root, now, isLate });
}

function lateAfter(limitMs: number): () => boolean {
  const endMs = performance.now() + limitMs;
  return () => performance.now() > endMs;
}

export interface DiagnosticOptions {
  tool: string;
  /** Of the command line: save, run-id, pid, cause, cgroup. */
  options: Readonly<Record<string, string | true>>;
}

/**
 * The command `diagnostic`: prints a report, or saves it.
 * @throws UserError for options that cannot be (exit 2) and for a report that cannot be saved (exit 3)
 */
export async function diagnosticCommand({ tool, options }: DiagnosticOptions): Promise<number> {
  const { dir, runId, ...subject } = readOptions(tool, options);
  if (dir === null) {
    await print(gatherDiagnostic(subject));
    return EXIT.ok;
  }
  const release = outlast(LIFE_S * 1000);
  try {
    saveDiagnostic(dir, runId, gatherDiagnostic(subject));
    return EXIT.ok;
  } catch (error) {
    throw new UserError(errorText(error), null, EXIT.undelivered);
  } finally {
    release();
  }
}

function readOptions(
  tool: string,
  options: DiagnosticOptions["options"],
): Subject & { dir: string | null; runId: string } {
  const text = (name: string): string | null => (typeof options[name] === "string" ? options[name] : null);
  const [dir, runId, pidText] = [text("save"), text("run-id") ?? "", text("pid") ?? "0"];
  if (dir !== null && !isRunId(runId)) {
    throw new UserError(`--save needs --run-id, ${RUN_ID_RULE}; found ${JSON.stringify(runId)}`);
  }
  if (!/^\d{1,9}$/.test(pidText)) throw new UserError(`--pid must be a process id, found ${JSON.stringify(pidText)}`);
  const pid = Number(pidText);
  const found = readParsed("/", `proc/${pid}/cgroup`, parseCgroup);
  const cgroup = text("cgroup") ?? (isUnreadable(found) ? null : found.path);
  return { tool, dir, runId, pid, cause: text("cause") ?? "none: asked for by hand", cgroup };
}

/**
 * Makes this process outlast its unit's SIGTERM, give way to the daemon when memory is short, and end after `limitMs`
 * even in a call that the kernel does not answer.
 * @returns undoes it, except for the memory
 */
export function outlast(limitMs: number): () => void {
  const ignore = (): void => {};
  process.on("SIGTERM", ignore);
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {} // then the kernel chooses by size
  // A thread, since a timer would wait for the call to end.
  const code = `setTimeout(() => process.kill(${process.pid}, "SIGKILL"), ${limitMs})`;
  const guard = new Worker(URL.createObjectURL(new Blob([code], { type: "application/javascript" })));
  guard.unref();
  return () => {
    guard.terminate();
    process.off("SIGTERM", ignore);
  };
}
