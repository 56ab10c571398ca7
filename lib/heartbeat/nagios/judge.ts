// What a check's run means: its status, its message and what is odd about it. Pure.

import type { CheckNotes, CheckStatus } from "../../contract/observation.ts";
import { inWords } from "../../core/finding.ts";
import { decodeOutput } from "../../core/text/utf8.ts";
import type { CheckExit } from "../checks/process.ts";
import type { Kept } from "../checks/streams.ts";
import type { Seen } from "../plugin.ts";
import { type CheckOutput, joinOutput, statusOfExit } from "./check-output.ts";

export interface Judged {
  observation: Seen;
  /** The check itself gave no answer: it hung, died or was not there. */
  failed: boolean;
  /** It did not end by itself, and held its place until it was ended. */
  hung: boolean;
}

/**
 * Null for a run that was cancelled: it says nothing of the host.
 * @param hint what may be wrong with the command itself, told with every result that is not ok
 */
export function judge(exit: CheckExit, timeoutS: number, hint?: string): Judged | null {
  if (exit.kind === "cancelled") return null;
  const [stdout, stderr] = [readable(exit.stdout), readable(exit.stderr)];
  const output = joinOutput(stdout.text, stderr.text, exit.stdout.dropped > 0 || wasBrokenOff(exit));
  const notes = notesOf(exit, stdout.dropped + stderr.dropped, stdout.lossy || stderr.lossy);
  const verdict = verdictOf(exit, output, timeoutS);
  if (hint !== undefined && verdict.status !== "ok") verdict.message = hinted(exit, verdict.message, hint);
  const observation: Seen = { ...verdict, perfdata: output.perfdata, duration_ms: Math.round(exit.durationMs) };
  if (exit.kind === "not_found" && hint === undefined) observation.fix = GONE;
  if (output.perfErrors.length > 0) observation.perf_errors = output.perfErrors;
  if (Object.keys(notes).length > 0) observation.notes = notes;
  return { observation, failed: exit.kind !== "exited" || (exit.code ?? 0) > 3, hung: exit.kind === "timed_out" };
}

/** What was not found is what the hint is about, and may be a variable with a secret in it. */
function hinted({ kind }: CheckExit, message: string, hint: string): string {
  return kind === "not_found" ? `not run: ${hint}` : `${message} (${hint})`;
}

/** Exit codes above this are a shell's for a command that a signal ended (POSIX sh, 2.8.2). */
const SHELL_SIGNALLED = 128;

/** A signal may have ended it in the middle of a word. */
function wasBrokenOff({ kind, code }: CheckExit): boolean {
  return kind !== "exited" || (code ?? 0) > SHELL_SIGNALLED;
}

/** A run that did not take place: no check gave this answer. */
export function notRun(message: string, notes?: CheckNotes): Judged {
  const observation: Seen = {
    status: "unknown",
    message,
    duration_ms: 0,
    ...(notes !== undefined && { notes }),
  };
  return { observation, failed: true, hung: notes?.unkillable === true };
}

/** Lines that are read at either end of an output: each costs memory, and 64 KiB may hold 65,536 of them. */
const END_LINES = 1000;

/**
 * An output as text, without its middle where it has very many lines: performance data stands at an end. An empty line is
 * in its place, for a `|` before it shall not speak of what stands behind it.
 */
function readable({ bytes, dropped }: Kept): { text: string; lossy: boolean; dropped: number } {
  const { text, lossy } = decodeOutput(bytes);
  let [head, tail] = [0, text.length];
  for (let line = 0; line < END_LINES && head < tail; line++) {
    head = text.indexOf("\n", head) + 1 || tail;
    tail = text.lastIndexOf("\n", tail - 2) + 1;
  }
  if (head >= tail) return { text, lossy, dropped };
  const middle = Buffer.byteLength(text.slice(head, tail));
  return { text: `${text.slice(0, head)}\n${text.slice(tail)}`, lossy, dropped: dropped + middle };
}

/** Nobody but a person can mend that. */
const GONE = inWords("install it, or correct its command in [nagios_runner]");

interface Verdict {
  status: CheckStatus;
  message: string;
  long_text?: string;
}

function verdictOf(exit: CheckExit, output: CheckOutput & { empty: boolean }, timeoutS: number): Verdict {
  const { kind, code, signal, why } = exit;
  if (kind === "timed_out") return withTextSoFar(`timed out after ${timeoutS} s`, output);
  if (kind === "signalled") return withTextSoFar(`Process killed by signal ${signal}`, output);
  if (code === null) return { status: "unknown", message: why ?? "it did not run" };
  const { status, note } = statusOfExit(code);
  const message = note === null ? output.message : `${output.message} (${note})`;
  return { status, message, ...longText(output.longText) };
}

function withTextSoFar(
  message: string,
  { message: first, longText: rest, empty }: CheckOutput & { empty: boolean },
): Verdict {
  const said = empty ? [] : [first, rest].filter((text) => text !== "");
  return { status: "unknown", message, ...longText(said.join("\n")) };
}

function longText(text: string): { long_text?: string } {
  return text === "" ? {} : { long_text: text };
}

function notesOf(exit: CheckExit, truncated: number, lossy: boolean): CheckNotes {
  const { kind, code, signal, survivorsKilled, survivorsLeft, unkillable } = exit;
  return {
    ...(code !== null && { exit_code: code }),
    ...(signal !== null && { signal }),
    ...(kind === "timed_out" && { timed_out: true as const }),
    ...(truncated > 0 && { truncated_bytes: truncated }),
    ...(lossy && { lossy: true as const }),
    ...(survivorsKilled > 0 && { survivors_killed: survivorsKilled }),
    ...(survivorsLeft > 0 && { survivors_left: survivorsLeft }),
    ...(unkillable && { unkillable: true as const }),
  };
}
