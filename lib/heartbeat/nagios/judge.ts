// What a check's run means: its status, its message and what is odd about it. Pure.

import { type CheckOutput, joinOutput, statusOfExit } from "../../core/check-output.ts";
import type { CheckNotes, CheckStatus } from "../../core/heartbeat.ts";
import { decodeOutput } from "../../core/utf8.ts";
import type { CheckExit } from "../../os/check-process.ts";
import type { Observation } from "../plugin.ts";

export interface Judged {
  observation: Observation;
  /** The check itself gave no answer: it hung, died or was not there. */
  failed: boolean;
}

/** Null for a run that was cancelled: it says nothing of the host. */
export function judge(exit: CheckExit, timeoutS: number): Judged | null {
  if (exit.kind === "cancelled") return null;
  const stdout = decodeOutput(exit.stdout.bytes);
  const stderr = decodeOutput(exit.stderr.bytes);
  const output = joinOutput(stdout.text, stderr.text);
  const notes = notesOf(exit, stdout.lossy || stderr.lossy);
  const verdict = verdictOf(exit, output, timeoutS);
  const observation: Observation = { ...verdict, perfdata: output.perfdata, duration_ms: Math.round(exit.durationMs) };
  if (output.perfErrors.length > 0) observation.perf_errors = output.perfErrors;
  if (Object.keys(notes).length > 0) observation.notes = notes;
  return { observation, failed: exit.kind !== "exited" || (exit.code ?? 0) > 3 };
}

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
  // Whoever says nothing has not checked, whatever its exit code is.
  return { status: output.empty ? "unknown" : status, message, ...longText(output.longText) };
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

function notesOf(exit: CheckExit, lossy: boolean): CheckNotes {
  const { kind, code, signal, survivorsKilled, survivorsLeft, unkillable } = exit;
  const truncated = exit.stdout.dropped + exit.stderr.dropped;
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
