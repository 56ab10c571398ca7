// One run of one check, from its configuration to what it means.

import type { CheckCgroups } from "../../os/check-cgroup.ts";
import { type CheckExit, runCheckProcess } from "../../os/check-process.ts";
import type { Check } from "./check.ts";
import { type Judged, judge } from "./judge.ts";

export interface RunSurroundings {
  env: Readonly<Record<string, string>>;
  cgroups: CheckCgroups;
  /** Aborts when the agent stops: the check is ended and gives no result. */
  signal: AbortSignal;
  runProcess?: typeof runCheckProcess;
}

/** Runs a check to its end. Never throws; null when it was cancelled. */
export async function runCheck(check: Check, around: RunSurroundings): Promise<Judged | null> {
  const { command, timeoutS, graceS } = check;
  if ("broken" in command) {
    return { observation: { status: "unknown", message: command.broken, duration_ms: 0 }, failed: true };
  }
  const { env, cgroups, signal, runProcess = runCheckProcess } = around;
  const exit: CheckExit = await runProcess({
    words: command.words,
    shell: command.shell,
    timeoutMs: timeoutS * 1000,
    graceMs: graceS * 1000,
    env,
    cgroup: "make" in cgroups && !signal.aborted ? cgroups.make() : null,
    signal,
  });
  return judge(exit, timeoutS);
}
