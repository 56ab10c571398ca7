// What became of the uploads of late: the attempts that our receiver writes, or the journal of a Python receiver. Never both.

import { join } from "node:path";
import type { AttemptRow } from "../../contract/attempt-row.ts";
import { type Finding, inWords } from "../../core/finding.ts";
import { exists } from "../../os/files/files.ts";
import { pathOf, whyNotRead } from "../not-read.ts";
import { readJournal } from "./journal.ts";
import { recentAttempts, type Window } from "./recent.ts";

export interface RefusalParts {
  attemptsDir: string;
  /** Its journal is read, and no attempts; null: the attempts are. */
  journalUnit: string | null;
  /** Us, by name. */
  user: string;
  /** Whether an episode was ever stored: then there must be attempts. */
  hasStored: boolean;
}

/** What was read. `doubt`: why it may not be all; null: it is. */
export type Refusals =
  | { kind: "attempts"; rows: readonly AttemptRow[]; doubt: Finding | null }
  | { kind: "journal"; text: string; doubt: Finding | null }
  | { kind: "unknown"; why: Finding };

/** Reads those of a window. What cannot be read is said, not thrown. */
export async function readRefusals(parts: RefusalParts, window: Window): Promise<Refusals> {
  const { attemptsDir, journalUnit, user, hasStored } = parts;
  if (journalUnit !== null) {
    const journal = await readJournal(journalUnit, window.sinceMicros / 1e6, user);
    if (journal.kind === "unreadable") return { kind: "unknown", why: journal.why };
    return { kind: "journal", text: journal.text, doubt: journal.doubt };
  }
  try {
    const { rows } = await recentAttempts(attemptsDir, window);
    if (rows.length === 0 && hasStored && !(await exists(attemptsDir)))
      return { kind: "unknown", why: none(attemptsDir) };
    return { kind: "attempts", rows, doubt: null };
  } catch (error) {
    const what = `the attempts in ${join(attemptsDir, "/")} cannot be read`;
    return { kind: "unknown", why: whyNotRead(pathOf(error) ?? attemptsDir, error, what) };
  }
}

/** Our receiver writes an attempt with each row of the index: where there is not even a directory, another one is at work. */
function none(dir: string): Finding {
  return {
    what: `there is no ${join(dir, "/")}, so that nobody knows who is refused`,
    fix: inWords("of a Python receiver, name its unit: [fleet_health] journal_unit, or --journal-unit"),
  };
}

/** Why it is not known, or not all; null: it is. */
export function doubtOf(refusals: Refusals): Finding | null {
  return refusals.kind === "unknown" ? refusals.why : refusals.doubt;
}
