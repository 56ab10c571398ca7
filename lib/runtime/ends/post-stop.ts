// The verb of ExecStopPost=: writes down what systemd knows of an end, for the next start to explain. It may run as root, so
// it first reads what only root can, then becomes the service's user for good, and only then writes. It reads no
// configuration (a bad one may be why it is called), takes at most 5 s, and never changes the unit's result.

import { lstatSync, mkdirSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { EXIT } from "../../core/exit.ts";
import { errorCode, errorText } from "../../core/failure.ts";
import { findingText, here } from "../../core/finding.ts";
import { parseCgroup } from "../../core/linux/cgroup.ts";
import { isUnreadable } from "../../core/reading.ts";
import { printable } from "../../core/text/printable.ts";
import { complain } from "../../os/answer.ts";
import { readSmallFile } from "../../os/files/sync-files.ts";
import { dropPrivileges, type Identity, trustedOwner } from "../../os/process/privileges.ts";
import { readParsed } from "../../os/process/proc.ts";
import { gatherDiagnostic, hasDiagnostic, saveDiagnostic } from "../diagnostic/diagnostic.ts";
import { asRunId, type RunRecord, type StopRecord } from "./end-records.ts";
import { POINTER } from "./ends.ts";
import { FILES, isFailedStart, readRun } from "./past-ends.ts";
import { appendStop, type StopPlace, stopRecord } from "./stop-record.ts";

export interface PostStopOptions extends Omit<StopPlace, "root"> {
  root?: string;
}

/** The diagnostic is cut off after so long, and the whole process, milliseconds. */
const GATHER_MS = 3000;
const LIFE_MS = 5000;

/** Records one stop. What is in the way is said on stderr. @returns exit code 0 */
export async function postStop({ root = "/", ...rest }: PostStopOptions): Promise<number> {
  const release = endInTime();
  const place = { ...rest, root };
  try {
    for (const problem of record(place)) say(place.tool, problem);
  } catch (error) {
    say(place.tool, unrecorded(errorText(error)));
  } finally {
    release();
  }
  return EXIT.ok;
}

function unrecorded(why: string): string {
  return `this stop is not recorded: ${why}`;
}

function say(tool: string, problem: string): void {
  complain(`${tool} post-stop: ${printable(problem)}\n`);
}

/** A thread, since a timer would wait for a call that hangs in the kernel. */
function endInTime(): () => void {
  const code = `setTimeout(() => process.kill(${process.pid}, "SIGKILL"), ${LIFE_MS})`;
  const guard = new Worker(URL.createObjectURL(new Blob([code], { type: "application/javascript" })));
  guard.unref();
  return () => guard.terminate();
}

/** @returns what was in the way */
function record(place: StopPlace): string[] {
  const { env } = place;
  const invocation = asRunId(env.INVOCATION_ID);
  if (invocation === null || env.SERVICE_RESULT === undefined) {
    return [unrecorded("$INVOCATION_ID and $SERVICE_RESULT are not set; only systemd calls this, by ExecStopPost=")];
  }
  const ends = endsDir(env);
  if (ends === null) return [unrecorded("neither $RUNTIME_DIRECTORY nor $STATE_DIRECTORY says where")];
  const { dir } = ends;
  const writer = writerOf(env);
  if ("unreadable" in writer) return [unrecorded(notAsRoot(writer.unreadable))];
  const stop = stopRecord(invocation, place);
  const { run } = readRun(join(dir, FILES.running));
  const own = run?.invocation_id === invocation ? run : null;
  const runId = own?.run_id ?? invocation;
  const reportId = reportToTake(stop, runId, hasDiagnostic(dir, runId));
  const report = reportId === null ? null : diagnose(stop, own, place);
  becomeWriter(writer, ends);
  return [
    ...problemsOf(() => appendStop(dir, stop), unrecorded),
    ...problemsOf(() => reportId !== null && saveDiagnostic(dir, reportId, report ?? ""), String),
  ];
}

/**
 * Under which id a report is still missing, or null. Pure. The daemon's own, taken when its stop began, cannot read the
 * kernel's log in a hardened unit: after an end that was not clean there is a second one.
 */
export function reportToTake(stop: StopRecord, runId: string, isTaken: boolean): string | null {
  // A start that failed left nothing to be looked at.
  if (isFailedStart(stop)) return null;
  if (!isTaken) return runId;
  return stop.service_result === "success" ? null : `${runId}-after`;
}

function problemsOf(step: () => unknown, say: (why: string) => string): string[] {
  try {
    step();
    return [];
  } catch (error) {
    return [say(errorText(error))];
  }
}

function notAsRoot(why: string): string {
  return `root writes only where nobody else can put a link: ${why}`;
}

interface EndsPlace {
  dir: string;
  /** The daemon said so, once it had made it: where it is missing, its disk has gone. */
  isTold: boolean;
}

/** Where the daemon said that its ledger is; by default, with its state. */
function endsDir(env: StopPlace["env"]): EndsPlace | null {
  for (const runDir of directories(env.RUNTIME_DIRECTORY)) {
    const note = readSmallFile(join(runDir, POINTER), 4096);
    const path = note === null || isUnreadable(note) ? "" : note.text.replace(/\n$/, "");
    if (isAbsolute(path) && !path.includes("\0")) return { dir: path, isTold: true };
  }
  const [state] = directories(env.STATE_DIRECTORY);
  return state === undefined ? null : { dir: join(state, "ends"), isTold: false };
}

/** Once made, it goes only with its disk, or when somebody moves the data root. */
function isGone({ dir, isTold }: EndsPlace): boolean {
  return isTold && lstatSync(dir, { throwIfNoEntry: false }) === undefined;
}

function goneText(dir: string): string {
  return findingText({
    what: `${dir}, where the last run kept how it ended, is not there any more (ENOENT)`,
    fix: {
      text: "mount its disk if that is missing, else nothing: the next start makes it in its data root; what is mounted there is shown by",
      commands: [here("findmnt", "-T", dirname(dir))],
    },
  });
}

/** systemd.exec(5): several paths are separated by colons. */
function directories(text = ""): string[] {
  return text.split(":").filter(isAbsolute);
}

/** As whom to write: whom systemd gave the service's directory. */
function writerOf(env: StopPlace["env"]): Identity | { unreadable: string } {
  const uid = process.geteuid?.() ?? -1;
  if (uid !== 0) return { uid, gid: process.getegid?.() ?? -1 };
  const [own] = [...directories(env.RUNTIME_DIRECTORY), ...directories(env.STATE_DIRECTORY)];
  return own === undefined
    ? { unreadable: "neither $RUNTIME_DIRECTORY nor $STATE_DIRECTORY is set" }
    : trustedOwner(own);
}

/**
 * From here on nothing is written with more rights than the service has.
 * @throws Error when that cannot be had
 */
function becomeWriter(writer: Identity, ends: EndsPlace): void {
  const { dir, isTold } = ends;
  if (writer.uid === 0) refuseOthersGround(dirname(dir));
  else if (process.geteuid?.() === 0) dropPrivileges(writer);
  if (!isTold) makeEnds(dir);
  if (isGone(ends)) throw new Error(goneText(dir));
  if (writer.uid === 0) refuseOthersGround(dir);
}

/** A first start that failed had no time to make it. */
function makeEnds(dir: string): void {
  try {
    mkdirSync(dir, { mode: 0o750 });
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

function refuseOthersGround(dir: string): void {
  const owner = trustedOwner(dir);
  if (isUnreadable(owner)) throw new Error(notAsRoot(owner.unreadable));
  if (owner.uid !== 0) throw new Error(notAsRoot(`${dir} belongs to uid ${owner.uid}`));
}

function diagnose(stop: StopRecord, run: RunRecord | null, { tool, root, nowMs }: StopPlace): string {
  const cgroup = readParsed(root, `proc/${process.pid}/cgroup`, parseCgroup);
  const cause = [stop.service_result, stop.exit_code, stop.exit_status].filter((word) => word !== null).join(" ");
  const path = isUnreadable(cgroup) ? null : cgroup.path;
  const began = performance.now();
  const isLate = (): boolean => performance.now() - began > GATHER_MS;
  return gatherDiagnostic({ tool, pid: run?.pid ?? 0, cause, cgroup: path }, root, new Date(nowMs), isLate);
}
