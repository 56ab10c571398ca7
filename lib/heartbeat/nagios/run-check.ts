// One run of one check, from its configuration to what it means.

import type { CheckCgroups } from "../../os/check-cgroup.ts";
import { type CheckExit, runCheckProcess } from "../../os/check-process.ts";
import type { Check } from "./check.ts";
import { type Judged, judge, notRun } from "./judge.ts";

export interface RunSurroundings {
  env: Readonly<Record<string, string>>;
  cgroups: CheckCgroups;
  /** Aborts when the agent stops: the check is ended and gives no result. */
  signal: AbortSignal;
  runProcess?: typeof runCheckProcess;
}

export interface Ran {
  /** Null when it was cancelled. */
  judged: Judged | null;
  /** What SIGKILL has not ended lives on until this resolves; null where nothing does. */
  gone: Promise<void> | null;
}

/** Runs a check to its end. */
export async function runCheck(check: Check, around: RunSurroundings): Promise<Ran> {
  const { command, timeoutS, graceS } = check;
  if ("broken" in command) return { judged: notRun(command.broken), gone: null };
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
  return { judged: judge(exit, timeoutS), gone: exit.gone };
}
