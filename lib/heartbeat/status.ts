// `heartbeat status`: whether the agent runs, what it saw last, whether that arrives, and what waits. Only reads.

import { join } from "node:path";
import { STATUS_REPORT } from "../contract/places.ts";
import { EXIT } from "../core/exit.ts";
import { errorCode, errorText, UserError } from "../core/failure.ts";
import { findingText } from "../core/finding.ts";
import { isUnreadable } from "../core/reading.ts";
import { quoted } from "../core/text/fields.ts";
import { print } from "../os/answer.ts";
import { lockHolder } from "../os/files/lock.ts";
import { fullRunDir } from "../os/files/run-file.ts";
import { readSmallFile } from "../os/files/sync-files.ts";
import { refusedFix } from "../os/process/as-typed.ts";
import { readParsed, startTicks } from "../os/process/proc.ts";
import { startFailure } from "../os/process/start-failure.ts";
import { readEnds } from "../runtime/ends/ends.ts";
import { listSpool } from "./send/spool-files.ts";
import type { HeartbeatConfig } from "./settings.ts";
import { type LiveStatus, parseLive } from "./status-live.ts";
import { renderStatus, type Status } from "./status-text.ts";

/** Prints the status. @returns exit code 0 */
export async function statusCommand(config: HeartbeatConfig, json: boolean): Promise<number> {
  const seen = readStatus(config);
  const status = seen.running ? seen : { ...seen, start_failure: await startFailure("heartbeat") };
  await print(`${json ? JSON.stringify(status, null, 2) : renderStatus(status)}\n`);
  return EXIT.ok;
}

/**
 * Gathers the status from the agent's own report and from its directories; systemd is not asked.
 * @param root where proc/ lies
 * @throws UserError when the state directory may not be looked into
 */
export function readStatus({ hostId, receiver, stateDir, runDir }: HeartbeatConfig, root = "/"): Status {
  try {
    const pid = lockHolder({ tool: "heartbeat", dataRoot: stateDir, runDir }, root);
    const full = pid === null ? null : fullRunDir(runDir);
    const { live, problem } = pid === null ? NO_REPORT : readLive(runDir, pid);
    const uptimeS = readParsed(root, "proc/uptime", (text) => Number.parseFloat(text) || null);
    const startedS = live?.started_uptime_s ?? startOf(pid, root);
    const told = live?.told_uptime_s ?? null;
    const since = (atS: number | undefined): number | null =>
      isUnreadable(uptimeS) || atS === undefined ? null : Math.max(0, Math.round(uptimeS - atS));
    return {
      host_id: hostId,
      receiver: receiver.url,
      state_dir: stateDir,
      run_dir: runDir,
      running: pid !== null,
      pid,
      running_s: since(startedS),
      collected_age_s: since(live?.collected?.uptime_s),
      arrived_age_s: since(live?.arrived?.uptime_s),
      told_to_wait_s: isUnreadable(uptimeS) || told === null ? null : Math.max(0, Math.round(told - uptimeS)),
      waiting: live?.waiting ?? countWaiting(stateDir, runDir),
      live,
      live_unreadable: problem,
      report_problem: full === null ? null : findingText(full),
      last_end: readEnds(join(stateDir, "ends"), root).last,
      start_failure: null,
    };
  } catch (error) {
    if (errorCode(error) === null) throw error;
    throw new UserError(`cannot read the state directory: ${quoted(errorText(error))}`, refusedFix(errorCode(error)));
  }
}

/** Clock ticks of /proc a second: sysconf(_SC_CLK_TCK) is 100 wherever Linux runs our builds (proc(5), time(7)). */
const TICKS = 100;

/** When a process started, in seconds since boot. */
function startOf(pid: number | null, root: string): number | undefined {
  const ticks = pid === null ? null : startTicks(root, pid);
  return ticks === null || isUnreadable(ticks) ? undefined : ticks / TICKS;
}

/** Twenty results, twenty plugins and their reasons are far less, bytes. */
const LIVE_BYTES = 1024 * 1024;

interface Report {
  live: LiveStatus | null;
  /** Why it may not be read, or null. */
  problem: string | null;
}

const NO_REPORT: Report = { live: null, problem: null };

/** The report of the process that holds the lock; one of another is what a killed agent left. */
function readLive(runDir: string, holder: number): Report {
  const path = join(runDir, STATUS_REPORT);
  const file = readSmallFile(path, LIVE_BYTES);
  if (file === null) return NO_REPORT;
  if (isUnreadable(file)) return { live: null, problem: `${path}: ${file.unreadable}` };
  const live = parseLive(file.text);
  return live?.pid === holder ? { live, problem: null } : NO_REPORT;
}

/** A killed agent may have left one in both places. */
function countWaiting(stateDir: string, runDir: string): number | null {
  try {
    const files = [stateDir, runDir].flatMap((dir) => listSpool(join(dir, "spool")).files);
    return new Set(files.map(({ sequence }) => sequence)).size;
  } catch (error) {
    if (errorCode(error) === null) throw error;
    return null;
  }
}
