// The report of a shipper that has nothing to do.

import type { ShipperStatus } from "../../lib/contract/shipper-status.ts";

export const IDLE_SHIPPER: ShipperStatus = {
  pid: 42,
  at: "2026-05-01T00:00:00.000Z",
  uptime_s: 1000,
  interval_s: 20,
  started_at: "2026-05-01T00:00:00.000Z",
  receiver_id: null,
  pending: 0,
  packed: 0,
  sending: 0,
  recording: 0,
  oldest_pending_s: null,
  under_way: [],
  paused: null,
  waiting: null,
  waiting_list: [],
  held: null,
  held_list: [],
  settled: null,
  disk_low: false,
  delivered_since_start: 0,
  quarantined_since_start: 0,
};
