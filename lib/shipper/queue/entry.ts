// An episode in the queue: how it stands, and what is done with it.

import type { Fix } from "../../core/finding.ts";

export const STAGES = [
  "waiting", // untouched, or to be packed again
  "packing",
  "packed", // its archive is in the outbox
  "sending",
  "held", // a person has to mend something first
] as const;
export type Stage = (typeof STAGES)[number];

export interface Entry {
  readonly id: string;
  /** When its marker was made, milliseconds since 1970: the oldest goes first. */
  readonly finishedMs: number;
  /** Changed by `Queue.move` alone. */
  readonly stage: Stage;
  /** Failed tries since the last success or change. */
  failures: number;
  /** Not to be tried before, on the clock given to `next…`, in milliseconds. */
  notBeforeMs: number;
  /** How large it was found to be when a lane left it to another one; null while nobody knows. */
  bytes: number | null;
  /** Its body is not to be sent before, though it may be asked about; the same clock. */
  bodyNotBeforeMs: number;
  /** Its directory was found to be gone: its archive never gives way. */
  isLastCopy: boolean;
  /** Why it was not shipped yet; null when nothing went wrong. */
  trouble: Trouble | null;
  /** What is done with it right now. */
  work: Work | null;
}

/** An episode under way. */
export interface Work {
  what: "packing" | "sending" | "asking";
  /** On the engine's clock, milliseconds. */
  sinceMs: number;
  /** Bytes that are through, and of how many; null where nobody counts them. */
  doneBytes: number | null;
  bytes: number | null;
}

/** What stands between an episode and its receipt, for status and log. */
export interface Trouble {
  /** For programs, and for telling two troubles apart. */
  reason: string;
  /** One sentence. */
  detail: string;
  fix: Fix | null;
  /** Since when it is in trouble, whatever the first reason was; on the engine's clock, milliseconds. */
  sinceMs: number;
}

/** An entry in its first state. */
export function newEntry(id: string, finishedMs: number, stage: Stage): Entry {
  const nothing = { bytes: null, isLastCopy: false, trouble: null, work: null };
  return { id, finishedMs, stage, failures: 0, notBeforeMs: 0, bodyNotBeforeMs: 0, ...nothing };
}
