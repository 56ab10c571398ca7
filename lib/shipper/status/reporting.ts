// The daemon's report of itself, kept current once a second: status.json for whoever asks, and one line for systemd.

import { join } from "node:path";
import { STATUS_REPORT } from "../../contract/places.ts";
import { readUptimeS } from "../../os/uptime.ts";
import type { DaemonContext } from "../../runtime/daemon.ts";
import { openRunReports } from "../../runtime/run-reports.ts";
import { steadyOffset } from "../words/wall-time.ts";
import type { Engine } from "../work/engine.ts";
import type { Housekeeping } from "../work/housekeeping.ts";
import type { News } from "../work/news.ts";
import { liveStatus, statusLine } from "./live-status.ts";

const REPORT_MS = 1000;

export interface Reported {
  runDir: string;
  engine: Engine;
  housekeeping: Pick<Housekeeping, "counts">;
  news: Pick<News, "take">;
  /** Whom this host trusts. */
  receiverId: () => string | null;
  /** When the daemon began, on the engine's clock. */
  startedMs: number;
}

/** Reports now and from now on. @returns ends it, with a report that nobody runs */
export function startReporting(reported: Reported, { log, status }: Pick<DaemonContext, "log" | "status">): () => void {
  const { runDir, engine, housekeeping, news, receiverId, startedMs } = reported;
  // The run directory is in memory and the report is renewed every second: a rename is all it needs.
  const write = openRunReports(log);
  const path = join(runDir, STATUS_REPORT);
  let offsetMs: number | null = null;
  const report = (): void => {
    const nowMs = performance.now();
    const before = offsetMs;
    offsetMs = steadyOffset(before, Date.now(), nowMs);
    // A clock that was set is news: what was told by the old one is wrong.
    if (!news.take() && offsetMs === before) return;
    const live = liveStatus(engine, {
      nowMs,
      offsetMs,
      uptimeS: readUptimeS(),
      startedMs,
      pid: process.pid,
      receiverId: receiverId(),
      settled: housekeeping.counts(),
    });
    status(statusLine(live));
    write(path, JSON.stringify(live));
  };
  report();
  const timer = setInterval(report, REPORT_MS);
  return () => {
    clearInterval(timer);
    write(path, "null");
  };
}
