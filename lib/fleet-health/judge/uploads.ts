// What became of each host's uploads of late, from the attempts. Pure; times in milliseconds since 1970 by the collector's clock.

import type { AttemptRow } from "../../contract/attempt-row.ts";
import { OF_THE_MOMENT, UNABLE } from "../incidents/policy.ts";
import { parseIso } from "../python/python-time.ts";

/** What became of a host's uploads. */
export interface Uploads {
  /** Within the recent window. */
  taken: number;
  /** Within the recent window, by the reason of the refusal. */
  refused: ReadonlyMap<string, number>;
  /** When the newest of them was refused; null: none was. */
  refusedMs: number | null;
  /** When the newest was taken; null: none was. */
  takenMs: number | null;
  /** All that were refused for what they are since one was taken, as they came. */
  failed: readonly Failed[];
  /** Those of its uploads and heartbeats that the collector could not take, though nothing was wrong with them. */
  unable: readonly Failed[];
}

export interface Failed {
  ms: number;
  reason: string;
}

export const NO_UPLOADS: Uploads = {
  taken: 0,
  refused: new Map(),
  refusedMs: null,
  takenMs: null,
  failed: [],
  unable: [],
};

interface Counted extends Uploads {
  refused: Map<string, number>;
  failed: Failed[];
  unable: Failed[];
}

/** By host. Heartbeats are no uploads, and neither is what a client went away from. */
export function uploadsOf(attempts: readonly AttemptRow[], sinceMs: number): Map<string, Uploads> {
  const all = new Map<string, Counted>();
  for (const row of attempts) {
    const known = all.get(row.host_id) ?? { ...NO_UPLOADS, refused: new Map(), failed: [], unable: [] };
    all.set(row.host_id, known);
    note(known, row, sinceMs);
  }
  return all;
}

function note(known: Counted, { at, status, reason, what }: AttemptRow, sinceMs: number): void {
  const ms = (parseIso(at) ?? Number.NEGATIVE_INFINITY) / 1000;
  const isTaken = status >= 200 && status < 300;
  if (reason === "client-gone") return;
  if (!isTaken && ms >= sinceMs && UNABLE.has(reason)) known.unable.push({ ms, reason });
  if (what === "heartbeat") return;
  if (isTaken) {
    known.takenMs = Math.max(known.takenMs ?? ms, ms);
    known.failed = [];
    known.unable = [];
  } else if (status >= 400 && !OF_THE_MOMENT.has(reason)) known.failed.push({ ms, reason });
  if (ms < sinceMs) return;
  if (isTaken) known.taken += 1;
  else if (status >= 400) {
    known.refused.set(reason, (known.refused.get(reason) ?? 0) + 1);
    known.refusedMs = Math.max(known.refusedMs ?? ms, ms);
  }
}

/** How many were refused, and the reason of most of them; of equally many the first that was met. */
export function refusedOf({ refused }: Uploads): { count: number; reason: string | null } {
  let [count, most, reason]: [number, number, string | null] = [0, 0, null];
  for (const [one, times] of refused) {
    count += times;
    if (times > most) [most, reason] = [times, one];
  }
  return { count, reason };
}
