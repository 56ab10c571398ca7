// What the incidents of a fleet are made of. Pure.

import { isByCause } from "./policy.ts";

/** What is wrong with a host, as one run sees it. */
export interface Ill {
  host: string;
  symptom: string;
  /** Why, as far as that is known: hosts with one cause are told together. */
  cause: string;
  /** With the facts that were found, without a full stop. */
  what: string;
  /** What mends it, as a line; null where nothing is known to. */
  fix: string | null;
  /** Since when it is so, where that is known: it was seen later. Milliseconds since 1970. */
  beganMs?: number | undefined;
  /** What it is told from came then, where that is one moment: only what comes later ends it. */
  signMs?: number | undefined;
}

/**
 * `pending`: seen, and not for long enough; `firing`; `recovering`: not seen any more, and not for long enough; `steady`: it is well, and
 * was ill so often that it has to stay well for some time.
 */
export type Phase = "pending" | "firing" | "recovering" | "steady";

/** One symptom of one host, from when it was first seen until it is over. Times in milliseconds since 1970. */
export interface Incident extends Ill {
  phase: Phase;
  /** Runs in which it was pending. */
  pendingRuns: number;
  /** When it was first seen. */
  sinceMs: number;
  /** When it began to fire; null: it has not yet. */
  firedMs: number | null;
  /** Somebody was told that it fires: then its end is told, too. */
  isTold: boolean;
  /** Why nobody was told yet; null: they were, or it does not fire. */
  heldBy: string | null;
  /** What tells of it was not to be had in the last run: it stands as it was. */
  hasNoData: boolean;
  /** Since when it is as it is, of one that comes and goes; null: it does not. */
  flappingMs: number | null;
  /** Of an incident of many hosts: whose it is. */
  hosts: string[];
  /** Which of theirs belong to it, by their keys, with when each was first seen; left out: it is taken from the history, and nobody has looked since. */
  members?: Readonly<Record<string, number>> | undefined;
  /** Of them: who came later, as many as are told as one, and was not told yet; left out: nobody. */
  joined?: readonly string[] | undefined;
  /** Where a cause that changes is told: those that were. */
  toldCauses?: readonly string[];
  /** Since when it has its cause; left out: since it was first seen. */
  causeMs?: number;
  /** Since when it is taken from the history, and was not judged anew yet; left out: it was. */
  restoredMs?: number | undefined;
}

/** Stands for many hosts. No host has such a name (contract/names.ts). */
export const MANY = "*";

/** Stands for the collector itself. */
export const COLLECTOR = "@";

/** From when on it would be another sign of life. */
export function signOf({ signMs, beganMs, sinceMs }: Incident): number {
  return signMs ?? beganMs ?? sinceMs;
}

/** By what an incident is known again in the next run. The cause may change, but for what a host may have several of. */
export function keyOf({ host, symptom, cause }: Pick<Ill, "host" | "symptom" | "cause">): string {
  return isByCause(symptom) ? `${host}|${symptom}|${cause}` : `${host}|${symptom}`;
}

/** How an incident changed. */
export type Change =
  | "pending"
  | "firing"
  | "growing"
  | "recovering"
  | "recovered"
  | "forgotten"
  | "retired"
  | "expired";

/** What a run adds to the history, and what it tells. */
export interface Event {
  atMs: number;
  change: Change;
  incident: Incident;
  /** Whether it is to be told. */
  isTold: boolean;
  /** What alone it tells of the incident, where that is not all of it. */
  about?: About | undefined;
}

export interface About extends Pick<Ill, "what" | "fix"> {
  /** Of many: whom; empty: all of them. */
  hosts: readonly string[];
}
