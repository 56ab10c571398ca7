// What follows from the records of an end, for the rules to decide by. Pure; decides nothing itself.

import { sameBoot } from "../../core/linux/boot.ts";
import type { RunRecord, StopRecord } from "./end-records.ts";

/** What is known of an end: both records, and what follows from them. */
export interface Facts {
  run: RunRecord | null;
  stop: StopRecord | null;
  /** The signal that the main process died of, such as `SIGKILL`. */
  signal: string | null;
  exitCode: number | null;
  /** Whether a process of its cgroup was killed for memory while it ran; null: not known. */
  oom: boolean | null;
  /** Whether the machine has booted since; null: not known. */
  rebooted: boolean | null;
  /** Whether its stop had begun. */
  stopping: boolean;
  ranS: number | null;
}

/** USER_HZ, 100 on every architecture that we build for. */
const TICKS_PER_S = 100;

/** Joins a run's own record with systemd's word on it. @param bootId this boot, null: not known */
export function factsOf(run: RunRecord | null, stop: StopRecord | null, bootId: string | null): Facts {
  const code = stop?.exit_code ?? null;
  const before = run?.oom_kills ?? 0;
  const exited = code === "exited" && /^\d+$/.test(stop?.exit_status ?? "") ? Number(stop?.exit_status) : null;
  return {
    run,
    stop,
    signal: code === "killed" || code === "dumped" ? `SIG${stop?.exit_status ?? "?"}` : null,
    exitCode: code === null ? (run?.ended?.exit_code ?? null) : exited,
    oom: stop === null || stop.oom_kills === null ? null : stop.oom_kills > before,
    rebooted: run === null || run.boot_id === null || bootId === null ? null : !sameBoot(run.boot_id, bootId),
    stopping: run !== null && run.phase_at_s !== null,
    ranS: ranSeconds(run, stop),
  };
}

/**
 * By the clock that counts from boot: the wall clock of a host without a battery jumps. A stop belongs to the run's invocation,
 * so both are of one boot.
 */
function ranSeconds(run: RunRecord | null, stop: StopRecord | null): number | null {
  if (run === null || run.ended !== null) return run?.ended?.ran_s ?? null;
  if (stop === null || stop.uptime_s === null || run.start_ticks === null) return null;
  const seconds = stop.uptime_s - run.start_ticks / TICKS_PER_S;
  return seconds < 0 ? null : seconds;
}
