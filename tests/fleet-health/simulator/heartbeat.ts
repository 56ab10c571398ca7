// A simulated host's heartbeat as the receiver would keep it. All of its checks are well.

import type { StoredHeartbeat } from "../../../lib/contract/host-document.ts";
import type { SentQueue } from "../../../lib/contract/queue.ts";
import { isoWall } from "../../../lib/core/clock.ts";

export interface Pause {
  kind: "misconfigured" | "failing";
  reason: string;
  sinceMs: number;
}

/** What it says, in true times. */
export interface Said {
  ms: number;
  /** When it came, by the collector's clock. */
  stampMs: number;
  /** How far its own clock is wrong. */
  skewMs: number;
  boot: string;
  sequence: number;
  /** Null: no shipper answers. */
  queue: { pending: number; quarantined: number; oldestMs: number; pause: Pause | null } | null;
}

const CHECK = { plugin: "uptime", name: "uptime", message: "up", perfdata: [], duration_ms: 1, ttl_s: 150 } as const;

export function storedOf(host: string, said: Said): StoredHeartbeat {
  const { ms, stampMs, skewMs, boot, sequence } = said;
  const [at, sentAt] = [isoWall(stampMs), isoWall(ms + skewMs)];
  const run = { name: CHECK.name, run: sequence, started_at: sentAt, status: "ok" } as const;
  const state = { ...run, as_of_wall: at, since_wall: at, attempts: 0, hard: "ok", history: "o" } as const;
  return {
    ...{ received_at_wall: at, late_s: 0, skew_s: (ms + skewMs - stampMs) / 1000, seen: [] },
    states: [{ ...state, flapping: false, flap_percent: 0 }],
    heartbeat: {
      ...{ host_id: host, sent_at: sentAt, boot_id: boot, sequence, uptime_s: ms / 1000, interval_s: 60 },
      ...{ versions: {}, plugins: [], results: [{ ...CHECK, ...run, perfdata: [] }], queue: queueOf(said) },
    },
  };
}

function queueOf({ ms, skewMs, queue }: Said): SentQueue | null {
  if (queue === null) return null;
  const { pending, quarantined, oldestMs, pause } = queue;
  return {
    ...{ pending, outbox: 0, quarantined, oldest_pending_s: pending === 0 ? null : (ms - oldestMs) / 1000 },
    ...{ quarantined_bytes: quarantined, expiring: 0, announcement: 0, unverified: 0, waiting: null, held: null },
    paused:
      pause === null
        ? null
        : {
            ...{ kind: pause.kind, reason: pause.reason, detail: pause.reason, fix: null },
            ...{ since: isoWall(pause.sinceMs + skewMs), next_try_at: null },
          },
  };
}
