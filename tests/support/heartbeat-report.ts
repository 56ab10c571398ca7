// An agent's report on itself when all is well.

import type { LiveStatus } from "../../lib/heartbeat/status-live.ts";

export const CALM: LiveStatus = {
  pid: 42,
  at: "2026-05-01T00:00:10.000Z",
  started_uptime_s: 100,
  interval_s: 60,
  collected: {
    at: "2026-05-01T00:00:00.000Z",
    uptime_s: 3700,
    sequence: 61,
    worst: "ok",
    results: 14,
    not_ok: 0,
    pending: 0,
    problems: [],
  },
  arrived: { at: "2026-05-01T00:00:00.000Z", uptime_s: 3700 },
  waiting: 0,
  waiting_in_memory: 0,
  disk_failure: null,
  unreadable: null,
  failing: null,
  told_uptime_s: null,
  refused: null,
  dropped: 0,
  damaged: 0,
  plugins_loaded: 9,
  plugins_out: [],
  plugins_out_count: 0,
  restart_for: [],
};
