// What is odd about how a result came about, in words for people: beside its message, wherever that is shown. Pure.

import { counted } from "../core/text/quantity.ts";
import type { CheckNotes } from "./observation.ts";

/** Most telling first; [] when nothing is odd. What the message itself says (time-out, signal) is not said again. */
export function noteTexts(notes: CheckNotes | undefined): string[] {
  if (notes === undefined) return [];
  const {
    refresh_failed,
    overlaps = 0,
    unkillable,
    survivors_left = 0,
    survivors_killed = 0,
    truncated_bytes = 0,
  } = notes;
  return [
    ...(refresh_failed === undefined ? [] : [`its newest run failed: ${refresh_failed}`]),
    ...(unkillable === true ? ["SIGKILL did not end it"] : []),
    ...(overlaps > 0 ? [`still running when it was due again, ${times(overlaps)}`] : []),
    ...(survivors_left > 0 ? [`left ${processes(survivors_left)} behind`] : []),
    ...(survivors_killed > 0 ? [`left ${processes(survivors_killed)} behind, killed`] : []),
    ...(truncated_bytes > 0 ? [`${truncated_bytes} bytes of it left out`] : []),
    ...(notes.lossy === true ? ["not UTF-8"] : []),
  ];
}

/** A message with what is odd behind it. */
export function withNotes(message: string, notes: CheckNotes | undefined): string {
  const odd = noteTexts(notes);
  return odd.length === 0 ? message : `${message} [${odd.join("; ")}]`;
}

function times(count: number): string {
  return count === 1 ? "once" : `${count} times in a row`;
}

function processes(count: number): string {
  return counted(count, "process", "processes");
}
