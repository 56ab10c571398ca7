// heartbeats/<host>.json.zst: the latest heartbeat of a host with what the receiver knows about it. Shape and reading back
// only; receiver/heartbeats/decide.ts and fleet/states.ts say how it comes about, fleet/view.ts what it means now.
// Pure.

import type { Heartbeat } from "./heartbeat.ts";
import type { CheckStatus } from "./observation.ts";

/** Sequence numbers that came in one boot, as ranges from…to, ascending. */
export interface SeenBoot {
  boot_id: string;
  ranges: [from: number, to: number][];
}

/** What the receiver counts for one result, by its name. */
export interface ResultState {
  name: string;
  /** The newest run that was counted; with `started_at`, since an agent that was installed anew counts from the start. */
  run: number;
  started_at: string;
  /** When that run came here: what `ttl_s` is counted from. Earlier than the receipt when it had lain in the host's spool. */
  as_of_wall: string;
  /** How long ago it had ended by then, seconds: only the age that is shown is more by it. Absent in older files: 0. */
  lag_s?: number;
  status: CheckStatus;
  /** When this status came up. */
  since_wall: string;
  /** New runs in a row that were not ok. */
  attempts: number;
  /** The status that holds: a run that is not ok must be so three times in a row. Unknown until a run made one hold. */
  hard: CheckStatus;
  flapping: boolean;
  /** 0…100. */
  flap_percent: number;
  /** Statuses of the newest runs, oldest first, one letter each; "": it never ran, it is only waiting to. */
  history: string;
  /** Since when it is missing from the heartbeats. */
  absent_since_wall?: string;
}

export interface StoredHeartbeat {
  received_at_wall: string;
  /** How old it was when it came, by the host's own clock, seconds; 0 where that is not known. */
  late_s: number;
  /** The host's clock minus ours when it came, seconds; null: the request did not say what time it was at the host. */
  skew_s: number | null;
  /** Newest boot first. */
  seen: SeenBoot[];
  states: ResultState[];
  /** When a whole heartbeat was last written to the daily files. Absent in older files. */
  sampled_at_wall?: string;
  /** As it came, with fields that this release does not know. */
  heartbeat: Heartbeat;
}

/** Reads a stored document; null when it is none, such as one that a power cut tore. */
export function parseStored(text: string): StoredHeartbeat | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  return isStored(value) ? value : null;
}

/** Only we write these files, whole, after a check: this tells a torn one, not a forged one. */
function isStored(value: unknown): value is StoredHeartbeat {
  if (!isObject(value) || !isObject(value.heartbeat)) return false;
  return (
    typeof value.received_at_wall === "string" &&
    Number.isFinite(Date.parse(value.received_at_wall)) &&
    Array.isArray(value.seen) &&
    Array.isArray(value.states) &&
    Array.isArray(value.heartbeat.results)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
