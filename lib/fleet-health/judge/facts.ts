// What a run knows of each host: when it last gave a sign of life, what became of its uploads of late, and what its heartbeat says.
// Pure; times in milliseconds since 1970 by the collector's clock.

import type { AttemptRow } from "../../contract/attempt-row.ts";
import { isName } from "../../contract/names.ts";
import type { HostSummary } from "../../fleet/view.ts";
import type { LastSeen } from "../index/last-seen.ts";
import { parseIso } from "../python/python-time.ts";

export interface Facts {
  host: string;
  /** The newest of: a row of the index that is its own, an upload that was answered with success. Null: it never shipped. */
  shippedMs: number | null;
  uploads: Uploads;
  /** Its row in the receiver's list; null: no heartbeat ever came. */
  heartbeat: HostSummary | null;
}

/** What became of a host's uploads within the recent window. */
export interface Uploads {
  taken: number;
  /** By the reason of the refusal. */
  refused: ReadonlyMap<string, number>;
  /** When the newest was taken; null: none was. */
  takenMs: number | null;
}

const NONE: Uploads = { taken: 0, refused: new Map(), takenMs: null };

export interface Inputs {
  seen: LastSeen;
  /** Before a run reads no attempt: what the runs before knew, by host. */
  takenMs: ReadonlyMap<string, number>;
  attempts: readonly AttemptRow[];
  /** Where the recent window begins. */
  sinceMs: number;
  heartbeats: readonly HostSummary[];
}

/** Of each host of whom anything is known. */
export function factsOf({ seen, takenMs, attempts, sinceMs, heartbeats }: Inputs): Map<string, Facts> {
  const uploads = uploadsOf(attempts, sinceMs);
  const beats = new Map(heartbeats.map((beat) => [beat.host, beat]));
  const named = [...seen.keys(), ...takenMs.keys(), ...uploads.keys(), ...beats.keys()];
  // An index may hold anything; `*` and `@` have a meaning of their own.
  const hosts = new Set(named.filter(isName));
  const facts = [...hosts].map((host): [string, Facts] => {
    const own = seen.get(host)?.own ?? null;
    const signs = [own === null ? null : own.micros / 1000, takenMs.get(host), uploads.get(host)?.takenMs];
    const known = signs.filter((sign) => typeof sign === "number");
    return [
      host,
      {
        host,
        shippedMs: known.length === 0 ? null : Math.max(...known),
        uploads: uploads.get(host) ?? NONE,
        heartbeat: beats.get(host) ?? null,
      },
    ];
  });
  return new Map(facts);
}

/** Heartbeats are none, and neither is what a client went away from. */
function uploadsOf(attempts: readonly AttemptRow[], sinceMs: number): Map<string, Uploads> {
  const all = new Map<string, { taken: number; refused: Map<string, number>; takenMs: number | null }>();
  for (const { host_id, at, status, reason, what } of attempts) {
    const atMs = (parseIso(at) ?? Number.NEGATIVE_INFINITY) / 1000;
    if (what === "heartbeat" || reason === "client-gone") continue;
    const known = all.get(host_id) ?? { taken: 0, refused: new Map<string, number>(), takenMs: null };
    all.set(host_id, known);
    const isTaken = status >= 200 && status < 300;
    if (isTaken) known.takenMs = Math.max(known.takenMs ?? atMs, atMs);
    if (atMs < sinceMs) continue;
    if (isTaken) known.taken += 1;
    else if (status >= 400) known.refused.set(reason, (known.refused.get(reason) ?? 0) + 1);
  }
  return all;
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
