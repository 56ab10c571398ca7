// `GET /v1/hosts`: the rows of all hosts as text, made a few at a time. Ten thousand hosts are half a second of work, during which
// nobody else's request may wait.

import { isoWall } from "../../core/clock.ts";
import { type DuplicateHost, withDuplicate } from "../../fleet/senders.ts";
import { type HostBrief, type HostSummary, summarise } from "../../fleet/view.ts";
import type { Identity } from "../identity/decide.ts";
import { mapInTurns } from "./turns.ts";

/** Rows that are made between two turns of the event loop: some 5 ms. */
export const ROWS_PER_TURN = 64;

export interface ListFacts {
  /** Whose store this is. */
  own: Identity;
  /** The list with those that have a token and were never heard of. */
  listed: (hosts: readonly HostSummary[], nowMs: number) => Promise<HostSummary[]>;
  duplicate: (host: string, nowMs: number) => DuplicateHost | null;
}

/** The answer, as JSON. @param turn lets others have their turn */
export async function listText(
  briefs: readonly HostBrief[],
  nowMs: number,
  { own, listed, duplicate }: ListFacts,
  turn?: () => Promise<unknown>,
): Promise<string> {
  const heard = await mapInTurns(briefs, ROWS_PER_TURN, (brief) => summarise(brief, nowMs, own), turn);
  const all = await listed(heard, nowMs);
  const rows = await mapInTurns(
    all,
    ROWS_PER_TURN,
    (row) => JSON.stringify(withDuplicate(row, duplicate(row.host, nowMs))),
    turn,
  );
  return `{"at":${JSON.stringify(isoWall(nowMs))},"hosts":[${rows.join(",")}]}`;
}
