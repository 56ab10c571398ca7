// A heartbeat as it crosses the wire (docs/protocol.md): written by the agent, checked and kept by the receiver. Its parts are in
// contract/observation.ts and contract/queue.ts. Types only. Times are ISO 8601 in UTC, by the host's clock.

import type { CheckResult, PluginState } from "./observation.ts";
import type { SentQueue } from "./queue.ts";

export interface Heartbeat {
  host_id: string;
  sent_at: string;
  boot_id: string;
  /** Counts this host's heartbeats, over restarts and boots; some numbers are left out where a kill has cost them. */
  sequence: number;
  uptime_s: number;
  interval_s: number;
  versions: Record<string, string>;
  queue: SentQueue | null;
  plugins: PluginState[];
  results: CheckResult[];
  /** Which machine this is (contract/machine.ts); older agents do not say. */
  machine?: unknown;
  /** The store that the shipper of this host trusts; null: none yet. */
  receiver_id?: string | null;
  /** The store that answered this agent last; null: none yet, or it did not say. Another one than `receiver_id`: the host talks to two. */
  answered_by?: string | null;
}
